"""A section for the release with concrete bullets; what is released stays as it was.

Blocks (promises of the changelog itself): no section for the version to be released, or one without
a date where others have one; no concrete bullet in it (no TODO, no "..."), an empty subsection, and
one that tool.release.changelog.kinds, where it is set, does not name; its heading twice, out of
order, with a date to come or no version by PEP 440; a compare link of it that leads elsewhere; a
code block that never ends. Words of advertisement block where `plain-language` or `words` is set.

Advice: words of advertisement else (see `allowed-words`), what is odd in the sections and links of
other releases, and released sections that are not what they were at the last release, each in one
line for all versions; `amended` acknowledges a change with its reason.

With a LEVEL the release is not written yet, and the Unreleased section must hold its bullets; a
changelog without one gets its section from `bump -- LEVEL --notes FILE`. At a commit after a
release Unreleased is judged, if it holds anything. A project without a changelog has nothing to
judge; a format that is not understood is unchecked.
"""

from __future__ import annotations

import bisect
import difflib
import itertools
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from release.errors import CannotCheck
from release.model import Finding, Gate, Judgement, Level, Outcome
from release.project import Project, read_text
from release.text.escaping import counted, listing, sentence

if TYPE_CHECKING:
    from packaging.version import Version

    from release.project.fragments import Fragments
    from release.run.shell import Shell
    from release.text.sections import Changelog, Definition, Kind, Section

    # What is odd, and the sections that it is about.
    Odd = tuple[Finding, *tuple[Section, ...]]

LONGEST = 90
# How many words before and behind the first difference of two sections are compared.
NEAR = 500


def check(project: Project, shell: Shell) -> Outcome:
    from release.gates.changelog.settings import ChangelogSettings
    from release.project.fragments import fragments
    from release.project.git import tags
    from release.text.sections import read, writer
    from release.text.versions import parse

    path = project.changelog
    assert path is not None
    if not (project.root / path).is_file():
        remedy = "write it, or correct tool.release.changelog.file"
        return Outcome.failed((Finding("the changelog is missing", path, remedy=remedy),))
    settings = project.settings.gates.of("changelog", ChangelogSettings)
    log = read(read_text(project.root, path), path)
    if not log.understood:
        reason = f"the format of {path} is not understood: no heading in it is that of a release"
        remedy = "give releases headings like ## [1.2.0] - 2026-01-31, or name another file in"
        raise CannotCheck(reason, f"{remedy} tool.release.changelog.file")
    level = shell.level
    target = None if level is None and project.after_release else project.target_version(level)
    collected = fragments(project)
    tool = collected.tool if collected else writer(log)
    subject = section_to_release(log, target, None if tool else level)
    if tool and subject in log.unreleased:  # it says where the fragments are
        subject = None
    judged = Judgement(len(log.sections) + 1, log.text.problems)
    judged += judge_structure(log, subject, shell.today)
    judged += judge_presence(log, target, level, tool=tool)
    if collected and level is not None and subject is None:
        judged += judge_fragments(collected, len(collected.there(project.root)))
    if subject is not None:
        own = project.settings.changelog
        judged += judge_entry(path, subject, own.kinds, closed="kinds" in own.model_fields_set)
        if settings.plain_language:
            promised = bool(settings.model_fields_set & {"plain_language", "words"})
            language = judge_language(path, subject, settings.words, settings.allowed_words)
            judged += language if promised else language.as_advice()
    names = frozenset(tags(project.root)) if project.git is not None else frozenset()
    ahead = level is not None or target is None
    judged += judge_links(log, subject, {*project.released.values()}, names, ahead=ahead)
    amended = {version: why for text, why in settings.amended.items() if (version := parse(text))}
    for text in (text for text in settings.amended if parse(text) is None):
        said = f"tool.release.gates.changelog.amended names {text!r}, which is not a version"
        wrong = Finding(said, "pyproject.toml", remedy="name a released version")
        judged += Judgement(0, (wrong,))
    judged += _judge_history(project, shell, log, amended)
    return judged.settle(_summary(subject, target))


