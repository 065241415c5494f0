"""Edits the places that state a project's version, and nothing else.

Which places a project lists stands in `[tool.bumpversion]`, read as bump-my-version 1.8 reads it
(https://callowayproject.github.io/bump-my-version/reference/configuration/file/), but for what it
gets wrong: here a version is matched as a whole, a search does not begin within a word, line ends
stay as they are, and a `key_path` is heeded.
"""

from __future__ import annotations

import ast
import configparser
import dataclasses
import io
import re
import string
import tomllib
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import translate
from functools import cache
from itertools import islice
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from release.errors import ConfigurationError, Problem
from release.model import Finding, Replacement
from release.project import VersionPlace, as_table
from release.text import edits, patterns, python, toml
from release.text.versions import PARSE, parse, parts

CONFIGURATION = "pyproject.toml"
SEARCH = "{current_version}"
REPLACE = "{new_version}"
CITATION = "CITATION.cff"
# What a regular expression of the project's own may be, and is searched in.
MAX_REGEX = 1_000
MAX_SEARCHED = 1_000_000
MAX_CANDIDATES = 64
MOST_LINES = 20  # that a message names
DATE_FORMAT = re.compile(r"(?:[^%]|%-?[aAbBdejmyYFuVG%])+")
# What a version may not follow (1.2.3 is not in 11.2.3, 0.1.2.3, 1!1.2.3 or dev1.2.3), or precede
# (nor in 1.2.30, 1.2.3.4, 1.2.3rc1, 1.2.3-rc.1, 1.2.3-1 or 1.2.3+local): PEP 440, appendix B.
BEFORE_VERSION = r"(?:(?<![\w.!])|(?<=[vV])(?<![\w.][vV]))"
AFTER_VERSION = (
    r"(?!\w|\.\d|\.\*|\.x\b|\+\w|-\d)"
    r"(?!(?i:[-_.](?:alpha|beta|preview|post|rev|dev|pre|rc|a|b|c|r)[-_.]?\d*(?![a-z])))"
)
BEFORE_WORD = r"(?<!\w)(?<!\w-)"
ENTRY = re.compile(
    r"^[ \t]*\[\[[ \t]*tool[ \t]*\.[ \t]*bumpversion[ \t]*\.[ \t]*files[ \t]*\]\]", re.M
)
HISTORIES = re.compile(
    r"(changelog|changes|history|news|newsfragments|release[-_]?notes|releases)(\..*)?", re.I
)
LOCKS = re.compile(
    r".*\.lock|.*\block\.(json|ya?ml|toml)|pylock.*\.toml|go\.(sum|mod)|npm-shrinkwrap\.json"
    r"|(.*[-_.])?(requirements|constraints)([-_.].*)?\.(txt|in)|\.pre-commit-config\.yaml",
    re.I,
)
# What stands before a version, up to it. A pin: ==1.2.3, ^1.2.3, image:1.2.3, action@v1.2.3.
PIN = re.compile(r"(?:[=<>~!]=|[<>~^]|\w:|\w@)\s*[\"']?v?$", re.I)
KEY = r"[\"']?\s*[:=<>~^!]+\s*[\"']?[=<>~^!]*\s*v?$"
OTHER_KEY = re.compile(
    r"\b(?:cff|min(?:imum)?|target|python|requires?|required|schema|api)[-_ ]?(?:python|version)"
    + KEY,
    re.I,
)
STATED = re.compile(r"(?:version\w*|\brelease)[\"']?\s*[:=]=?\s*[\"']?v?$", re.I)
# name = "1.2.3" or name = { version = "1.2.3" } where dependencies are listed.
DEPENDENCY = re.compile(
    r"^\s*[\"']?(?![\w.-]*version\b|release\b)[\w./@-]+[\"']?\s*[:=]\s*(?:\{.*\bversion\s*=\s*)?[\"']v?$",
    re.I,
)
LISTS = frozenset(["pyproject.toml", "Pipfile", "package.json", "Cargo.toml", "environment.yml"])
ADDRESS = re.compile(r"://$|\b(?:host|address|bind|ip)\w*" + KEY, re.I)
MENTIONS = 5


@dataclass(frozen=True, slots=True)
class ListedPlace:
    """One entry of [tool.bumpversion] files: a file, and what is looked for in it.

    `path` is relative, with forward slashes. `expected` is how many matches there must be: of this
    entry, or of all of the file's entries `together`. `key_path` is the TOML key whose value alone
    is searched. `parse` names the parts of a version, `serialize` makes `{current_version}` and
    `{new_version}` of them where it is set. `line` is the entry's in pyproject.toml.
    """

    path: str
    search: str = SEARCH
    replace: str = REPLACE
    regex: bool = False
    expected: int = 1
    ignore_missing_file: bool = False
    ignore_missing_version: bool = False
    together: bool = False
    key_path: str | None = None
    parse: str = PARSE
    serialize: str | None = None
    line: int | None = None

    @property
    def origin(self) -> str:
        """Where the entry stands, for messages."""
        place = f"{CONFIGURATION}:{self.line}" if self.line else CONFIGURATION
        return f"[tool.bumpversion] ({place})"


