"""Values that the syntax of a file has: a key of TOML or an ini file, a literal of Python."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from release.change.searches import (
    CONFIGURATION,
    Change,
    ListedPlace,
    matches_of,
    search_shown,
    spliced,
)
from release.errors import ConfigurationError
from release.project import VersionPlace, as_table, tuple_of
from release.text import ini, python, toml
from release.text.versions import parse

MAX_CANDIDATES = 64


class Statement(NamedTuple):
    """A value that the document's own syntax has: how it is located, read, and what it becomes.

    `written` is how that is written, where it is no plain text.
    """

    label: str
    line: int | None
    value: str
    wanted: str
    read: Callable[[str], str | None]
    locate: Callable[[str], tuple[int, int] | None]
    written: str | None = None


def statement_of(
    body: str, path: str, item: VersionPlace | ListedPlace, change: Change
) -> Statement | None:
    """The value that a known place or a key_path names; None when it is missing and may be.

    Raises ConfigurationError when it is not the previous version.
    """
    if isinstance(item, VersionPlace) and item.numbers:
        return _tuple_statement(path, item, change)
    if isinstance(item, ListedPlace):
        key = item.key_path or ""
        keys = tuple(key.split("."))
        read = _toml_reader(path, keys)
        value = read(body)
        if value is None:
            if item.ignore_missing_version or item.ignore_missing_file:
                return None
            raise ConfigurationError.of(
                f"has no string at {key}", path, None, f"correct {item.origin}"
            )
        wanted = _searched_value(item, path, value, change)
        if wanted is None:
            return None
        label, line = key, toml.line_of(body, keys)
    else:
        label, line, value = item.label, item.line, item.value
        read = _reader(path, item)
        wanted = change.version
        if not is_same(value, change.previous) or read(body) != value:
            raise ConfigurationError.of(
                f"{label} is {read(body) or value}, not {change.previous}",
                path,
                line,
                f"make it {change.previous}",
            )

    def locate(text: str) -> tuple[int, int] | None:
        if isinstance(item, VersionPlace) and path.endswith(".py"):
            return _python_span(text, path, item)
        return _probed_span(text, path, value, line, read)

    return Statement(label, line, value, wanted, read, locate)


def _tuple_statement(path: str, place: VersionPlace, change: Change) -> Statement:
    previous, version = parse(change.previous), parse(change.version)
    if previous is None or version is None or not place.holds(previous):
        raise ConfigurationError.of(
            f"{place.label} is {place.value}, not {change.previous}", path, place.line
        )

    def find(text: str) -> ast.expr | None:
        found = (v for names, v in python.assignments(_parsed(text, path)) if place.label in names)
        return next((value for value in found if value is not None and tuple_of(value)), None)

    def read(text: str) -> str | None:
        value = find(text)
        return None if value is None else ".".join(map(str, tuple_of(value)))

    def locate(text: str) -> tuple[int, int] | None:
        value = find(text)
        return None if value is None else _span_of(value, text)

    wanted = place.spelled(version)
    written = f"({wanted.replace('.', ', ')})"
    return Statement(place.label, place.line, place.value, wanted, read, locate, written)


def read_back(statement: Statement, text: str) -> str | None:
    try:
        return statement.read(text)
    except ConfigurationError:
        return None


def is_same(one: str, two: str) -> bool:
    """Whether two texts are the same version by PEP 440, or the same text."""
    parsed = parse(one)
    return one == two or (parsed is not None and parsed == parse(two))


def _searched_value(place: ListedPlace, path: str, value: str, change: Change) -> str | None:
    """A key's value with the search of its entry applied to it; None if it may be missing."""
    if is_same(value, change.previous):
        spellings = tuple(dict.fromkeys((*change.spellings, value)))
        change = Change(change.previous, change.version, spellings, change.today)
    matches = matches_of(place, value, change)
    if matches:
        return spliced(value, matches)
    if place.ignore_missing_version:
        return None
    raise ConfigurationError.of(
        f"{place.key_path} is {value!r}, without {search_shown(place, change)}",
        path,
        place.line if path == CONFIGURATION else None,
        f"make it {change.previous}",
    )


def _reader(path: str, place: VersionPlace) -> Callable[[str], str | None]:
    """A function that reads a known place's value out of a text."""
    section = re.fullmatch(r"\[([\w.-]+)\] ([\w-]+)", place.label)
    if path.endswith(".toml") and section:
        return _toml_reader(path, (*section[1].split("."), section[2]))
    if path.endswith(".py"):
        return lambda text: next((value for _, value in _python_literals(text, path, place)), None)
    if section:
        return lambda text: ini.loads(text, path).get(section[1], {}).get(section[2])
    return lambda text: text.strip()


def _toml_reader(path: str, keys: tuple[str, ...]) -> Callable[[str], str | None]:
    def read(text: str) -> str | None:
        value: Any = _toml(text, path)
        for key in keys:
            value = as_table(value).get(key)
        return value if isinstance(value, str) else None

    return read


def _toml(text: str, path: str) -> dict[str, Any]:
    # Numbers are kept as they are written: 1.0 is not 1.00, and nan would not equal itself.
    return toml.read(text, path, parse_float=lambda number: ("float", number))


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
        parsed = ini.loads
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


def _parsed(text: str, path: str) -> ast.Module:
    try:
        return python.parse(text)
    except SyntaxError as error:
        line = getattr(error, "lineno", None)
        raise ConfigurationError.of("is not valid Python", path, line) from None


def _python_literals(text: str, path: str, place: VersionPlace) -> list[tuple[ast.Constant, str]]:
    """The text literals that a module assigns to a name, or passes to setup() as its version."""
    tree = _parsed(text, path)
    found: list[ast.expr | None] = []
    if place.label == "setup(version=...)":
        found += python.passed_to_setup(tree, "version")
    else:
        found += [v for names, v in python.assignments(tree) if place.label in names]
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
    begin, end = _span_of(literals[0][0], body)
    literal = body[begin:end]
    if literal.count(place.value) != 1:
        return None
    start = begin + literal.index(place.value)
    return start, start + len(place.value)


def _span_of(node: ast.expr, body: str) -> tuple[int, int]:
    """Where an expression stands in a text."""
    begin = python.offset(body, node.lineno, node.col_offset)
    return begin, python.offset(body, node.end_lineno or node.lineno, node.end_col_offset or 0)