def applies(project: Project, _level: Level | None) -> str | None:
    from release.project.fragments import fragments

    if project.changelog is None:
        if collected := fragments(project):
            return f"{collected.tool} makes the notes from {collected.folders[0]}: there is no file"
        return "the project has no changelog; name it in tool.release.changelog.file if it has"
    return None


def section_to_release(
    log: Changelog, target: Version | None, level: Level | None
) -> Section | None:
    """The section of the release: that of its version, or Unreleased before it is written.

    None when it is not there.
    """
    there = log.of(target) if target is not None else ()
    if there:
        return there[0]
    if target is not None and target.is_devrelease:
        base = [s for s in log.sections if s.version and s.version.release == target.release]
        return next((s for s in (*base, *log.unreleased) if s.concrete), None)
    if log.unreleased and (level is not None or (target is None and log.unreleased[0].concrete)):
        return log.unreleased[0]
    return None


def section_of(project: Project, level: Level | None) -> Section | None:
    """The section of the release in the changelog's file, else what is not released yet.

    None where there is neither, or no changelog.
    """
    from release.text.sections import read

    path = project.changelog
    if path is None or not (project.root / path).is_file():
        return None
    log = read(read_text(project.root, path), path)
    after = level is None and project.after_release
    found = section_to_release(log, None if after else project.target_version(level), level)
    return found or next((section for section in log.sections if section.unreleased), None)


def judge_structure(log: Changelog, subject: Section | None, today: date) -> Judgement:
    """Headings: duplicates, order, dates, and versions that are none.

    What does not concern `subject`, the section of the release, is advice, all of it in one line.
    """
    found = [*_misplaced(log), *_misread(log, today), *_misordered(log, subject)]
    return _divided(found, subject, "in the sections of other releases")


def _divided(found: Iterable[Odd], subject: Section | None, where: str) -> Judgement:
    """What is about the section of the release is a defect, and all else advice in one line."""
    own: list[Finding] = []
    others: list[Finding] = []
    for finding, *sections in found:
        (own if any(section is subject for section in sections) else others).append(finding)
    if len(others) > 1:
        said = listing([f"{finding.message} (line {finding.line})" for finding in others])
        message = f"{len(others)} oddities {where}: {said}"
        remedy = "correct them, or leave them as released"
        others = [replace(others[0], message=message, remedy=remedy)]
    return Judgement(0, tuple(own), tuple(others))


def _odd(log: Changelog, message: str, remedy: str, *about: Section) -> Odd:
    return Finding(message, log.path, about[0].line, remedy), *about


def _misplaced(log: Changelog) -> Iterator[Odd]:
    """Sections that are there twice, and an Unreleased one that is not at the top."""
    first: dict[Version | None, Section] = {}
    for section in (s for s in log.sections if s.version is not None or s.plain_unreleased):
        one = first.setdefault(section.version, section)
        if one is not section:
            message = f"a second section for {section.name}; the first one is in line {one.line}"
            yield _odd(log, message, "merge them into one", section, one)
    plain = log.unreleased[:1]
    if plain and any(s.title.spelling for s in log.sections[: log.sections.index(plain[0])]):
        yield _odd(log, "Unreleased stands below a release", "move it to the top", *plain)


def _misread(log: Changelog, today: date) -> Iterator[Odd]:
    """Dates and versions that are none, and days to come."""
    for section in (section for section in log.sections if section.title.spelling):
        if section.date is None and section.title.written and not section.unreleased:
            message = f"no ISO 8601 date: {section.title.written!r} ({section.name})"
            yield _odd(log, message, "write it like 2026-01-31", section)
        if section.version is None:
            message = f"{section.title.spelling!r} is not a version by PEP 440"
            yield _odd(log, message, "write it like 1.2.3 or 1.2.3rc1", section)
        # The date of the place where it was written may be a day ahead of that in UTC.
        if section.date is not None and section.date > today + timedelta(days=1):
            message = f"{section.name} is dated {section.date}, and today is {today}"
            yield _odd(log, message, "correct the date", section)