class _Piece(NamedTuple):
    """A stretch of a template: literal text, and the field that follows it, if any."""

    text: str
    field: str | None
    form: str


class _Span(NamedTuple):
    start: int
    end: int


class _Match(NamedTuple):
    """Where a search matches, and what a match becomes."""

    start: int
    end: int
    new: str


class _Statement(NamedTuple):
    """A value that the document's own syntax has: how it is located, read, and what it becomes."""

    label: str
    line: int | None
    value: str
    wanted: str
    read: Callable[[str], str | None]
    locate: Callable[[str], tuple[int, int] | None]


@dataclass(frozen=True, slots=True)
class _Change:
    """From which version to which one, the spellings of the former, and the day."""

    previous: str
    version: str
    spellings: tuple[str, ...]
    today: date | None = None


def listed_places(
    table: Mapping[str, Any],
    tracked: Sequence[str],
    matches: Mapping[str, int],
    source: str = "",
    part: str | None = None,
) -> tuple[ListedPlace, ...]:
    """The places that `table`, [tool.bumpversion], lists, and its own `current_version`.

    `tracked` are the repository's files, for globs; `matches` is tool.release.bump.matches, how
    often the version stands in a listed file (once an entry unless given); `source` the text of
    pyproject.toml, to name lines; `part` the part of the version that is raised: entries whose
    include_bumps or exclude_bumps leave it out are left out.

    Raises ConfigurationError with every problem: malformed entries, paths that lead out of the
    repository, globs that match nothing, searches that cannot be understood, and what is not
    supported (extended globs, fields of the environment or of version control, a choice of several
    serialize formats).
    """
    problems = [
        Problem(
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
        if _applies(entry, part):
            places += found
    counts = {_normal(path): count for path, count in matches.items()}
    problems += [
        Problem(
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
            problems.append(_malformed("current_version must be text", line))
    if problems:
        raise ConfigurationError(*problems)
    return tuple(
        place
        if place.path not in counts or place.key_path is not None
        else dataclasses.replace(place, expected=counts[place.path], together=True)
        for place in places
    )


def edit_places(
    text: str,
    path: str,
    places: Sequence[ListedPlace],
    known: Sequence[VersionPlace],
    previous: str,
    version: str,
    *,
    today: date | None = None,
) -> tuple[str, tuple[Replacement, ...]]:
    """The text of the file `path` with every place changed, and by which replacements.

    `places` are the listed places of this path and `known` those that the project reader found in
    it; the latter are edited whether or not they are listed, and however PEP 440 lets them spell
    `previous`. `today` is what {now} and {utcnow} stand for. The replacements are made one after
    the other, on the text as edits.plain has it; none may find what an earlier one wrote.

    Raises ConfigurationError, naming path and lines, when a place does not hold the version as
    often as expected, when edits contradict each other, when a known place cannot be edited
    without changing anything else, or when a search or replacement cannot be rendered.
    """
    body = edits.plain(text)
    same = [place.value for place in known if _equal(place.value, previous)]
    normal = parse(previous)
    spellings = dict.fromkeys((previous, *same, str(normal) if normal else previous))
    change = _Change(previous, version, tuple(spellings), today)

    problems: list[Problem] = []
    statements: list[_Statement] = []
    items: list[VersionPlace | ListedPlace] = [
        *known,
        *(place for place in places if place.key_path is not None),
    ]
    for item in items:
        try:
            statement = _statement(body, path, item, change)
        except ConfigurationError as error:
            problems += error.problems
        else:
            statements += [statement] if statement else []
    work = _Work(path, body, change, statements)
    problems += work.search([place for place in places if place.key_path is None])
    if not problems:
        problems += [problem for statement in statements for problem in work.state(statement)]
    problems = problems or [
        Problem(
            f"{statement.label} would not become {statement.wanted}",
            path,
            statement.line,
            "narrow the searches of [tool.bumpversion] for this file",
        )
        for statement in statements
        if _read(statement, work.text) != statement.wanted
    ]
    if problems:
        raise ConfigurationError(*problems)
    try:
        return edits.restored(text, work.text), tuple(work.done)
    except edits.MixedLineEnds:
        raise ConfigurationError(
            Problem(
                "has line ends of two kinds where lines would come or go",
                path,
                remedy="give all of its lines one kind: git add --renormalize, or your editor",
            )
        ) from None


def other_mentions(
    lines: Iterable[tuple[str, int, str]],
    previous: str,
    edited: Collection[tuple[str, int]],
    *,
    name: str = "",
    skipped: Collection[str] = (),
) -> list[Finding]:
    """Findings for lines (path, line, text) that hold the version `previous` and are not `edited`.

    Left out are what only looks like it (a pin of something else, cff-version and other versions of
    other things, an IP address, a date), changelogs and the paths in `skipped`, and lock files but
    for lines that name the project, `name`. At most five findings a file.
    """
    wanted = re.compile(BEFORE_VERSION + re.escape(previous) + AFTER_VERSION)
    spelled = "[-_.]+".join(map(re.escape, re.split("[-_.]+", name)))
    own = re.compile(rf"(?<![\w-]){spelled}(?![\w-])", re.I) if name else None
    numbers = re.fullmatch(r"\d+(\.\d+)*", previous) and previous.count(".") + 1
    dated = re.match(r"(19|20)\d\d\.\d", previous)
    done = set(edited)
    found: dict[str, list[int]] = {}
    for path, number, text in lines:
        if (path, number) in done or path in skipped or _is_history(path):
            continue
        file = PurePosixPath(path).name
        for match in islice(wanted.finditer(text), 100):
            before = text[max(0, match.start() - 200) : match.start()]
            after = text[match.end() : match.end() + 2]
            owned = own is not None and own.search(before) is not None
            if LOCKS.fullmatch(file) and not owned:
                continue
            pinned = PIN.search(before) and not STATED.search(before)
            depends = file in LISTS and DEPENDENCY.search(before)
            if OTHER_KEY.search(before) or ((pinned or depends) and not owned):
                continue
            if numbers == 4 and (ADDRESS.search(before) or re.match(r"[:/]\d", after)):
                continue
            if numbers in {1, 2} and not (owned or re.search(r"version|\bv$", before, re.I)):
                continue
            if dated and not owned and re.search(r"\b(dated?|released?|day)\b", before, re.I):
                continue
            found.setdefault(path, []).append(number)
            break
    findings = []
    for path, numbers_found in found.items():
        for position, number in enumerate(numbers_found[:MENTIONS], 1):
            more = len(numbers_found) - MENTIONS if position == MENTIONS else 0
            findings.append(
                Finding(
                    f"holds {previous} and is not listed in [tool.bumpversion]"
                    + (f"; {more} more of its lines do" if more > 0 else ""),
                    path,
                    number,
                    "add it to [[tool.bumpversion.files]] if it states the project's version",
                )
            )
    return findings


# The table


def _entry_places(
    entry: Any, table: Mapping[str, Any], tracked: Sequence[str], line: int | None
) -> list[ListedPlace]:
    if not isinstance(entry, Mapping):
        raise ConfigurationError(
            _malformed(
                "each entry of files must be a table", line, "write [[tool.bumpversion.files]]"
            )
        )
    problems = [
        _malformed(f"{key} must be {'text' if kind is str else 'true or false'}", line)
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
        _malformed(f"{key} must be a list of texts", line)
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
                    _malformed(f"key_path is for TOML files, and {path} is none", line)
                )
    return [dataclasses.replace(place, path=path) for path in paths]


def _applies(entry: Mapping[str, Any], part: str | None) -> bool:
    if part is None:
        return True
    return part in entry.get("include_bumps", [part]) and part not in entry.get("exclude_bumps", [])


def _serialize(entry: Mapping[str, Any], table: Mapping[str, Any], line: int | None) -> str | None:
    """The entry's own format of a version; None for the project's usual one."""
    given = entry.get("serialize")
    if given is None or given == table.get("serialize"):
        return None
    if isinstance(given, list) and len(given) == 1 and isinstance(given[0], str):
        return str(given[0])
    raise ConfigurationError(
        _malformed("an entry's serialize is supported with one format only", line, 'write ["..."]')
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
                raise ConfigurationError(_malformed(message, place.line, "list such files singly"))
        found = [
            path
            for path in tracked
            if any(_matches(path, glob, hidden=False) for glob in globs)
            and not any(_matches(path, glob, hidden=True) for glob in excluded)
        ]
        if not found and not place.ignore_missing_file:
            raise ConfigurationError(
                _malformed(f"glob {entry['glob']!r} matches no tracked file", place.line)
            )
        return found
    if not entry.get("filename"):
        raise ConfigurationError(
            _malformed("an entry of files has neither filename nor glob", place.line)
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
            _malformed(f"{value!r} is not a path inside the repository", line, "name a file in it")
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
        raise ConfigurationError(_malformed(message, line, "write a shorter expression"))
    try:
        parts = set(re.compile(place.parse, re.VERBOSE).groupindex)
    except re.error as error:
        message = f"parse {place.parse!r} is no regular expression: {error}"
        raise ConfigurationError(_malformed(message, line)) from None
    if not place.search:
        raise ConfigurationError(_malformed("search is empty", line, f"write {SEARCH!r}"))
    searched = {"current_version", "#", ";"} | {f"current_{part}" for part in parts}
    replaced = searched | {"new_version", "now", "utcnow"} | {f"new_{part}" for part in parts}
    for label, template, valid in (
        ("search", place.search, searched),
        ("replace", place.replace, replaced),
        ("serialize", place.serialize or "", parts),
    ):
        for piece in _pieces(template, label, line):
            if piece.field is not None and piece.field not in valid:
                message = f"{label} {template!r}: the field {{{piece.field}}} is not supported"
                known = ", ".join(sorted(valid - {"#", ";"}))
                raise ConfigurationError(
                    _malformed(message, line, f"known are {known}; a brace is written twice")
                )
            dated = piece.field in {"now", "utcnow"}
            if not DATE_FORMAT.fullmatch(piece.form) if dated else piece.form:
                message = f"{label} {template!r}: the format of {{{piece.field}}} is not supported"
                raise ConfigurationError(_malformed(message, line, "write {now:%Y-%m-%d}"))
    if place.key_path is not None and not _has_version(place):
        message = f"search {place.search!r} does not look for the version at {place.key_path}"
        raise ConfigurationError(_malformed(message, line, f"write {SEARCH}"))
    if place.regex:
        if len(place.search) > MAX_REGEX:
            message = f"search is longer than {MAX_REGEX} characters"
            raise ConfigurationError(_malformed(message, line, "write a shorter expression"))
        _pattern(place, _Change("0.0.0", "0.0.0", ("0.0.0",)), probe=True)
    elif not given and _pieces(place.search, "search", line) != _pieces(SEARCH, "search", line):
        message = f"search {place.search!r} has no replace, and all of it would be replaced"
        remedy = f"add replace = {place.search.replace('{current_', '{new_')!r}"
        raise ConfigurationError(_malformed(message, line, remedy))


def _malformed(message: str, line: int | None, remedy: str = "") -> Problem:
    return Problem(f"[tool.bumpversion]: {message}", CONFIGURATION, line, remedy)


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


# Searches and replacements


@cache
def _pieces(template: str, label: str, line: int | None) -> tuple[_Piece, ...]:
    """The literal texts and fields of a template, as str.format reads them."""
    try:
        parsed = list(string.Formatter().parse(template))
    except ValueError as error:
        message = f"{label} {template!r} cannot be read: {error}"
        raise ConfigurationError(
            _malformed(message, line, "write a brace that is meant twice: {{ or }}")
        ) from None
    pieces: list[_Piece] = []
    text = ""
    for literal, field, form, conversion in parsed:
        text += literal
        if field is not None:
            name = f"{field}!{conversion}" if conversion else field
            pieces.append(_Piece(text, name, form or ""))
            text = ""
    return (*pieces, _Piece(text, None, "")) if text else tuple(pieces)


def _has_version(place: ListedPlace) -> bool:
    pieces = _pieces(place.search, "search", place.line)
    return any((piece.field or "").startswith("current_") for piece in pieces)


def _value(piece: _Piece, place: ListedPlace, change: _Change, previous: str) -> str:
    """What a field of a search or replacement stands for; "" for none."""
    field = piece.field or ""
    if field in {"now", "utcnow"}:
        if change.today is None:
            message = f"{{{field}}} in {place.replace!r} is not supported here"
            raise ConfigurationError(_malformed(message, place.line))
        return change.today.strftime(piece.form)
    which, _, part = field.partition("_")
    if not part:
        return field
    version = previous if which == "current" else change.version
    if part == "version":
        if place.serialize is None:
            return version
        pieces = _pieces(place.serialize, "serialize", place.line)
        return "".join(p.text + (_part(place, version, p.field) if p.field else "") for p in pieces)
    return _part(place, version, part)


def _rendered(pieces: Sequence[_Piece], place: ListedPlace, change: _Change) -> str:
    return "".join(
        piece.text + (_value(piece, place, change, change.previous) if piece.field else "")
        for piece in pieces
    )


def _part(place: ListedPlace, version: str, part: str) -> str:
    try:
        value = parts(place.parse, version).get(part)
    except patterns.Unusable as error:
        message = f"parse {place.parse!r} cannot be used: {error}"
        raise ConfigurationError(_malformed(message, place.line, "write a simpler one")) from None
    if not value:
        message = f"{version} has no part {part!r} by parse {place.parse!r}"
        raise ConfigurationError(_malformed(message, place.line, "correct parse or serialize"))
    return value


def _pattern(place: ListedPlace, change: _Change, *, probe: bool = False) -> re.Pattern[str]:
    """The search as a regular expression.

    A regular expression of the project's own keeps the numbers of its groups. With `probe` parts
    of versions are not needed.
    """
    pieces = _pieces(place.search, "search", place.line)
    texts = []
    for piece in pieces:
        texts.append(piece.text if place.regex else re.escape(piece.text))
        if piece.field is None:
            continue
        if probe:
            values = ["0"]
        elif piece.field == "current_version":
            values = [_value(piece, place, change, spelling) for spelling in change.spellings]
        else:
            values = [_value(piece, place, change, change.previous)]
        values = sorted(set(values), key=lambda value: (-len(value), value))
        choice = "|".join(map(re.escape, values))
        if place.regex and piece.field.startswith("current_"):
            texts.append(rf"(?<!\d)(?<!\d\.)(?:{choice})(?!\d)")
        else:
            texts.append(f"(?:{choice})")
    flags, pattern = "", "".join(texts)
    if place.regex:
        flags = match[0] if (match := re.match(r"\(\?[aiLmsux]+\)", pattern)) else ""
        pattern = f"(?:{pattern[len(flags) :]})"
    whole = flags + _before(pieces[0], place.regex) + pattern + _after(pieces[-1], place.regex)
    try:
        return re.compile(whole, re.MULTILINE | re.DOTALL)
    except (re.error, RecursionError, OverflowError) as error:
        message = f"search {place.search!r} is no regular expression: {error}"
        raise ConfigurationError(_malformed(message, place.line, "mend it")) from None


def _before(piece: _Piece, regex: bool) -> str:
    if not piece.text:
        return BEFORE_VERSION if (piece.field or "").startswith("current_") else ""
    if regex and re.match(r"\w[?*{|]", piece.text):
        return ""
    return BEFORE_WORD if re.match(r"\w", piece.text) else ""


def _after(piece: _Piece, regex: bool) -> str:
    if piece.field is not None:
        return AFTER_VERSION if piece.field.startswith("current_") else ""
    return r"(?!\w)" if not regex and re.search(r"\w\Z", piece.text) else ""


class _Work:
    """A file's plain text while its places are changed, and the replacements that were made."""

    def __init__(
        self, path: str, text: str, change: _Change, statements: Sequence[_Statement]
    ) -> None:
        self.path = path
        self.text = text
        self.change = change
        self.statements = statements
        self.done: list[Replacement] = []
        self.written: list[_Span] = []

    def search(self, places: Sequence[ListedPlace]) -> list[Problem]:
        """Change what is searched for; every place whose number of matches is not as expected."""
        problems: list[Problem] = []
        together: list[tuple[ListedPlace, list[_Match]]] = []
        before = self.text
        for place in places:
            try:
                _check_search(place, self.path, len(self.text), self.change)
                matches = self.matches(place)
                if not matches and not place.ignore_missing_version:
                    changed = bool(self.written and _found(place, before, self.change))
                    problems.append(_missing(place, self.path, before, self.change, changed))
            except ConfigurationError as error:
                problems += error.problems
                continue
            if not matches:
                continue
            if place.together:
                together.append((place, matches))
            elif len(matches) != place.expected and not self.is_sure(place, matches):
                lines = self.lines(matches)
                problems.append(_miscounted([place], self.path, lines, len(matches), self.change))
                continue
            problems += self.replace(place, matches)
        count = sum(len(matches) for _, matches in together)
        if together and count != together[0][0].expected:
            lines = sorted(line for _, matches in together for line in self.lines(matches))
            counted = [place for place, _ in together]
            problems.append(_miscounted(counted, self.path, lines, count, self.change))
        return problems

    def matches(self, place: ListedPlace) -> list[_Match]:
        found = _found(place, self.text, self.change)
        if self.path == CITATION and _has_version(place):
            stated = list(_citation_versions(self.text, self.path))
            found = [match for match in found if _touches(match, stated)]
        return found

    def is_sure(self, place: ListedPlace, matches: Sequence[_Match]) -> bool:
        """Whether every match is where the document's own syntax has the version."""
        if place.expected != 1:
            return False
        if self.path == CITATION:
            return True
        found = [statement.locate(self.text) for statement in self.statements]
        spans = [_Span(*span) for span in found if span is not None]
        return all(_touches(match, spans) for match in matches)

    def lines(self, matches: Sequence[_Match]) -> list[int]:
        return [self.text.count("\n", 0, match.start) + 1 for match in matches[:MOST_LINES]]

    def replace(self, place: ListedPlace, matches: Sequence[_Match]) -> list[Problem]:
        for match in matches:
            if _touches(match, self.written):
                line = self.text.count("\n", 0, match.start) + 1
                message = "two places overlap here"
                return [Problem(message, self.path, line, "narrow their searches")]
        if self.path == CITATION:
            for match in reversed(matches):
                self.done.append(_addressed(self.text, *match))
        else:
            pattern = _pattern(place, self.change)
            self.done.append(Replacement(pattern.pattern, _template(place, self.change)))
        self.splice(matches)
        return []

    def state(self, statement: _Statement) -> list[Problem]:
        """Change a value that no search has changed."""
        if _read(statement, self.text) != statement.value or statement.value == statement.wanted:
            return []
        span = statement.locate(self.text)
        if span is None:
            return [
                Problem(
                    f"{statement.label} cannot be changed alone: {statement.value!r} is not"
                    " written plainly",
                    self.path,
                    statement.line,
                    f'write it as one plain text, such as "{statement.value}"',
                )
            ]
        match = _Match(*span, statement.wanted)
        self.done.append(_addressed(self.text, *match))
        self.splice([match])
        return []

    def splice(self, matches: Sequence[_Match]) -> None:
        """Put in what the matches become, and keep where all that was written is now."""
        pieces, spans = [], []
        position = size = number = 0
        for match in (*matches, _Match(len(self.text), len(self.text), "")):
            shift = size - position
            while number < len(self.written) and self.written[number].end <= match.start:
                spans.append(_Span(*(edge + shift for edge in self.written[number])))
                number += 1
            pieces += [self.text[position : match.start], match.new]
            size += match.start - position + len(match.new)
            position = match.end
            spans.append(_Span(size - len(match.new), size))
        self.text, self.written = "".join(pieces), spans[:-1]


def _touches(match: _Match, spans: Sequence[_Span]) -> bool:
    """Whether a match shares text with one of the spans, which are in the order of the text."""
    number = bisect_left(spans, match.start + 1, key=lambda span: span.end)
    return number < len(spans) and spans[number].start < max(match.end, match.start + 1)


def _addressed(text: str, start: int, end: int, new: str) -> Replacement:
    """The replacement of one stretch of a text, which is named by its line and column."""
    line = text.count("\n", 0, start)
    column = start - (text.rfind("\n", 0, start) + 1)
    place = rf"\A((?:[^\n]*\n){{{line}}}[^\n]{{{column}}})"
    return Replacement(place + re.escape(text[start:end]), r"\g<1>" + new.replace("\\", r"\\"))


def _found(place: ListedPlace, text: str, change: _Change) -> list[_Match]:
    """The matches of a listed place, and what each becomes."""
    pattern, template = _pattern(place, change), _template(place, change)
    if not place.regex:
        return [_Match(*match.span(), match.expand(template)) for match in pattern.finditer(text)]
    try:
        found = patterns.find(pattern.pattern, text, pattern.flags, template)
    except patterns.TooSlow as error:
        message = f"search {place.search!r} cannot be used: {error}"
        raise ConfigurationError(_malformed(message, place.line, "write a simpler one")) from None
    except patterns.Unusable as error:
        raise _unusable(place, error) from None
    return [_Match(match.start, match.end, match.replacement) for match in found]


def _template(place: ListedPlace, change: _Change) -> str:
    """What a match becomes, as re.sub reads it: bump-my-version gives it to that.

    What a plain search and its replacement have in common is meant as it stands.
    """
    written = _pieces(place.replace, "replace", place.line)
    rendered = _rendered(written, place, change)
    if place.regex:
        return rendered
    wanted = _pieces(place.search, "search", place.line)
    if written == tuple(
        piece._replace(field=(piece.field or "").replace("current_", "new_", 1) or None)
        for piece in wanted
    ):
        return rendered.replace("\\", r"\\")
    empty = re.match("", "")
    assert empty is not None
    try:
        empty.expand(rendered)
    except (re.error, IndexError) as error:
        raise _unusable(place, error) from None
    return rendered


def _unusable(place: ListedPlace, error: Exception) -> ConfigurationError:
    return ConfigurationError(
        _malformed(
            f"replace {place.replace!r} cannot be used: {error}",
            place.line,
            r"write a backslash twice, and a group before a version as \g<1>",
        )
    )


def _check_search(place: ListedPlace, path: str, size: int, change: _Change) -> None:
    if place.regex and size > MAX_SEARCHED:
        raise ConfigurationError(
            Problem(
                f"is too large ({size} characters) for a regular expression",
                path,
                remedy=f"use a plain search in {place.origin}",
            )
        )
    whole = BEFORE_VERSION + re.escape(change.previous) + AFTER_VERSION
    if not _has_version(place) and re.search(whole, place.search):
        message = f"search {place.search!r} holds {change.previous} and would fail the next time"
        raise ConfigurationError(_malformed(message, place.line, f"write {SEARCH} for it"))


def _shown(place: ListedPlace, change: _Change) -> str:
    return repr(_rendered(_pieces(place.search, "search", place.line), place, change))


def _missing(place: ListedPlace, path: str, text: str, change: _Change, changed: bool) -> Problem:
    shown = _shown(place, change)
    if changed:
        return Problem(
            f"every {shown} is changed by another entry already",
            path,
            remedy=f"take one of the entries out of {place.origin}",
        )
    message, line = f"{shown} is nowhere in it", None
    searched = _rendered(_pieces(place.search, "search", place.line), place, change)
    position = -1 if place.regex else text.find(searched)
    if position >= 0:
        line = text.count("\n", 0, position) + 1
        message = f"{shown} is in it only as a part of something longer"
    if path == CITATION:
        message = f"{shown} is not where it states the project's version"
    return Problem(
        message, path, line, f"correct the file, or the entry's search in {place.origin}"
    )


def _miscounted(
    places: Sequence[ListedPlace], path: str, lines: Sequence[int], count: int, change: _Change
) -> Problem:
    expected = places[0].expected
    shown = " or ".join(dict.fromkeys(_shown(place, change) for place in places))
    some = ", ".join(map(str, lines[:MOST_LINES])) + (", …" if count > MOST_LINES else "")
    return Problem(
        f"{shown} is in it {_times(count)}, not {_times(expected)}:"
        f" line{'s' if count > 1 else ''} {some}",
        path,
        lines[0],
        f"narrow the search in {places[0].origin}, or, if all of them are the project's version,"
        f' set "{path}" = {count} in [tool.release.bump.matches]',
    )


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _citation_versions(body: str, path: str) -> Iterator[_Span]:
    """Where CITATION.cff states the version: at its top level, and of the preferred citation."""
    from yaml import MappingNode, ScalarNode

    from release.text import yaml

    try:
        node = yaml.compose(body)
    except yaml.Malformed as error:
        raise ConfigurationError(
            Problem(str(error), path, error.line, "correct it there")
        ) from None
    waiting = [(node, True)]
    while waiting:
        node, top = waiting.pop()
        if isinstance(node, MappingNode):
            for key, value in node.value:
                if key.value == "version" and isinstance(value, ScalarNode):
                    yield _Span(value.start_mark.index, value.end_mark.index)
                elif key.value == "preferred-citation" and top:
                    waiting.append((value, False))


# Values that the syntax of a file has


def _statement(
    body: str, path: str, item: VersionPlace | ListedPlace, change: _Change
) -> _Statement | None:
    """The value that a known place or a key_path names; None when it is missing and may be.

    Raises ConfigurationError when it is not the previous version.
    """
    if isinstance(item, ListedPlace):
        key = item.key_path or ""
        keys = tuple(key.split("."))
        read = _toml_reader(path, keys)
        value = read(body)
        if value is None:
            if item.ignore_missing_version or item.ignore_missing_file:
                return None
            raise ConfigurationError(
                Problem(f"has no text at {key}", path, None, f"correct {item.origin}")
            )
        wanted = _searched_value(item, path, value, change)
        if wanted is None:
            return None
        label, line = key, toml.line_of(body, keys)
    else:
        label, line, value = item.label, item.line, item.value
        read = _reader(path, item)
        wanted = change.version
        if not _equal(value, change.previous) or read(body) != value:
            raise ConfigurationError(
                Problem(
                    f"{label} is {read(body) or value}, not {change.previous}",
                    path,
                    line,
                    f"make it {change.previous}",
                )
            )

    def locate(text: str) -> tuple[int, int] | None:
        if isinstance(item, VersionPlace) and path.endswith(".py"):
            return _python_span(text, path, item)
        return _probed_span(text, path, value, line, read)

    return _Statement(label, line, value, wanted, read, locate)


def _searched_value(place: ListedPlace, path: str, value: str, change: _Change) -> str | None:
    """A key's value with the search of its entry applied to it; None if it may be missing."""
    if _equal(value, change.previous):
        spellings = tuple(dict.fromkeys((*change.spellings, value)))
        change = _Change(change.previous, change.version, spellings, change.today)
    work = _Work(path, value, change, ())
    work.splice(_found(place, value, change))
    if work.written:
        return work.text
    if place.ignore_missing_version:
        return None
    raise ConfigurationError(
        Problem(
            f"{place.key_path} is {value!r}, without {_shown(place, change)}",
            path,
            place.line if path == CONFIGURATION else None,
            f"make it {change.previous}",
        )
    )


def _reader(path: str, place: VersionPlace) -> Callable[[str], str | None]:
    """A function that reads a known place's value out of a text."""
    section = re.fullmatch(r"\[([\w.-]+)\] ([\w-]+)", place.label)
    if path.endswith(".toml") and section:
        return _toml_reader(path, (*section[1].split("."), section[2]))
    if path.endswith(".py"):
        return lambda text: next((value for _, value in _python_literals(text, path, place)), None)
    if section:
        return lambda text: _ini(text, path).get(section[1], {}).get(section[2])
    return lambda text: text.strip()


def _toml_reader(path: str, keys: tuple[str, ...]) -> Callable[[str], str | None]:
    def read(text: str) -> str | None:
        value: Any = _toml(text, path)
        for key in keys:
            value = as_table(value).get(key)
        return value if isinstance(value, str) else None

    return read


def _read(statement: _Statement, text: str) -> str | None:
    try:
        return statement.read(text)
    except ConfigurationError:
        return None


def _toml(text: str, path: str) -> dict[str, Any]:
    try:
        # Numbers are kept as they are written: 1.0 is not 1.00, and nan would not equal itself.
        return toml.loads(text, parse_float=lambda number: ("float", number))
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"at line (\d+)", str(error))
        line = int(place[1]) if place else None
        raise ConfigurationError(Problem(f"is not valid TOML: {error}", path, line)) from None


def _ini(text: str, path: str) -> dict[str, dict[str, str]]:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error as error:
        message = f"is not a valid ini file: {str(error).splitlines()[0]}"
        raise ConfigurationError(Problem(message, path, getattr(error, "lineno", None))) from None
    return {section: dict(parser[section]) for section in parser.sections()}


def _probed_span(
    body: str, path: str, value: str, line: int | None, read: Callable[[str], str | None]
) -> tuple[int, int] | None:
    """Where a value stands in a text: the one spot whose change changes this value alone.

    Spots are tried from the line on which the value is said to be. A change is read back, and all
    else must parse to what it was.
    """
    if path.endswith(".toml"):
        parsed: Callable[[str, str], Any] = _toml
    elif path.endswith(".cfg"):
        parsed = _ini
    else:
        return _only_span(body, value)
    before = parsed(body, path)
    probe = value + "0"
    starts = [match.start() for match in re.finditer(re.escape(value), body)]
    ends = [0, *(match.end() for match in re.finditer("\n", body))]
    near = ends[min(line or 1, len(ends)) - 1]
    starts.sort(key=lambda start: (start < near, abs(start - near)))
    for start in starts[:MAX_CANDIDATES]:
        end = start + len(value)
        changed = body[:start] + probe + body[end:]
        try:
            if read(changed) == probe and _differences(before, parsed(changed, path)) == 1:
                return start, end
        except ConfigurationError:
            continue
    return None


def _only_span(body: str, value: str) -> tuple[int, int] | None:
    if body.strip() != value:
        return None
    start = body.index(value)
    return start, start + len(value)


def _differences(one: Any, two: Any) -> int:
    """How many values differ in two parsed documents (1,000 for those of another shape)."""
    if isinstance(one, dict) and isinstance(two, dict):
        if one.keys() != two.keys():
            return 1_000
        return sum(_differences(one[key], two[key]) for key in one)
    if isinstance(one, list) and isinstance(two, list):
        if len(one) != len(two):
            return 1_000
        return sum(map(_differences, one, two))
    return 0 if type(one) is type(two) and one == two else 1


def _python_literals(text: str, path: str, place: VersionPlace) -> list[tuple[ast.Constant, str]]:
    """The text literals that a module assigns to a name, or passes to setup() as its version."""
    try:
        tree = python.parse(text)
    except SyntaxError as error:
        line = getattr(error, "lineno", None)
        raise ConfigurationError(Problem("is not valid Python", path, line)) from None
    found: list[ast.expr | None] = []
    if place.label == "setup(version=...)":
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if name == "setup":
                    found += [word.value for word in node.keywords if word.arg == "version"]
    else:
        for statement in tree.body:
            targets: list[ast.expr] = []
            if isinstance(statement, ast.Assign):
                targets = statement.targets
            elif isinstance(statement, ast.AnnAssign):
                targets = [statement.target]
            names = {target.id for target in targets if isinstance(target, ast.Name)}
            if place.label in names:
                found.append(getattr(statement, "value", None))
    return [
        (node, node.value)
        for node in found
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def _python_span(body: str, path: str, place: VersionPlace) -> tuple[int, int] | None:
    """Where the value of a Python literal stands, if its literal holds it plainly and once."""
    literals = _python_literals(body, path, place)
    if not literals:
        return None
    node, _ = literals[0]
    starts = [0, *(match.end() for match in edits.LINE_END.finditer(body))]
    spots = []
    for line, column in (
        (node.lineno, node.col_offset),
        (node.end_lineno or node.lineno, node.end_col_offset or 0),
    ):
        rest = io.StringIO(body[starts[line - 1] :], newline="").readline()
        spots.append(starts[line - 1] + len(rest.encode()[:column].decode()))
    literal = body[spots[0] : spots[1]]
    if literal.count(place.value) != 1:
        return None
    start = spots[0] + literal.index(place.value)
    return start, start + len(place.value)


def _equal(one: str, two: str) -> bool:
    """Whether two texts are the same version by PEP 440, or the same text."""
    parsed = parse(one)
    return one == two or (parsed is not None and parsed == parse(two))


def _is_history(path: str) -> bool:
    return any(HISTORIES.fullmatch(part) for part in PurePosixPath(path).parts)
