"""Imports point one way, and what is imported at start-up stays small."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import release

PACKAGE = Path(release.__file__).parent
# From the ground up: a module imports from its own row or from those above it.
LAYERS = (
    ("errors", "model"),
    ("registry",),
    ("text",),
    ("settings",),
    ("project",),
    ("world",),
    ("run",),
    ("gates", "render"),  # a gate compares what is rendered, which takes the tables of gates
    ("change",),
    ("observe",),
    ("prove", "rehearse"),
    ("report",),
    ("adopt",),
    ("actions",),
    ("sessions",),
    ("cli",),
)
RANK = {name: rank for rank, row in enumerate(LAYERS) for name in row}
# Scripts that run inside the environments of tools, where this package is not installed.
SCRIPTS = sorted(
    path for room in ("gates/*", "change", "observe") for path in PACKAGE.glob(f"{room}/_[a-z]*.py")
)
MODULES = sorted(
    path
    for path in PACKAGE.rglob("*.py")
    if path not in SCRIPTS and path != PACKAGE / "__init__.py"
)


def imported(path: Path, *, at_start: bool = False) -> Iterator[str]:
    """The modules that a file imports, but for those that only type checkers see."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if at_start and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)
        waiting += ast.iter_child_nodes(node)


def room(module: str) -> str:
    return module.split(".")[1]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_point_down(path: Path) -> None:
    own = path.relative_to(PACKAGE).with_suffix("").parts[0]
    assert own in RANK, f"give {own} a layer"
    for name in imported(path):
        if name.startswith("release.") and room(name) != own:
            assert RANK[room(name)] <= RANK[own], f"{own} imports {name}"


@pytest.mark.parametrize("name", ["errors.py", "model.py"])
def test_the_ground_stands_on_the_standard_library_alone(name: str) -> None:
    found = {module.partition(".")[0] for module in imported(PACKAGE / name)}
    assert found <= {*sys.stdlib_module_names, "release"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_only_one_module_knows_nox(path: Path) -> None:
    if path.name != "sessions.py":
        assert "nox" not in {name.partition(".")[0] for name in imported(path)}


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_for_other_environments_do_not_import_this_package(path: Path) -> None:
    assert not [name for name in imported(path) if name.partition(".")[0] == "release"]


HEAVY = {"pydantic", "rich", "nox", "requests", "pypi_simple", "yaml", "psutil", "jinja2"}


@pytest.mark.parametrize(
    "statement",
    [
        "import release",
        "import release.registry; release.registry.installed()",
    ],
)
def test_start_up_imports_nothing_heavy(statement: str) -> None:
    program = f"{statement}\nimport sys\nprint(*sys.modules, sep='\\n')"
    out = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=PACKAGE.parent,
    ).stdout
    loaded = {name.partition(".")[0] for name in out.split()}
    assert not loaded & HEAVY
