"""Names where a version comes from that no file states in a way that is read here."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from release.model import Finding
from release.text import python
from release.text.toml import table_at

VERSION_CONTROL = "version control"
PASSED = "setup(version=...)"


def judge_source(version: str | None, source: str) -> Finding | None:
    """The problem of a version that neither a file that is read states nor a tag is."""
    if version is not None or source == VERSION_CONTROL:
        return None
    return Finding(
        f"the version comes from {source}: it is not read here, and nothing here can change it",
        remedy="change it there yourself, commit and push, then nox -s release_preflight and"
        " nox -s tag -- VERSION; or let it be edited: list the file in [tool.bumpversion] of"
        " pyproject.toml, with current_version",
    )


def setup_version(setup_py: str) -> tuple[str, int, str] | None:
    """Label, line and text of what setup.py hands to setup() as the version: itself or a constant.

    None for what it computes or takes from elsewhere.
    """
    tree = _parsed(setup_py)
    argument = next(python.passed_to_setup(tree, "version"), None)
    label, values = PASSED, [argument]
    if isinstance(argument, ast.Name):
        label, values = argument.id, [*_assigned(tree, argument.id)]
    value = values[0] if len(values) == 1 else None
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return label, value.lineno, value.value
    return None


def unread_source(
    root: Path,
    pyproject: Mapping[str, Any],
    setup_cfg: Mapping[str, Mapping[str, str]],
    setup_py: str,
    backend: str,
) -> str:
    """What the version comes from, as far as the configuration shows it: a file, or the backend."""
    found = (
        *_of_setuptools(pyproject, setup_cfg),
        *_of_setup_py(root, setup_py),
        *_of_backends(root, pyproject, backend),
    )
    return found[0] if found else f"the build backend ({backend.partition(':')[0]})"


def _of_setuptools(
    pyproject: Mapping[str, Any], setup_cfg: Mapping[str, Mapping[str, str]]
) -> Iterator[str]:
    dynamic = table_at(pyproject, "tool", "setuptools", "dynamic", "version")
    for kind, value in dynamic.items():
        yield f"[tool.setuptools.dynamic] version = {{{kind} = {value!r}}} in pyproject.toml"
    legacy = setup_cfg.get("metadata", {}).get("version", "")
    if legacy:
        yield f"[metadata] version = {legacy} in setup.cfg"


def _of_setup_py(root: Path, setup_py: str) -> Iterator[str]:
    tree = _parsed(setup_py)
    argument = next(python.passed_to_setup(tree, "version"), None)
    if argument is None:
        return
    values = list(_assigned(tree, argument.id)) if isinstance(argument, ast.Name) else [argument]
    for value in values:
        for path in _paths(value):
            if path.suffix != ".py" and (root / path).is_file():
                yield f"{path}, which setup.py reads"
    yield f"setup.py, which computes it (line {(values or [argument])[0].lineno})"


def _of_backends(root: Path, pyproject: Mapping[str, Any], backend: str) -> Iterator[str]:
    if backend.startswith("maturin") and (root / "Cargo.toml").is_file():
        yield "Cargo.toml"
    for keys in (
        ("tool", "hatch", "version"),
        ("tool", "hatch", "metadata", "hooks"),
        ("tool", "pdm", "version"),
        ("tool", "scikit-build", "metadata", "version"),
    ):
        if table := table_at(pyproject, *keys):
            said = ", ".join(f"{key} = {value!r}" for key, value in table.items())
            yield f"[{'.'.join(keys)}] in pyproject.toml ({said})"
    if table_at(pyproject, "build-system").get("backend-path"):
        yield f"the project's own build backend ({backend})"


def _parsed(source: str) -> ast.Module:
    try:
        return python.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return ast.Module([], [])


def _assigned(tree: ast.Module, name: str) -> Iterator[ast.expr]:
    """The values that a module gives a name, wherever it does."""
    for node in ast.walk(tree):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = getattr(node, "value", None)
        if isinstance(value, ast.expr) and any(
            isinstance(target, ast.Name) and target.id == name for target in targets
        ):
            yield value


def _paths(value: ast.expr) -> Iterator[PurePosixPath]:
    """The relative paths that an expression spells, as one text or as the words of a call."""
    for node in ast.walk(value):
        words = node.args if isinstance(node, ast.Call) else [node]
        texts = [w.value for w in words if isinstance(w, ast.Constant) and isinstance(w.value, str)]
        path = PurePosixPath(*texts)
        if texts and not path.is_absolute() and ".." not in path.parts:
            yield path
