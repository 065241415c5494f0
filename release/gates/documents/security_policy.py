"""SECURITY.md: its table of supported versions, edited and judged.

The table is one of GitHub Flavored Markdown whose header names versions and support, or that
stands under a heading that does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from release.errors import ConfigurationError
from release.model import Finding
from release.text.edits import replaced
from release.text.markdown import Cell, cells, delimits, visible

if TYPE_CHECKING:
    from packaging.version import Version

MAX_CELL = 200
HEADING = re.compile(r" {0,3}#{1,6}\s+(.*)")
VERSION_WORD = re.compile(r"vers|release|series|branch|\btags?\b", re.I)
SUPPORT_WORD = re.compile(r"supp?ort|soport", re.I)
OTHER_WORD = re.compile(r"security|updat|fix|status|maint|patch", re.I)
# Versions of what a project runs on or with, which its own releases do not change.
FOREIGN_WORD = re.compile(r"python|django|node|java|php|ruby|\bos\b|system|database|postgres", re.I)

DECORATION = r"[\s`*_~\[\]()]*"
SPECIFIER = re.compile(
    rf"{DECORATION}(?:(?:the|latest|current|stable|major|minor|version|release|series)\s+){{0,4}}"
    rf"{DECORATION}"
    r"(?P<sign><=|>=|<|>|≤|≥|&lt;=?|&gt;=?|older than|before|below|up to)?\s*"
    r"(?P<text>[vV]?(?P<numbers>\d{1,9}(?:\.\d{1,9}){0,5})(?P<wild>(?:\.(?:[xX]|\\?\*))*))"
    r"(?P<plus>\s*\+|\s+(?:and|or)\s+(?:newer|later|above|up|higher))?"
    r"(?P<minus>\s+(?:and|or)\s+(?:older|earlier|below|lower))?"
    rf"{DECORATION}(?:\s+(?:series|releases?|branch|line|lts))?(?:\s*\([^()0-9]*\))?{DECORATION}",
    re.I,
)  # fmt: skip
ANY_VERSION = re.compile(r"\b(latest|current|newest|main|master|head|any|all|stable|trunk)\b", re.I)
YES_MARK = re.compile("[✅✔✓☑🟢]|:(white_|heavy_)?check_mark:|:ballot_box_with_check:")
NO_MARK = re.compile("[❌✗✘✖❎🔴⛔🚫]|:x:|:heavy_multiplication_x:|:negative_squared_cross_mark:")
NO_WORD = re.compile(
    r"\b(no|not|none|never|false|unsupported|eol|deprecated|end[\s-]of[\s-]\w+|ended)\b", re.I
)
YES_WORD = re.compile(
    r"\b(y|yes|true|supported|support|active|actively|current|full|maintained|lts|security|fix\w*"
    r"|patch\w*|stable|sim|ja|oui|sí|si)\b",
    re.I,
)
SIGNS = {"≤": "<=", "≥": ">=", "&lt;": "<", "&gt;": ">", "&lt;=": "<=", "&gt;=": ">=",
         "older than": "<", "before": "<", "below": "<", "up to": "<="}  # fmt: skip

Series = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table: what it says of which versions.

    `series` are the numbers that it names, empty when they were not understood; `sign` is "=" for
    those versions alone, "<", "<=", ">" or ">=" for a range. `supported` is None when its mark was
    not understood. `start` and `end` span the version as it is written, such as v1.2.x.
    """

    line: int
    cells: tuple[Cell, ...]
    column: int
    supported: bool | None
    sign: str
    series: Series
    start: int
    end: int

    @property
    def said(self) -> str:
        return self.cells[self.column].text

    @property
    def understood(self) -> bool:
        """Whether the row is known to say something, or to name no version by its number."""
        if not self.series:
            return not re.search(r"\d", self.said)
        if self.sign != "=" and self.supported is not self.sign.startswith(">"):
            return False
        return self.supported is not None

    def covers(self, version: Version) -> bool:
        """Whether the version is among those that the row speaks of."""
        if not self.series:
            return self.understood and ANY_VERSION.search(self.said) is not None
        width = len(self.series)
        numbers = _padded(version.release, width)
        if self.sign == "=":
            width = min(width, 2)
            return numbers[:width] == self.series[:width]
        own, other = _even(version.release, self.series)
        return {
            "<": own < other,
            "<=": numbers <= self.series,
            ">": numbers > self.series,
            ">=": own >= other,
        }[self.sign]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of supported versions. `widths` are those of the cells of its delimiter row."""

    line: int
    rows: list[Row]
    widths: tuple[int, ...]


def with_release(text: str, path: str, version: Version, previous: Version | None) -> str:
    """The text with the table of supported versions as a release leaves it.

    A patch release, a pre-release, and a version that the table supports already change nothing.
    A single supported series becomes that of the version; of several ones each becomes the next
    newer one, so that the oldest drops out and their number stays. A series of one number (1.x)
    changes with a major release alone. What is unsupported below the oldest supported series
    (< 1.2) moves along. Spelling, marks, and the width of the columns stay.

    Raises ConfigurationError, with the line, for a table that has to change and is not understood.
    """
    same = previous is not None and not previous.is_prerelease and (
        _padded(previous.release, 2) == _padded(version.release, 2)
    )  # fmt: skip
    if same or version.is_prerelease:
        return text
    edits: list[tuple[int, int, str]] = []
    for table in tables(text):
        edits += _edits(table, text, path, version)
    return replaced(text, edits)


def judge(text: str, path: str, version: Version) -> Iterator[Finding]:
    """Findings for tables that do not support the version's series. A pre-release has none yet."""
    for table in [] if version.is_prerelease else tables(text):
        numbered = [row for row in table.rows if row.series]
        known = all(row.understood for row in table.rows)
        if known and numbered and not _supports(table, version):
            newest = max(numbered, key=lambda row: (row.supported is True, row.series))
            name = ".".join(map(str, _padded(version.release, 2)))
            message = f"the table of supported versions does not list {name} as supported"
            yield Finding(message, path, newest.line, f"add the series of {version} there")


