"""Reads a changelog: its headings, sections, bullets and link definitions, with their places.

Markdown by CommonMark 0.31 as far as headings go (ATX and underlined ones; none in fenced or
indented code, comments, or <pre>), and underlined titles of reStructuredText. What a section's
heading says follows Keep a Changelog 1.1.0 and the variants that are in use.
"""

from __future__ import annotations

import bisect
import functools
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from packaging.version import Version

from release.model import Finding
from release.text import markdown
from release.text.edits import BYTE_ORDER_MARK
from release.text.plain_language import blanked, is_placeholder
from release.text.versions import parse

# The start of a line; the first one may stand behind a byte order mark. It is searched for at every
# character of a text: what decides must come first.
_LINE = r"^(?:\ufeff(?<=\A\ufeff))?"

_WRAP = r"[*_`~]{0,3}"
_NUMBER = r"[vV]?\d(?:[0-9A-Za-z.!+_-]{0,98}[0-9A-Za-z])?"
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_NUMBERED_DATE = (
    r"\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}[./]\d{1,2}[./]\d{1,2}"
    rf"|(?:\d{{1,2}}(?:st|nd|rd|th)?[ \t-]+)?{_MONTH}(?:[ \t-]+\d{{1,2}}(?:st|nd|rd|th)?)?,?"
    r"[ \t-]+\d{4}"
)
_NO_DATE = (
    r"unreleased|not (?:yet )?released(?: yet)?|(?:in|under) development|in progress"
    r"|work in progress|wip|tb[ad]|pending|upcoming|soon|date|release date|yyyy-mm-dd"
    r"|[?x]{2,4}(?:-[?x]{2}){0,2}|\d{4}-(?:[?x]{2}|\d{2})-[?x]{2}"
)
_VERSION_TITLE = re.compile(
    rf"(?P<lead>{_WRAP}(?:(?P<word>[A-Za-z][\w.-]{{0,99}})[ \t]+)?{_WRAP})"
    rf"(?:\[{_WRAP}(?P<label>{_NUMBER}){_WRAP}\]"
    r"(?:\((?P<url>[^()\s]*)\)|\[(?P<reference>[^\[\]]*)\])?"
    rf"|(?P<bare>{_NUMBER}))(?P<tail>(?![\w.+!]).*)",
    re.S,
)
_UNRELEASED_TITLE = re.compile(
    rf"(?P<open>{_WRAP}\[?{_WRAP})"
    r"(?P<word>unreleased(?:[ \t]+(?:changes|version|release))?|not yet released|to be released"
    r"|upcoming(?:[ \t]+(?:changes|release|version))?|next(?:[ \t]+(?:release|version))?|vnext"
    r"|head|in development|development(?:[ \t]+version)?)"
    rf"{_WRAP}\]?(?:\((?P<url>[^()\s]*)\)|\[(?P<reference>[^\[\]]*)\])?(?P<tail>(?!\w).*)",
    re.I | re.S,
)
_DATED_TAIL = re.compile(
    r"[\s*_`~]*(?:[-\u2010-\u2015\u2212:|/,\u00b7]{1,3}[\s*_`~]*)?[(\[]?[\s*_`~]*"
    r"(?:(?:released|on)\b:?[ \t]+(?:on[ \t]+)?)?"
    rf"(?:(?P<date>{_NUMBERED_DATE})|(?P<none>{_NO_DATE}))(?![\w-])(?P<after>.*)",
    re.I | re.S,
)
# The line below a heading that has the date, or says that there is none yet.
_DATE_LINE = re.compile(
    rf"(?P<said>[ \t]*{_WRAP}(?::?(?:(?:release )?date|released)\b:?{_WRAP}[ \t]+(?:on[ \t]+)?)?"
    rf"(?:(?P<date>{_NUMBERED_DATE})|(?P<none>{_NO_DATE})){_WRAP}[.:]?{_WRAP})[ \t]*\r?\n?",
    re.I,
)
_TITLED_TAIL = re.compile(r"[*_`~]*(?:[ \t]*[-\u2010-\u2015\u2212:|][ \t]|[ \t]*:|[ \t]+\()", re.S)
_VERSION_TAIL = re.compile(
    rf"[\s*_`~]*(?:[-\u2010-\u2015\u2212:|/,][\s*_`~]*)?[(\[]?(?P<version>{_NUMBER})(?P<after>(?!\w).*)",
    re.S,
)
_CLOSERS = " \t\r*_`~)].:"
# The patterns above take quadratic time; no heading of a release is that long.
_LONGEST_TITLE = 300
_ATTRIBUTES = re.compile(r"[ \t]*\{[^{}]*\}[ \t]*$")


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading: its level, its text, and its place.

    `start` and `end` enclose its lines with the last line end; `title_start` is where the text
    begins. An underlined one has the underline's `mark`, and `over` when there is one above too.
    """

    level: int
    title: str
    line: int
    start: int
    end: int
    title_start: int
    mark: str = ""
    over: bool = False


@dataclass(frozen=True, slots=True)
class Title:
    """What the heading of a section says; every span is in the heading's text.

    `version` is None in a plain Unreleased heading, and when what stands there is no version by
    PEP 440: `spelling` has it as it is written, without a leading v. `unreleased` is said by a
    word, in the place of the version or of the date. `date` is None for one that is not ISO 8601;
    `written` is the date or the word as it stands there. `label` is the text in square brackets;
    `rest` are further words.
    """

    version: Version | None
    spelling: str
    span: tuple[int, int]
    unreleased: bool
    first: bool
    date: date | None
    written: str
    date_span: tuple[int, int] | None
    label: str | None
    url: tuple[int, int] | None
    reference: tuple[int, int] | None
    rest: str
    end: int

    @property
    def certain(self) -> bool:
        """Whether more than a bare number shows that this is the heading of a release."""
        return self.unreleased or self.label is not None or bool(self.written)


@dataclass(frozen=True, slots=True)
class Bullet:
    """One item of a list, what is nested below it included."""

    text: str
    line: int

    @property
    def concrete(self) -> bool:
        return not is_placeholder(self.text)


@dataclass(frozen=True, slots=True)
class Kind:
    """A subsection, such as Added; the part of a section above the first one has no heading.

    `start` and `end` enclose it with its heading and the blank lines below; `content_end` is where
    its last line with text ends. `prose` is what stands there beside the bullets.
    """

    name: str
    heading: Heading | None
    line: int
    start: int
    content_end: int
    end: int
    bullets: tuple[Bullet, ...]
    prose: tuple[str, ...]

    @property
    def empty(self) -> bool:
        return not self.bullets and not self.prose

    @property
    def concrete(self) -> bool:
        """Whether anything is said there that is not a placeholder."""
        return any(bullet.concrete for bullet in self.bullets) or any(
            not is_placeholder(text) for text in self.prose
        )


@dataclass(frozen=True, slots=True)
class Definition:
    """A link definition `[label]: url`; `url_start` is where the address begins."""

    label: str
    url: str
    line: int
    start: int
    end: int
    url_start: int

    @property
    def version(self) -> Version | None:
        return parse(self.label)

    @property
    def unreleased(self) -> bool:
        return self.label.casefold() == "unreleased"


@dataclass(frozen=True)
class Section:
    """The section of a release, or of what is not released.

    `start` is where the anchors above its heading begin, `content_end` where its last line with
    text ends, and `end` where the next section or the links at the foot begin.
    """

    heading: Heading
    title: Title
    start: int
    content_end: int
    end: int
    text: Text

    @property
    def version(self) -> Version | None:
        return self.title.version

    @functools.cached_property
    def date_line(self) -> re.Match[str] | None:
        """The first line below a version's heading where it is a date, or says that none is."""
        if self.title.written or not self.title.spelling:
            return None
        below = re.compile(r"(?:[ \t]*\r?\n)*").match(self.text.whole, self.heading.end)
        start = below.end() if below else self.heading.end
        return _DATE_LINE.fullmatch(self.text.whole, start, _line_end(self.text.whole, start))

    @property
    def content_start(self) -> int:
        """Where what is said begins: below the heading, and below its date."""
        return self.date_line.end() if self.date_line else self.heading.end

    @property
    def unreleased(self) -> bool:
        return self.title.unreleased or bool(self.date_line and self.date_line["none"])

    @property
    def plain_unreleased(self) -> bool:
        """Whether it is an Unreleased section that names no version."""
        return self.unreleased and not self.title.spelling

    @property
    def date(self) -> date | None:
        return _iso(self.date_line["date"] or "") if self.date_line else self.title.date

    @property
    def line(self) -> int:
        return self.heading.line

    @property
    def body(self) -> str:
        """What stands below the heading and its date, without the blank lines around it."""
        return self.text.whole[self.content_start : self.content_end].strip("\r\n \t")

    @property
    def name(self) -> str:
        """How messages call it."""
        return self.title.spelling or "Unreleased"

    @functools.cached_property
    def kinds(self) -> tuple[Kind, ...]:
        """The part above the first subsection if there is one, and the subsections."""
        return tuple(_kinds(self))

    @property
    def concrete(self) -> bool:
        return any(kind.concrete for kind in self.kinds)


