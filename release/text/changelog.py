"""Changelogs: what a release says of itself, and its section written into the file.

Keep a Changelog 1.1.0 (https://keepachangelog.com/en/1.1.0/), where an Unreleased section is moved
into that of the release, and changelogs without one, where the section is written from notes or
stood there in advance. A text that is not understood is refused, and nothing is guessed.

Texts are files as they are decoded, with byte order mark and line ends; what is not edited stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from urllib.parse import quote, unquote

from packaging.version import Version

from release.errors import ConfigurationError
from release.model import Finding
from release.text.edits import BYTE_ORDER_MARK, plain, replaced
from release.text.plain_language import is_placeholder
from release.text.sections import (
    Changelog,
    Definition,
    Heading,
    Kind,
    Section,
    Title,
    columns,
    is_rule,
    read,
    read_title,
    writer,
)
from release.text.versions import parse

LAST_KIND = "schema migrations"
# How many sections are looked at for how subsections are written.
RECENT = 50
_HAND = "write its section by hand, with its date, and run this again"
_NOTES_HINT = (
    "write what changed as bullets below a heading Unreleased, or in a file, and give it:"
    " --notes FILE"
)
# (start, end, text): what stands there is replaced.
Edit = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Release:
    """What a changelog is to say of a release.

    `version` is spelled as the project writes it, `day` is the date of the release, `tag` its tag
    and `previous_tag` that of the last release (None for the first one). `kinds` is the order of
    subsections; `heading` is how the section's heading reads, with {version} and {date}, without
    the marks of a heading, and None for one like the last section's. `notes` is Markdown by the
    maintainer.
    """

    version: str
    day: date
    tag: str
    previous_tag: str | None
    kinds: tuple[str, ...]
    heading: str | None
    notes: str | None


def entry(text: str, path: str, version: Version) -> str | None:
    """What the section of a version says, for a commit message or the notes of a release.

    The text below the heading without the blank lines, rules and links around it, its line ends
    as \\n. None when there is no such section. Raises ConfigurationError when there are two.
    """
    log = read(text, path)
    found = log.of(version)
    if len(found) > 1:
        raise ConfigurationError(*_duplicates(found, path))
    return found[0].body.replace("\r\n", "\n") if found else None


def with_release(text: str, path: str, release: Release) -> str:
    """The changelog with the section of a release.

    An Unreleased section's content becomes the release's, below an Unreleased section that is
    empty again: subsections without content are dropped, `notes` are added to theirs, the heading
    follows the last one's style, and the compare links at the foot follow. A changelog that
    has none gets a section from `notes`, above the last one. A section that is there already gets
    the release's date, where it has another or none, and nothing else happens; so doing it twice
    is doing it once.

    Raises ConfigurationError when nothing is written down, when the version has two sections or
    there are two Unreleased ones, when the order of sections would break, and when the format is
    not understood.
    """
    version = parse(release.version)
    log = read(text, path)
    if version is None:
        raise _refusal(log, f"{release.version!r} is not a version by PEP 440", "correct it")
    _require_sound(log, version)
    there = log.of(version)
    if there:
        if release.notes is not None:
            _require_contained(log, there[0], release)
        edits = list(_dated(log, there[0], release))
    else:
        tool = writer(log)
        if tool and release.notes is None:
            remedy = f"let {tool} write it first, or say what changed in a file: --notes FILE"
            message = f"has no section for {release.version}, and {tool} writes it"
            raise _refusal(log, message, remedy)
        edits = list(_written(log, version, release))
    made = replaced(text, edits)
    if text.removeprefix(BYTE_ORDER_MARK).strip() and not text.endswith("\n"):
        made = made.removesuffix("\n").removesuffix("\r")
    if edits:
        _require_one(read(made, path), log, version)
    return made


def _require_one(made: Changelog, before: Changelog, version: Version) -> None:
    """Refuse an edit after which the sections are not those before and the release's."""
    wanted = [section.name for section in before.sections if section.version != version]
    others = [section.name for section in made.sections if section.version != version]
    if len(made.of(version)) != 1 or others != wanted or made.text.problems:
        raise _refusal(before, "its format is not supported: the edit would garble it", _HAND)


