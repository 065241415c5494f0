"""Finds version places that nothing lists, and that are the project's without a doubt."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import PurePosixPath

from release.change.mentions import Rank, is_prose, other_mentions
from release.change.searches import (
    AFTER_VERSION,
    BEFORE_VERSION,
    REPLACE,
    SEARCH,
    ListedPlace,
    doubled,
)
from release.change.statements import is_same
from release.errors import ReleaseError
from release.gates.workflows import expectations
from release.gates.workflows.checks import comparisons
from release.gates.workflows.publishing import Context
from release.gates.workflows.read import load
from release.project import Project, as_table, read_text
from release.text import edits, python, toml

# Of Sphinx, which shows `release`, and `version` as a short form of it.
DOCUMENTATION = re.compile(r"(?:docs?/(?:source/|src/)?)?conf\.py")
CRATE = "Cargo.toml"
Mentions = Sequence[tuple[str, int, str]]  # path, number and text of a line


def implied_places(project: Project, mentions: Mentions) -> list[ListedPlace]:
    """What Sphinx shows, the crate that maturin builds, and what a workflow compares with the tag.

    `mentions` are lines that hold the version. Of a file that is compared, one line alone must
    state it.
    """
    version = project.version or ""
    paths = {path for path, _, _ in mentions}
    documented = (one for path in sorted(paths) for one in _documented(project, path))
    found = list(dict.fromkeys(documented))
    found += _built(project)
    paths -= {one.path for one in found}
    for path, where in _compared(project, paths) if paths else ():
        lines = [one for one in mentions if one[0] == path]
        ranked = other_mentions(lines, version, name=project.name)
        stated = {one.line for one in ranked if one.rank is Rank.CODE}
        # The only line of a file with a format, or of one that holds nothing else.
        bare = not is_prose(PurePosixPath(path)) or lines[0][2].strip("\ufeff\r\n ") == version
        if len(lines) == 1 and bare:
            stated = {one.line for one in ranked}
        texts = [edits.plain(text).rstrip("\n") for _, number, text in lines if number in stated]
        if len(texts) == 1:
            found += _place(path, texts[0], version, f"{where} compares it with the tag")
    return found


def _place(path: str, line: str, version: str, why: str, *formats: str) -> Iterator[ListedPlace]:
    """A line that holds a version once."""
    before, *after = re.split(BEFORE_VERSION + re.escape(version) + AFTER_VERSION, line)
    if len(after) == 1:
        search, replacement = (
            f"{doubled(before)}{field}{doubled(after[0])}" for field in (SEARCH, REPLACE)
        )
        yield ListedPlace(path, search, replacement, expected=0, serialize=formats, why=why)


def _documented(project: Project, path: str) -> Iterator[ListedPlace]:
    """What a conf.py of Sphinx assigns to its release, and to its short form."""
    if not DOCUMENTATION.fullmatch(path):
        return
    try:
        text = read_text(project.root, path)
        tree = python.parse(text)
    except (ReleaseError, SyntaxError, ValueError):
        return
    whole = project.version or ""
    short = re.match(r"\d+\.\d+(?=\.\d)", whole)
    formats = {whole: ()} | ({short[0]: ("{major}.{minor}",)} if short else {})
    lines = edits.plain(text).split("\n")
    for names, value in python.assignments(tree):
        said = value.value if isinstance(value, ast.Constant) else None
        if value is not None and {"release", "version"} & names and said in formats:
            text, why = lines[value.lineno - 1], "the documentation shows it"
            yield from _place(path, text, str(said), why, *formats[said])


def _built(project: Project) -> Iterator[ListedPlace]:
    """The version of the crate at the root that maturin builds, where it is the project's."""
    if not (project.backend.startswith("maturin") and (project.root / CRATE).is_file()):
        return
    try:
        crate = as_table(toml.loads(read_text(project.root, CRATE)).get("package"))
    except (ReleaseError, ValueError):
        return
    if is_same(str(crate.get("version")), project.version or ""):
        why = "it is the version of the crate that is built"
        yield ListedPlace(CRATE, key_path="package.version", expected=0, why=why)


def _compared(project: Project, paths: Collection[str]) -> Iterator[tuple[str, str]]:
    """Those of the paths that a step before a publication compares with the tag, and where."""
    try:
        context = Context(load(project.top).model, expectations(project))
    except ReleaseError:
        return  # the gate says so
    folder = project.root.relative_to(project.top).as_posix()
    left = set(paths)
    for job in context.path:
        for step in job.steps:
            if any(_names(step.run, path, folder) for path in left):
                told = "\n".join(comparisons(context, job, step))
                named = {path for path in left if _names(told, path, folder)}
                left -= named
                yield from ((path, f"{step.path}:{step.line}") for path in sorted(named))


def _names(text: str, path: str, folder: str) -> bool:
    within = "" if folder == "." else rf"(?:{re.escape(folder)}/)?"
    named = rf"(?<![\w./-])(?:\./)?{within}{re.escape(path)}(?![\w/-]|\.\w)"
    return re.search(named, text) is not None
