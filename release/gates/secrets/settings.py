"""`[tool.release.gates.secrets]`."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from release.settings import GateSettings, InsidePath, Table, Text


class SecretIgnore(Table):
    """A finding of the secret scanner that is a false positive, or is accepted."""

    fingerprint: Text | None = Field(
        None, description="The finding's fingerprint, as the gate prints it."
    )
    path: Text | None = Field(
        None, description="In place of a fingerprint: a glob of files, such as those of tests."
    )
    rule: Text | None = Field(
        None, description="In place of a fingerprint: the rule's name, such as private-key."
    )
    reason: Text = Field(description="Why it is not a secret, or of no use to anybody.")

    @model_validator(mode="after")
    def _names_some(self) -> Self:
        if (self.fingerprint is None) == (self.path is None and self.rule is None):
            raise ValueError("an entry names a fingerprint, or else a path, a rule or both")
        if self.rule is None and self.path is not None and not self.path.strip("*./"):
            raise ValueError("an entry must not accept every file; name the files, or a rule")
        return self


class SecretBaseline(Table):
    """A baseline file."""

    ignore: tuple[SecretIgnore, ...] = ()


class SecretsSettings(GateSettings):
    """What the secret scanner may leave aside."""

    baseline: InsidePath | None = Field(
        None, description="A baseline file of fingerprints with reasons; detected unless set."
    )
    ignore: tuple[SecretIgnore, ...] = Field((), description="Findings that are accepted.")
    exclude: tuple[Text, ...] = Field((), description="Globs of files that are not scanned.")