def _supports(table: Table, version: Version) -> bool:
    return any(row.supported and row.covers(version) for row in table.rows)


def _edits(table: Table, text: str, path: str, version: Version) -> Iterator[tuple[int, int, str]]:
    """The spans to replace in a table, and by what."""
    worded = all(row.understood and not row.series for row in table.rows)
    if worded or _supports(table, version):
        return
    name = ".".join(map(str, _padded(version.release, 2)))
    chain = _chain([row for row in table.rows if row.supported and row.sign == "="], version)
    wrong = list(_obstacles(table, chain, version))
    if not chain and not wrong:
        wrong = [(table.line, f"no row can become that of {name}")]
    if wrong:
        remedy = f"edit the table by hand so that it lists {name} as supported"
        raise ConfigurationError(*(Finding(said, path, line, remedy) for line, said in wrong))
    newest = _padded(version.release, len(chain[0].series))
    spelled = _respelled(chain[0], newest, text)
    for row in chain:
        yield from _replaced(table, row, spelled)
        spelled = text[row.start : row.end]
    oldest = chain[-2].series if len(chain) > 1 else newest
    yield from _bounds(table, text, chain[-1].series, oldest)


def _obstacles(table: Table, chain: Sequence[Row], version: Version) -> Iterator[tuple[int, str]]:
    """What stands against an edit of a table by itself: the lines, and why."""
    for row in table.rows:
        if not row.understood:
            unclear = f"whether {row.said} is supported is not clear"
            unknown = f"{row.said!r} names no version in a known way"
            yield row.line, unclear if row.series else unknown
        elif row.supported is False and row.series and row.sign == "=" and row.covers(version):
            yield row.line, f"{row.said} is listed, and not as supported"
    for row in chain:
        if any(re.search(r"\d", c.text) for n, c in enumerate(row.cells) if n != row.column):
            yield row.line, f"the row of {row.said} says more than whether it is supported"


def _chain(supported: Sequence[Row], version: Version) -> list[Row]:
    """The rows that a release changes, from the newest to the oldest; each takes the next one's."""
    ranked = sorted((row for row in supported if row.series), key=lambda r: r.series, reverse=True)
    evened = [(row, *_even(row.series, version.release)) for row in ranked]
    lower = [row for row, own, other in evened if own < other]
    higher = len(lower) < len(ranked)
    same = [row for row in lower if row.series[0] == version.release[0]]
    if not same:
        return [] if higher else lower
    if higher or (len(same) == 1 and same[0].series[1] > 0):
        # A release beside newer ones, or the only series of its major version: 2.0 would be
        # there as well if the last ones of all were supported.
        return same[:1]
    return [row for row in lower if len(row.series) > 1]


def _replaced(table: Table, row: Row, new: str) -> Iterator[tuple[int, int, str]]:
    """The edits that put another version into a row, and keep its column's width where it can."""
    cell = row.cells[row.column]
    yield row.start, row.end, new
    space = cell.end - cell.begins - len(cell.text)
    if cell.end - cell.start == table.widths[row.column] and space:
        wanted = max(1, space + row.end - row.start - len(new))
        yield cell.end - space, cell.end, " " * wanted


