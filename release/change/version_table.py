"""Reads which version places [tool.bumpversion] lists."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from release.change.searches import (
    CONFIGURATION,
    MAX_REGEX,
    REPLACE,
    SEARCH,
    ListedPlace,
    malformed,
    pieces,
)
from release.errors import ConfigurationError
from release.model import Finding
from release.project import as_table
from release.text import globs, toml

ENTRY = re.compile(
    r"^[ \t]*\[\[[ \t]*tool[ \t]*\.[ \t]*bumpversion[ \t]*\.[ \t]*files[ \t]*\]\]", re.M
)
TEXT, FLAG, TEXTS, A_TABLE = "text", "true or false", "a list of texts", "a table"
# What a key of an entry must be, and of the table where it speaks for all entries.
KINDS = {
    **dict.fromkeys(("filename", "glob", "key_path", "search", "replace"), TEXT),
    **dict.fromkeys(("regex", "ignore_missing_version"), FLAG),
    **dict.fromkeys(("ignore_missing_file", "ignore_missing_files"), FLAG),
    **dict.fromkeys(("include_bumps", "exclude_bumps", "glob_exclude", "serialize"), TEXTS),
}
OF_THE_TABLE = {**dict.fromkeys(("current_version", "parse"), TEXT), **KINDS, "parts": A_TABLE}
OF_A_PART = {
    "values": TEXTS,
    **dict.fromkeys(("optional_value", "calver_format", "depends_on"), TEXT),
    **dict.fromkeys(("independent", "always_increment"), FLAG),
}
TO_WRITE = {
    TEXT: 'write {} = "…"',
    FLAG: "write {} = true",
    TEXTS: 'write {} = ["…"]',
    A_TABLE: 'write it as a table: [tool.bumpversion.parts.release] with values = ["rc", "final"]',
}


def listed_places(
    table: Mapping[str, Any], tracked: Sequence[str], matches: Mapping[str, int], source: str = ""
) -> tuple[ListedPlace, ...]:
    """The places that `table`, [tool.bumpversion], lists.

    `tracked` are the repository's files, for globs; `matches` is tool.release.bump.matches, how
    often the version stands in a listed file (once an entry unless given); `source` the text of
    pyproject.toml, to name lines.

    Raises ConfigurationError with every problem: malformed entries, paths that lead out of the
    repository, globs that match nothing, searches that cannot be understood, and what is not
    supported (extended globs, a choice of several serialize formats).
    """
    problems = [
        Finding(
            f"[tool.bumpversion] {key} is not read by bump-my-version",
            CONFIGURATION,
            _line_of(source, "tool", "bumpversion", str(key)),
            "list files as [[tool.bumpversion.files]]",
        )
        for key in table
        if str(key).startswith("file") and key != "files"
    ]
    problems += _judge_table(table, source)
    table = {key: value for key, value in table.items() if _fits(key, value, OF_THE_TABLE)}
    places: list[ListedPlace] = []
    entries = table.get("files", [])
    entries = entries if isinstance(entries, list) else [entries]
    for entry, line in zip(entries, _entry_lines(source, len(entries)), strict=True):
        try:
            places += _entry_places(entry, table, tracked, line)
        except ConfigurationError as error:
            problems += error.problems
    counts = {_normal(path): count for path, count in matches.items()}
    problems += [
        Finding(
            f"tool.release.bump.matches names {path}, which [tool.bumpversion] does not list",
            CONFIGURATION,
            _line_of(source, "tool", "release", "bump", "matches", path),
            "correct the path, or remove it",
        )
        for path in sorted(counts.keys() - {place.path for place in places})
        if not problems
    ]
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
        remedy = "write [[tool.bumpversion.files]]"
        raise malformed("each entry of files must be a table", line, remedy)
    if problems := list(_mistyped(entry, KINDS, lambda _: line)):
        raise ConfigurationError(*problems)
    said = {**table, **entry}
    place = ListedPlace(
        path="",
        search=(entry.get("search") or table.get("search", SEARCH)).replace("\r\n", "\n"),
        replace=said.get("replace", REPLACE).replace("\r\n", "\n"),
        regex=said.get("regex", False),
        ignore_missing_file=entry.get(
            "ignore_missing_file", table.get("ignore_missing_files", False)
        ),
        ignore_missing_version=said.get("ignore_missing_version", False),
        key_path=entry.get("key_path"),
        serialize=_own_formats(entry, table),
        line=line,
    )
    check(place, given="replace" in said)
    paths = list(_paths(entry, tracked, place))
    for path in paths:
        if place.key_path is not None and not path.endswith(".toml"):
            raise malformed(f"key_path is for TOML files, and {path} is not one", line)
    return [dataclasses.replace(place, path=path) for path in paths]


def _judge_table(table: Mapping[str, Any], source: str) -> Iterator[Finding]:
    """What is wrong with the keys of the table that speak for all entries."""
    line = partial(_line_of, source, "tool", "bumpversion")
    yield from _mistyped(table, OF_THE_TABLE, line)
    parts = as_table(table.get("parts"))
    yield from _mistyped(parts, dict.fromkeys(parts, A_TABLE), line, "parts")
    for name, part in parts.items():
        yield from _mistyped(as_table(part), OF_A_PART, line, "parts", name)
    if said := unusable(str(table.get("parse", "")), re.VERBOSE):
        remedy = "correct it, or leave it out: the usual one reads every version of PEP 440"
        message = f"parse is not a regular expression: {said}"
        yield from malformed(message, line("parse"), remedy).problems


def unusable(expression: str, flags: int = 0) -> str:
    """Why something is not a regular expression; "" where it is one."""
    try:
        re.compile(expression, flags)
    except (re.error, RecursionError, OverflowError) as error:
        return str(error) or type(error).__name__
    return ""


def _mistyped(
    table: Mapping[str, Any], kinds: Mapping[str, str], line: Callable[..., int | None], *above: str
) -> Iterator[Finding]:
    """The problems of keys of a table that are of another type than theirs."""
    for key, kind in kinds.items():
        if key in table and not _fits(key, table[key], kinds):
            keys = (*above, key)
            remedy = TO_WRITE[kind].format(key)
            yield from malformed(f"{'.'.join(keys)} must be {kind}", line(*keys), remedy).problems


def _fits(key: str, value: Any, kinds: Mapping[str, str]) -> bool:
    """Whether a value is of the type that its key has, if that is known."""
    kind = kinds.get(key, "")
    if kind == TEXTS:
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    types: Mapping[str, type] = {TEXT: str, FLAG: bool, A_TABLE: Mapping}
    return isinstance(value, types.get(kind, object))


def _own_formats(entry: Mapping[str, Any], table: Mapping[str, Any]) -> tuple[str, ...]:
    """The entry's own formats of a version; none where they are the project's usual ones."""
    given = entry.get("serialize", [])
    return () if given == table.get("serialize") else tuple(given)


def check(place: ListedPlace, *, given: bool) -> None:
    """Raises ConfigurationError for a search or replacement that would do something else."""
    line = place.line
    for label, template in (("search", place.search), ("replace", place.replace)):
        try:
            list(pieces(template))
        except ValueError as error:
            message = f"{label} {template!r} cannot be read: {error}"
            remedy = "write a brace that is meant twice: {{ or }}"
            raise malformed(message, line, remedy) from None
    if len(place.serialize) > 1:
        message = "an entry's serialize is supported with one format only"
        raise malformed(message, line, 'write ["..."]')
    plain = (place.search, place.replace, place.serialize) == (SEARCH, REPLACE, ())
    if place.key_path is not None and not plain:
        message = "search, replace and serialize are not supported beside a key_path"
        raise malformed(message, line, "leave them out: the whole value is the version")
    if place.regex and len(place.search) > MAX_REGEX:
        message = f"search is longer than {MAX_REGEX} characters"
        raise malformed(message, line, "write a shorter expression")
    # A marker without the version, such as Unreleased, becomes the version.
    if not place.regex and not given and place.search != SEARCH and place.has_version:
        message = f"search {place.search!r} has no replace, and all of it would be replaced"
        remedy = f"add replace = {place.search.replace('{current_', '{new_')!r}"
        raise malformed(message, line, remedy)


def _paths(entry: Mapping[str, Any], tracked: Sequence[str], place: ListedPlace) -> Iterator[str]:
    if not entry.get("glob"):
        if not entry.get("filename"):
            raise malformed("an entry of files has neither filename nor glob", place.line)
        yield _inside(entry["filename"], place.line)
        return
    included = [_inside(item, place.line) for item in entry["glob"].split("|")]
    excluded = [
        _inside(item, place.line)
        for text in entry.get("glob_exclude", [])
        for item in text.split("|")
    ]
    for glob in (*included, *excluded):
        if re.search(r"[?*+@!]\(|\\", glob):
            message = f"glob {glob!r} is not supported: it has a backslash or an extended pattern"
            raise malformed(message, place.line, "list such files singly")
    found = [
        path
        for path in tracked
        if any(_matches(path, glob, hidden=False) for glob in included)
        and not any(_matches(path, glob, hidden=True) for glob in excluded)
    ]
    if not found and not place.ignore_missing_file:
        raise malformed(f"glob {entry['glob']!r} matches no tracked file", place.line)
    yield from found


def _inside(value: str, line: int | None) -> str:
    """A path or glob of the table, relative to the repository."""
    bare = value.removeprefix("{repo_root}/")
    path = PurePosixPath(bare)
    unsafe = path.is_absolute() or re.match(r"[A-Za-z]:|\\", bare) or "\0" in bare
    outside = ".." in re.split(r"[/\\]", bare) or "{repo_root}" in bare
    if unsafe or outside or path == PurePosixPath():
        message = f"{value!r} is not a path inside the repository"
        raise malformed(message, line, "name a file in it")
    return path.as_posix()


def _normal(path: str) -> str:
    return PurePosixPath(path.replace("\\", "/")).as_posix()


def _matches(path: str, glob: str, *, hidden: bool) -> bool:
    """Whether a glob matches: ** spans folders; only a dot (or `hidden`) takes a leading one."""
    parts, wanted = path.split("/"), glob.replace("[^", "[!").split("/")
    if wanted[-1] == "**":
        wanted.append("*")
    dotted, dots = (sum(part.startswith(".") for part in each) for each in (parts, wanted))
    return (hidden or dotted == dots) and len(parts) in globs.ends(parts, wanted)


def _entry_lines(source: str, count: int) -> list[int | None]:
    """The lines on which the entries of files begin."""
    found = [source.count("\n", 0, match.start()) + 1 for match in ENTRY.finditer(source)]
    if len(found) == count:
        return list(found)
    return [_line_of(source, "tool", "bumpversion", "files")] * count


def _line_of(source: str, *keys: str) -> int | None:
    return toml.line_of(source, keys) if source else None