@dataclass(frozen=True)
class Changelog:
    """A changelog as it was read.

    `sections` are in the order of the file; `others` are headings of the same or a higher level
    that are none. `foot` is where the link definitions at the end begin.
    """

    path: str
    sections: tuple[Section, ...]
    others: tuple[Heading, ...]
    foot: int
    text: Text

    def of(self, version: Version) -> tuple[Section, ...]:
        """The sections of a version, however it is spelled there."""
        return tuple(self._by_version.get(version, ()))

    @functools.cached_property
    def _by_version(self) -> dict[Version, list[Section]]:
        found: dict[Version, list[Section]] = {}
        for section in self.sections:
            if section.version is not None:
                found.setdefault(section.version, []).append(section)
        return found

    @property
    def released(self) -> tuple[Section, ...]:
        return tuple(s for s in self.sections if s.version is not None and not s.unreleased)

    @property
    def unreleased(self) -> tuple[Section, ...]:
        """The Unreleased sections that name no version."""
        return tuple(section for section in self.sections if section.plain_unreleased)

    def dated(self, but: Section | None = None) -> bool:
        """Whether headings have dates here: at least half of the released ones, one left out."""
        written = [bool(s.title.written) for s in self.released if s is not but]
        return bool(written) and 2 * sum(written) >= len(written)

    @property
    def understood(self) -> bool:
        """Whether it has sections of releases, or nothing yet that could be one."""
        if any(section.title.spelling for section in self.sections):
            return True
        if self.text.includes or any(_NAMED.search(heading.title) for heading in self.others):
            return False
        if self.sections:
            lines = "\n".join(text for s in self.sections for k in s.kinds for text in k.prose)
        else:
            lines = self.text.visible(0, len(self.text.whole), code=False)
        return len(self.others) <= 1 and not any(map(_titled, lines.split("\n")))


