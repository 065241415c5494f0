"""Settings for the shapes of workflows that are rendered: the default, five procedures, all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from release.render import Rendered
from release.render.write import look
from release.run import writing
from release.run.store import Store
from tests.support import PYPROJECT, make_project

POSTGRES = "postgres:18@sha256:" + "3a" * 32
SHAPES: Mapping[str, str] = {
    "default": "",
    "ophamin": """
[tool.release.workflows]
provenance = "inline"
dry-run = true
forge-release = true
image = true
""",
    "ajolopy": """
[tool.release]
prerelease-tag = "v{base}-{pre}"

[tool.release.workflows]
provenance = "inline"
forge-release = true
bundles = true
""",
    "chap_checker": """
[tool.release.gates.workflows]
strict = true

[tool.release.workflows]
forge-release = true
""",
    "aksara": f"""
[tool.release]
publishing = "manual"

[tool.release.workflows]
provenance = "inline"
gate = "release-gate.yml"
postgres = "{POSTGRES}"
""",
    "openmed": """
[tool.release.gates.setup]
workflow = "publish.yml"

[tool.release.workflows]
provenance = "reusable"
""",
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


def make_shape(root: Path, name: str, more: str = "") -> Path:
    """A small project with the settings of a shape; nothing is rendered yet."""
    return make_project(root, {"pyproject.toml": PYPROJECT + SHAPES[name] + more})


def write(root: Path, files: Iterable[Rendered]) -> None:
    """Write rendered files over whatever lies there."""
    writing.write(root, [found.new for found in look(root, files)], Store(root).folder)
