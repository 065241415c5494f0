"""`[tool.release.gates.setup]`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Literal

from pydantic import Field

from release.settings import GateSettings, Text


class SetupSettings(GateSettings):
    """The one-time set-up of publishing, and what a person confirmed of it."""

    owner: Text | None = Field(
        None, description="The forge's owner; told from the remote unless set."
    )
    repository: Text | None = Field(
        None, description="The repository's name; told from the remote unless set."
    )
    workflow: Text | None = Field(
        None, description="The publishing workflow's file name; detected unless set."
    )
    environment: Text | None = Field(
        None, description="The publishing environment; detected from the workflow unless set."
    )
    protected: bool = Field(
        False, description="Whether an environment that nothing protects is a defect."
    )
    archive: Text | None = Field(
        None, description="The archive that takes each release, such as zenodo; or none."
    )
    confirmed: Mapping[Literal["publisher", "environment", "archive"], date] = Field(
        default_factory=dict,
        description="What a person looked at and found right, with the day: publisher, environment,"
        " archive.",
    )
