"""CITATION.cff: the places in it that a release edits, and what they say.

The format is the Citation File Format 1.2.0, https://citation-file-format.github.io.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from release.errors import ConfigurationError
from release.model import Finding

if TYPE_CHECKING:
    from packaging.version import Version

BOM = "\ufeff"
PREFERRED = "preferred-citation"
VERSION = "version"
DATE = "date-released"
PLAIN = ("", None)
BLOCK = ("|", ">")
# An anchor or a tag, which YAML counts to the scalar that follows it.
PROPERTIES = re.compile(r"(?:[&!]\S*[ \t]+)*")
STRING_TAG = "tag:yaml.org,2002:str"
NUMBER_TAGS = ("tag:yaml.org,2002:float", "tag:yaml.org,2002:int")

Keys = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """A value in the file: the keys that lead to it, and where it is.

    `value` is None for a mapping or a list, `alias` the name of the anchor that stands for it.
    `start` and `end` are its span in the text, with its anchor and tag; `line` is that of its key.
    """

    keys: Keys
    value: str | None
    start: int
    end: int
    line: int
    style: str | None = None
    tag: str | None = None
    anchor: str | None = None
    alias: str | None = None


def with_release(text: str, path: str, version: str, day: date) -> str:
    """The text with the version and the date of a release.

    Edited are `version` and `date-released`, at the top level and in `preferred-citation`, each
    only where it is there; a `v` before the version and the quotes are kept. A preferred citation
    of another work than software (an article, say) that states no version has a date of its own,
    which stays.

    Raises ConfigurationError for what is no YAML mapping, and where a value cannot be replaced
    without touching anything else.
    """
    nodes = read(text, path)
    places = list(_places(nodes))
    problems = tuple(_obstacles(text, path, nodes, places))
    if problems:
        raise ConfigurationError(*problems)
    edits = {}
    for node in places:
        if node.alias is None:
            old = str(node.value)
            new = day.isoformat()
            if node.keys[-1] == VERSION:
                new = prefix(old) + version
            start = node.start + len(_properties(text, node))
            edits[node.keys] = (start, node.end, _spelled(node, old, new), new)
    edited = text
    for start, end, spelled, _ in sorted(edits.values(), reverse=True):
        edited = edited[:start] + spelled + edited[end:]
    wanted = [
        (node.keys, edits[node.keys][3] if node.keys in edits else node.value, node.anchor)
        for node in nodes
    ]
    if [(node.keys, node.value, node.anchor) for node in read(edited, path)] != wanted:
        raise ConfigurationError.of(
            "its version cannot be replaced safely", path, remedy="edit it by hand"
        )
    return edited


def judge(text: str, path: str, version: Version | None, today: date) -> Iterator[Finding]:
    """Findings for versions that are not the project's, and dates in the future.

    `version` is None where it is not known. Raises ConfigurationError as `read` does.
    """
    from release.text.versions import parse

    for node in _places(read(text, path)):
        said = node.value
        if said is None:
            continue
        label = ".".join(map(str, node.keys))
        if node.keys[-1] == VERSION and version is not None and parse(said) != version:
            yield Finding(
                f"{label} is {said or 'empty'}, and the project's version is {version}",
                path,
                node.line,
                f"make it {prefix(said)}{version}",
            )
        elif node.keys[-1] == DATE and is_future(said, today):
            yield Finding(
                f"{label} is {said}, which is in the future",
                path,
                node.line,
                "state the day of the release",
            )


def licences(text: str, path: str) -> list[tuple[str, int]]:
    """The licences that the file states for the project, each with its line.

    Raises ConfigurationError as `read` does.
    """
    return [
        (node.value, node.line)
        for node in read(text, path)
        if node.keys[:1] == ("license",) and len(node.keys) <= 2 and node.value
    ]


def read(text: str, path: str) -> tuple[Node, ...]:
    """Every value in the file, in its order.

    Raises ConfigurationError, with the line, for what is no YAML mapping, has a key twice or holds
    several documents.
    """
    nodes = tuple(_walk(text, path))
    seen: set[Keys] = set()
    problems = []
    for node in nodes:
        if node.keys in seen:
            name = ".".join(map(str, node.keys))
            problems.append(Finding(f"states {name} twice", path, node.line, "keep one of them"))
        seen.add(node.keys)
    if problems:
        raise ConfigurationError(*problems)
    return nodes


@dataclass(slots=True)
class _Frame:
    """A mapping or a list that is being read."""

    keys: Keys
    is_list: bool
    length: int = 0
    key: str | None = None
    key_start: int = 0

    def takes_key(self) -> bool:
        return not self.is_list and self.key is None

    def enter(self, start: int) -> tuple[Keys, int]:
        """The keys of the value that begins at `start`, and where its own key or itself begins."""
        if self.is_list:
            self.length += 1
            return (*self.keys, self.length - 1), start
        keys = (*self.keys, self.key or "")
        self.key = None
        return keys, self.key_start


def _walk(text: str, path: str) -> Iterator[Node]:
    import yaml

    from release.text.yaml import Malformed, events

    # The loaders count a byte order mark as no character or as one, depending on which it is.
    offset = len(BOM) if text.startswith(BOM) else 0
    lines = Lines(text)
    stack: list[_Frame] = []
    documents = mappings = 0
    try:
        event: Any
        for event in events(text[offset:]):
            start, end = event.start_mark.index + offset, event.end_mark.index + offset
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise _refusal("holds more than one document", path, lines.at(start))
            elif isinstance(event, yaml.CollectionEndEvent):
                stack.pop()
            elif isinstance(event, yaml.NodeEvent):
                opens = isinstance(event, yaml.CollectionStartEvent)
                is_list = isinstance(event, yaml.SequenceStartEvent)
                if not stack:
                    if is_list or not opens:
                        break
                    mappings += 1
                    stack.append(_Frame((), False))
                    continue
                frame = stack[-1]
                if frame.takes_key():
                    scalar = event if isinstance(event, yaml.ScalarEvent) else None
                    frame.key = scalar.value if scalar else f"? {start}"
                    frame.key_start = start
                    if opens:
                        stack.append(_Frame((*frame.keys, frame.key), is_list))
                    continue
                keys, begins = frame.enter(start)
                if opens:
                    stack.append(_Frame(keys, is_list))
                is_alias = isinstance(event, yaml.AliasEvent)
                yield Node(
                    keys,
                    getattr(event, "value", None),
                    start,
                    end,
                    lines.at(begins),
                    getattr(event, "style", None),
                    getattr(event, "tag", None),
                    None if is_alias else event.anchor,
                    event.anchor if is_alias else None,
                )
    except Malformed as error:
        raise ConfigurationError.of(str(error), path, error.line, "correct it there") from None
    if mappings == 0:
        raise _refusal("is no mapping", path, 1)


def _refusal(message: str, path: str, line: int | None) -> ConfigurationError:
    return ConfigurationError.of(message, path, line, "write it as one mapping, by CFF 1.2.0")


class Lines:
    """Tells the line of a place; places are asked for in about their order."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._place = 0
        self._line = 1

    def at(self, place: int) -> int:
        if place >= self._place:
            self._line += self._text.count("\n", self._place, place)
        else:
            self._line -= self._text.count("\n", place, self._place)
        self._place = place
        return self._line


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


