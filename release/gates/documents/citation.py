"""CITATION.cff: the places in it that a release edits, and what they say.

The format is the Citation File Format 1.2.0, https://citation-file-format.github.io.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from release.errors import ConfigurationError
from release.model import Finding
from release.text.edits import replaced

if TYPE_CHECKING:
    from packaging.version import Version

BOM = "\ufeff"
PREFERRED = "preferred-citation"
VERSION = "version"
DATE = "date-released"
ADDRESSES = frozenset(["url", "repository", "repository-artifact", "repository-code"])
PLAIN = ("", None)
NUMBER = re.compile(r"\d+(\.\d+)?")
# An anchor or a tag, which YAML counts to the scalar that follows it.
PROPERTIES = re.compile(r"(?:[&!]\S*[ \t]+)*")

Keys = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """A value in the file: the keys that lead to it, and where it is.

    `value` is None for a mapping or a list. `start` and `end` are its span in the text; `line` is
    that of its key. `alias` says that an anchor before it stands there.
    """

    keys: Keys
    value: str | None
    start: int
    end: int
    line: int
    style: str | None
    tag: str
    alias: bool

    @property
    def name(self) -> str:
        return ".".join(map(str, self.keys))


# What an identifier is by CFF 1.2.0, with the form of its value by its type.
IDENTIFIER = frozenset(["type", "value", "description"])
IDENTIFIERS = {
    "doi": re.compile(r"10\.\d{4,9}(\.\d+)?/\S+"),
    "swh": re.compile(r"swh:1:(snp|rel|rev|dir|cnt):[0-9a-fA-F]{40}"),
    "url": re.compile(r"(https?|s?ftp)://\S+"),
    "other": re.compile(r"(?s).+"),
}


def wrong_identifier(stated: Mapping[str, str]) -> str | None:
    """What is wrong with an identifier that has these keys and values; None where it is not seen.

    The rules are those of the schema of CFF 1.2.0, which has them as alternatives.
    """
    kind, value = stated.get("type"), stated.get("value")
    if unknown := sorted(stated.keys() - IDENTIFIER):
        return f"{unknown[0]!r} is not a key of an identifier: it has type, value and description"
    if kind is None or value is None:
        return f"the identifier has no {'type' if kind is None else 'value'}"
    if kind not in IDENTIFIERS:
        return f"{kind!r} is not a type of an identifier: it is one of {', '.join(IDENTIFIERS)}"
    if not IDENTIFIERS[kind].fullmatch(value):
        return f"{value!r} is not a value of the type {kind}"
    return None


def stale(text: str, path: str, version: str, *, bumped: bool = False) -> Iterator[Finding]:
    """Findings for what names an earlier `version`; in a file that was `bumped`, a commit does."""
    for node in read(text, path):
        if node.keys[-1] in {VERSION, DATE, "cff-version"} or node.value is None:
            continue
        if bumped and node.keys == ("commit",):
            message = "commit is that of an earlier release"
            remedy = "take it out: no file can name the commit that holds it"
            yield Finding(message, path, node.line, remedy)
        if _whole(version).search(node.value):
            message = f"{node.name} still names {version}: {node.value}"
            yield Finding(message, path, node.line, "name the release there, or no version")


def _whole(version: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\d.]){re.escape(version)}(?![\w]|\.\d)")


def _is_address(node: Node, version: str) -> bool:
    """Whether it is an address of the work itself that names a version."""
    own = node.keys[0] in ADDRESSES or node.keys[::2] == ("identifiers", "value")
    said = node.value or ""
    return own and "://" in said and _whole(version).search(said) is not None


def with_release(text: str, path: str, version: str, day: date, previous: str | None = None) -> str:
    """The text with the version and the date of a release.

    Edited are `version` and `date-released`, at the top level and in `preferred-citation`, each
    only where it is there; a `v` before the version and the quotes are kept. A preferred citation
    of another work than software (an article, say) that states no version has a date of its own,
    which stays. Addresses that name the `previous` version name this one.

    Raises ConfigurationError for what is not a YAML mapping, and where a value cannot be replaced
    without touching anything else.
    """
    nodes = read(text, path)
    places = {node.keys: node for node in _places(nodes)}
    problems = [
        Finding("merges other keys", path, node.line, "write the keys out")
        for node in nodes
        if node.keys in {("<<",), (PREFERRED, "<<")}
    ]
    remedy = "write it as text on one line, without a tag, or remove the key"
    problems += [
        Finding(f"{node.name} is not a text on one line", path, node.line, remedy)
        for node in places.values()
        if not _is_plain(node, text)
    ]
    if problems:
        raise ConfigurationError(*problems)
    new = {
        keys: day.isoformat() if keys[-1] == DATE else prefix(str(node.value)) + version
        for keys, node in places.items()
    }
    spelled = {keys: _spelled(node, new[keys]) for keys, node in places.items()}
    for node in nodes:
        if previous and _is_address(node, previous) and not node.alias and _is_plain(node, text):
            renewed = functools.partial(_whole(previous).sub, lambda _: version)
            places[node.keys] = node
            new[node.keys] = renewed(str(node.value))
            spelled[node.keys] = renewed(text[node.start : node.end])
    own = [(node.start, node.end, spelled[k]) for k, node in places.items() if not node.alias]
    edited = replaced(text, own)
    wanted = [(node.keys, new.get(node.keys, node.value)) for node in nodes]
    if [(node.keys, node.value) for node in read(edited, path)] != wanted:
        message = "its version cannot be replaced without changing something else"
        remedy = "write the values out that an alias (*) repeats"
        raise ConfigurationError.of(message, path, remedy=remedy)
    return edited


def judge(text: str, path: str, version: Version | None, today: date) -> Iterator[Finding]:
    """Findings for versions that are not the project's, and dates in the future.

    `version` is None where it is not known. Raises ConfigurationError as `read` does.
    """
    for node in _places(read(text, path)):
        if node.value is not None:
            yield from judge_value(node.name, node.value, (path, node.line), version, today)


def judge_value(
    name: str, said: str, where: tuple[str, int], version: Version | None, today: date
) -> Iterator[Finding]:
    """Findings for what a document states by a name that ends in `version`, or for a date."""
    from release.text.versions import parse

    if not name.endswith(VERSION):
        if is_future(said, today):
            message = f"{name} is {said}, which is in the future"
            yield Finding(message, *where, "state the day of the release")
    elif version is not None and parse(said) != version:
        message = f"{name} is {said or 'empty'}, and the project's version is {version}"
        yield Finding(message, *where, f"make it {prefix(said)}{version}")


def licences(text: str, path: str) -> list[tuple[str, int]]:
    """The licences that the file states for the project, each with its line.

    Raises ConfigurationError as `read` does.
    """
    stated = (n for n in read(text, path) if n.keys[:1] == ("license",) and len(n.keys) <= 2)
    return [(node.value, node.line) for node in stated if node.value]


def read(text: str, path: str) -> tuple[Node, ...]:
    """Every value in the file, in its order.

    Raises ConfigurationError, with the line, for what is not a YAML mapping, has a key twice or
    holds several documents.
    """
    from release.text import yaml

    # The loaders count a byte order mark as no character or as one, depending on which it is.
    offset = len(BOM) if text.startswith(BOM) else 0
    try:
        root = yaml.compose(text[offset:])
    except yaml.Malformed as error:
        raise ConfigurationError.of(str(error), path, error.line, "correct it there") from None
    if getattr(root, "id", "") != "mapping":
        remedy = "write it as one mapping, by CFF 1.2.0"
        raise ConfigurationError.of("is not a mapping", path, 1, remedy)
    nodes = tuple(_walk(text, root, (), offset, set()))
    first = {node.keys: node for node in reversed(nodes)}
    if twice := [node for node in nodes if first[node.keys] is not node]:
        named = ((f"states {node.name} twice", node.line) for node in twice)
        raise ConfigurationError(*(Finding(m, path, n, "keep one of them") for m, n in named))
    return nodes


def _walk(text: str, holder: Any, keys: Keys, offset: int, seen: set[int]) -> Iterator[Node]:
    """The values below a node of PyYAML's, in which an alias is the very node of its anchor."""
    items = holder.value if holder.id == "mapping" else [(n, n) for n in holder.value]
    for number, (key, node) in enumerate(items):
        place = (*keys, number if key is node else str(key.value))
        start, end = node.start_mark.index + offset, node.end_mark.index + offset
        opens = node.id != "scalar"
        properties = PROPERTIES.match(text, start, end) if not opens else None
        start += len(properties[0]) if properties else 0
        tag = re.search(r"!\S*", properties[0]) if properties else None
        line = key.start_mark.line + 1
        value, style = None if opens else node.value, None if opens else node.style
        yield Node(place, value, start, end, line, style, tag[0] if tag else "", id(node) in seen)
        seen.add(id(node))
        if opens:
            yield from _walk(text, node, place, offset, seen)