def _bounds(
    table: Table, text: str, dropped: Series, oldest: Series
) -> Iterator[tuple[int, int, str]]:
    """The edits of the rows below: what is older than the oldest supported series."""
    kept = [row.series for row in table.rows if row.supported and row.sign == "=" and row.series]
    if any(series < dropped for series in kept):
        return
    for row in table.rows:
        width = len(row.series)
        series: Series = ()
        if row.sign == "<" and len(set(_even(row.series, dropped))) == 1:
            series = oldest
        elif row.sign == "<=" and _precedes(row.series, dropped):
            series = dropped
        # Fewer numbers than that series has may say something else.
        if series and not any(series[width:]):
            yield from _replaced(table, row, _respelled(row, _padded(series, width), text))


def _precedes(series: Series, later: Series) -> bool:
    """Whether no series of that many numbers is between the two."""
    own, other = _padded(series, 2), _padded(later, 2)
    if len(series) > len(later) or own[0] != other[0]:
        return len(series) <= len(later) and (own[0] + 1, 0) == other[:2]
    return len(series) > 1 and own[1] + 1 == other[1]


def _respelled(row: Row, series: Series, text: str) -> str:
    """Other numbers in the row's spelling, such as v1.3.x for v1.2.x."""
    old = text[row.start : row.end]
    return re.sub(r"\d+(\.\d+)*", ".".join(map(str, series)), old, count=1)


def _padded(numbers: Series, width: int) -> Series:
    return (numbers + (0,) * width)[:width]


def _even(one: Series, other: Series) -> tuple[Series, Series]:
    width = max(len(one), len(other))
    return _padded(one, width), _padded(other, width)


def tables(text: str) -> list[Table]:
    """The tables of supported versions in a Markdown text."""
    found: list[Table] = []
    heading = ""
    above: tuple[Cell, ...] = ()
    columns = None
    for number, start, line in visible(text):
        row = cells(line, start)
        if columns is not None and "|" in line:
            found[-1].rows.extend(_row(number, row, *columns))
            continue
        title = HEADING.fullmatch(line)
        heading = title[1] if title else heading
        header = [cell.text for cell in above]
        columns = _columns(header, heading) if delimits(row, above) else None
        if columns is not None:
            found.append(Table(number, [], tuple(cell.end - cell.start for cell in row)))
        above = row
    return found


def _columns(header: Sequence[str], heading: str) -> tuple[int, int | None] | None:
    """The columns of versions and of support; None for a table that is about something else."""
    named = [(n, title) for n, title in enumerate(header) if not FOREIGN_WORD.search(title)]

    def column(word: re.Pattern[str], *without: int) -> int | None:
        return next((n for n, title in named if n not in without and word.search(title)), None)

    version = column(VERSION_WORD)
    if version is None:
        return None
    support = column(SUPPORT_WORD, version)
    if SUPPORT_WORD.search(heading) and not FOREIGN_WORD.search(heading):
        return version, column(OTHER_WORD, version) if support is None else support
    return None if support is None else (version, support)


def _row(line: int, cells: tuple[Cell, ...], version: int, support: int | None) -> list[Row]:
    if len(cells) <= max(version, support or 0):
        return []
    cell = cells[version]
    if FOREIGN_WORD.search(cell.text[:MAX_CELL]):
        return []
    match = SPECIFIER.fullmatch(cell.text) if len(cell.text) <= MAX_CELL else None
    if match is None:
        return [Row(line, cells, version, _mark(cells, support), "=", (), cell.begins, cell.begins)]
    sign = (match["sign"] or "").lower()
    sign = SIGNS.get(sign, sign) or (">=" if match["plus"] else "<=" if match["minus"] else "=")
    series = tuple(map(int, match["numbers"].split(".")))
    start, end = (cell.begins + place for place in match.span("text"))
    return [Row(line, cells, version, _mark(cells, support), sign, series, start, end)]


def _mark(cells: Sequence[Cell], column: int | None) -> bool | None:
    """Whether a cell says that something is supported; None when that is not clear."""
    if column is None:
        return True
    said = cells[column].text[:MAX_CELL]
    yes, no = YES_MARK.search(said), NO_MARK.search(said)
    if yes or no:
        return None if yes and no else bool(yes)
    if NO_WORD.search(said):
        return False
    return True if YES_WORD.search(said) else None