def _obstacles(
    text: str, path: str, nodes: Sequence[Node], places: Sequence[Node]
) -> Iterator[Finding]:
    """Why the places cannot be edited, or not without changing something else."""
    write_out = "write the value out"
    anchored: dict[str, Node] = {}
    by_keys = {node.keys: node for node in places}
    for node in nodes:
        if node.anchor is not None:
            anchored[node.anchor] = node
        if node.keys in {("<<",), (PREFERRED, "<<")}:
            yield Finding("merges other keys", path, node.line, "write the keys out")
        if node.alias is None:
            continue
        target = anchored.get(node.alias)
        keys = target.keys if target else ()
        name = ".".join(map(str, node.keys))
        if node.keys in by_keys:
            if keys not in by_keys or keys[-1] != node.keys[-1]:
                yield Finding(f"{name} is an alias, *{node.alias}", path, node.line, write_out)
        elif node.keys == (PREFERRED,):
            yield Finding(f"{name} is an alias, *{node.alias}", path, node.line, write_out)
        elif target and any(place[: len(keys)] == keys for place in by_keys):
            said = f"{name} repeats what a release changes, by *{node.alias}"
            yield Finding(said, path, node.line, write_out)
    for node in places:
        if node.alias is None:
            yield from _illegible(node, text, path)


def _illegible(node: Node, text: str, path: str) -> Iterator[Finding]:
    name = ".".join(map(str, node.keys))
    raw = text[node.start + len(_properties(text, node)) : node.end]
    if node.value is None:
        yield Finding(f"{name} is no text", path, node.line, "write one value there")
    elif node.tag not in (None, "!", STRING_TAG):
        yield Finding(f"{name} has a tag, {node.tag}", path, node.line, "take the tag away")
    elif not raw:
        yield Finding(f"{name} is empty", path, node.line, "state it, or remove the key")
    elif node.style in BLOCK or "\n" in raw or (node.style in PLAIN and raw != node.value):
        yield Finding(f"{name} spans several lines", path, node.line, "write it on one line")


def _properties(text: str, node: Node) -> str:
    if node.anchor is None and node.tag is None:
        return ""
    match = PROPERTIES.match(text, node.start, node.end)
    return match[0] if match else ""


def prefix(said: str) -> str:
    """The `v` before a version, as it is written."""
    return said[0] if re.match(r"[vV]\d", said) else ""


def _spelled(node: Node, old: str, new: str) -> str:
    """`new` in the quotes that the node has, or in some where it would not be read as text."""
    safe = re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z.+!_-]*", new)
    if safe and node.style == "'":
        return f"'{new}'"
    if safe and node.style in PLAIN and (node.keys[-1] == DATE or _stays_plain(old, new)):
        return new
    return json.dumps(new)


def _stays_plain(old: str, new: str) -> bool:
    """Whether readers take `new` without quotes for what it is.

    A number is what CFF files have for 1.2 as well, but 1.10 is the number 1.1.
    """
    tag = _resolved(new)
    if tag == STRING_TAG:
        return True
    if tag not in NUMBER_TAGS or _resolved(old) not in NUMBER_TAGS:
        return False
    return new in {str(float(new)), str(int(float(new)))}


def _resolved(value: str) -> str:
    from yaml import ScalarNode
    from yaml.resolver import Resolver

    resolver: Any = Resolver()
    return str(resolver.resolve(ScalarNode, value, (True, False)))


def is_future(said: str, today: date) -> bool:
    """Whether a date is still to come everywhere: east of UTC tomorrow has begun."""
    try:
        return date.fromisoformat(said) > today + timedelta(days=1)
    except ValueError:
        return False