def _refusal(
    log: Changelog, message: str, remedy: str, line: int | None = None
) -> ConfigurationError:
    return ConfigurationError.of(message, log.path, line, remedy)


def _duplicates(sections: Sequence[Section], path: str) -> list[Finding]:
    return [
        Finding(
            f"a second section for {section.name}; the first one is in line {sections[0].line}",
            path,
            section.line,
            "merge them into one",
        )
        for section in sections[1:]
    ]


def _require_sound(log: Changelog, version: Version) -> None:
    """Refuse a changelog in which it is not clear where the section belongs."""
    problems = list(log.text.problems)
    problems += _duplicates(log.of(version), log.path)
    problems += _duplicates(log.unreleased, log.path)
    if not log.understood:
        line = log.others[-1].line if log.others else None
        problems.append(
            Finding(
                "no heading in it is understood as that of a release",
                log.path,
                line,
                "give each release a heading like ## [1.2.0] - 2026-01-31, or do without a"
                " changelog: see tool.release.changelog.file",
            )
        )
    if not problems and not log.of(version):
        problems += _misplaced(log, version)
    if problems:
        raise ConfigurationError(*problems)


def _misplaced(log: Changelog, version: Version) -> Iterator[Finding]:
    """Why a new section cannot go to the top of the released ones."""

    def at(section: Section, message: str, remedy: str) -> Finding:
        return Finding(message, log.path, section.line, remedy)

    for section in log.sections:
        words = repr(section.heading.title)
        if section.unreleased and section.version is not None:
            meant = f"the section {words} is meant for {section.version}"
            remedy = f"change its heading if it is what {version} brings"
            yield at(section, f"{meant}, and {version} is to be released", remedy)
            return
        if section.plain_unreleased and section.title.rest:
            remedy = "call it Unreleased and nothing else"
            yield at(section, f"the heading {words} is not supported", remedy)
    named = [section for section in log.sections if section.title.spelling]
    if named and named[0].version is not None and named[0].version > version:
        yield at(named[0], f"begins with {named[0].name}, which is above {version}", _HAND)
    for section in log.unreleased:
        if named and section.heading.start > named[0].heading.start:
            message = f"the Unreleased section stands below that of {named[0].name}"
            yield at(section, message, "move it to the top")


# --- A section that is there already ---


def _dated(log: Changelog, section: Section, release: Release) -> Iterator[Edit]:
    """The edit that gives a section the date of the release; none where it has it."""
    title, text = section.title, section.heading.title
    day = release.day.isoformat()
    if section.date_line:
        if section.date != release.day:
            yield _dated_below(log, section.date_line, section, day)
        return
    if title.date == release.day and not title.unreleased:
        return
    if not (title.unreleased and title.first) and title.date_span:
        start, end = title.date_span
        yield _retitled(section.heading, text[:start] + day + text[end:], log)
        return
    others = [s for s in log.sections if s.version is not None and s is not section]
    released = [s for s in others if not s.unreleased]
    undated = bool(released) and not log.dated(section)
    if undated and release.heading is None:
        if title.unreleased:
            start = title.span[0] - (text[title.span[0] - 1 : title.span[0]] in {"v", "V"})
            yield _retitled(section.heading, text[start:], log)
        return
    if title.rest:
        message = f"the heading {text!r} has other words where the date belongs"
        raise _refusal(log, message, f"write {day} into it", section.line)
    if title.unreleased or release.heading:
        yield _retitled(section.heading, _new_title(log, None, release), log)
        return
    model = next((s for s in released if s.title.written and not s.title.rest), None)
    tail = f" - {day}"
    if model:
        span = model.title.date_span or (0, 0)
        tail = model.heading.title[model.title.end : span[0]] + day
        tail += model.heading.title[span[1] :]
    yield _retitled(section.heading, text[: title.end].rstrip() + tail, log)


