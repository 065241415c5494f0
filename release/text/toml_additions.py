"""Adds to a TOML document what it lacks, and leaves the rest of it byte for byte."""

from __future__ import annotations

import io
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from release.text import edits, toml
from release.text.toml import Keys


class Unfit(ValueError):
    """A document that cannot say it by lines that are added, such as one of inline tables."""


@dataclass(slots=True)
class _Table:
    """A table: its header with the comments above it, and its statements by their keys."""

    keys: Keys
    header: str
    statements: dict[str, str] = field(default_factory=dict)


def completed(text: str, wanted: str) -> str:
    """`text` with what the document `wanted` says and `text` does not.

    What is there keeps its value. Keys that a table lacks stand below its header, tables that are
    not there at the end, each with the comments above it; an array of tables that is there is left
    alone. `wanted` has no dotted keys. Raises Unfit, and edits.MixedLineEnds.
    """
    body = edits.plain(text)
    have = toml.loads(body, str)
    missing = [table for table in _tables(wanted) if _reduce(table, have)]
    if not missing:
        return text
    lines = _lines(body if body.endswith("\n") or not body else f"{body}\n")
    places = ((keys, line) for line, text, keys in toml.statements(body) if _opens_table(text))
    headers = dict(places)
    for table in sorted(missing, key=lambda table: -headers.get(table.keys, 0)):
        said = "".join(table.statements.values())
        if table.keys in headers:
            lines.insert(headers[table.keys], said)
        else:
            lines += ["\n" if lines else "", table.header, said]
    after = "".join(lines)
    if _read(after) != _merged(have, toml.loads(wanted, str)):
        raise Unfit
    return edits.restored(text, after)


def _tables(source: str) -> Iterator[_Table]:
    """The tables of a document that have statements."""
    table, above, lines = _Table((), ""), 0, _lines(source)
    for line, text, keys in toml.statements(source):
        # What stands between two statements is a comment on the second one.
        comments = "".join(one for one in lines[above : line - 1] if one.strip())
        above = line - 1 + text.count("\n")
        if toml.is_header(text):
            if table.statements:
                yield table
            table = _Table(keys, comments + text)
        else:
            (key,) = toml.loads(text)
            table.statements[key] = comments + text
    if table.statements:
        yield table


def _opens_table(statement: str) -> bool:
    return toml.is_header(statement) and not statement.lstrip().startswith("[[")


def _reduce(table: _Table, have: Mapping[str, Any]) -> bool:
    """Take out of a table what a document has; whether anything is left."""
    data: Any = have
    for key in table.keys:
        data = data.get(key, {}) if isinstance(data, Mapping) else None
    there = data if isinstance(data, Mapping) else table.statements
    table.statements = {key: text for key, text in table.statements.items() if key not in there}
    return bool(table.statements)


def _merged(have: Any, wanted: Any) -> Any:
    if not isinstance(have, Mapping) or not isinstance(wanted, Mapping):
        return have
    added = {key: value for key, value in wanted.items() if key not in have}
    return {key: _merged(value, wanted.get(key)) for key, value in have.items()} | added


def _read(source: str) -> Any:
    try:
        return toml.loads(source, str)
    except tomllib.TOMLDecodeError:
        return None


def _lines(source: str) -> list[str]:
    return list(io.StringIO(source, newline="\n"))
