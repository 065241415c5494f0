"""Settings for the shapes of workflows that are rendered: the default, five procedures, all."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from release.actions.adopt import PROCEDURES
from release.adopt.templates import like
from release.project import read_project
from release.render import Rendered
from release.render.write import look
from release.run import writing
from release.run.store import Store
from tests.support import PYPROJECT, commit, make_project

POSTGRES = "postgres:18@sha256:" + "3a" * 32
OTHERS = {
    "default": "",
    "all": f"""
[tool.release.workflows]
provenance = "reusable"
bundles = true
forge-release = true
dry-run = true
image = true
gate = "gate.yml"
postgres = "{POSTGRES}"
runners = 4
sessions = ["slow.tests"]
dependabot = true
""",
}
DECLARED = '[project]\nclassifiers = ["Programming Language :: Python :: 3.12"]\n'
SHAPES = (*OTHERS, *PROCEDURES)


def make_shape(root: Path, name: str) -> Path:
    """A small project with the settings of a shape; nothing is rendered yet.

    Those of a procedure are what `adopt --like NAME --workflows` writes.
    """
    declared = PYPROJECT.replace("[project]\n", DECLARED)
    root = make_project(root, {"pyproject.toml": declared} if name == "all" else None)
    shape = OTHERS.get(name)
    if shape is None:
        shape = "\n" + like(read_project(root), name, workflows=True)
    with (root / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write(shape)
    if shape:
        commit(root, "Choose the shape")
    return root


def write(root: Path, files: Iterable[Rendered]) -> None:
    """Write rendered files over whatever lies there."""
    writing.write(root, [found.new for found in look(root, files)], Store(root).folder)