def _dated_below(log: Changelog, line: re.Match[str], section: Section, day: str) -> Edit:
    """The edit of a date in the line below a heading; a word there becomes what others say."""
    worded = line["none"] and line["none"].isalpha()
    model = next((s.date_line for s in log.released if s is not section and s.date_line), None)
    if worded and model:
        return *line.span("said"), _with_day(model, day, *model.span("said"))
    return *line.span("date" if line["date"] else "none"), day


def _with_day(line: re.Match[str], day: str, start: int, end: int) -> str:
    """A stretch of the line of a date, with another day in it."""
    return line.string[start : line.start("date")] + day + line.string[line.end("date") : end]


def _date_line(log: Changelog, release: Release) -> str:
    """What follows a new heading where that of the last release is followed by its date."""
    model = next(iter(log.released), None)
    if model is None or not model.date_line or release.heading is not None:
        return ""
    below = _with_day(
        model.date_line, release.day.isoformat(), model.heading.end, model.date_line.end()
    )
    return below if below.endswith("\n") else below + _newline(log.text.whole, model.heading.end)


def _require_contained(log: Changelog, section: Section, release: Release) -> None:
    """Refuse notes beside a section that does not say them: they would be lost."""
    there = {line.strip() for line in section.body.split("\n")}
    notes = _notes(release, _kind_level(log))
    missing = [line for _, body in notes for line in body if line.strip() not in there]
    if missing:
        message = f"the section of {section.name} is there already, without {missing[0].strip()!r}"
        remedy = "add it there, and leave --notes out"
        raise _refusal(log, f"{message} of the notes", remedy, section.line)


# --- A section that is not there yet ---


def _written(log: Changelog, version: Version, release: Release) -> Iterator[Edit]:
    unreleased = log.unreleased[0] if log.unreleased else None
    moved = unreleased is not None and unreleased.concrete
    if log.text.markup == "rst":
        _require_simple_rst(log, release)
    notes = _notes(release, _kind_level(log)) if release.notes is not None else []
    if not moved and not notes:
        line = unreleased.line if unreleased else None
        message = f"nothing is written down for {release.version}"
        if release.notes is not None:
            message += ": the notes hold nothing concrete"
        elif unreleased is not None:
            message += ": Unreleased holds no change"
        raise _refusal(log, message, _NOTES_HINT, line)
    title = _new_title(log, unreleased, release)
    made = read_title(title)
    if made is None or made.version != version or made.unreleased:
        message = f"the heading {title!r} would not be understood as that of {release.version}"
        raise _refusal(log, message, "correct tool.release.changelog.heading")
    if unreleased is not None and moved:
        yield from _moved(log, unreleased, title, release, notes)
    else:
        yield _inserted(log, unreleased, title, release, notes)
    yield from _linked(log, made, release)
    if unreleased is not None and unreleased.title.url:
        span = unreleased.title.url
        old = unreleased.heading.title[slice(*span)]
        new = _advanced(old, release)
        if new is not None:
            start = unreleased.heading.title_start + span[0]
            yield start, start + len(old), new


def _moved(
    log: Changelog,
    unreleased: Section,
    title: str,
    release: Release,
    notes: Sequence[tuple[str, list[str]]],
) -> Iterator[Edit]:
    """The edits that make the content of Unreleased that of the release: its heading goes above."""
    text, heading = log.text.whole, unreleased.heading
    newline = _newline(text, heading.end)
    position = _below_hints(log, unreleased)
    gap = newline * _gap(log)
    rule = _rule_after(log, unreleased)
    above = f"{rule}{newline}{newline}" if rule else ""
    above += _anchors(log, release, newline)
    last = next((s.heading for s in log.released if s.heading.level == heading.level), heading)
    dated = _date_line(log, release)
    yield position, position, f"{gap}{above}{_heading(log, last, title, newline)}{dated}"
    kept = [kind for kind in unreleased.kinds if not kind.empty]
    dropped = [kind for kind in unreleased.kinds if kind.empty]
    for kind in dropped:
        if kind.start < kept[-1].start:
            yield kind.start, kind.end, ""
    if dropped and dropped[-1].start > kept[-1].start:
        yield kept[-1].content_end, dropped[-1].end, ""
    yield from _merged(log, kept, release, notes, newline)


