"""`[tool.release.gates.build]`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from release.settings import GateSettings, InsidePath, Text, Words


class BuildSettings(GateSettings):
    """What the distributions must and must not hold."""

    expected: tuple[InsidePath, ...] = Field(
        (), description="Globs of files, each of which must match in the wheel."
    )
    expected_sdist: tuple[InsidePath, ...] = Field(
        (), description="Globs of files, each of which must match in the sdist."
    )
    unwanted: tuple[Text, ...] = Field(
        (), description="Further globs of files that no distribution may hold."
    )
    allowed: tuple[Text, ...] = Field(
        (), description="Globs of files that are wanted although a default rule reports them."
    )
    reproducible: Literal["wheel", "all", "no"] = Field(
        "wheel", description="Which distributions must be identical when built twice."
    )
    before: tuple[Words, ...] = Field(
        (),
        description="Commands to run in the clean copy before it is built, without a shell, such as"
        " npm run build.",
    )
    imports: tuple[Text, ...] | None = Field(
        None, description="Modules to import from the installed wheel; detected unless set."
    )