@dataclass(frozen=True)
class Text:
    """The text of a changelog with the places of headings, and of code and comments.

    `code` and `comments` are spans in order. Line numbers count from 1. `problems` are what makes
    it doubtful where a section ends. `markup` is "markdown" or "rst".
    """

    whole: str
    markup: str
    headings: tuple[Heading, ...]
    code: tuple[tuple[int, int], ...]
    comments: tuple[tuple[int, int], ...]
    definitions: tuple[Definition, ...]
    problems: tuple[Finding, ...]

    @functools.cached_property
    def line_at(self) -> Callable[[int], int]:
        """What tells the line of a place."""
        return _line_numbers(self.whole)

    @property
    def includes(self) -> bool:
        """Whether the text is to come from another file."""
        return self.markup == "rst" and bool(re.search(r"^\.\. include::", self.whole, re.M))

    @functools.cached_property
    def definition_starts(self) -> frozenset[int]:
        return frozenset(definition.start for definition in self.definitions)

    def comments_in(self, start: int, end: int) -> Sequence[tuple[int, int]]:
        return _between(self.comments, start, end)

    def code_in(self, start: int, end: int) -> Sequence[tuple[int, int]]:
        return _between(self.code, start, end)

    def headings_in(self, start: int, end: int) -> Sequence[Heading]:
        first = bisect.bisect_left(self.headings, start, key=lambda heading: heading.start)
        last = bisect.bisect_left(self.headings, end, key=lambda heading: heading.start)
        return self.headings[first:last]

    def visible(
        self, start: int, end: int, *, code: bool = True, without: Sequence[Heading] = ()
    ) -> str:
        """The text between two places; comments, some headings and unwanted code are blank."""
        spans = [*self.comments_in(start, end), *((h.start, h.end) for h in without)]
        if not code:
            spans += self.code_in(start, end)
        parts, position = [], start
        for begin, finish in sorted(spans):
            first, last = max(begin, position), min(finish, end)
            if last > position:
                parts += [self.whole[position:first], blanked(self.whole[first:last])]
                position = last
        return "".join([*parts, self.whole[position:end]])


