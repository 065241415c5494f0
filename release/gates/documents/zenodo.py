""".zenodo.json: the places in it that a release edits, and whether Zenodo takes it.

What is demanded, by zenodo.schema.json, is what Zenodo's import of a GitHub release reads, the
metadata of its deposit interface, https://developers.zenodo.org/#representation.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from release.errors import ConfigurationError
from release.gates.documents.citation import judge_value, prefix
from release.model import Finding

if TYPE_CHECKING:
    from packaging.version import Version

BOM = "\ufeff"
VERSION = "version"
DATE = "publication_date"
# What is before the next key or value of a valid object.
BETWEEN = re.compile(r"\s*[{,:]\s*")
SCHEMA = Path(__file__).with_name("zenodo.schema.json")


@dataclass(frozen=True, slots=True)
class Member:
    """A member of the outermost object: its key and value, the value's span, and its line."""

    key: str
    value: Any
    start: int
    end: int
    line: int


def with_release(text: str, path: str, version: str, day: date) -> str:
    """The text with the version and the date of a release.

    Edited are `version` and `publication_date` of the outermost object, each only where it is
    there; a `v` before the version is kept. Raises ConfigurationError for what is not a JSON
    object, has a key twice, or has something else than text there.
    """
    places = [member for member in read(text, path) if member.key in (VERSION, DATE)]
    if problems := [
        Finding(f"{member.key} is not text", path, member.line, "write it in quotes")
        for member in places
        if not isinstance(member.value, str)
    ]:
        raise ConfigurationError(*problems)
    for member in reversed(places):
        new = day.isoformat() if member.key == DATE else prefix(member.value) + version
        text = text[: member.start] + json.dumps(new) + text[member.end :]
    return text


def read(text: str, path: str) -> tuple[Member, ...]:
    """The members of the outermost object, in their order.

    Raises ConfigurationError, with the line, for what is not a JSON object or has a key twice.
    """
    # A byte order mark counts as blank space; the positions stay.
    spaced = text.replace(BOM, " ", 1) if text.startswith(BOM) else text
    try:
        return tuple(_members(spaced))
    except json.JSONDecodeError as error:
        message = f"cannot be read as JSON: {error.msg}"
        line = _line(text, error.pos)
        raise ConfigurationError.of(message, path, line, "correct it there") from None
    except (ValueError, RecursionError):
        message = "holds a number or nesting that no reader takes"
        raise ConfigurationError.of(message, path, remedy="simplify it") from None


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1


def _members(text: str) -> Iterator[Member]:
    """The members of an object. Raises ValueError for another text, and for a key that is twice."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        times = Counter(key for key, _ in pairs)
        if len(times) < len(pairs):
            key = times.most_common(1)[0][0]
            place = max(text.rfind(json.dumps(key)), 0)
            raise json.JSONDecodeError(f"it states {key} twice", text, place)
        return dict(pairs)

    decoder = json.JSONDecoder(object_pairs_hook=once, parse_constant=_constant)
    found = decoder.decode(text)
    if not isinstance(found, dict):
        raise json.JSONDecodeError("expected an object", text, 0)
    end = 0
    for key, value in found.items():
        begins = _past(text, end)
        start = _past(text, decoder.raw_decode(text, begins)[1])
        end = decoder.raw_decode(text, start)[1]
        yield Member(key, value, start, end, _line(text, begins))


def _past(text: str, place: int) -> int:
    """Where the next key or value of a valid object begins."""
    match = BETWEEN.match(text, place)
    return match.end() if match else place


def _constant(name: str) -> Any:
    raise ValueError(name)


def judge(text: str, path: str, version: Version | None, today: date) -> Iterator[Finding]:
    """Findings for a version or a date that is not the project's; the schema has the rest.

    `version` is None where it is not known. Raises ConfigurationError as `read` does.
    """
    for member in read(text, path):
        if member.key in (VERSION, DATE) and isinstance(member.value, str):
            where = path, member.line
            yield from judge_value(member.key, member.value, where, version, today)


def unknown_keys(text: str, path: str) -> list[Finding]:
    """Remarks on keys that Zenodo does not read. Raises ConfigurationError as `read` does."""
    known = json.loads(SCHEMA.read_text(encoding="utf-8"))["properties"]
    remedy = "remove or correct it"
    return [
        Finding(f"{member.key} is not a key that Zenodo reads", path, member.line, remedy)
        for member in read(text, path)
        if member.key not in known
    ]


def licences(text: str, path: str) -> list[tuple[str, int]]:
    """The licence that the file states, with its line. Raises ConfigurationError as `read` does."""
    stated = [
        (member.value.get("id") if isinstance(member.value, dict) else member.value, member.line)
        for member in read(text, path)
        if member.key == "license"
    ]
    return [(said, line) for said, line in stated if isinstance(said, str) and said]
