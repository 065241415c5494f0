"""Reads what a plan is made from: documents as they are, and lines that hold the old version."""

from __future__ import annotations

import os
from pathlib import Path

from release.change.implied import implied_places
from release.change.own_entries import CARGO, NPM, UV
from release.change.plan import CITATION, ZENODO, Sources, document_paths
from release.errors import ConfigurationError
from release.gates.documents import policies as found_policies
from release.gates.documents import readmes as found_readmes
from release.model import Finding
from release.project import MAX_DOCUMENT, Project
from release.project.fragments import fragments
from release.project.git import git

BOM_UTF16 = (b"\xff\xfe", b"\xfe\xff")
MOST_MENTIONS = 2000


def read_sources(project: Project) -> Sources:
    """Read every document that a release of the project may edit.

    Raises ConfigurationError with every file that cannot be read as text.
    """
    policies, readmes = tuple(found_policies(project.root)), tuple(found_readmes(project.root))
    # All of them: of thousands that are named to it, git compares each with each.
    tracked = tuple(git(project.root, "ls-files", "-z").stdout.split("\0"))
    known = set(tracked)
    paths = [*document_paths(project, tracked), *policies, *readmes]
    texts: dict[str, str] = {}
    links: dict[str, str] = {}
    problems: list[Finding] = []
    still = mentions(project, project.version)
    edited = {CITATION, ZENODO, UV, CARGO, NPM, project.changelog}
    edited |= {place.path for place in project.version_places}
    implied = tuple(implied_places(project, [one for one in still if one[0] not in edited]))
    paths += [one.place.path for one in implied]
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
    return Sources(
        texts,
        links,
        tracked,
        still,
        policies,
        readmes,
        fragments(project),
        implied,
    )


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
