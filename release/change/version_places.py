"""Has bump-my-version edit the places that state a project's version, and proves what it wrote.

It is told every place, those found by ourselves as entries of their own. What it then wrote counts
where it proves right: each place as often as listed, the new version in it, all else as it was.
Line ends and byte order marks, which it would damage, it does not get to see.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from release.change.searches import (
    AFTER_VERSION,
    BEFORE_VERSION,
    REPLACE,
    SEARCH,
    TABLE,
    ListedPlace,
    doubled,
    literal,
    pieces,
    search_of,
    template_of,
)
from release.change.statements import Statement, keyed, reads, span_of, statement_of
from release.errors import CannotCheck, ConfigurationError, ReleaseError
from release.model import Finding
from release.project import VersionPlace
from release.run.shell import Shell
from release.text import edits
from release.text.versions import PARSE

SCRIPT = Path(__file__).with_name("_bump_my_version.py")
SECONDS = 60.0  # that the tool gets: a regular expression may never end
MOST_LINES = 20  # that a message names
LOG_HINT = "; .release/logs/bump.log has all that it said"

Span = tuple[int, int]
# Answers a request as _bump_my_version.py does.
Editor = Callable[[Mapping[str, Any]], list[dict[str, Any]]]


class Change(NamedTuple):
    """From which version to which one, on what day, and how [tool.bumpversion] reads versions."""

    previous: str
    version: str
    day: date
    parse: str = PARSE
    parts: Mapping[str, Any] = {}


def bump_my_version(shell: Shell) -> Editor:
    """The editor that is bump-my-version, in the environment of the tools."""

    def edit(request: Mapping[str, Any]) -> list[dict[str, Any]]:
        shell.tools.tool("bump-my-version")  # says so where it is not installed
        try:
            answer, said = shell.answer(SCRIPT, asked=request, timeout=SECONDS)
        except (CannotCheck, OSError) as error:
            answer, said = None, str(error.strerror if isinstance(error, OSError) else error.reason)
        if not isinstance(answer, list) or len(answer) != len(request["entries"]):
            if "was stopped after" in said:
                said += "; a search with regex = true, or parse, may never end"
            raise ReleaseError.of(
                f"bump-my-version could not edit the version places: {said}",
                "pyproject.toml",
                remedy=f"nothing was changed; settle what it says, and run this again{LOG_HINT}",
            )
        return answer

    return edit


def edit_places(
    texts: Mapping[str, str],
    places: Sequence[ListedPlace],
    known: Sequence[VersionPlace],
    change: Change,
    edit: Editor,
) -> dict[str, str]:
    """Those of the texts, by their paths, that change, with every place changed.

    `places` are the listed places and `known` those that the project reader found; the latter are
    edited whether or not they are listed, and however PEP 440 lets them spell the version. The
    entries are followed one after the other, on the text as edits.plain has it; known places that
    they leave as they are come after them.

    Raises ConfigurationError, naming path and lines, when a place does not hold the version as
    often as expected, when a known place cannot be edited without changing anything else, or when
    the tool refuses an entry or writes anything else than that.
    """
    listed = [place for place in places if place.key_path is None]
    work = _Work(texts, listed, change)
    problems = work.state([*known, *(place for place in places if place.key_path is not None)])
    problems += [problem for place in listed for problem in _would_fail_next(place, change)]
    problems = problems or work.follow(listed, edit) or work.edit_stated(edit)
    if problems:
        raise ConfigurationError(*dict.fromkeys(problems))
    return work.restored()


class _Work:
    """The plain texts while their places are changed."""

    def __init__(
        self, texts: Mapping[str, str], listed: Sequence[ListedPlace], change: Change
    ) -> None:
        self.given = texts
        self.before = {path: edits.plain(text) for path, text in texts.items()}
        self.texts = dict(self.before)
        self.change = change
        self.listed = listed
        self.statements: list[Statement] = []

    def state(self, items: Sequence[VersionPlace | ListedPlace]) -> list[Finding]:
        """Find what the syntax of the files has; the problems of what is not as it should be."""
        problems: list[Finding] = []
        for item in items:
            body = self.before[item.path]
            try:
                place = keyed(body, item) if isinstance(item, ListedPlace) else item
                if place is not None:
                    self.statements.append(statement_of(body, place, *self.change[:2]))
            except ConfigurationError as error:
                problems += error.problems
        return problems

    def follow(self, places: Sequence[ListedPlace], edit: Editor) -> list[Finding]:
        """Let the tool follow an entry for each place, and judge what it did; the problems."""
        if not places:
            return []
        spelled = defaultdict(set)
        for one in self.statements:
            if one.place.value != self.change.previous and not one.place.numbers:
                spelled[one.place.path].add(one.place.value)
        entries = [_entry(place, sorted(spelled[place.path])) for place in places]
        problems: list[Finding] = []
        counted: dict[str | int, tuple[list[ListedPlace], list[int]]] = {}
        answers = zip(places, edit(self.request(entries)), strict=True)
        for number, (place, answer) in enumerate(answers):
            if "error" in answer:
                problems.append(_refused(place, answer["error"]))
                continue
            spans = [(start, end) for start, end in answer["spans"]]
            before, after = self.texts[place.path], answer["after"]
            lines = list(_lines(before, spans))
            if not lines and not place.may_lack_version:
                problems.append(self.missing(place))
            several = counted.setdefault(place.path if place.together else number, ([], []))
            several[0].append(place)
            several[1].extend(lines)
            wrong = list(self.take(place.path, spans, after, _becomes(place, self.change)))
            lost = before.count("\n") - after.count("\n")
            problems += wrong or self.judge_lost(place, lines, lost)
        return problems + [
            _miscounted(several, sorted(lines), self.change)
            for several, lines in counted.values()
            if self.is_miscounted(several[0], lines)
        ]

    def edit_stated(self, edit: Editor) -> list[Finding]:
        """Have the tool edit each value of the syntax that no listed entry has; the problems."""
        left = [one for one in self.statements if self.says(one) != one.wanted]
        spots = {
            (one.place.path, span): one.written
            for one in left
            if (span := span_of(self.texts[one.place.path], one.place)) is not None
        }
        # From the last to the first, so that none moves before its turn.
        places = [
            _at(path, span, self.texts[path], written)
            for (path, span), written in sorted(spots.items(), reverse=True)
        ]
        return self.follow(places, edit) or [
            self.unwritten(one) for one in left if self.says(one) != one.wanted
        ]

    def says(self, one: Statement) -> str | None:
        """What a text has by now where a value is stated."""
        return reads(self.texts[one.place.path], one.place)

    def unwritten(self, one: Statement) -> Finding:
        """The problem of a value that did not become what it must."""
        path, line, value, label = one.place.path, one.place.line, one.place.value, one.place.label
        if self.says(one) != value:
            return Finding(f"{label} would not become {one.wanted}", path, line, self.narrow(path))
        message = f"{label} cannot be changed alone: {value!r} is not written plainly"
        return Finding(message, path, line, f'write it as one plain text, such as "{value}"')

    def request(self, entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        return {
            "current": self.change.previous,
            "new": self.change.version,
            "day": self.change.day.isoformat(),
            "parse": self.change.parse,
            "parts": dict(self.change.parts),
            "texts": {entry["filename"]: self.texts[entry["filename"]] for entry in entries},
            "entries": entries,
        }

    def is_miscounted(self, place: ListedPlace, lines: Sequence[int]) -> bool:
        """Whether what a place looks for, or all of its file together, is not as often there."""
        if not lines or place.expected in {0, len(lines)}:
            return False
        # Where the document's own syntax has the version, nothing is in doubt.
        before = self.before[place.path]
        known = (one.place for one in self.statements if one.place.path == place.path)
        spans = (span for one in known if (span := span_of(before, one)) is not None)
        stated = {before.count("\n", 0, start) + 1 for start, _ in spans}
        return place.together or place.expected != 1 or not stated.issuperset(lines)

    def judge_lost(self, place: ListedPlace, lines: Sequence[int], lost: int) -> Iterator[Finding]:
        """The problem of an expression that takes away more lines than it spells; `lost` are gone.

        The tool lets a dot match the end of a line, too: .* may be the rest of the file.
        """
        search, replace = (
            text.count("\n") + text.count(r"\n") for text in (place.search, place.replace)
        )
        lost -= (search - replace) * len(lines)
        if place.regex and lost > 0:
            yield Finding(
                f"{_searched(place, self.change)!r} matches many lines at once, and {lost} of them"
                " would be gone",
                place.path,
                lines[0],
                rf"write [^\n]* in place of .* in the entry's search in {place.origin}: a dot"
                " matches the end of a line, too",
            )

    def missing(self, place: ListedPlace) -> Finding:
        shown = _searched(place, self.change)
        before, text = self.before[place.path], self.texts[place.path]
        message, line = f"{shown!r} is nowhere in it", None
        remedy = f"correct the file, or the entry's search in {place.origin}"
        if not place.regex and shown in text:
            line = text.count("\n", 0, text.index(shown)) + 1
            message = f"{shown!r} is in it only as a part of something longer"
        elif not place.regex and shown in before:
            message = f"every {shown!r} is changed by another entry already"
            remedy = f"take one of the entries out of {place.origin}"
        return Finding(message, place.path, line, remedy)

    def take(self, path: str, spans: Sequence[Span], after: str, becomes: str) -> Iterator[Finding]:
        """Take over what the tool wrote; a problem if it is more than the spans, or another thing.

        `becomes` is a regular expression of what each of them must be now.
        """
        before, self.texts[path] = self.texts[path], after
        if not _is_right(before, spans, after, becomes):
            pairs = zip_longest(before.split("\n"), after.split("\n"))
            line = next((n for n, (one, other) in enumerate(pairs, 1) if one != other), None)
            yield Finding(
                "bump-my-version did not do what it was told: it wrote something else here",
                path,
                line,
                f"nothing was changed; {self.narrow(path)}",
            )

    def narrow(self, path: str) -> str:
        """What to do about entries that do too much in a file."""
        origins = dict.fromkeys(place.origin for place in self.listed if place.path == path)
        return f"narrow the searches for this file in {' and '.join(origins) or TABLE}"

    def restored(self) -> dict[str, str]:
        """The texts that changed, with their own line ends."""
        done = {}
        for path, text in self.texts.items():
            try:
                if text != self.before[path]:
                    done[path] = edits.restored(self.given[path], text)
            except edits.MixedLineEnds:
                raise ConfigurationError.of(
                    "has line ends of two kinds where lines would come or go",
                    path,
                    remedy="give all of its lines one kind: git add --renormalize, or your editor",
                ) from None
        return done


def _lines(text: str, spans: Sequence[Span]) -> Iterator[int]:
    """The lines on which spans begin, which are in the order of the text."""
    line, last = 1, 0
    for start, _ in spans:
        line += text.count("\n", last, start)
        last = start
        yield line


def _entry(place: ListedPlace, spellings: Sequence[str]) -> dict[str, Any]:
    """An entry as bump-my-version reads it, for a listed place."""
    return {
        "filename": place.path,
        "search": search_of(place, spellings),
        "replace": template_of(place),
        "serialize": place.serialize,
    }


def _at(path: str, span: Span, text: str, written: str) -> ListedPlace:
    """A place for what stands at one spot of a text."""
    search = rf"(?<=\A.{{{{{span[0]}}}}})" + literal(text[slice(*span)])
    return ListedPlace(path, search, doubled(written), regex=True)


def _becomes(place: ListedPlace, change: Change) -> str:
    """A regular expression of what a match of a listed place must become."""
    version = re.escape(change.version)
    whole = REPLACE in place.replace and not place.serialize
    if "\\" in place.replace:  # which puts in what its groups matched
        return f".*?{version}.*?" if whole else ".*?"
    texts = []
    for text, field in pieces(place.replace):
        texts.append(re.escape(text))
        if field is not None:
            texts.append(version if whole and field == "new_version" else ".*?")
    return "".join(texts)


def _is_right(before: str, spans: Sequence[Span], after: str, becomes: str) -> bool:
    """Whether the spans of a text, and nothing else, became what they must."""
    if not spans:
        return before == after
    first, last = spans[0][0], spans[-1][1]
    size = len(after) - (len(before) - last)
    between = [before[end:start] for (_, end), (start, _) in pairwise(spans)]
    middle = becomes + "".join(re.escape(text) + becomes for text in between)
    return (
        size >= first
        and after.startswith(before[:first])
        and after.endswith(before[last:])
        and re.fullmatch(middle, after[first:size], re.DOTALL) is not None
    )


def _refused(place: ListedPlace, said: str) -> Finding:
    """The problem of an entry that the tool cannot follow."""
    remedy = r"fix it there; a group before a version is written \g<1>"
    if said.startswith("the field"):
        remedy = (
            "known are {current_version}, {new_version}, their parts such as {new_major}, and"
            " {now:%Y-%m-%d} in a replacement; a brace is written twice"
        )
    return place.malformed(f"search {place.search!r}: {said}", remedy)


def _would_fail_next(place: ListedPlace, change: Change) -> Iterator[Finding]:
    whole = BEFORE_VERSION + re.escape(change.previous) + AFTER_VERSION
    if not place.has_version and re.search(whole, place.search):
        message = f"search {place.search!r} holds {change.previous} and would fail the next time"
        yield place.malformed(message, f"write {SEARCH} for it")


def _miscounted(places: Sequence[ListedPlace], lines: Sequence[int], change: Change) -> Finding:
    expected, path, count = places[0].expected, places[0].path, len(lines)
    shown = " or ".join(dict.fromkeys(repr(_searched(place, change)) for place in places))
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


def _searched(place: ListedPlace, change: Change) -> str:
    """What a place looks for, as a message names it."""
    shown = place.search.replace(SEARCH, change.previous)
    return shown.replace("{{", "{").replace("}}", "}")