def _merged(
    log: Changelog,
    kept: Sequence[Kind],
    release: Release,
    notes: Sequence[tuple[str, list[str]]],
    newline: str,
) -> Iterator[Edit]:
    """The edits that add the notes to the content of Unreleased, each to its kind."""
    text = log.text.whole
    there = {kind.name.casefold(): kind for kind in reversed(kept)}
    for name, body in notes:
        kind = there.get(name.casefold())
        if kind is not None:
            above = text[kind.start : kind.content_end].rstrip().rpartition("\n")[2]
            listed = _is_bullet(body[0]) and (_is_bullet(above) or above[:1] in {" ", "\t"})
            joined = "".join(line + newline for line in body)
            yield _added(text, kind.content_end, joined if listed else newline + joined, newline)
    for name, body in notes:
        if name.casefold() in there:
            continue
        rank = _rank(name, release.kinds)
        block = _block(name, body, _kind_level(log), newline)
        below = next((k for k in kept if k.heading and _rank(k.name, release.kinds) > rank), None)
        if below is not None:
            yield below.start, below.start, block + newline
        else:
            yield _added(text, kept[-1].content_end, newline + block, newline)


def _block(name: str, body: Sequence[str], level: int, newline: str) -> str:
    """The text of a subsection, without a heading where it has no name."""
    heading = f"{'#' * level} {name}{newline}{newline}" if name else ""
    return heading + "".join(line + newline for line in body)


def _kind_level(log: Changelog) -> int:
    """The level of the headings of subsections: that of the last ones there."""
    for section in log.sections[:RECENT]:
        for kind in section.kinds:
            if kind.heading is not None:
                return kind.heading.level
    return min(log.sections[0].heading.level + 1, 6) if log.sections else 3


def _added(text: str, position: int, addition: str, newline: str) -> Edit:
    """An insertion below a line, which may lack its line end."""
    ended = not position or text[position - 1] == "\n"
    return position, position, addition if ended else newline + addition


def _inserted(
    log: Changelog,
    unreleased: Section | None,
    title: str,
    release: Release,
    notes: Sequence[tuple[str, list[str]]],
) -> Edit:
    """The edit that writes a section of notes above the last released one."""
    text = log.text.whole
    below = next((section for section in log.sections if section is not unreleased), None)
    position = below.start if below else log.foot
    if unreleased is not None:
        position = unreleased.end
    ending = _newline(text, position)
    model = below or unreleased
    heading = model.heading if model else None
    lines = [_anchors(log, release, ending), _heading(log, heading, title, ending)]
    lines.append(_date_line(log, release))
    for name, body in notes:
        lines += [ending, _block(name, body, _kind_level(log), ending)]
    block = "".join(lines)
    before = text[:position].removeprefix(BYTE_ORDER_MARK)
    if before.strip():
        blank = before[len(before.rstrip()) :]
        block = ending * max(0, 2 - blank.count("\n")) + block
    rest = text[position:]
    if rest.strip():
        rule = _rule_after(log, unreleased or below) if below else ""
        block += ending * _gap(log)
        if rule:
            block += f"{rule}{ending}{ending}"
    return position, position, block