def _between(spans: Sequence[tuple[int, int]], start: int, end: int) -> Sequence[tuple[int, int]]:
    """The spans that begin between two places."""
    return spans[bisect.bisect_left(spans, (start,)) : bisect.bisect_left(spans, (end,))]


@functools.lru_cache(maxsize=2)
def read(text: str, path: str) -> Changelog:
    """Read a changelog, once: a release asks for the same text, old and new, many times.

    `text` is the file as it is decoded, a byte order mark and all line ends included; `path` tells
    Markdown (.md) from reStructuredText (.rst), any other name leaves it to the text. Never
    raises: a text without sections has none, and `problems` says what is doubtful.
    """
    suffix = path.rpartition(".")[2].lower()
    if suffix in {"md", "markdown", "mkd"}:
        return _changelog(_scan_markdown(text, path), path)
    if suffix in {"rst", "rest"}:
        return _changelog(_scan_rst(text), path)
    found = _changelog(_scan_markdown(text, path), path)
    if any(not section.heading.mark for section in found.sections):
        return found
    other = _changelog(_scan_rst(text), path)
    return other if len(other.sections) > len(found.sections) else found


def read_title(title: str) -> Title | None:
    """What a heading says if it can be that of a section; None for any other heading."""
    if len(title) > _LONGEST_TITLE:
        return None
    bare = _ATTRIBUTES.sub("", title)
    shared = title[len(bare) :].strip()
    match = _UNRELEASED_TITLE.fullmatch(bare)
    if match and (found := _unreleased_title(match, shared)):
        return found
    match = _VERSION_TITLE.fullmatch(bare)
    return _version_title(match, shared) if match else None


def _unreleased_title(match: re.Match[str], attributes: str) -> Title | None:
    tail = match["tail"]
    plain = match["word"].casefold().startswith("unreleased")
    label = match["word"] if "[" in match["open"] else None
    version, spelling, span, rest = None, "", (0, 0), tail.strip(_CLOSERS)
    written, date_span, day = match["word"], match.span("word"), None
    dated = _DATED_TAIL.fullmatch(tail)
    if dated and (dated["date"] or not _worded(dated["after"])):
        day = _iso(dated["date"] or "")
        rest = dated["after"].strip(_CLOSERS) if day is None else dated["date"]
        if dated["none"]:
            rest = ""
    elif (named := _VERSION_TAIL.fullmatch(tail)) and parse(named["version"]) is not None:
        version, spelling = parse(named["version"]), named["version"].lstrip("vV")
        offset = match.start("tail") + named.end("version")
        span = offset - len(spelling), offset
        rest = named["after"].strip(_CLOSERS)
    if not plain and (rest or version):
        return None
    return Title(
        version=version,
        spelling=spelling,
        span=span,
        unreleased=True,
        first=True,
        date=None,
        written=written,
        date_span=date_span,
        label=label,
        url=match.span("url") if match["url"] else None,
        reference=match.span("reference") if match["reference"] else None,
        rest=" ".join(filter(None, (rest, attributes))),
        end=match.start("tail"),
    )


def _version_title(match: re.Match[str], attributes: str) -> Title | None:
    group = "label" if match["label"] else "bare"
    token, tail, word = match[group], match["tail"], (match["word"] or "").lower().rstrip(".:")
    spelling = token.lstrip("vV")
    version = parse(spelling)
    if _iso(token) or (version is None and "." not in token):
        return None
    dated = _DATED_TAIL.fullmatch(tail)
    if dated and dated["none"] and _worded(dated["after"]):
        dated = dated if dated["none"].casefold() == "unreleased" else None
    rest = (dated["after"] if dated else tail).strip(_CLOSERS)
    if word and word not in {"version", "release", "rel", "ver", "v"} and not dated:
        return None
    if not dated and rest and not (match["label"] or _TITLED_TAIL.match(tail)):
        return None
    # A whole number is the heading of a release only where something else says so.
    if not dated and group == "bare" and "." not in token and token[0] not in "vV" and not word:
        return None
    if version is None and not (dated or match["label"] or not rest):
        return None
    if version is None and re.search(r"\.[xX*]$", token):
        return None
    offset = match.start("tail")
    which = "date" if dated and dated["date"] else "none"
    return Title(
        version=version,
        spelling=spelling,
        span=(match.end(group) - len(spelling), match.end(group)),
        unreleased=bool(dated and dated["none"]),
        first=False,
        date=_iso(dated["date"] or "") if dated else None,
        written=dated[which] if dated else "",
        date_span=(offset + dated.start(which), offset + dated.end(which)) if dated else None,
        label=match["label"],
        url=match.span("url") if match["url"] else None,
        reference=match.span("reference") if match["reference"] else None,
        rest=" ".join(filter(None, (rest.lstrip(" \t(["), attributes))),
        end=offset,
    )