def _misordered(log: Changelog, subject: Section | None) -> Iterator[Odd]:
    versions = [(s.version, s) for s in log.sections if s.version is not None]
    for (high, above), (low, below) in itertools.pairwise(versions):
        earlier = above.date and below.date and above.date < below.date
        if high < low:
            message = f"{above.name} stands above {below.name}, which is the higher version"
            yield _odd(log, message, "put the highest version first", above, below)
        # A later release of an older line is not a mistake.
        elif earlier and (above is subject or _same_line(high, low)):
            message = f"{above.name} is dated {above.date}, before {below.name} ({below.date})"
            yield _odd(log, message, "correct the dates", above, below)


def _same_line(one: Version, other: Version) -> bool:
    return one.release[:2] == other.release[:2]


def judge_presence(
    log: Changelog, target: Version | None, level: Level | None, *, tool: str | None = None
) -> Judgement:
    """Whether the release has its section, dated like the others.

    `target` is its version, None where that is not known yet. `tool` writes sections from
    fragments.
    """
    there = log.of(target) if target is not None else ()
    if there:
        section = there[0]
        if level is None and section.unreleased:
            said = "says that it is not released"
        elif level is None and log.dated(section) and not section.title.written:
            said = "has no date"
        else:
            return Judgement()
        message = f"the section of {section.name} {said}"
        return Judgement(0, (Finding(message, log.path, section.line, "write the date into it"),))
    if tool is not None and (level is not None or target is None):
        return Judgement(notes=(Finding(f"{tool} writes the section", log.path),))
    if level is not None or target is None:
        return _judge_unwritten(log, target)
    if target.is_devrelease:
        remedy = "it gets one when it is released"
        return Judgement(notes=(Finding(f"{target} has no section", log.path, remedy=remedy),))
    line = log.unreleased[0].line if log.unreleased else None
    remedy = f"write it, or let bump write it: nox -s bump -- {target} --notes FILE, with bullets"
    if any(section.concrete for section in log.unreleased):
        remedy = f"let bump make it of Unreleased: nox -s bump -- {target}"
    return Judgement(0, (Finding(f"there is no section for {target}", log.path, line, remedy),))


def _judge_unwritten(log: Changelog, target: Version | None) -> Judgement:
    """What is to be written before a release that has no section yet."""
    if log.unreleased and (target is not None or log.unreleased[0].concrete):
        return Judgement()
    meant = next((s for s in log.sections if s.unreleased and s.version is not None), None)
    if meant is None:
        message = "nothing says yet what the release brings"
        remedy = "write its section, or give bullets to bump: --notes FILE"
        return Judgement(advice=(Finding(message, log.path, remedy=remedy),))
    if target is None:
        return Judgement()
    message = f"the section {meant.heading.title!r} is not meant for {target}"
    remedy = f"change its heading if it is what {target} brings"
    return Judgement(0, (Finding(message, log.path, meant.line, remedy),))


def judge_fragments(collected: Fragments, count: int) -> Judgement:
    """Whether there is a fragment that says what the release brings."""
    if count:
        return Judgement(count)
    message = f"no fragment in {' or '.join(collected.folders)} says what the release brings"
    remedy = f"add one, as {collected.tool} has it"
    return Judgement(advice=(Finding(message, remedy=remedy),))


def judge_entry(
    path: str, section: Section, kinds: Collection[str], *, closed: bool = False
) -> Judgement:
    """What a section says: concrete bullets, in every subsection.

    Subsections of other names than `kinds` may have prose instead (such as how to migrate), unless
    the list is `closed`; empty ones of Unreleased are dropped by the release.
    """
    from release.text.changelog import kind_name

    open_section = section.plain_unreleased
    bullets = [bullet for kind in section.kinds for bullet in kind.bullets]
    if not any(bullet.concrete for bullet in bullets):
        said = "holds no bullet" if not bullets else "holds nothing but placeholders"
        whose = "Unreleased" if open_section else f"the section of {section.name}"
        remedy = "say what changed, a bullet for each change"
        remedy += ", there or in a file: bump with --notes FILE" if open_section else ""
        found = Finding(f"{whose} {said}", path, section.line, remedy)
        return Judgement(len(bullets), (found,))
    known = {kind.casefold() for kind in kinds}
    judged = Judgement(len(bullets))
    for kind in section.kinds:
        listed = not {kind.name.casefold(), kind_name(kind.name).casefold()}.isdisjoint(known)
        if closed and kind.name and not listed:
            message = f"{kind.name} is not one of the kinds that tool.release.changelog.kinds names"
            remedy = f"write one of {', '.join(kinds)}, or add it there"
            judged += Judgement(0, (Finding(message, path, kind.line, remedy),))
        judged += _judge_kind(path, kind, listed=listed, open_section=open_section)
    return judged


