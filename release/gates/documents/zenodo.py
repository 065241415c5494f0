""".zenodo.json: the places in it that a release edits, and whether Zenodo takes it.

What is demanded is what Zenodo's import of a GitHub release reads, the metadata of its deposit
interface, https://developers.zenodo.org/#representation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from release.errors import ConfigurationError
from release.gates.documents.citation import is_future, prefix
from release.model import Finding

if TYPE_CHECKING:
    from packaging.version import Version

BOM = "\ufeff"
VERSION = "version"
DATE = "publication_date"
SPACE = re.compile(r"[ \t\r\n]*")
UPLOAD_TYPES = (
    "publication", "poster", "presentation", "event", "dataset", "image", "model", "video",
    "software", "lesson", "workflow", "physicalobject", "other",
)  # fmt: skip
ACCESS_RIGHTS = ("open", "embargoed", "restricted", "closed")


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
    edits = []
    problems = []
    for member in read(text, path):
        if member.key not in (VERSION, DATE):
            continue
        if not isinstance(member.value, str):
            problems.append(
                Finding(f"{member.key} is not text", path, member.line, "write it in quotes")
            )
            continue
        new = day.isoformat() if member.key == DATE else prefix(member.value) + version
        edits.append((member.start, member.end, json.dumps(new)))
    if problems:
        raise ConfigurationError(*problems)
    for start, end, spelled in sorted(edits, reverse=True):
        text = text[:start] + spelled + text[end:]
    return text


def read(text: str, path: str) -> tuple[Member, ...]:
    """The members of the outermost object, in their order.

    Raises ConfigurationError, with the line, for what is not a JSON object or has a key twice.
    """

    members: dict[str, Member] = {}
    try:
        for key, begins, start, end, value in _members(text):
            if key in members:
                raise _Twice(key)
            members[key] = Member(key, value, start, end, _line(text, begins))
    except json.JSONDecodeError as error:
        raise ConfigurationError.of(
            f"is not valid JSON: {error.msg}",
            path,
            _line(text, error.pos),
            "fix the syntax there",
        ) from None
    except _Twice as error:
        spelled = json.dumps(error.key)
        last = text.rfind(spelled)
        place = _line(text, last) if last >= 0 else None
        raise ConfigurationError.of(
            f"states {error.key} twice", path, place, "keep one of them"
        ) from None
    except (ValueError, RecursionError):
        raise ConfigurationError.of(
            "holds a number or nesting that no reader takes", path, remedy="simplify it"
        ) from None
    return tuple(members.values())


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1


class _Twice(Exception):
    def __init__(self, key: str) -> None:
        self.key = key


def _members(text: str) -> Iterator[tuple[str, int, int, int, Any]]:
    """Each member's key, where the key begins, where its value begins and ends, and the value."""
    decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)

    def skip(place: int) -> int:
        match = SPACE.match(text, place)
        return match.end() if match else place

    def demand(place: int, *wanted: str) -> str:
        found = text[place : place + 1]
        if found not in wanted or not found:
            raise json.JSONDecodeError(f"expected {' or '.join(wanted)}", text, place)
        return found

    place = skip(len(BOM) if text.startswith(BOM) else 0)
    demand(place, "{")
    place = skip(place + 1)
    ended = text[place : place + 1] == "}"
    while not ended:
        demand(place, '"')
        begins = place
        key, place = decoder.raw_decode(text, place)
        place = skip(place)
        demand(place, ":")
        start = skip(place + 1)
        value, end = decoder.raw_decode(text, start)
        yield key, begins, start, end, value
        place = skip(end)
        ended = demand(place, ",", "}") == "}"
        place = place if ended else skip(place + 1)
    if skip(place + 1) != len(text):
        raise json.JSONDecodeError("something follows the object", text, skip(place + 1))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _Twice(key)
        found[key] = value
    return found


def _constant(name: str) -> Any:
    raise ValueError(name)


def judge(text: str, path: str, version: Version | None, today: date) -> list[Finding]:
    """Findings for what Zenodo refuses, and for a version or a date that is not the project's.

    `version` is None where it is not known. Raises ConfigurationError as `read` does.
    """
    from release.text.versions import parse

    findings = []
    members = read(text, path)
    given = {member.key: member.value for member in members}
    for member in members:
        said = member.value
        wrong, remedy = None, "see the representation in Zenodo's developer documentation"
        if member.key in FIELDS:
            wrong = FIELDS[member.key](said)
        if wrong is None and said == "embargoed" and member.key == "access_right":
            wrong = None if "embargo_date" in given else "embargoed lacks its embargo_date"
        if wrong is None and member.key == VERSION and version is not None:
            if parse(said) != version:
                wrong = f"is {said or 'empty'}, and the project's version is {version}"
                remedy = f"make it {prefix(said)}{version}"
        elif wrong is None and member.key == DATE and is_future(said, today):
            wrong = f"is {said}, which is in the future"
            remedy = "state the day of the release"
        if wrong is not None:
            findings.append(Finding(f"{member.key} {wrong}", path, member.line, remedy))
    return findings