# A version inside of a heading that is not read as one of a release.
_NAMED = re.compile(r"(?<![\w.])[vV]?\d+\.\d+")


def _titled(line: str) -> bool:
    """Whether a line that is no heading is that of a release: in bold, of a list or of a table."""
    cell = line.strip().strip("|").partition("|")[0].strip(" \t*_-+\u2022")
    title = read_title(re.sub(r"^\d+[.)] +", "", cell))
    return title is not None and (title.version is not None or title.first)


def _worded(text: str) -> bool:
    return any(character.isalnum() for character in text)


def _iso(text: str) -> date | None:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


# A link definition, wherever it stands outside of code and comments.
_DEFINITION = re.compile(
    _LINE + r" {0,3}\[(?P<label>(?!\^)[^\[\]\n]{1,200})\]:[ \t]*(?P<url><[^<>\n]*>|[^\s<]\S*)", re.M
)


def _line_numbers(text: str) -> Callable[[int], int]:
    """What tells the line (from 1) of a place in a text."""
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    return lambda offset: bisect.bisect_right(starts, offset)


def _line_end(text: str, offset: int) -> int:
    """Where the line of a place ends, its line end included."""
    found = text.find("\n", offset)
    return len(text) if found < 0 else found + 1


def _line_start(text: str, offset: int) -> int:
    start = text.rfind("\n", 0, offset) + 1
    return start + 1 if start == 0 and text.startswith(BYTE_ORDER_MARK) else start


def _scan_markdown(text: str, path: str) -> Text:
    headings: list[Heading] = []
    spans: dict[str, list[tuple[int, int]]] = {"code": [], "comment": []}
    problems: list[Finding] = []
    line_of = _line_numbers(text)
    for block in markdown.blocks(text):
        line = line_of(block.start)
        if block.kind == "heading":
            underlined = block.mark[0] in "=-"
            # The title of a release takes one line; a longer one is a paragraph above a rule.
            if "\n" not in block.title:
                place = text.find(block.title, block.start + (0 if underlined else block.level))
                mark = block.mark if underlined else ""
                headings.append(
                    Heading(block.level, block.title, line, block.start, block.end, place, mark)
                )
            continue
        spans[block.kind].append((block.start, block.end))
        if not block.closed:
            what = "comment" if block.kind == "comment" else "code block"
            message = f"a {what} begins here and is never closed, so all below belongs to it"
            problems.append(Finding(message, path, line, "close it"))
    code, comments = tuple(spans["code"]), tuple(spans["comment"])
    definitions = tuple(_definitions(text, sorted((*code, *comments))))
    found = tuple(headings)
    return Text(text, "markdown", found, code, comments, definitions, tuple(problems))


def _definitions(text: str, hidden: Sequence[tuple[int, int]]) -> Iterator[Definition]:
    line_of = _line_numbers(text)
    starts = [start for start, _ in hidden]
    for match in _DEFINITION.finditer(text):
        start = match.start() + (text[match.start()] == BYTE_ORDER_MARK)
        at = bisect.bisect_right(starts, start) - 1
        if at >= 0 and start < hidden[at][1]:
            continue
        url = match["url"]
        place = match.start("url") + url.startswith("<")
        end = _line_end(text, match.end())
        yield Definition(match["label"], url.strip("<>"), line_of(start), start, end, place)


_ADORNMENT = re.compile(_LINE + r"(?P<mark>[!-/:-@\[-`{-~])(?P=mark)+[ \t]*\r?$", re.M)
_RST_COMMENT = re.compile(r"^\.\.[ \t]*\r?\n(?:(?:[ \t]+\S[^\n]*|[ \t]*\r?)(?:\n|\Z))+", re.M)


