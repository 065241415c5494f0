"""`[tool.release.gates.changelog]`."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from release.settings import GateSettings, Text


class ChangelogSettings(GateSettings):
    """What the changelog is held to."""

    plain_language: bool = Field(True, description="Whether words of advertisement are reported.")
    words: tuple[Text, ...] = Field(
        (), description="Further words or phrases that the changelog must not hold."
    )
    allowed_words: tuple[Text, ...] = Field(
        (), description="Words or phrases of the built-in list that are fine here."
    )
    amended: Mapping[str, Text] = Field(
        default_factory=dict,
        description="Released versions whose section was changed afterwards, with the reason.",
    )
