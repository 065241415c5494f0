"""Finds version places that nothing lists, and that a publishing workflow compares with the tag."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from release.change.mentions import Rank, other_mentions
from release.change.searches import (
    AFTER_VERSION,
    BEFORE_VERSION,
    REPLACE,
    SEARCH,
    ListedPlace,
    doubled,
)
from release.errors import ReleaseError

if TYPE_CHECKING:
    from release.project import Project


def compared_places(
    project: Project, mentions: Sequence[tuple[str, int, str]]
) -> list[ListedPlace]:
    """A place for each such file of which one line alone states the version.

    `mentions` are lines (path, number, text) that hold it.
    """
    paths = {path for path, _, _ in mentions}
    places = []
    for path, file, line in _compared(project, paths) if paths else ():
        lines = [one for one in mentions if one[0] == path]
        stated = [
            one.line
            for one in other_mentions(lines, project.version or "", name=project.name)
            if one.rank is Rank.CODE or len(lines) == 1
        ]
        texts = [text for _, number, text in lines if number in stated]
        if len(texts) == 1 and (search := _search(texts[0], project.version or "")):
            replacement = search.replace(SEARCH, REPLACE)
            places.append(
                ListedPlace(
                    path, search, replacement, line=line, file=file, table="the check of the tag"
                )
            )
    return places


def _search(text: str, version: str) -> str:
    """What finds the line that holds a version once; empty for another line."""
    before, *after = re.split(BEFORE_VERSION + re.escape(version) + AFTER_VERSION, text)
    return f"{doubled(before)}{SEARCH}{doubled(after[0])}" if len(after) == 1 else ""


def _compared(project: Project, paths: Collection[str]) -> Iterator[tuple[str, str, int]]:
    """Those of the paths that a step before a publication compares with the tag: by whom, where."""
    from release.gates.workflows import expectations
    from release.gates.workflows.checks import checks_tag
    from release.gates.workflows.publishing import Context
    from release.gates.workflows.read import load

    try:
        context = Context(load(project.top).model, expectations(project))
    except ReleaseError:
        return  # the gate says so
    folder = project.root.relative_to(project.top).as_posix()
    left = set(paths)
    for job in context.path:
        for step in job.steps:
            named = {path for path in left if _names(step.run, path, folder)}
            if named and checks_tag(context, job, step):
                left -= named
                yield from ((path, step.path, step.line) for path in sorted(named))


def _names(text: str, path: str, folder: str) -> bool:
    within = "" if folder == "." else rf"(?:{re.escape(folder)}/)?"
    return (
        re.search(rf"(?<![\w./-])(?:\./)?{within}{re.escape(path)}(?![\w/-]|\.\w)", text)
        is not None
    )