def _scan_rst(text: str) -> Text:
    headings: list[Heading] = []
    levels: dict[tuple[str, bool], int] = {}
    line_of = _line_numbers(text)
    first = 1 if text.startswith(BYTE_ORDER_MARK) else 0
    last = 0
    for match in _ADORNMENT.finditer(text):
        start = match.start("mark")
        above = _line_start(text, start - 1) if start > first else start
        if above == start or above < last or start - above > _LONGEST_TITLE:
            continue
        raw = text[above:start].rstrip()
        title = raw.strip()
        adornment = match.group().strip(BYTE_ORDER_MARK).rstrip()
        if not title or _ADORNMENT.fullmatch(title) or len(adornment) < min(4, columns(title)):
            continue
        before = _line_start(text, above - 1) if above > first else above
        over = text[before:above].rstrip()
        has_over = bool(over) and over == adornment
        if over and not has_over and not over.startswith(".. "):
            continue
        if raw[0] in " \t" and not has_over:
            continue
        last = _line_end(text, match.end())
        begin = before if has_over else above
        level = levels.setdefault((match["mark"], has_over), len(levels) + 1)
        place = text.find(title, above)
        line = line_of(begin)
        headings.append(Heading(level, title, line, begin, last, place, match["mark"], has_over))
    comments = tuple(match.span() for match in _RST_COMMENT.finditer(text))
    return Text(text, "rst", tuple(headings), (), comments, (), ())


def columns(text: str) -> int:
    """The columns that a text takes."""
    return sum(
        2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1
        for c in text
    )


def _changelog(text: Text, path: str) -> Changelog:
    titles = {h.start: t for h in text.headings if (t := read_title(h.title)) is not None}
    candidates = [heading for heading in text.headings if heading.start in titles]
    certain = [heading for heading in candidates if titles[heading.start].certain]
    base = min((heading.level for heading in certain or candidates), default=0)
    chosen: set[int] = set()
    for heading in candidates:
        title = titles[heading.start]
        # Patch releases may stand one level deeper; what names no version is part of a section.
        deeper = title.certain and (title.spelling or not chosen)
        if heading.level == base or (heading.level == base + 1 and deeper):
            chosen.add(heading.start)
    others = tuple(
        heading
        for heading in text.headings
        if heading.start not in chosen and (heading.level <= base or not base)
    )
    foot = _foot(text)
    bounds = sorted([*chosen, *(heading.start for heading in others), len(text.whole)])
    sections = []
    for heading in candidates:
        if heading.start not in chosen:
            continue
        bound = bounds[bisect.bisect_right(bounds, heading.start)]
        if foot >= heading.end:
            bound = min(bound, foot)
        end = _before_anchors(text, bound, heading.end)
        start = _before_anchors(text, heading.start, 0)
        content_end = _before_furniture(text, end, heading.end)
        sections.append(Section(heading, titles[heading.start], start, content_end, end, text))
    return Changelog(path, tuple(sections), others, foot, text)


def _foot(text: Text) -> int:
    """Where the link definitions at the end of the file begin; its length for none."""
    foot = len(text.whole)
    for definition in reversed(text.definitions):
        if text.visible(definition.end, foot).strip():
            break
        foot = definition.start
    return foot


_ANCHOR = re.compile(
    r"[ \t]*(?:<a[ \t]+(?:id|name)=[\"']?[^\"'<>\n]*[\"']?[ \t]*/?>(?:</a>)?|\.\. _[^:\n]+:)"
    r"[ \t]*\r?\n?"
)
_RULE = re.compile(r" {0,3}(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})\r?\n?")
_WRITERS = {
    "towncrier": re.compile(r"^(?:<!--|\.\.)[ \t]*towncrier[ -]release[ -]notes[ -]start", re.M),
    "scriv": re.compile(r"^(?:<!--|\.\.)[ \t]*scriv-insert-here", re.M),
    "semantic-release": re.compile(r"^(?:<!--[ \t]*|\.\.\s+)version list\b", re.M),
}
_RST_MARK = re.compile(r"\.\. \S")


def is_rule(line: str) -> bool:
    """Whether a line is a thematic break."""
    return bool(_RULE.fullmatch(line))


def writer(log: Changelog) -> str | None:
    """The tool that writes a changelog, by its mark there; None where Unreleased has bullets."""
    bullets = (one for section in log.unreleased for kind in section.kinds for one in kind.bullets)
    if any(bullet.concrete for bullet in bullets):
        return None
    return next((tool for tool, mark in _WRITERS.items() if mark.search(log.text.whole)), None)


