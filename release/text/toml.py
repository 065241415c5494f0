"""Reads TOML that others wrote, and tells on which line a key is defined."""

from __future__ import annotations

import io
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from release.errors import ConfigurationError

MAX_CHARACTERS = 5_000_000
MAX_DEPTH = 64
KEPT = 4

Keys = tuple[str, ...]


def loads(text: str, parse_float: Callable[[str], Any] = float) -> dict[str, Any]:
    """The document as the standard library reads it.

    Raises tomllib.TOMLDecodeError also for one that is nested more deeply than a reader's recursion
    can follow, or very large.
    """
    if len(text) > MAX_CHARACTERS:
        raise tomllib.TOMLDecodeError(f"it is larger than {MAX_CHARACTERS // 1_000_000} MB")
    try:
        data = tomllib.loads(text, parse_float=parse_float)
    except RecursionError:
        raise tomllib.TOMLDecodeError("it is nested too deeply") from None
    inside: list[Any] = [data]
    for _ in range(MAX_DEPTH):
        inside = [value for item in inside for value in _values(item)]
        if not inside:
            return data
    raise tomllib.TOMLDecodeError("it is nested too deeply")


def read(text: str, path: str, parse_float: Callable[[str], Any] = float) -> dict[str, Any]:
    """As `loads`; raises ConfigurationError, with the line, for the file `path`."""
    try:
        return loads(text, parse_float)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"at line (\d+)", str(error))
        line = int(place[1]) if place else text.count("\n") + 1
        message = re.sub(r" \(at .*\)$", "", str(error))
        remedy = "fix the syntax there"
        raise ConfigurationError.of(f"is not valid TOML: {message}", path, line, remedy) from None


def _values(item: Any) -> Iterator[Any]:
    for value in item.values() if isinstance(item, Mapping) else item:
        if isinstance(value, Mapping | list):
            yield value


def table_at(data: Any, *keys: str) -> Mapping[str, Any]:
    """The table that keys lead to within tables; an empty one where there is none."""
    for key in keys:
        data = data.get(key) if isinstance(data, Mapping) else None
    return data if isinstance(data, Mapping) else {}


def line_of(source: str, keys: Keys) -> int | None:
    """The line (from 1) on which a key of a TOML document is defined, or the one that holds it.

    `source` is a valid TOML document and `keys` a path into it, without the numbers of list items.
    None when the document holds no key of the path.
    """
    found = _definitions(source)
    while keys and keys not in found:
        keys = keys[:-1]
    return found.get(keys)


@lru_cache(KEPT)
def _definitions(source: str) -> Mapping[Keys, int]:
    """The line on which each key is first defined.

    The standard library's parser names no positions, so it is given one statement at a time.
    """
    found: dict[Keys, int] = {}
    for line, text, table in statements(source):
        if is_header(text):
            paths = [table[:end] for end in range(1, len(table) + 1)]
        else:
            paths = [table + path for path in _paths(loads(text), ())]
        for path in paths:
            found.setdefault(path, line)
    return found


def is_header(statement: str) -> bool:
    """Whether a statement opens a table, or one of an array."""
    return statement.lstrip().startswith("[")


def statements(source: str) -> Iterator[tuple[int, str, Keys]]:
    """Each statement of a valid document, with the line on which it starts and its table."""
    lines = list(io.StringIO(source, newline="\n"))
    table: Keys = ()
    start = 0
    while start < len(lines):
        end = _end(lines, start)
        if lines[start].strip() and not lines[start].lstrip().startswith("#"):
            text = "".join(lines[start:end])
            if is_header(text):
                *_, table = _paths(loads(text), ())
            yield start + 1, text, table
        start = end


def _end(lines: Sequence[str], start: int) -> int:
    """Where the statement ends that starts there: what is cut off earlier is not complete."""
    step = 1
    while start + step < len(lines) and not _is_complete(lines[start : start + step]):
        step *= 2
    low, high = start + step // 2, min(start + step, len(lines))
    while high - low > 1:
        middle = (low + high) // 2
        if _is_complete(lines[start:middle]):
            high = middle
        else:
            low = middle
    return high


def _is_complete(lines: Sequence[str]) -> bool:
    try:
        tomllib.loads("".join(lines))
    except tomllib.TOMLDecodeError as error:
        return "at end of document" not in str(error)
    return True


def _paths(data: Any, keys: Keys) -> Iterator[Keys]:
    """The paths of all keys, those of tables in lists included."""
    if isinstance(data, list):
        for item in data:
            yield from _paths(item, keys)
    elif isinstance(data, Mapping):
        for key, value in data.items():
            yield (*keys, key)
            yield from _paths(value, (*keys, key))