def _notes(release: Release, level: int) -> list[tuple[str, list[str]]]:
    """The notes by subsection, in the project's order: a name ("" for none) and its lines.

    `level` is that of subsections; deeper headings of the notes follow it. A title above them all
    is left out, and so are subsections in which nothing is said.
    """
    source = plain(release.notes or "")
    log = read(source, "notes.md")
    problems = list(log.text.problems)
    problems += [
        Finding(
            f"the heading {heading.title!r} is that of a release",
            line=heading.line,
            remedy="leave it out: notes are what stands below it",
        )
        for heading in log.text.headings
        if read_title(heading.title)
    ]
    if problems:
        raise ConfigurationError(
            *(Finding(p.message, "the notes", p.line, p.remedy) for p in problems)
        )
    headings = list(log.text.headings)
    if len(headings) > 1 and not source[: headings[0].start].strip():
        first, second = headings[:2]
        alone = sum(heading.level == first.level for heading in headings) == 1
        if alone and first.level < second.level and not source[first.end : second.start].strip():
            source = source[first.end :]
            log = read(source, "notes.md")
            headings = list(log.text.headings)
    top = min((heading.level for heading in headings), default=0)
    tops = [heading for heading in headings if heading.level == top]
    groups: dict[str, tuple[str, list[str]]] = {}
    bounds = [*(heading.start for heading in tops), len(source)]
    pieces = [("", 0, bounds[0])]
    pieces += [(h.title, h.end, end) for h, end in zip(tops, bounds[1:], strict=True)]
    for name, start, end in pieces:
        deeper = [
            (h.start - start, h.end - start, f"{'#' * min(h.level - top + level, 6)} {h.title}\n")
            for h in log.text.headings_in(start, end)
        ]
        lines = replaced(source[start:end], deeper).split("\n")
        body = "\n".join(line.rstrip() for line in lines).strip("\n")
        if not body or is_placeholder(body):
            continue
        _, known = groups.setdefault(name.casefold(), (name, []))
        known += [*([""] if known else []), *body.split("\n")]
    return sorted(groups.values(), key=lambda group: _rank(group[0], release.kinds))


def kind_name(title: str) -> str:
    """The kind that a subsection's heading begins with: Added of "Added — two gates"."""
    return re.split(r"[ \t]+[-\u2010-\u2015:|(]|:", title.strip("*_` \t"), maxsplit=1)[0].strip()


def _rank(name: str, kinds: Sequence[str]) -> int:
    if not name:
        return -1
    known = [kind.casefold() for kind in kinds]
    for spelled in (name.casefold(), kind_name(name).casefold()):
        if spelled in known:
            return known.index(spelled)
    return len(known) + (kind_name(name).casefold() == LAST_KIND)


def _is_bullet(line: str) -> bool:
    return bool(re.match(r"[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]", line))


# --- Headings ---


def _new_title(log: Changelog, unreleased: Section | None, release: Release) -> str:
    """The text of the release's heading: as the settings say, or like that of the last section."""
    day = release.day.isoformat()
    if release.heading is not None:
        return release.heading.replace("{version}", release.version).replace("{date}", day)
    released = log.released
    simple = [s for s in released if not s.title.rest]
    wanted = log.dated()
    model = next((s for s in simple if bool(s.title.written) is wanted), None)
    if model is None and released:
        words = released[0].heading.title
        message = f"the heading {words!r} has words of its own, so a new one cannot follow it"
        remedy = 'say how headings read: tool.release.changelog.heading = "{version} - {date}"'
        raise _refusal(log, message, remedy, released[0].line)
    if model is None:
        bracketed = unreleased is not None and unreleased.title.label is not None
        return f"[{release.version}] - {day}" if bracketed else f"{release.version} - {day}"
    text, title = model.heading.title, model.title
    edits: list[Edit] = [(*title.span, release.version)]
    if title.date_span:
        edits.append((*title.date_span, day))
    if title.url:
        url = _renewed(text[slice(*title.url)], model, release)
        if url is None:
            message = f"the link in the heading {text!r} is not understood"
            remedy = "say how headings read in tool.release.changelog.heading"
            raise _refusal(log, message, remedy, model.line)
        edits.append((*title.url, url))
    if title.reference:
        start, end = title.reference
        reference = text[start:end].replace(title.spelling, release.version)
        edits.append((start, end, reference))
    return replaced(text, edits)


