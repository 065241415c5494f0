"""Names where a version comes from that no file states in a way that is read here."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from release.model import Finding

if TYPE_CHECKING:
    from release.project import Files

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


def setup_version(files: Files) -> tuple[str, int, str] | None:
    """Label, line and text of what setup.py hands to setup() as the version: itself or a constant.

    None for what it computes or takes from elsewhere.
    """
    label, values = _handed_over(files)
    value = values[0] if len(values) == 1 else None
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return label, value.lineno, value.value
    return None


def _handed_over(files: Files) -> tuple[str, list[ast.expr]]:
    """What setup.py hands to setup() as the version, by which name; what it gives that name."""
    argument = files.passed_to_setup("version")
    if isinstance(argument, ast.Name):
        return argument.id, [*_assigned(files.script, argument.id)] or [argument]
    return PASSED, [argument] if argument is not None else []


def unread_source(files: Files) -> str:
    """What the version comes from, as far as the configuration shows it: a file, or the backend."""
    sources = itertools.chain(_of_setuptools(files), _of_setup_py(files), _of_backends(files))
    return next(sources, f"the build backend ({files.backend.partition(':')[0]})")


def _of_setuptools(files: Files) -> Iterator[str]:
    for kind, value in files.tool("setuptools", "dynamic", "version").items():
        yield f"[tool.setuptools.dynamic] version = {{{kind} = {value!r}}} in pyproject.toml"
    if legacy := files.cfg("metadata", "version"):
        yield f"[metadata] version = {legacy} in setup.cfg"


def _of_setup_py(files: Files) -> Iterator[str]:
    _, values = _handed_over(files)
    for value in values:
        for path in _paths(value):
            if path.suffix != ".py" and (files.root / path).is_file():
                yield f"{path}, which setup.py reads"
    if values:
        yield f"setup.py, which computes it (line {values[0].lineno})"


def _of_backends(files: Files) -> Iterator[str]:
    if files.backend.startswith("maturin") and (files.root / "Cargo.toml").is_file():
        yield "Cargo.toml"
    for keys in (
        ("tool", "hatch", "version"),
        ("tool", "hatch", "metadata", "hooks"),
        ("tool", "pdm", "version"),
        ("tool", "scikit-build", "metadata", "version"),
    ):
        if table := files.table(*keys):
            said = ", ".join(f"{key} = {value!r}" for key, value in table.items())
            yield f"[{'.'.join(keys)}] in pyproject.toml ({said})"
    if files.table("build-system").get("backend-path"):
        yield f"the project's own build backend ({files.backend})"


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
