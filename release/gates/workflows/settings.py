"""`[tool.release.gates.workflows]`."""

from __future__ import annotations

from pydantic import Field

from release.settings import GateSettings, Table, Text


class Waiver(Table):
    """A rule that this project does not follow in one place, and why."""

    rule: Text = Field(description="The rule's name.")
    file: Text | None = Field(None, description="A glob of the files; all of them unless set.")
    reason: Text = Field(description="Why it is right here.")


class WorkflowsSettings(GateSettings):
    """Rules of the publishing policy that do not hold here."""

    waive: tuple[Waiver, ...] = Field((), description="Rules that are waived, with reasons.")