def _heading(log: Changelog, model: Heading | None, title: str, newline: str) -> str:
    """The lines of a heading with that text, in the form of another one."""
    if model is None:
        return f"## {title}{newline}"
    if model.mark:
        line = model.mark * max(columns(title), 3)
        if not model.over:
            return f"{title}{newline}{line}{newline}"
        indent = log.text.whole[model.start : model.title_start].rpartition("\n")[2]
        line = model.mark * (len(line) + 2 * len(indent))
        return f"{line}{newline}{indent}{title}{newline}{line}{newline}"
    before = log.text.whole[model.start : model.title_start]
    after = log.text.whole[model.title_start + len(model.title) : model.end].rstrip()
    return f"{before}{title}{after}{newline}"


def _retitled(heading: Heading, title: str, log: Changelog) -> Edit:
    """The edit that changes the text of a heading, and its underline with it."""
    text = log.text.whole
    if not heading.mark:
        return heading.title_start, heading.title_start + len(heading.title), title
    newline = _newline(text, heading.end)
    return heading.start, heading.end, _heading(log, heading, title, newline)


def _anchors(log: Changelog, release: Release, newline: str) -> str:
    """Anchors for the new section where the last one has some, with the new version in them."""
    model = next(iter(log.released), None)
    if model is None or model.start == model.heading.start:
        return ""
    old = log.text.whole[model.start : model.heading.start]
    for mark in (".", "-", "_", ""):
        spelled = re.escape(model.title.spelling.replace(".", mark))
        parts = re.split(rf"(?<![0-9]){spelled}(?![0-9])", old)
        if len(parts) > 1:
            lines = release.version.replace(".", mark).join(parts).split("\n")
            return newline.join(line.rstrip() for line in lines)
    message = f"the anchor above {model.name} is not supported: it does not hold the version"
    raise _refusal(log, message, _HAND, model.line)


# --- Line ends, gaps and rules ---


def _newline(text: str, position: int) -> str:
    """The line end of the line before a place, else the most frequent one."""
    end = text.rfind("\n", 0, position)
    if end >= 0:
        return "\r\n" if text[end - 1 : end] == "\r" else "\n"
    return "\r\n" if text.count("\r\n") * 2 > text.count("\n") else "\n"


def _gap(log: Changelog) -> int:
    """How many blank lines stand between two sections."""
    for above, below in zip(log.sections, log.sections[1:], strict=False):
        between = log.text.whole[above.content_end : below.start]
        if not between.strip():
            return min(max(between.count("\n"), 1), 3)
    return 1


def _rule_after(log: Changelog, section: Section | None) -> str:
    """The thematic break between a section and the next one, "" for none."""
    if section is None or section is log.sections[-1]:
        return ""
    between = log.text.whole[section.content_end : section.end]
    return next((line.strip() for line in between.split("\n") if is_rule(line)), "")


def _below_hints(log: Changelog, section: Section) -> int:
    """Below the heading of Unreleased and the comments there: they are for those who write."""
    position = section.heading.end
    if log.text.markup == "rst":
        return position
    for start, end in log.text.comments_in(position, section.content_end):
        if log.text.whole[position:start].strip():
            break
        position = end
    return position


def _require_simple_rst(log: Changelog, release: Release) -> None:
    """Refuse what is not written in reStructuredText: notes, and links for comparison."""
    if release.notes is not None:
        remedy = "write them into an Unreleased section there, or into the section of the version"
        message = "notes in Markdown are not supported for a changelog in reStructuredText"
        raise _refusal(log, message, remedy)
    found = re.search(r"^\.\. _[^\n]*/compare/[^\n]*$", log.text.whole, re.M)
    if found:
        message = "links for comparison are not supported in reStructuredText"
        raise _refusal(log, message, _HAND, log.text.line_at(found.start()))


