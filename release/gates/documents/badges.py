"""Badges in a README that name the project's version in their address, such as version-1.2.3-blue.

Known are the static badges of https://shields.io/badges, as images in Markdown, in HTML and in
reStructuredText. Badges that are drawn from live data need no edit.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from release.model import Finding
from release.text.edits import replaced
from release.text.markdown import visible

if TYPE_CHECKING:
    from packaging.version import Version

ADDRESS = re.compile(
    r"https?://(?:img\.|raster\.)?shields\.io/(?:badge/(?P<body>[^?#]*)|static/v1(?:\.\w+)?)"
    r"(?:\?(?P<query>[^#]*))?(?:#.*)?",
    re.I,
)
INLINE = re.compile(r"!\[(?P<alt>[^\[\]\n]{0,300})\]\(\s{0,20}<?(?P<address>[^\s()<>]+)")
REFERENCE = re.compile(r"!\[(?P<alt>[^\[\]\n]{0,300})\](?:\[(?P<name>[^\[\]\n]{0,300})\])?(?!\()")
DEFINITION = re.compile(r" {0,3}\[(?P<name>[^\[\]]{1,300})\]:[ \t]*<?(?P<address>[^\s<>]+)")
TAG = re.compile(r"<img\b[^<>]*>", re.I)
ATTRIBUTE = re.compile(
    r"(?<![\w-])(?P<name>src|alt)\s{0,9}=\s{0,9}(?P<quote>[\"'])(?P<said>.*?)(?P=quote)",
    re.I | re.S,
)
DIRECTIVE = re.compile(
    r"^[ \t]*\.\.[ \t]+(?:\|[^|\n]{1,300}\|[ \t]+)?image::[ \t]+(?P<address>\S+).*"
    r"(?P<options>(?:\n[ \t]+:[\w-]+:.*)*)",
    re.M,
)
OPTION = re.compile(r"^[ \t]+:alt:[ \t]+(?P<alt>.*?)[ \t]*\r?$", re.M)
# What a badge calls the version of the project itself: not that of an app, a chart or a tool.
OWN_NAME = re.compile(
    r"(?:(?:latest|current|stable|package|project|pypi|our)\s+)*"
    r"(?:version|release|stable|latest|current|patch|pypi|package|tag|ver"
    r"|versi[oó]n|versione|vers[aã]o|versie|wersja|версия|版本|バージョン|버전)"
    r"(?:\s+(?:badge|shield|number))?",
    re.I,
)
NUMBER = re.compile(r"(?<![\w.])v?\d(?:[\w.+!-]*\w)?", re.I)


@dataclass(frozen=True, slots=True)
class Text:
    """A stretch of the README and where it begins."""

    said: str
    start: int


@dataclass(frozen=True, slots=True)
class Badge:
    """A static badge: where its message is in the address, what that says, and its other texts.

    `name` is what the badge calls the message: its label, "" for one without. `alt` is the text
    that stands for the image.
    """

    message: Text
    says: str
    name: str
    alt: tuple[Text, ...]
    line: int

    @property
    def is_of_version(self) -> bool:
        """Whether it names a version of the project, and not of something else."""
        if self.name:
            return _is_own(self.name)
        return all(_is_own(NUMBER.sub(" ", text.said)) for text in self.alt)


def with_version(text: str, path: str, previous: str, version: str) -> str:
    """The text with its badges naming `version` where they named `previous`.

    A badge is edited when its message is that version, with or without a v, or the series of it
    (1.2 for 1.2.3), under a label such as "version" or none; its alternative text is edited along.
    """
    edits: dict[int, tuple[int, str]] = {}
    for badge in badges(text, path):
        mark, number = _split(badge.says)
        new = _successor(number, previous, version)
        if new is None or not badge.is_of_version:
            continue
        start = badge.message.start
        edits[start] = (start + len(badge.message.said), _escaped(mark + new, badge.message.said))
        for alt in badge.alt:
            for match in NUMBER.finditer(alt.said):
                own, said = _split(match[0])
                if said in (number, previous):
                    begins = alt.start + match.start() + len(own)
                    end = alt.start + match.end()
                    edits[begins] = (end, new if said == number else version)
    return replaced(text, ((start, end, new) for start, (end, new) in edits.items()))


def judge(text: str, path: str, version: Version) -> Iterator[Finding]:
    """Findings for badges that name another version than the project's.

    A badge that names the series of the version (1.2 for 1.2.3) is right, and one that has no name
    may be about anything. Before a release is final, badges may name the last one.
    """
    from release.text.versions import parse

    if version.is_prerelease:
        return
    for badge in badges(text, path):
        _, number = _split(badge.says)
        said = parse(number)
        named = badge.name or any(alt.said.strip() for alt in badge.alt)
        own = badge.is_of_version and all(_is_own(NUMBER.sub(" ", alt.said)) for alt in badge.alt)
        if said is None or "." not in number or not named or not own:
            continue
        if said != version and not _is_series(number, version):
            message = f"a badge names the version {number}, and the project's is {version}"
            remedy = f"make it {version}, or a badge that reads the version from the index"
            yield Finding(message, path, badge.line, remedy)


def badges(text: str, path: str) -> Iterator[Badge]:
    """The static badges in a README, by what its name says that it is written in."""
    lowered = path.lower()
    if not lowered.endswith((".md", ".markdown")):
        yield from _in_rst(text)
    if not lowered.endswith(".rst"):
        yield from _in_markdown(text)


def _in_markdown(text: str) -> Iterator[Badge]:
    alternatives: dict[str, list[Text]] = {}
    definitions: list[tuple[int, re.Match[str], int]] = []
    for number, start, line in visible(text):
        definition = DEFINITION.match(line)
        if definition:
            definitions.append((start, definition, number))
            continue
        for match in INLINE.finditer(line):
            alt = Text(match["alt"], start + match.start("alt"))
            yield from _badge(match["address"], start + match.start("address"), (alt,), number)
        for match in REFERENCE.finditer(line):
            alt = Text(match["alt"], start + match.start("alt"))
            alternatives.setdefault((match["name"] or match["alt"]).casefold(), []).append(alt)
    for start, match, number in definitions:
        found = tuple(alternatives.get(match["name"].casefold(), ()))
        if found:
            yield from _badge(match["address"], start + match.start("address"), found, number)
    yield from _in_html(text)


def _in_html(text: str) -> Iterator[Badge]:
    shown = list(visible(text))
    for tag in TAG.finditer(text):
        place = bisect_right(shown, tag.start(), key=lambda one: one[1]) - 1
        number, start, line = shown[place] if place >= 0 else (1, 0, "")
        if not start <= tag.start() <= start + len(line):
            continue
        found = {
            match["name"].lower(): Text(match["said"], tag.start() + match.start("said"))
            for match in ATTRIBUTE.finditer(tag[0])
        }
        if "src" in found:
            alt = (found["alt"],) if "alt" in found else ()
            yield from _badge(found["src"].said, found["src"].start, alt, number)


def _in_rst(text: str) -> Iterator[Badge]:
    line, place = 1, 0
    for match in DIRECTIVE.finditer(text):
        line, place = line + text.count("\n", place, match.start()), match.start()
        option = OPTION.search(text, *match.span("options"))
        alt = (Text(option["alt"], option.start("alt")),) if option else ()
        yield from _badge(match["address"], match.start("address"), alt, line)


def _badge(address: str, start: int, alt: tuple[Text, ...], line: int) -> Iterator[Badge]:
    """The badge at an address, if it is a static one with one text or a label and one."""
    match = ADDRESS.fullmatch(address)
    if match is None:
        return
    query = _query(match, start)
    label = unquote(query["label"].said.replace("+", " ")) if "label" in query else ""
    if match["body"] is None:
        if "message" in query:
            message = query["message"]
            yield Badge(message, unquote(message.said.replace("+", " ")), label, alt, line)
        return
    # A dash is written twice; a single one separates, and begins a badge without a label.
    body = re.sub(r"^-(?!-)", "", match["body"])
    parts = [Text(part[0], part.start()) for part in re.finditer(r"(?:[^-]|--)+", body)]
    if not 2 <= len(parts) <= 3 or "-".join(part.said for part in parts) != body:
        return
    first, begins = parts[0], start + match.end("body") - len(body)
    if len(parts) == 3 and not NUMBER.fullmatch(_plain(first.said)):
        message = parts[1]
        name = label or _plain(first.said)
    else:
        message, name = first, label
    yield Badge(Text(message.said, begins + message.start), _plain(message.said), name, alt, line)


def _query(match: re.Match[str], start: int) -> dict[str, Text]:
    """The fields in an address's query, which may be escaped for HTML."""
    found: dict[str, Text] = {}
    if match["query"] is not None:
        begins = start + match.start("query")
        for field in re.finditer(r"(?:amp;)?(\w+)=([^&]*)", match["query"]):
            found.setdefault(field[1].lower(), Text(field[2], begins + field.start(2)))
    return found


