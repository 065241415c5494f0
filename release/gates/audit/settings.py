"""`[tool.release.gates.audit]`."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from release.settings import GateSettings, Table, Text

BARE_URL = re.compile(r"https?://[^@/\s]+(/\S*)?")


def _bare(url: str) -> str:
    if not BARE_URL.fullmatch(url):
        raise ValueError("write an http or https address, and leave credentials to your .netrc")
    return url


class AuditIgnore(Table):
    """A known vulnerability that is accepted for a while."""

    id: Text = Field(description="The advisory's identifier or one of its aliases.")
    reason: Text = Field(description="Why it does not matter here.")
    expires: date = Field(description="The last day on which it is ignored.")


class AuditSettings(GateSettings):
    """Where advisories come from, and which ones are accepted for now."""

    valid_hours: Annotated[int, Field(ge=0, le=24)] | None = Field(
        None, description="How many hours its pass counts, a day at most: advisories come daily."
    )

    service: Literal["pypi", "osv"] = Field("pypi", description="The advisory source.")
    osv_url: Annotated[str, AfterValidator(_bare)] | None = Field(
        None, description='OSV-compatible API for service = "osv": an address without credentials.'
    )
    ignore: tuple[AuditIgnore, ...] = Field((), description="Accepted vulnerabilities.")
