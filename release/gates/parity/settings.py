"""`[tool.release.gates.parity]`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from release.settings import GateSettings


class ParitySettings(GateSettings):
    """What the index takes."""

    max_megabytes: Annotated[int, Field(ge=1, le=10_000)] = Field(
        100, description="The largest file that the index takes, in MB of 2^20 bytes."
    )
