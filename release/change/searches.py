"""What an entry of [tool.bumpversion] looks for, and what a match becomes.

Read as bump-my-version 1.8 reads it
(https://callowayproject.github.io/bump-my-version/reference/configuration/file/), but for what it
gets wrong: here a version is matched as a whole, and a search does not begin within a word.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import NamedTuple

from release.errors import ConfigurationError
from release.model import Finding
from release.text import patterns
from release.text.versions import PARSE, parts

CONFIGURATION = "pyproject.toml"
SEARCH = "{current_version}"
REPLACE = "{new_version}"
MAX_REGEX = 1_000  # characters of an expression of the project's own
DATE_FORMAT = re.compile(r"(?:[^%]|%-?[aAbBdejmyYFuVG%])+")
# What a version may not follow (1.2.3 is not in 11.2.3, 0.1.2.3, 1!1.2.3 or dev1.2.3), or precede
# (nor in 1.2.30, 1.2.3.4, 1.2.3rc1, 1.2.3-rc.1, 1.2.3-1 or 1.2.3+local): PEP 440, appendix B.
BEFORE_VERSION = r"(?:(?<![\w.!])|(?<=[vV])(?<![\w.][vV]))"
AFTER_VERSION = (
    r"(?!\w|\.\d|\.\*|\.x\b|\+\w|-\d)"
    r"(?!(?i:[-_.](?:alpha|beta|preview|post|rev|dev|pre|rc|a|b|c|r)[-_.]?\d*(?![a-z])))"
)
BEFORE_WORD = r"(?<!\w)(?<!\w-)"


@dataclass(frozen=True, slots=True)
class ListedPlace:
    """One entry of [tool.bumpversion] files or another list: a file, and what is searched in it.

    `path` is relative, with forward slashes. `expected` is how many matches there must be (0: as
    many as there are): of this entry, or of all of the file's entries `together`. `key_path` is
    the TOML key whose value alone is searched. `parse` names the parts of a version, `serialize`
    makes `{current_version}` and `{new_version}` of them where it is set. `line` is the entry's in
    pyproject.toml.
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


class Piece(NamedTuple):
    """A stretch of a template: literal text, and the field that follows it, if any."""

    text: str
    field: str | None
    form: str


class Match(NamedTuple):
    """Where a search matches, and what a match becomes."""

    start: int
    end: int
    new: str


@dataclass(frozen=True, slots=True)
class Change:
    """From which version to which one, the spellings of the former, and the day."""

    previous: str
    version: str
    spellings: tuple[str, ...]
    today: date | None = None


def malformed(message: str, line: int | None, remedy: str = "") -> Finding:
    """The problem of an entry on a line of pyproject.toml."""
    return Finding(f"[tool.bumpversion]: {message}", CONFIGURATION, line, remedy)


@cache
def pieces_of(template: str, label: str, line: int | None) -> tuple[Piece, ...]:
    """The literal texts and fields of a template, as str.format reads them."""
    try:
        parsed = list(string.Formatter().parse(template))
    except ValueError as error:
        message = f"{label} {template!r} cannot be read: {error}"
        raise ConfigurationError(
            malformed(message, line, "write a brace that is meant twice: {{ or }}")
        ) from None
    pieces: list[Piece] = []
    text = ""
    for literal, field, form, conversion in parsed:
        text += literal
        if field is not None:
            name = f"{field}!{conversion}" if conversion else field
            pieces.append(Piece(text, name, form or ""))
            text = ""
    return (*pieces, Piece(text, None, "")) if text else tuple(pieces)


def has_version(place: ListedPlace) -> bool:
    """Whether the search looks for the version or a part of it."""
    pieces = pieces_of(place.search, "search", place.line)
    return any((piece.field or "").startswith("current_") for piece in pieces)


def rendered(pieces: Sequence[Piece], place: ListedPlace, change: Change) -> str:
    """The pieces of a template with what their fields stand for."""
    return "".join(
        piece.text + (_value(piece, place, change, change.previous) if piece.field else "")
        for piece in pieces
    )