def _plain(part: str) -> str:
    """A part of a static badge's address as it is shown."""
    return unquote(part).replace("--", "-").replace("__", "\0").replace("_", " ").replace("\0", "_")


def _escaped(shown: str, old: str) -> str:
    """The text as the address of a badge has it; a plus sign is escaped where it was."""
    safe = "" if "%2b" in old.lower() else "+"
    return quote(shown.replace("-", "--").replace("_", "__"), safe=f"{safe}!~")


def _is_own(name: str) -> bool:
    words = re.sub(r"[\s:_,()-]+", " ", name).strip()
    return not words or OWN_NAME.fullmatch(words) is not None


def _split(said: str) -> tuple[str, str]:
    """The v before a version, and the version."""
    said = said.strip()
    mark = said[:1] if re.match(r"[vV]\d", said) else ""
    return mark, said[len(mark) :]


def _successor(number: str, previous: str, version: str) -> str | None:
    """What a badge says of `version` that said `number` of `previous`; None for something else."""
    from release.text.versions import parse

    old, new = parse(previous), parse(version)
    if number == previous:
        return version
    if old is None or new is None:
        return None
    if _is_series(number, old):
        width = number.count(".") + 1
        return ".".join(map(str, (new.release + (0,) * width)[:width]))
    return version if parse(number) == old else None


def _is_series(number: str, version: Version) -> bool:
    """Whether the number is the first part of the version: 1.2 of 1.2.3."""
    if not re.fullmatch(r"\d{1,9}(\.\d{1,9}){0,5}", number):
        return False
    numbers = tuple(map(int, number.split(".")))
    return len(numbers) < 3 and version.release[: len(numbers)] == numbers