def _judge_kind(path: str, kind: Kind, *, listed: bool, open_section: bool) -> Judgement:
    name = kind.name or "the text above the subsections"
    concrete = any(bullet.concrete for bullet in kind.bullets)
    if kind.empty and not open_section:
        said, remedy = "is empty", "fill it in, or remove it"
    elif not kind.empty and not kind.concrete:
        said, remedy = "holds nothing but placeholders", "say what changed, or remove it"
    elif not kind.empty and not concrete and kind.heading is not None and listed:
        said, remedy = "holds no bullet", "make each change a bullet"
    else:
        odd = (bullet for bullet in kind.bullets if not bullet.concrete)
        told = (Finding(f"a placeholder: {b.text!r}", path, b.line, "fill it in") for b in odd)
        return Judgement(advice=tuple(told))
    return Judgement(0, (Finding(f"{name} {said}", path, kind.line, remedy),))


def judge_language(
    path: str, section: Section, words: Collection[str], allowed: Collection[str]
) -> Judgement:
    """Words of advertisement in a section, outside code and addresses."""
    from release.text.plain_language import advertising, prose

    text = section.text
    start = section.heading.end
    visible = prose(text.visible(start, section.content_end, code=False))
    remedy = "say what changed; or allow it: tool.release.gates.changelog.allowed-words"
    found = advertising(visible, words, allowed)
    lines = ((text.line_at(start + offset), word) for offset, word in found)
    defects = (Finding(f"{word!r} advertises", path, line, remedy) for line, word in lines)
    return Judgement(0, tuple(defects))


def judge_links(
    log: Changelog,
    subject: Section | None,
    tagged: Collection[Version],
    tags: Collection[str] = (),
    *,
    ahead: bool = False,
) -> Judgement:
    """The link definitions: those of other sections than `subject` are advice.

    Each bracketed version has one where any has; those that compare or show a tag name the tags of
    their versions, however these are spelled, and no tag that is not there; Unreleased begins at
    the last release. `tagged` are the released versions and `tags` all tags; `ahead` says that the
    last section may be that of a release to come.
    """
    if log.text.markup != "markdown":
        return Judgement()
    sections = {s.version: s for s in reversed(log.sections) if s.version is not None}
    unreleased = next((d for d in log.text.definitions if d.unreleased), None)
    found: list[Odd] = [*_missing_links(log)]
    order = sorted((s.version, s.date or date.min) for s in log.released if s.version is not None)
    for definition in log.text.definitions:
        section = sections.get(definition.version) if definition.version is not None else None
        gone = tags if definition.version in tagged else ()
        if section and (fault := _judge_link(log, definition, section, order, gone)):
            found.append((fault, section))
    released = tagged if ahead else ()
    if unreleased and (fault := _judge_unreleased_link(log, unreleased, released)):
        found.append((fault,))
    judged = _divided(found, subject, "among the links")
    return Judgement(len(log.text.definitions)) + judged


def _missing_links(log: Changelog) -> Iterator[Odd]:
    """The headings whose link is not defined, where there are links of versions."""
    from release.text.changelog import read_link

    used = {_reference(section) for section in log.sections}
    defined = {d.label.casefold(): d for d in log.text.definitions}
    shown = (label in used or read_link(d.url) for label, d in defined.items() if d.version)
    if not any(shown) and "unreleased" not in defined:
        return
    for section in (s for s in log.sections if s.version and not s.unreleased):
        label = _reference(section)
        if label and label not in defined:
            remedy = "add a line like those of the other versions at the end"
            yield _odd(log, f"no link is defined for {section.name}", remedy, section)


