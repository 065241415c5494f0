"""`[tool.release.gates.static_analysis]`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from release.settings import CommandSettings, InsidePath


class StaticAnalysisSettings(CommandSettings):
    """What looks for dangerous code."""

    tool: Literal["bandit", "ruff"] = Field("bandit", description="The tool, unless run is set.")
    baseline: InsidePath | None = Field(
        None, description="A baseline of bandit's: findings in it are known and accepted."
    )
    severity: Literal["low", "medium", "high"] = Field(
        "medium", description="The least severity of bandit's findings that fails the gate."
    )