def pattern_of(place: ListedPlace, change: Change, *, probe: bool = False) -> re.Pattern[str]:
    """The search as a regular expression.

    A regular expression of the project's own keeps the numbers of its groups. With `probe` parts
    of versions are not needed.
    """
    pieces = pieces_of(place.search, "search", place.line)
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
        message = f"search {place.search!r} is not a regular expression: {error}"
        raise ConfigurationError(malformed(message, place.line, "fix it")) from None


def template_of(place: ListedPlace, change: Change) -> str:
    """What a match becomes, as re.sub reads it: bump-my-version gives it to that.

    What a plain search and its replacement have in common is meant as it stands.
    """
    written = pieces_of(place.replace, "replace", place.line)
    text = rendered(written, place, change)
    if place.regex:
        return text
    wanted = pieces_of(place.search, "search", place.line)
    if written == tuple(
        piece._replace(field=(piece.field or "").replace("current_", "new_", 1) or None)
        for piece in wanted
    ):
        return text.replace("\\", r"\\")
    empty = re.match("", "")
    assert empty is not None
    try:
        empty.expand(text)
    except (re.error, IndexError) as error:
        raise _unusable(place, error) from None
    return text


def matches_of(place: ListedPlace, text: str, change: Change) -> list[Match]:
    """The matches of a listed place, and what each becomes."""
    pattern, template = pattern_of(place, change), template_of(place, change)
    if not place.regex:
        return [Match(*match.span(), match.expand(template)) for match in pattern.finditer(text)]
    try:
        found = patterns.find(pattern.pattern, text, pattern.flags, template)
    except patterns.TooSlow as error:
        message = f"search {place.search!r} cannot be used: {error}"
        raise ConfigurationError(malformed(message, place.line, "write a simpler one")) from None
    except patterns.Unusable as error:
        raise _unusable(place, error) from None
    return [Match(match.start, match.end, match.replacement) for match in found]


def spliced(text: str, matches: Sequence[Match]) -> str:
    """The text with what the matches, which are in its order, become."""
    pieces = []
    position = 0
    for match in matches:
        pieces += [text[position : match.start], match.new]
        position = match.end
    return "".join([*pieces, text[position:]])


def _value(piece: Piece, place: ListedPlace, change: Change, previous: str) -> str:
    """What a field of a search or replacement stands for; "" for none."""
    field = piece.field or ""
    if field in {"now", "utcnow"}:
        if change.today is None:
            message = f"{{{field}}} in {place.replace!r} is not supported here"
            raise ConfigurationError(malformed(message, place.line))
        return change.today.strftime(piece.form)
    which, _, part = field.partition("_")
    if not part:
        return field
    version = previous if which == "current" else change.version
    if part == "version":
        if place.serialize is None:
            return version
        pieces = pieces_of(place.serialize, "serialize", place.line)
        return "".join(p.text + (_part(place, version, p.field) if p.field else "") for p in pieces)
    return _part(place, version, part)


def _part(place: ListedPlace, version: str, part: str) -> str:
    try:
        value = parts(place.parse, version).get(part)
    except patterns.Unusable as error:
        message = f"parse {place.parse!r} cannot be used: {error}"
        raise ConfigurationError(malformed(message, place.line, "write a simpler one")) from None
    if not value:
        message = f"{version} has no part {part!r} by parse {place.parse!r}"
        raise ConfigurationError(malformed(message, place.line, "correct parse or serialize"))
    return value


def _before(piece: Piece, regex: bool) -> str:
    if not piece.text:
        return BEFORE_VERSION if (piece.field or "").startswith("current_") else ""
    if regex and re.match(r"\w[?*{|]", piece.text):
        return ""
    return BEFORE_WORD if re.match(r"\w", piece.text) else ""


def _after(piece: Piece, regex: bool) -> str:
    if piece.field is not None:
        return AFTER_VERSION if piece.field.startswith("current_") else ""
    return r"(?!\w)" if not regex and re.search(r"\w\Z", piece.text) else ""


def _unusable(place: ListedPlace, error: Exception) -> ConfigurationError:
    return ConfigurationError(
        malformed(
            f"replace {place.replace!r} cannot be used: {error}",
            place.line,
            r"write a backslash twice, and a group before a version as \g<1>",
        )
    )


def search_shown(place: ListedPlace, change: Change) -> str:
    """The search as a message names it."""
    return repr(rendered(pieces_of(place.search, "search", place.line), place, change))