def _places(nodes: Sequence[Node]) -> Iterator[Node]:
    """The nodes that a release edits."""
    found = {node.keys: node for node in nodes if len(node.keys) <= 2}
    for keys in ((VERSION,), (DATE,), (PREFERRED, VERSION)):
        if keys in found:
            yield found[keys]
    if (PREFERRED, DATE) in found:
        kind = found.get((PREFERRED, "type"))
        of_software = kind is None or str(kind.value).startswith("software")
        if of_software or (PREFERRED, VERSION) in found:
            yield found[PREFERRED, DATE]


def _is_plain(node: Node, text: str) -> bool:
    """Whether it is a value that other text can be put in the place of."""
    raw = text[node.start : node.end]
    same = node.style not in PLAIN or raw == node.value
    is_text = node.value is not None and node.tag in {"", "!", "!!str"}
    return is_text and same and raw != "" and "\n" not in raw


def prefix(said: str) -> str:
    """The `v` before a version, as it is written."""
    return said[0] if re.match(r"[vV]\d", said) else ""


def _spelled(node: Node, new: str) -> str:
    """`new` in the quotes that the node has, or in some where it would not be read as text.

    A number is what CFF files have for 1.2 as well, but 1.10 is the number 1.1.
    """
    safe = re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z.+!_-]*", new)
    if safe and node.style == "'":
        return f"'{new}'"
    number = NUMBER.fullmatch(new)
    alike = not number or (
        NUMBER.fullmatch(str(node.value)) and new in {str(float(new)), str(int(float(new)))}
    )
    if safe and node.style in PLAIN and alike:
        return new
    return json.dumps(new)


def is_future(said: str, today: date) -> bool:
    """Whether a date is still to come everywhere: east of UTC tomorrow has begun."""
    try:
        return date.fromisoformat(said) > today + timedelta(days=1)
    except ValueError:
        return False
