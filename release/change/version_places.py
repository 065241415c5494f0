"""Works out how the places that state a project's version are edited, and to what.

bump-my-version makes the replacements, one after the other; what is worked out here proves that
it changed those places and nothing else. Line ends stay as they are, and a `key_path` is heeded.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import date
from typing import NamedTuple

from release.change.searches import (
    AFTER_VERSION,
    BEFORE_VERSION,
    SEARCH,
    Change,
    ListedPlace,
    Match,
    has_version,
    malformed,
    matches_of,
    pattern_of,
    pieces_of,
    rendered,
    search_shown,
    spliced,
    template_of,
)
from release.change.statements import Statement, is_same, read_back, statement_of
from release.errors import ConfigurationError
from release.model import Finding, Replacement
from release.project import CITED, VersionPlace
from release.text import edits
from release.text.versions import parse

CITATION = "CITATION.cff"
MAX_SEARCHED = 1_000_000  # characters, by such an expression
MOST_LINES = 20  # that a message names


class _Span(NamedTuple):
    start: int
    end: int


def edit_places(
    text: str,
    path: str,
    places: Sequence[ListedPlace],
    known: Sequence[VersionPlace],
    previous: str,
    version: str,
    *,
    today: date | None = None,
) -> tuple[str, tuple[Replacement, ...]]:
    """The text of the file `path` with every place changed, and by which replacements.

    `places` are the listed places of this path and `known` those that the project reader found in
    it; the latter are edited whether or not they are listed, and however PEP 440 lets them spell
    `previous`. `today` is what {now} and {utcnow} stand for. The replacements are made one after
    the other, on the text as edits.plain has it; none may find what an earlier one wrote.

    Raises ConfigurationError, naming path and lines, when a place does not hold the version as
    often as expected, when edits contradict each other, when a known place cannot be edited
    without changing anything else, or when a search or replacement cannot be rendered.
    """
    body = edits.plain(text)
    same = [place.value for place in known if is_same(place.value, previous)]
    normal = parse(previous)
    spellings = dict.fromkeys((previous, *same, str(normal) if normal else previous))
    change = Change(previous, version, tuple(spellings), today)

    problems: list[Finding] = []
    statements: list[Statement] = []
    items: list[VersionPlace | ListedPlace] = [
        *known,
        *(place for place in places if place.key_path is not None),
    ]
    for item in items:
        try:
            statement = statement_of(body, path, item, change)
        except ConfigurationError as error:
            problems += error.problems
        else:
            statements += [statement] if statement else []
    work = _Work(path, body, change, statements)
    problems += work.search([place for place in places if place.key_path is None])
    if not problems:
        problems += [problem for statement in statements for problem in work.state(statement)]
    problems = problems or [
        Finding(
            f"{statement.label} would not become {statement.wanted}",
            path,
            statement.line,
            "narrow the searches of [tool.bumpversion] for this file",
        )
        for statement in statements
        if read_back(statement, work.text) != statement.wanted
    ]
    if problems:
        raise ConfigurationError(*problems)
    try:
        return edits.restored(text, work.text), tuple(work.done)
    except edits.MixedLineEnds:
        raise ConfigurationError.of(
            "has line ends of two kinds where lines would come or go",
            path,
            remedy="give all of its lines one kind: git add --renormalize, or your editor",
        ) from None


class _Work:
    """A file's plain text while its places are changed, and the replacements that were made."""

    def __init__(
        self, path: str, text: str, change: Change, statements: Sequence[Statement]
    ) -> None:
        self.path = path
        self.text = text
        self.change = change
        self.statements = statements
        self.done: list[Replacement] = []
        self.written: list[_Span] = []

    def search(self, places: Sequence[ListedPlace]) -> list[Finding]:
        """Change what is searched for; every place whose number of matches is not as expected."""
        problems: list[Finding] = []
        together: list[tuple[ListedPlace, list[Match]]] = []
        before = self.text
        for place in places:
            try:
                _check_search(place, self.path, len(self.text), self.change)
                matches = self.matches(place)
                if not matches and not place.ignore_missing_version:
                    changed = bool(self.written and matches_of(place, before, self.change))
                    problems.append(_missing(place, self.path, before, self.change, changed))
            except ConfigurationError as error:
                problems += error.problems
                continue
            if not matches:
                continue
            if place.together:
                together.append((place, matches))
            elif place.expected not in {0, len(matches)} and not self.is_sure(place, matches):
                lines = self.lines(matches)
                problems.append(_miscounted([place], self.path, lines, len(matches), self.change))
                continue
            problems += self.replace(place, matches)
        count = sum(len(matches) for _, matches in together)
        if together and count != together[0][0].expected:
            lines = sorted(line for _, matches in together for line in self.lines(matches))
            counted = [place for place, _ in together]
            problems.append(_miscounted(counted, self.path, lines, count, self.change))
        return problems

    def matches(self, place: ListedPlace) -> list[Match]:
        found = matches_of(place, self.text, self.change)
        if self.path == CITATION and has_version(place):
            stated = list(_citation_versions(self.text, self.path))
            found = [match for match in found if _touches(match, stated)]
        return found

    def is_sure(self, place: ListedPlace, matches: Sequence[Match]) -> bool:
        """Whether every match is where the document's own syntax has the version."""
        if place.expected != 1:
            return False
        if self.path == CITATION:
            return True
        found = [statement.locate(self.text) for statement in self.statements]
        spans = [_Span(*span) for span in found if span is not None]
        return all(_touches(match, spans) for match in matches)

    def lines(self, matches: Sequence[Match]) -> list[int]:
        return [self.text.count("\n", 0, match.start) + 1 for match in matches[:MOST_LINES]]

    def replace(self, place: ListedPlace, matches: Sequence[Match]) -> list[Finding]:
        for match in matches:
            if _touches(match, self.written):
                line = self.text.count("\n", 0, match.start) + 1
                message = "two places overlap here"
                return [Finding(message, self.path, line, "narrow their searches")]
        if self.path == CITATION:
            for match in reversed(matches):
                self.done.append(_addressed(self.text, *match))
        else:
            pattern = pattern_of(place, self.change)
            self.done.append(Replacement(pattern.pattern, template_of(place, self.change)))
        self.splice(matches)
        return []

    def state(self, statement: Statement) -> list[Finding]:
        """Change a value that no search has changed."""
        if (
            read_back(statement, self.text) != statement.value
            or statement.value == statement.wanted
        ):
            return []
        span = statement.locate(self.text)
        if span is None:
            return [
                Finding(
                    f"{statement.label} cannot be changed alone: {statement.value!r} is not"
                    " written plainly",
                    self.path,
                    statement.line,
                    f'write it as one plain text, such as "{statement.value}"',
                )
            ]
        match = Match(*span, statement.written or statement.wanted)
        self.done.append(_addressed(self.text, *match))
        self.splice([match])
        return []

    def splice(self, matches: Sequence[Match]) -> None:
        """Put in what the matches become, and keep where all that was written is now."""
        spans = []
        position = size = number = 0
        for match in (*matches, Match(len(self.text), len(self.text), "")):
            shift = size - position
            while number < len(self.written) and self.written[number].end <= match.start:
                spans.append(_Span(*(edge + shift for edge in self.written[number])))
                number += 1
            size += match.start - position + len(match.new)
            position = match.end
            spans.append(_Span(size - len(match.new), size))
        self.text, self.written = spliced(self.text, matches), spans[:-1]