def _reference(section: Section) -> str | None:
    """The label that a section's heading refers to, None when it is not a reference."""
    title = section.title
    if title.label is None or title.url is not None:
        return None
    if title.reference and title.reference[0] < title.reference[1]:
        return section.heading.title[slice(*title.reference)].casefold()
    return title.label.casefold()


def _judge_link(
    log: Changelog,
    definition: Definition,
    section: Section,
    order: Sequence[tuple[Version, date]],
    tags: Collection[str],
) -> Finding | None:
    """The defect of a link to a version; `order` has the released ones and their dates, ascending.

    It begins at the last version before, be it a pre-release or not. Later releases of an older
    line may be left out. `tags` are all tags, if the version has one.
    """
    from release.text.changelog import named_version, read_link

    link, version = read_link(definition.url), section.version
    if link is None or version is None:
        return None
    shown = f"the link [{definition.label}]"
    another = named_version(link.head) != version
    if another or (tags and link.head not in tags):
        message = f"{shown} leads to {link.head}{'' if another else ', which is not a tag'}"
        remedy = f"let it name the tag of {section.name}{'' if another else ' as it is spelled'}"
        return Finding(message, log.path, definition.line, remedy)
    if link.base is None or (base := named_version(link.base)) is None:
        return None

    def may_be_left_out(between: Version, day: date) -> bool:
        """Whether it is a candidate, or a later release of the line that the link begins with."""
        later = not section.date or day == date.min or day > section.date
        return between.is_prerelease or (later and _same_line(between, base))

    end = bisect.bisect_left(order, (version, date.min))
    begin = bisect.bisect_right(order, (base, date.max))
    known = begin == 0 or order[begin - 1][0] == base
    if known and base < version and all(itertools.starmap(may_be_left_out, order[begin:end])):
        return None
    remedy = f"begin at the tag of {order[end - 1][0]}" if end else "begin at an earlier tag"
    return Finding(f"{shown} begins at {link.base}", log.path, definition.line, remedy)


def _judge_unreleased_link(
    log: Changelog, definition: Definition, tagged: Collection[Version]
) -> Finding | None:
    from release.text.changelog import named_version, read_link

    link = read_link(definition.url)
    last = next((s.version for s in log.released), None)
    if link is None or link.base is None or last is None:
        return None
    base = named_version(link.base)
    known = base in {last, max(tagged, default=last)}
    if known or (base is None and re.fullmatch(r"[0-9a-f]{7,40}", link.base)):
        return None
    message = f"the link [{definition.label}] begins at {link.base}, and {last} is the last release"
    return Finding(message, log.path, definition.line, f"begin at the tag of {last}")


def judge_history(
    log: Changelog, then: Changelog, tag: str, amended: Mapping[Version, str]
) -> Judgement:
    """Released sections that are not what they were at the last release, in one line for all.

    `then` is the changelog at its tag. `amended` has the reasons for changes that are acknowledged.
    Blank space, the marks of bullets and link definitions are left aside.
    """
    found: list[Finding] = []
    notes: list[Finding] = []
    lowest = min((s.version for s in log.sections if s.version is not None), default=None)
    for old in then.released:
        version = old.version
        if version is None or lowest is None or version < lowest:
            continue
        now = log.of(version)
        if now:
            difference = _difference(now[0], old)
            if difference is None:
                continue
            line, what = difference
        elif version.is_prerelease and any(
            s.version is not None and s.version.release == version.release for s in log.sections
        ):
            continue  # it went into the section of its release
        else:
            line, what = None, "it is gone"
        finding = Finding(f"{version} is not what it was at {tag}: {what}", log.path, line)
        if version in amended:
            notes.append(replace(finding, message=f"{finding.message}; {amended[version]}"))
        else:
            found.append(finding)
    advice: tuple[Finding, ...] = ()
    if found:
        remedy = (
            f"restore it from git show {tag}:./{log.path}, or acknowledge it:"
            " [tool.release.gates.changelog.amended] VERSION = the reason"
        )
        said = listing([finding.message for finding in found])
        advice = (Finding(f"released sections changed: {said}", log.path, found[0].line, remedy),)
    return Judgement(len(then.released), advice=advice, notes=tuple(notes))


