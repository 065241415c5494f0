"""`[tool.release.gates.ci]`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from release.settings import GateSettings, Text


class CiSettings(GateSettings):
    """Which checks of the forge must be green."""

    workflows: tuple[Text, ...] = Field(
        (),
        description="Workflows (names or files) or checks (names) that must have succeeded; all of"
        " them unless set.",
    )
    wait_minutes: Annotated[int, Field(ge=0, le=360)] | None = Field(
        None,
        description="How long checks that still run are waited for; unless set, 20 in CI, since the"
        " push of a release starts them together with the workflow that publishes, else 0.",
    )
