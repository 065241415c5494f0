"""Reads which version places [tool.bumpversion] lists."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from fnmatch import translate
from functools import cache
from pathlib import PurePosixPath
from typing import Any

from release.change.searches import (
    CONFIGURATION,
    DATE_FORMAT,
    MAX_REGEX,
    REPLACE,
    SEARCH,
    Change,
    ListedPlace,
    has_version,
    malformed,
    pattern_of,
    pieces_of,
)
from release.errors import ConfigurationError
from release.model import Finding
from release.text import toml
from release.text.versions import PARSE

ENTRY = re.compile(
    r"^[ \t]*\[\[[ \t]*tool[ \t]*\.[ \t]*bumpversion[ \t]*\.[ \t]*files[ \t]*\]\]", re.M
)


def listed_places(
    table: Mapping[str, Any], tracked: Sequence[str], matches: Mapping[str, int], source: str = ""
) -> tuple[ListedPlace, ...]:
    """The places that `table`, [tool.bumpversion], lists, and its own `current_version`.

    `tracked` are the repository's files, for globs; `matches` is tool.release.bump.matches, how
    often the version stands in a listed file (once an entry unless given); `source` the text of
    pyproject.toml, to name lines.

    Raises ConfigurationError with every problem: malformed entries, paths that lead out of the
    repository, globs that match nothing, searches that cannot be understood, and what is not
    supported (extended globs, fields of the environment or of version control, a choice of several
    serialize formats).
    """
    problems = [
        Finding(
            f"[tool.bumpversion] {key} is not read by bump-my-version",
            CONFIGURATION,
            _line_of(source, ("tool", "bumpversion", str(key))),
            "list files as [[tool.bumpversion.files]]",
        )
        for key in table
        if str(key).startswith("file") and key != "files"
    ]
    places: list[ListedPlace] = []
    listed: set[str] = set()
    entries = table.get("files", [])
    if not isinstance(entries, list):
        entries = [entries]
    lines = _entry_lines(source, len(entries))
    for entry, line in zip(entries, lines, strict=True):
        try:
            found = _entry_places(entry, table, tracked, line)
        except ConfigurationError as error:
            problems += error.problems
            continue
        listed.update(place.path for place in found)
        places += found
    counts = {_normal(path): count for path, count in matches.items()}
    problems += [
        Finding(
            f"tool.release.bump.matches names {path}, which [tool.bumpversion] does not list",
            CONFIGURATION,
            _line_of(source, ("tool", "release", "bump", "matches", path)),
            "correct the path, or remove it",
        )
        for path in counts
        if path not in listed and not problems
    ]
    if "current_version" in table:
        line = _line_of(source, ("tool", "bumpversion", "current_version"))
        if isinstance(table["current_version"], str):
            key = "tool.bumpversion.current_version"
            places.append(ListedPlace(CONFIGURATION, key_path=key, line=line))
        else:
            problems.append(malformed("current_version must be text", line))
    if problems:
        raise ConfigurationError(*problems)
    return tuple(
        place
        if place.path not in counts or place.key_path is not None
        else dataclasses.replace(place, expected=counts[place.path], together=True)
        for place in places
    )


def _entry_places(
    entry: Any, table: Mapping[str, Any], tracked: Sequence[str], line: int | None
) -> list[ListedPlace]:
    if not isinstance(entry, Mapping):
        raise ConfigurationError(
            malformed(
                "each entry of files must be a table", line, "write [[tool.bumpversion.files]]"
            )
        )
    problems = [
        malformed(f"{key} must be {'text' if kind is str else 'true or false'}", line)
        for holder, key, kind in (
            *((entry, key, str) for key in ("filename", "glob", "key_path")),
            *((holder, key, str) for holder in (entry, table) for key in ("search", "replace")),
            *((holder, "parse", str) for holder in (entry, table)),
            *((holder, "regex", bool) for holder in (entry, table)),
            *((holder, "ignore_missing_version", bool) for holder in (entry, table)),
            (entry, "ignore_missing_file", bool),
            (table, "ignore_missing_files", bool),
        )
        if key in holder and not isinstance(holder[key], kind)
    ]
    problems += [
        malformed(f"{key} must be a list of texts", line)
        for key in ("include_bumps", "exclude_bumps", "glob_exclude")
        if not _texts(entry.get(key, []))
    ]
    if problems:
        raise ConfigurationError(*problems)
    place = ListedPlace(
        path="",
        search=(entry.get("search") or table.get("search", SEARCH)).replace("\r\n", "\n"),
        replace=entry.get("replace", table.get("replace", REPLACE)).replace("\r\n", "\n"),
        regex=entry.get("regex", table.get("regex", False)),
        ignore_missing_file=entry.get(
            "ignore_missing_file", table.get("ignore_missing_files", False)
        ),
        ignore_missing_version=entry.get(
            "ignore_missing_version", table.get("ignore_missing_version", False)
        ),
        key_path=entry.get("key_path"),
        parse=entry.get("parse") or table.get("parse", PARSE),
        serialize=_serialize(entry, table, line),
        line=line,
    )
    _check_templates(place, given="replace" in entry or "replace" in table)
    paths = _paths(entry, tracked, place)
    if place.key_path is not None:
        for path in paths:
            if not path.endswith(".toml"):
                raise ConfigurationError(
                    malformed(f"key_path is for TOML files, and {path} is not one", line)
                )
    return [dataclasses.replace(place, path=path) for path in paths]


def _serialize(entry: Mapping[str, Any], table: Mapping[str, Any], line: int | None) -> str | None:
    """The entry's own format of a version; None for the project's usual one."""
    given = entry.get("serialize")
    if given is None or given == table.get("serialize"):
        return None
    if isinstance(given, list) and len(given) == 1 and isinstance(given[0], str):
        return str(given[0])
    raise ConfigurationError(
        malformed("an entry's serialize is supported with one format only", line, 'write ["..."]')
    )


def _paths(entry: Mapping[str, Any], tracked: Sequence[str], place: ListedPlace) -> list[str]:
    if entry.get("glob"):
        globs = [_inside(item, place.line) for item in entry["glob"].split("|")]
        excluded = [
            _inside(item, place.line)
            for text in entry.get("glob_exclude", [])
            for item in text.split("|")
        ]
        for glob in (*globs, *excluded):
            if re.search(r"[?*+@!]\(|\\", glob):
                message = (
                    f"glob {glob!r} is not supported: it has a backslash or an extended pattern"
                )
                raise ConfigurationError(malformed(message, place.line, "list such files singly"))
        found = [
            path
            for path in tracked
            if any(_matches(path, glob, hidden=False) for glob in globs)
            and not any(_matches(path, glob, hidden=True) for glob in excluded)
        ]
        if not found and not place.ignore_missing_file:
            raise ConfigurationError(
                malformed(f"glob {entry['glob']!r} matches no tracked file", place.line)
            )
        return found
    if not entry.get("filename"):
        raise ConfigurationError(
            malformed("an entry of files has neither filename nor glob", place.line)
        )
    return [_inside(entry["filename"], place.line)]


def _inside(value: str, line: int | None) -> str:
    """A path or glob of the table, relative to the repository."""
    bare = value.removeprefix("{repo_root}/")
    path = PurePosixPath(bare)
    unsafe = path.is_absolute() or re.match(r"[A-Za-z]:|\\", bare) or "\0" in bare
    if (
        unsafe
        or ".." in re.split(r"[/\\]", bare)
        or "{repo_root}" in bare
        or path == PurePosixPath()
    ):
        raise ConfigurationError(
            malformed(f"{value!r} is not a path inside the repository", line, "name a file in it")
        )
    return path.as_posix()


def _normal(path: str) -> str:
    return PurePosixPath(path.replace("\\", "/")).as_posix()


def _matches(path: str, glob: str, *, hidden: bool) -> bool:
    """Whether a glob matches: ** spans folders, and only a dot (or `hidden`) matches a leading dot.

    Greedy, with one step back: linear in the path for each ** of the glob.
    """
    segments, parts = glob.split("/"), path.split("/")
    position = number = 0
    back: tuple[int, int] | None = None
    while number < len(parts):
        if position < len(segments) and segments[position] == "**":
            back = (position, number)
            position += 1
            if position == len(segments):
                return hidden or not any(part.startswith(".") for part in parts[number:])
        elif position < len(segments) and _segment(segments[position], parts[number], hidden):
            position, number = position + 1, number + 1
        elif back is not None and (hidden or not parts[back[1]].startswith(".")):
            back = (back[0], back[1] + 1)
            position, number = back[0] + 1, back[1]
        else:
            return False
    return position == len(segments)


def _segment(glob: str, part: str, hidden: bool) -> bool:
    if part.startswith(".") and not glob.startswith(".") and not hidden:
        return False
    return _segment_regex(glob).match(part) is not None


@cache
def _segment_regex(glob: str) -> re.Pattern[str]:
    return re.compile(translate(glob.replace("[^", "[!")))


def _check_templates(place: ListedPlace, *, given: bool) -> None:
    """Raises ConfigurationError for a search or replacement that can never be rendered."""
    line = place.line
    if len(place.parse) > MAX_REGEX:
        message = f"parse is longer than {MAX_REGEX} characters"
        raise ConfigurationError(malformed(message, line, "write a shorter expression"))
    try:
        parts = set(re.compile(place.parse, re.VERBOSE).groupindex)
    except re.error as error:
        message = f"parse {place.parse!r} is not a regular expression: {error}"
        raise ConfigurationError(malformed(message, line)) from None
    if not place.search:
        raise ConfigurationError(malformed("search is empty", line, f"write {SEARCH!r}"))
    searched = {"current_version", "#", ";"} | {f"current_{part}" for part in parts}
    replaced = searched | {"new_version", "now", "utcnow"} | {f"new_{part}" for part in parts}
    for label, template, valid in (
        ("search", place.search, searched),
        ("replace", place.replace, replaced),
        ("serialize", place.serialize or "", parts),
    ):
        for piece in pieces_of(template, label, line):
            if piece.field is not None and piece.field not in valid:
                message = f"{label} {template!r}: the field {{{piece.field}}} is not supported"
                known = ", ".join(sorted(valid - {"#", ";"}))
                raise ConfigurationError(
                    malformed(message, line, f"known are {known}; a brace is written twice")
                )
            dated = piece.field in {"now", "utcnow"}
            if not DATE_FORMAT.fullmatch(piece.form) if dated else piece.form:
                message = f"{label} {template!r}: the format of {{{piece.field}}} is not supported"
                raise ConfigurationError(malformed(message, line, "write {now:%Y-%m-%d}"))
    if place.key_path is not None and not has_version(place):
        message = f"search {place.search!r} does not look for the version at {place.key_path}"
        raise ConfigurationError(malformed(message, line, f"write {SEARCH}"))
    if place.regex:
        if len(place.search) > MAX_REGEX:
            message = f"search is longer than {MAX_REGEX} characters"
            raise ConfigurationError(malformed(message, line, "write a shorter expression"))
        pattern_of(place, Change("0.0.0", "0.0.0", ("0.0.0",)), probe=True)
    elif not given and pieces_of(place.search, "search", line) != pieces_of(SEARCH, "search", line):
        message = f"search {place.search!r} has no replace, and all of it would be replaced"
        remedy = f"add replace = {place.search.replace('{current_', '{new_')!r}"
        raise ConfigurationError(malformed(message, line, remedy))


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _entry_lines(source: str, count: int) -> list[int | None]:
    """The lines on which the entries of files begin."""
    found = [source.count("\n", 0, match.start()) + 1 for match in ENTRY.finditer(source)]
    if len(found) == count:
        return list(found)
    return [_line_of(source, ("tool", "bumpversion", "files"))] * count


def _line_of(source: str, keys: tuple[str, ...]) -> int | None:
    if not source:
        return None
    return toml.line_of(source, keys)