def unknown_keys(text: str, path: str) -> list[Finding]:
    """Remarks on keys that Zenodo does not read. Raises ConfigurationError as `read` does."""
    return [
        Finding(
            f"{member.key} is not a key that Zenodo reads",
            path,
            member.line,
            "remove or correct it",
        )
        for member in read(text, path)
        if member.key not in FIELDS and not member.key.startswith("$")
    ]


def licence(text: str, path: str) -> tuple[str, int] | None:
    """The licence that the file states, with its line. Raises ConfigurationError as `read` does."""
    for member in read(text, path):
        if member.key == "license":
            said = member.value.get("id") if isinstance(member.value, Mapping) else member.value
            return (said, member.line) if isinstance(said, str) and said else None
    return None


Check = Callable[[Any], str | None]


def _text(value: Any) -> str | None:
    return None if isinstance(value, str) else "is not text"


def _title(value: Any) -> str | None:
    return None if isinstance(value, str) and value.strip() else "is not text, or empty"


def _date(value: Any) -> str | None:
    if isinstance(value, str) and re.fullmatch(r"\d{4}(-\d\d){0,2}", value):
        try:
            date.fromisoformat((value + "-01-01")[:10])
        except ValueError:
            return f"is {value}, which is not a date"
        return None
    return "is not a date such as 2026-01-31"


def _licence(value: Any) -> str | None:
    said = value.get("id") if isinstance(value, Mapping) else value
    return None if isinstance(said, str) and said else "is not a licence identifier such as mit"


def _language(value: Any) -> str | None:
    fits = isinstance(value, str) and len(value) in (2, 3)
    return None if fits else "is not a language code of two or three letters"


def _upload_type(value: Any) -> str | None:
    fits = isinstance(value, str) and value.partition("-")[0] in UPLOAD_TYPES
    return None if fits else f"is {_shown(value)}, and Zenodo takes {', '.join(UPLOAD_TYPES)}"


def _access_right(value: Any) -> str | None:
    if value in ACCESS_RIGHTS:
        return None
    return f"is {_shown(value)}, and Zenodo takes {', '.join(ACCESS_RIGHTS)}"


def _texts(value: Any) -> str | None:
    fits = isinstance(value, list) and all(isinstance(item, str) for item in value)
    return None if fits else "is not a list of texts"


def _anything(_value: Any) -> str | None:
    return None


def _objects(*keys: str) -> Check:
    """A check for a list of objects that each have text under `keys`."""

    def check(value: Any) -> str | None:
        if not isinstance(value, list):
            return "is not a list"
        for number, item in enumerate(value, 1):
            if not isinstance(item, Mapping):
                return f"has an entry that is not an object (number {number})"
            for key in keys:
                if not isinstance(item.get(key), str) or not item[key].strip():
                    return f"has an entry without {key} (number {number})"
        return None

    return check


def _creators(value: Any) -> str | None:
    return "is empty" if value == [] else _objects("name")(value)


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:60]


FIELDS: Mapping[str, Check] = {
    "upload_type": _upload_type,
    "access_right": _access_right,
    "title": _title,
    "description": _text,
    "creators": _creators,
    "contributors": _objects("name"),
    "thesis_supervisors": _objects("name"),
    "license": _licence,
    "keywords": _texts,
    "references": _texts,
    "subjects": _objects(),
    "related_identifiers": _objects("identifier", "relation"),
    "alternate_identifiers": _objects("identifier"),
    "communities": _objects("identifier"),
    "grants": _objects("id"),
    "dates": _objects("type"),
    "locations": _objects("place"),
    "publication_date": _date,
    "embargo_date": _date,
    "language": _language,
    "prereserve_doi": _anything,
    "custom": _anything,
    **dict.fromkeys(
        (
            "version", "doi", "notes", "method", "access_conditions", "publication_type",
            "image_type", "software_type", "journal_title", "journal_volume", "journal_issue",
            "journal_pages", "conference_title", "conference_acronym", "conference_dates",
            "conference_place", "conference_url", "conference_session", "conference_session_part",
            "imprint_publisher", "imprint_isbn", "imprint_place", "partof_title", "partof_pages",
            "thesis_university",
        ),
        _text,
    ),
}  # fmt: skip
