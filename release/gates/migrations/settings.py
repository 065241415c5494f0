"""`[tool.release.gates.migrations]`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Self

from pydantic import Field, model_validator

from release.settings import CommandSettings, InsidePath, Words, kebab


class MigrationsSettings(CommandSettings):
    """How the project migrates a database, and what its migrations promise."""

    env: Mapping[str, str] = Field(
        default_factory=dict,
        description="Environment variables for its commands; {url}, {user}, {password}, {host},"
        " {port} and {database} are those of the scratch database.",
    )
    migrate: tuple[Words, ...] = Field((), description="Commands that apply all migrations.")
    status: tuple[Words, ...] = Field((), description="Commands that say what is applied.")
    folder: InsidePath | None = Field(None, description="The folder of migration files.")
    transactional: bool = Field(
        False, description="Whether a migration that fails half way must leave nothing."
    )
    advisory_lock: bool = Field(
        False, description="Whether two migrators at once must not get in each other's way."
    )
    checksums: bool = Field(
        False, description="Whether a changed migration that was applied must be refused."
    )

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        proofs = [name for name in ("transactional", "advisory_lock", "checksums")
                  if getattr(self, name)]  # fmt: skip
        if proofs and not (self.migrate and self.folder):
            raise ValueError(f"{kebab(proofs[0])} needs migrate and folder")
        if self.status and not self.migrate:
            raise ValueError("status needs migrate")
        for name, value in self.env.items():
            named = name == "DATABASE_URL" or re.match(r"postg\w+(?:\+\w+)?://", value, re.I)
            if named and "{url}" not in value and "{database}" not in value:
                raise ValueError(f"env.{name} names a database; write {{url}} or {{database}}")
        return self
