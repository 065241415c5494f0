"""Reads what a plan is made from: documents as they are, and lines that hold the old version."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from release.change.implied import implied_places
from release.change.other_lists import places_of_others
from release.change.own_entries import CARGO, NPM, READ, UV
from release.change.plan import CITATION, ZENODO, Sources
from release.change.searches import ListedPlace
from release.change.version_table import listed_places
from release.errors import ConfigurationError
from release.gates.documents import policies as found_policies
from release.gates.documents import readmes as found_readmes
from release.model import Finding
from release.project import MAX_DOCUMENT, Project, read_text
from release.project.fragments import fragments
from release.project.git import git

BOM_UTF16 = (b"\xff\xfe", b"\xfe\xff")
MOST_MENTIONS = 2000


def read_sources(project: Project) -> Sources:
    """Read every document that a release of the project may edit, and what tables list.

    Raises ConfigurationError with every file that cannot be read as text, and every entry of a
    table that cannot be followed.
    """
    policies, readmes = tuple(found_policies(project.root)), tuple(found_readmes(project.root))
    # All of them: of thousands that are named to it, git compares each with each.
    tracked = git(project.root, "ls-files", "-z").stdout.split("\0")
    known = set(tracked)
    problems: list[Finding] = []
    listed: list[ListedPlace] = []
    try:
        listed += _listed(project, tracked)
    except ConfigurationError as error:
        problems += error.problems
    still = mentions(project, project.version)
    stated = [one.path for one in project.version_places] + [one.path for one in listed]
    edited = {CITATION, ZENODO, UV, CARGO, NPM, project.changelog, *stated}
    implied = implied_places(project, [one for one in still if one[0] not in edited])
    listed += [one for one in implied if one.path not in edited]
    changelogs = [project.changelog] if project.changelog else []
    paths = ["pyproject.toml", *stated, *changelogs, CITATION, ZENODO, *READ, *policies, *readmes]
    paths += [one.path for one in listed if one.why]
    texts: dict[str, str] = {}
    links: dict[str, str] = {}
    for path in dict.fromkeys(paths):
        if path not in known:
            continue  # not there, or made by a tool: nothing that a commit could hold
        try:
            target = real_path(project.root, path)
            if target != path:
                links[path] = target
            if target not in texts:
                texts[target] = untranslated(project.root, target)
        except ConfigurationError as error:
            problems += error.problems
    if problems:
        raise ConfigurationError(*problems)
    told = {one.path: f"is edited as well: {one.why}" for one in reversed(listed) if one.why}
    remedy = "list it in [tool.bumpversion], so that bump-my-version alone would do"
    return Sources(
        texts,
        links,
        tuple(listed),
        tuple(Finding(message, path, remedy=remedy) for path, message in told.items()),
        still,
        policies,
        readmes,
        fragments(project),
    )


def _listed(project: Project, tracked: Sequence[str]) -> list[ListedPlace]:
    """The version places that tables list, but for those in what is edited as a document."""
    path = "pyproject.toml"
    source = read_text(project.root, path) if (project.root / path).is_file() else ""
    table, matches = project.tool("bumpversion"), project.settings.bump.matches
    found = [*listed_places(table, tracked, matches, source), *places_of_others(project, tracked)]
    return [place for place in found if place.path not in {CITATION, project.changelog}]


def real_path(root: Path, path: str) -> str:
    """The path of the regular file that `path` leads to, relative to `root`.

    Raises ConfigurationError when it leads out of the repository, or nowhere.
    """
    try:
        # Not by pathlib, which takes longer for thousands of files than reading them.
        resolved = os.path.realpath(os.path.join(root, path), strict=True)
    except (OSError, RuntimeError) as error:
        raise ConfigurationError.of(
            f"cannot be read: {error}", path, remedy="correct the link or remove it"
        ) from None
    inside = os.path.join(root, "")
    if not resolved.startswith(inside):
        raise ConfigurationError.of("leads out of the repository", path, remedy="keep it inside")
    return resolved.removeprefix(inside).replace(os.sep, "/")


def untranslated(root: Path, path: str) -> str:
    """A file's text with its own line ends and byte order mark.

    Raises ConfigurationError when it is not UTF-8 text, or too large.
    """
    try:
        if (root / path).stat().st_size > MAX_DOCUMENT:
            raise ConfigurationError.of("is larger than 64 MiB", path, remedy="split it")
        data = (root / path).read_bytes()
    except OSError as error:
        raise ConfigurationError.of(
            f"cannot be read: {error.strerror}", path, remedy="make it readable"
        ) from None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        kind = "UTF-16" if data.startswith(BOM_UTF16) else "not UTF-8"
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigurationError.of(f"is {kind}", path, line, "save it as UTF-8") from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise ConfigurationError.of(
            "holds NUL bytes (is it UTF-16?)", path, line, "save it as UTF-8"
        )
    return text


def mentions(project: Project, version: str | None) -> tuple[tuple[str, int, str], ...]:
    """Lines of tracked files that hold a version: path, number and text."""
    if version is None:
        return ()
    done = git(
        project.root,
        *("grep", "-n", "-z", "-I", "-F", "--no-color", "-e", version, "--", "."),
        check=False,
    )
    found = []
    for line in done.stdout.split("\n")[:MOST_MENTIONS]:
        path, _, rest = line.partition("\0")
        number, _, text = rest.partition("\0")
        if number.isdigit():
            found.append((path, int(number), text))
    return tuple(found)
