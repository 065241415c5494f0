"""`[tool.release.gates.docs]`."""

from __future__ import annotations

from pydantic import Field

from release.settings import CommandSettings, InsidePath


class DocsSettings(CommandSettings):
    """How the documentation is built."""

    folder: InsidePath | None = Field(
        None,
        description="Sphinx's source folder, or the folder of mkdocs.yml; detected unless set.",
    )