# --- Links ---

_COMPARE = re.compile(
    r"(?P<root>.*?/compare/)(?P<base>[^?#]+?)(?P<dots>\.{2,3}|%0D)(?P<head>[^?#]+)(?P<after>[?#].*)?",
    re.S,
)
_TAGGED = re.compile(
    r"(?P<root>.*?/(?:releases/tag|-/releases|-/tags|tags|refs|tree|src/tag|commits/tag))/(?P<tag>[^?#]+?)"
    r"(?P<after>/?(?:[?#].*)?)",
    re.S,
)

# Azure DevOps (GT stands before a tag, GB before a branch) and Bitbucket's server.
_QUERIED = re.compile(
    r"(?P<root>.*[?&](?:baseVersion=GT|targetBranch=(?:refs%2Ftags%2F)?))(?P<base>[^?#&]+)"
    r"(?P<dots>&(?:targetVersion=G[TBC]|sourceBranch=(?:refs%2F(?:heads|tags)%2F)?))"
    r"(?P<head>[^?#&]+)(?P<after>[&#].*)?",
    re.S,
)
# Bitbucket's cloud names the newer revision first.
_SWAPPED = re.compile(r"https?://bitbucket\.org/|.*/branches/compare/$")

# Where an Unreleased link leads before the first release.
_BRANCH = re.compile(r"(?P<root>https?://[^/]+/.+?)/(?:commits|tree|blob)/.*", re.S)


@dataclass(frozen=True, slots=True)
class Link:
    """An address that compares two revisions, or (`base` is None) shows the one of a tag.

    `swapped` tells an address that names the newer revision first, as Bitbucket's do.
    """

    root: str
    base: str | None
    head: str
    dots: str
    after: str
    swapped: bool = False

    def address(self, base: str | None, head: str) -> str:
        """The address with other revisions in it, as they are named in git."""
        head = _quoted(head)
        if self.base is None or base is None:
            return f"{self.root}/{head}{self.after}"
        base = _quoted(base)
        first, second = (head, base) if self.swapped else (base, head)
        return f"{self.root}{first}{self.dots}{second}{self.after}"


def read_link(url: str) -> Link | None:
    """What a link of a changelog leads to; None for an address of another form."""
    match = _COMPARE.fullmatch(url) or _QUERIED.fullmatch(url)
    if match:
        base, head = unquote(match["base"]), unquote(match["head"])
        swapped = bool(_SWAPPED.match(match["root"]))
        if swapped:
            base, head = head, base
        return Link(match["root"], base, head, match["dots"], match["after"] or "", swapped)
    match = _TAGGED.fullmatch(url)
    if match:
        return Link(match["root"], None, unquote(match["tag"]), "", match["after"])
    return None


def named_version(tag: str) -> Version | None:
    """The version that a tag spells, whatever stands before it; None for other names."""
    for match in re.finditer(r"(?:^|(?<=[-_/@.]))[vV]?\d", tag[:200]):
        version = parse(tag[match.start() :])
        if version is not None:
            return version
    return None


def _quoted(tag: str) -> str:
    return quote(tag, safe="/@+!~,;=:-._$&'*")


def _advanced(url: str, release: Release) -> str | None:
    """The link of Unreleased, counted from the new tag; None for one that does not compare."""
    link = read_link(url)
    if link is None or link.base is None:
        return None
    return link.address(release.tag, link.head)


def _renewed(url: str, model: Section, release: Release) -> str | None:
    """The address in the last section's heading, made that of the new one."""
    link = read_link(url)
    if link and link.base is not None and release.previous_tag is not None:
        return link.address(release.previous_tag, release.tag)
    if link and link.base is None and named_version(link.head) == model.version:
        return link.address(None, release.tag)
    spelled = re.escape(model.title.spelling)
    new, count = re.subn(rf"(?<![\w.]){spelled}(?![\w.])", lambda _: release.version, url)
    return new if count == 1 and link is None else None