def _lines_up(text: str, end: int, stop: int) -> Iterator[tuple[int, int]]:
    """The lines between two places, the last one first."""
    while end > stop:
        start = max(stop, text.rfind("\n", 0, end - 1) + 1)
        yield start, end
        end = start


def _before_anchors(text: Text, offset: int, stop: int) -> int:
    """Where the anchors that stand directly above a place begin; the place itself for none."""
    found = offset
    for start, end in _lines_up(text.whole, offset, stop):
        line = text.whole[start:end]
        if _ANCHOR.fullmatch(line):
            found = start
        elif line.strip():
            break
    return found


def _before_furniture(text: Text, end: int, stop: int) -> int:
    """Where the last line with text ends: blank lines, rules, comments and links have none."""
    comments = text.comments_in(stop, end)
    count = len(comments)
    hidden = len(text.whole) + 1
    for start, finish in _lines_up(text.whole, end, stop):
        if start >= hidden:
            continue
        if count and comments[count - 1][1] >= finish:
            count -= 1
            hidden = comments[count][0]
            continue
        line = text.whole[start:finish]
        mark = text.markup == "rst" and _RST_MARK.match(line)
        if line.strip() and not (is_rule(line) or mark or start in text.definition_starts):
            return finish
    return stop


_ITEM = re.compile(r"[ \t]*(?P<marker>[-*+\u2022]|\d{1,9}[.)]|\(?[a-z0-9]\)|#\.)(?:[ \t]+|$)")


def _kinds(section: Section) -> Iterator[Kind]:
    text = section.text
    inner = [
        heading
        for heading in text.headings_in(section.content_start, section.content_end)
        if heading.level > section.heading.level
    ]
    top = min((heading.level for heading in inner), default=0)
    kinds = [heading for heading in inner if heading.level == top]
    # What stands above the subsections, deeper headings included.
    first = kinds[0].start if kinds else section.content_end
    start = min(section.content_start, first)
    yield from _kind(section, None, start, start, first)
    for number, heading in enumerate(kinds):
        end = kinds[number + 1].start if number + 1 < len(kinds) else section.content_end
        yield from _kind(section, heading, heading.start, heading.end, end)


def _kind(
    section: Section, heading: Heading | None, start: int, body: int, end: int
) -> Iterator[Kind]:
    text = section.text
    visible = text.visible(body, end, without=text.headings_in(body, end))
    bullets, prose = _items(visible, text.line_at(body), text, body)
    if heading is None and not bullets and not prose:
        return
    content_end = body + len(visible.rstrip())
    if content_end > body:
        content_end = min(_line_end(text.whole, content_end), end)
    line = heading.line if heading else section.line
    name = heading.title if heading else ""
    yield Kind(name, heading, line, start, content_end, end, tuple(bullets), tuple(prose))


def _items(visible: str, line: int, text: Text, offset: int) -> tuple[list[Bullet], list[str]]:
    """The bullets and the other paragraphs of a text; code belongs to what it stands in."""
    bullets: list[tuple[int, list[str]]] = []
    prose: list[list[str]] = []
    code = iter([*text.code_in(offset, offset + len(visible)), (len(text.whole) + 1,) * 2])
    first, last = next(code)
    # How far the content of the current bullet is indented, 0 outside of one.
    content = 0
    blank = True
    for number, raw in enumerate(visible.split("\n")):
        place, offset = offset, offset + len(raw) + 1
        while last <= place:
            first, last = next(code)
        words = raw.strip()
        if not words:
            blank = True
            continue
        wide = raw.expandtabs(4)
        indent = len(wide) - len(wide.lstrip(" "))
        item = _ITEM.match(raw) if place <= first else None
        if item and (indent < content or (not content and indent < 4)):
            content = max(indent + len(item["marker"]) + 1, 2)
            bullets.append((line + number, [words[len(item["marker"]) :].strip()]))
        elif content and (indent >= 2 or not blank or first < place):
            bullets[-1][1].append(words)
        else:
            if blank or content or not prose:
                prose.append([])
            prose[-1].append(words)
            content = 0
        blank = False
    return (
        [Bullet(" ".join(words).strip(), place) for place, words in bullets],
        [joined for words in prose if not is_rule(joined := " ".join(words))],
    )
