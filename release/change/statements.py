"""Where the syntax of a file has the version: a key of TOML, JSON or ini, a literal of Python."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from release.change.searches import ListedPlace
from release.errors import ConfigurationError
from release.project import VersionPlace, as_table, tuple_of
from release.text import ini, python, toml
from release.text.versions import as_cargo, parse

MAX_CANDIDATES = 64


class Statement(NamedTuple):
    """A value that the document's own syntax has, what it becomes, and how that is written."""

    place: VersionPlace
    wanted: str
    written: str


def statement_of(body: str, place: VersionPlace, previous: str, version: str) -> Statement:
    """The value that a place names in a text.

    Raises ConfigurationError when it is not the previous version.
    """
    new, old = parse(version), parse(previous)
    semantic = place.path.endswith(("Cargo.toml", "package.json"))
    wanted = written = as_cargo(version) if semantic else version
    if place.numbers and new is not None:
        wanted = place.spelled(new)
        written = f"({wanted.replace('.', ', ')})"
    same = place.holds(old) if old and place.numbers else is_same(place.value, previous)
    found = read(body, place)
    if not same or found != place.value:
        raise ConfigurationError.of(
            f"{place.label} is {found or place.value}, not {previous}",
            place.path,
            place.line,
            f"make it {previous}",
        )
    return Statement(place, wanted, written)


def keyed(body: str, listed: ListedPlace) -> VersionPlace | None:
    """The place that a key_path names; None when it is missing and may be."""
    key = listed.key_path or ""
    line = toml.line_of(body, tuple(key.split(".")))
    value = read(body, VersionPlace(listed.path, line, "", key))
    if value is not None:
        return VersionPlace(listed.path, line, value, key)
    if listed.may_lack_version or listed.may_lack_file:
        return None
    raise ConfigurationError.of(
        f"has no string at {key}", listed.path, None, f"correct {listed.origin}"
    )


def is_same(one: str, two: str) -> bool:
    """Whether two texts are the same version by PEP 440, or the same text."""
    parsed = parse(one)
    return one == two or (parsed is not None and parsed == parse(two))


def reads(text: str, place: VersionPlace) -> str | None:
    """As `read`; None for a text that is broken."""
    try:
        return read(text, place)
    except ConfigurationError:
        return None


def read(text: str, place: VersionPlace) -> str | None:
    """What a text of a place's file has there. Raises ConfigurationError for one that is broken."""
    path, label = place.path, place.label
    if path.endswith(".toml"):
        return _valued(toml.read(text, path), re.sub(r"^\[(.*)\] ", r"\1.", label))
    if path.endswith(".py"):
        return _said(_python_value(text, place))
    if path.endswith(".json"):
        return _valued(_json(text, path), label)
    if section := re.fullmatch(r"\[([\w.-]+)\] ([\w-]+)", label):
        return ini.loads(text, path).get(section[1], {}).get(section[2])
    return text.strip()


def _valued(data: Mapping[str, Any], key: str) -> str | None:
    *tables, last = key.split(".")
    value = toml.table_at(data, *tables).get(last)
    return value if isinstance(value, str) else None


def span_of(body: str, place: VersionPlace) -> tuple[int, int] | None:
    """Where a place's value is written in a text; None where it is not, or not plainly.

    It is the spot whose change is read back as a change of the value. Spots are tried from the line
    on which the value is said to be.
    """
    value = place.value
    if reads(body, place) != value:
        return None
    if place.numbers:
        node = _python_value(body, place)
        assert node is not None
        begin = python.offset(body, node.lineno, node.col_offset)
        return begin, python.offset(body, node.end_lineno or 1, node.end_col_offset or 0)
    starts = [match.start() for match in re.finditer(re.escape(value), body)]
    lines = [0, *(match.end() for match in re.finditer("\n", body))]
    near = lines[min(place.line or 1, len(lines)) - 1]
    starts.sort(key=lambda start: (start < near, abs(start - near)))
    for start in starts[:MAX_CANDIDATES]:
        end = start + len(value)
        if reads(f"{body[:end]}0{body[end:]}", place) == f"{value}0":
            return start, end
    return None


def _json(text: str, path: str) -> Mapping[str, Any]:
    try:
        return as_table(json.loads(text))
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        raise ConfigurationError.of("is not valid JSON", path, line) from None


def _python_value(text: str, place: VersionPlace) -> ast.expr | None:
    """The literal that a module assigns to a name, or passes to setup() as its version."""
    try:
        tree = python.parse(text)
    except SyntaxError as error:
        line = getattr(error, "lineno", None)
        raise ConfigurationError.of("is not valid Python", place.path, line) from None
    if place.label == "setup(version=...)":
        found: list[ast.expr | None] = [*python.passed_to_setup(tree, "version")]
    else:
        found = [v for names, v in python.assignments(tree) if place.label in names]
    kind = ast.Tuple if place.numbers else ast.Constant
    return next((v for v in found if isinstance(v, kind) and _said(v) is not None), None)


def _said(value: ast.expr | None) -> str | None:
    """The version that a literal of Python is: a text, or a tuple with dots between its numbers."""
    if isinstance(value, ast.Constant):
        return value.value if isinstance(value.value, str) else None
    numbers = () if value is None else tuple_of(value)
    return ".".join(map(str, numbers)) or None