def _linked(log: Changelog, made: Title, release: Release) -> Iterator[Edit]:
    """The edits to the link definitions: Unreleased from the new tag, and one for the release."""
    if log.text.markup == "rst":
        return
    text = log.text.whole
    unreleased = next((d for d in log.text.definitions if d.unreleased), None)
    named = sorted(
        (d for d in log.text.definitions if d.version is not None and read_link(d.url)),
        key=lambda d: d.version or Version("0"),
        reverse=True,
    )
    if unreleased is not None:
        new = _advanced(unreleased.url, release)
        if new is not None:
            yield unreleased.url_start, unreleased.url_start + len(unreleased.url), new
    label = made.label or release.version
    taken = any(d.label.casefold() == label.casefold() for d in log.text.definitions)
    url = _release_address(unreleased, named, release)
    if url is None and made.label is not None and not (taken or made.url):
        _require_read_links(log, release)
    if url is None or taken or (made.label is None and not named) or made.url:
        return
    if made.label is None and named[0].label[:1] in {"v", "V"}:
        label = named[0].label[0] + label
    model = named[0] if named else unreleased
    if model is None:
        return
    line = text[model.start : model.end]
    before = line[: line.index("[")]
    between = line[line.index("]:") + 1 : model.url_start - model.start]
    closing = ">" if between.endswith("<") else ""
    written = f"{before}[{label}]{between}{url}{closing}"
    if unreleased is not None:
        gap = ""
        following = next((d for d in log.text.definitions if d.start >= unreleased.end), None)
        newline = _newline(text, unreleased.end)
        if following is not None and not text[unreleased.end : following.start].strip():
            gap = newline * text.count("\n", unreleased.end, following.start)
        yield _added(text, unreleased.end, f"{gap}{written}{newline}", newline)
        return
    newline = _newline(text, model.start)
    yield model.start, model.start, written + newline


def _require_read_links(log: Changelog, release: Release) -> None:
    """Refuse links beside which none can be written for the release: their form is not known."""
    unread = [
        Finding(
            f"the link [{d.label}] is not understood, so none can be made for {release.version}",
            log.path,
            d.line,
            f"write a line [{release.version}]: ADDRESS beside it, and run this again",
        )
        for d in log.text.definitions
        if (d.unreleased or d.version is not None) and read_link(d.url) is None
    ]
    if unread:
        raise ConfigurationError(*unread)


def _release_address(
    unreleased: Definition | None, named: Sequence[Definition], release: Release
) -> str | None:
    """Where the link of the release leads, told from the other ones; None where they do not say."""
    tag = _quoted(release.tag)
    compared = read_link(unreleased.url) if unreleased else None
    last = read_link(named[0].url) if named else None
    if last is not None and last.base is None and (len(named) > 1 or compared is None):
        return last.address(None, release.tag)
    link = next((k for k in (compared, last) if k is not None and k.base is not None), None)
    if link is None:
        branch = _BRANCH.fullmatch(unreleased.url) if unreleased else None
        if branch is None:
            return None
        return (
            f"{branch['root']}/{'tags' if branch['root'].endswith('/-') else 'releases/tag'}/{tag}"
        )
    if release.previous_tag is not None:
        dots = link.dots.replace("=GB", "=GT").replace("refs%2Fheads", "refs%2Ftags")
        return replace(link, dots=dots).address(release.previous_tag, release.tag)
    if link.swapped:
        return None
    if link.dots.startswith("&"):
        shown, count = re.subn(r"/\w+\?baseVersion=", "?version=", link.root)
        return shown + tag if count else None
    if link.root.endswith("/-/compare/"):
        return link.root.removesuffix("compare/") + f"tags/{tag}"
    return link.root.removesuffix("compare/") + f"releases/tag/{tag}"