def _difference(now: Section, then: Section) -> tuple[int, str] | None:
    """Where two states of a section first differ, and how; None when they say the same."""
    if now.date != then.date and now.date is not None and then.date is not None:
        return now.line, f"dated {now.date}, was {then.date}"
    new, old = list(_words(now)), list(_words(then))
    after, before = ([word for _, word in words] for words in (new, old))
    if after == before:
        return None
    pairs = zip(before, after, strict=False)
    same = sum(1 for _ in itertools.takewhile(lambda two: two[0] == two[1], pairs))
    # The words around the first difference tell what it is; of all, difflib takes the square.
    near = slice(max(0, same - NEAR), same + NEAR)
    after, before, new = after[near], before[near], new[near]
    steps = difflib.SequenceMatcher(None, before, after).get_opcodes()
    _, start, end, begin, until = next(step for step in steps if step[0] != "equal")
    line = new[begin][0] if begin < len(new) else now.line
    added = repr(sentence(" ".join(after[begin:until]), LONGEST))
    removed = repr(sentence(" ".join(before[start:end]), LONGEST))
    if start == end:
        return line, f"{added} was added"
    return line, f"{removed} was removed" if begin == until else f"{added} was {removed}"


_DEFINITION = re.compile(r" {0,3}\[[^\]\n]+\]:|\.\. _[^\n]*:")
_ADORNMENT = re.compile(r"\s*([^\w\s])\1{2,}\s*")
# Where a link leads may be fixed, and a mark of withdrawal be added.
_ADDRESS = re.compile(
    r"(?<=\]\()[^()\n]*(?=\))|https?://[^\s<>)\]]+|^\W*yanked\b[^\n]*$", re.I | re.M
)


def _words(section: Section) -> Iterator[tuple[int, str]]:
    """What a section says, each word with its line, however it is wrapped and bullets are marked.

    Addresses, link definitions and the lines below headings are left out.
    """
    whole = section.text.whole[section.heading.end : section.content_end]
    for number, line in enumerate(whole.split("\n"), section.text.line_at(section.heading.end)):
        if not _DEFINITION.match(line) and not _ADORNMENT.fullmatch(line):
            said = _ADDRESS.sub("", re.sub(r"^(\s*)[*+•](?=\s)", r"\1-", line.rstrip()))
            yield from ((number, word) for word in said.split())


def _judge_history(
    project: Project, shell: Shell, log: Changelog, amended: Mapping[Version, str]
) -> Judgement:
    """Compare with the changelog at the tag of the last release before this commit."""
    from release.project.git import text_at
    from release.text.sections import read

    before = project.merged
    if project.git is None or not before:
        return Judgement()
    tag = max(before, key=before.__getitem__)
    place = PurePosixPath(project.git.prefix + log.path).as_posix()
    text = text_at(project.root, f"refs/tags/{tag}", place, timeout=shell.remaining)
    if text is None:
        return Judgement()
    return judge_history(log, read(text, log.path), tag, amended)


def _summary(subject: Section | None, target: Version | None) -> str:
    if subject is not None:
        count = sum(bullet.concrete for kind in subject.kinds for bullet in kind.bullets)
        return f"{subject.name} with {counted(count, 'bullet')}"
    if target is None or target.is_devrelease:
        return "nothing to release yet"
    return f"{target} has no section yet"


GATE = Gate(
    name="changelog",
    title="a section with concrete bullets; released ones unchanged",
    check=check,
    applies=applies,
    cost=0.1,
    order=50,
    settings="release.gates.changelog.settings:ChangelogSettings",
    defects="release.gates.changelog.defects:DEFECTS",
)
