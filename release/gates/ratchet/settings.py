"""`[tool.release.gates.ratchet]`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from release.settings import GateSettings, Table, Text


class Loss(Table):
    """Something that a release loses on purpose."""

    what: Text = Field(description="What is lost, as the gate names it.")
    reason: Text = Field(description="Why.")


class RatchetSettings(GateSettings):
    """What a release may lose against the last one."""

    size_percent: Annotated[int, Field(ge=1, le=1000)] = Field(
        50, description="How much larger or smaller a distribution may get, in per cent."
    )
    accept: tuple[Loss, ...] = Field((), description="Losses that are meant.")
    compatible_minors: bool = Field(
        False, description="Whether minor releases before 1.0 may break nothing, like later ones."
    )
    frozen_patches: bool = Field(
        False, description="Whether a patch release may add nothing to the public API."
    )