def _touches(match: Match, spans: Sequence[_Span]) -> bool:
    """Whether a match shares text with one of the spans, which are in the order of the text."""
    number = bisect_left(spans, match.start + 1, key=lambda span: span.end)
    return number < len(spans) and spans[number].start < max(match.end, match.start + 1)


def _addressed(text: str, start: int, end: int, new: str) -> Replacement:
    """The replacement of one stretch of a text, which is named by its line and column."""
    line = text.count("\n", 0, start)
    column = start - (text.rfind("\n", 0, start) + 1)
    place = rf"\A((?:[^\n]*\n){{{line}}}[^\n]{{{column}}})"
    return Replacement(place + re.escape(text[start:end]), r"\g<1>" + new.replace("\\", r"\\"))


def _check_search(place: ListedPlace, path: str, size: int, change: Change) -> None:
    if place.regex and size > MAX_SEARCHED:
        raise ConfigurationError.of(
            f"is too large ({size} characters) for a regular expression",
            path,
            remedy=f"use a plain search in {place.origin}",
        )
    whole = BEFORE_VERSION + re.escape(change.previous) + AFTER_VERSION
    if not has_version(place) and re.search(whole, place.search):
        message = f"search {place.search!r} holds {change.previous} and would fail the next time"
        raise ConfigurationError(malformed(message, place.line, f"write {SEARCH} for it"))


def _missing(place: ListedPlace, path: str, text: str, change: Change, changed: bool) -> Finding:
    shown = search_shown(place, change)
    if changed:
        return Finding(
            f"every {shown} is changed by another entry already",
            path,
            remedy=f"take one of the entries out of {place.origin}",
        )
    message, line = f"{shown} is nowhere in it", None
    searched = rendered(pieces_of(place.search, "search", place.line), place, change)
    position = -1 if place.regex else text.find(searched)
    if position >= 0:
        line = text.count("\n", 0, position) + 1
        message = f"{shown} is in it only as a part of something longer"
    if path == CITATION:
        message = f"{shown} is not where it states the project's version"
    return Finding(
        message, path, line, f"correct the file, or the entry's search in {place.origin}"
    )


def _miscounted(
    places: Sequence[ListedPlace], path: str, lines: Sequence[int], count: int, change: Change
) -> Finding:
    expected = places[0].expected
    shown = " or ".join(dict.fromkeys(search_shown(place, change) for place in places))
    some = ", ".join(map(str, lines[:MOST_LINES])) + (", …" if count > MOST_LINES else "")
    return Finding(
        f"{shown} is in it {_times(count)}, not {_times(expected)}:"
        f" line{'s' if count > 1 else ''} {some}",
        path,
        lines[0],
        f"narrow the search in {places[0].origin}, or, if all of them are the project's version,"
        f' set "{path}" = {count} in [tool.release.bump.matches]',
    )


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _citation_versions(body: str, path: str) -> Iterator[_Span]:
    """Where CITATION.cff states the version, in the order of the text."""
    from release.text import yaml

    try:
        document = yaml.compose(body)
    except yaml.Malformed as error:
        raise ConfigurationError.of(str(error), path, error.line, "correct it there") from None
    nodes = [yaml.scalar(document, *keys) for keys in CITED]
    spans = (_Span(n.start_mark.index, n.end_mark.index) for n in nodes if n is not None)
    yield from sorted(spans)
