"""A section for the version with concrete bullets; what is released stays as it was.

Judges the changelog's structure: one section for each version, in descending order (PEP 440), with
ISO 8601 dates that ascend and do not lie ahead. The section for the version to be released is
there, and says in bullets what changed, in every subsection: no TODO, no "...", no words of
advertisement (see the settings plain-language, words and allowed-words), and no subsection that
tool.release.changelog.kinds, where it is set, does not name. The compare links name the tags of
their versions. Released sections are what they were at their tags, the newest 50 of them; `amended`
acknowledges a change with its reason.

With a LEVEL the release is not written yet, and the Unreleased section must hold its bullets; a
changelog without one gets its section from `bump -- LEVEL --notes FILE`. Where the version comes
from version control and this commit has no tag, structure, Unreleased and history are judged. A
version that was released at an earlier commit must have its section, which history then judges.
A project without a changelog has nothing to judge; a format that is not understood is unchecked.
"""

from __future__ import annotations

import bisect
import itertools
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from release.errors import CannotCheck
from release.model import Finding, Gate, Level, Outcome
from release.project import Project, read_text

if TYPE_CHECKING:
    from packaging.version import Version

    from release.run.shell import Shell
    from release.text.changelog import Changelog, Definition, Kind, Section

NEWEST = 50
SHOWN = 5
LONGEST = 90
# How many versions before one are looked at for where its link begins.
NEAREST = 200
# What the sections at all tags together may have; beyond that the older ones are left out.
HISTORY_CHARACTERS = 128_000_000
ACKNOWLEDGE = "or acknowledge it: [tool.release.gates.changelog.amended] {0} = the reason"


def check(project: Project, shell: Shell) -> Outcome:
    from release.gates.changelog.settings import ChangelogSettings
    from release.project.git import tags
    from release.text.changelog import read
    from release.text.sections import fragment_tool
    from release.text.versions import parse

    path = project.changelog
    assert path is not None
    if not (project.root / path).is_file():
        remedy = "write it, or correct tool.release.changelog.file"
        return Outcome.failed((Finding("the changelog is missing", path, remedy=remedy),))
    settings = project.settings.gates.of("changelog", ChangelogSettings)
    log = read(read_text(project.root, path), path)
    if not log.understood:
        raise CannotCheck(
            f"the format of {path} is not understood: no heading in it is that of a release",
            "give releases headings like ## [1.2.0] - 2026-01-31, or name another file in"
            " tool.release.changelog.file",
        )
    level = shell.level
    target = project.target_version(level)
    tool = fragment_tool(log.text.whole)
    released = project.released
    tagged = set(released.values())
    fresh = target is not None and (
        target not in tagged or target in set(project.released_here.values())
    )
    subject = section_to_release(log, target, None if tool else level, fresh=fresh)
    settled = settled_sections(log, tagged, subject)
    findings = [Finding(p.message, p.path, p.line, p.remedy) for p in log.problems]
    faults, remarks = judge_structure(log, settled, shell.today)
    findings += faults
    faults, more = judge_presence(log, target, level, fresh=fresh, tool=tool)
    findings, remarks = findings + faults, remarks + more
    checked = len(log.sections) + 1
    if subject is not None:
        own = project.settings.changelog
        closed = "kinds" in own.model_fields_set
        faults, more = judge_entry(path, subject, own.kinds, closed=closed)
        findings, remarks = findings + faults, remarks + more
        checked += sum(len(kind.bullets) for kind in subject.kinds)
        if settings.plain_language:
            findings += judge_language(path, subject, settings.words, settings.allowed_words)
    names = frozenset(tags(project.root)) if project.git is not None else frozenset()
    ahead = level is not None or target is None
    faults, more = judge_links(log, tagged, names, ahead=ahead)
    findings, remarks = findings + faults, remarks + more
    checked += len(log.definitions)
    then, left_out = _at_tags(project, shell, path)
    amended = {version: why for text, why in settings.amended.items() if (version := parse(text))}
    unknown = [text for text in settings.amended if parse(text) is None]
    findings += [_no_version(text) for text in unknown]
    faults, more = judge_history(log, then, frozenset(project.merged_tags), amended)
    findings, remarks = findings + faults, remarks + more
    compared = sum(text is not None for _, text in then.values())
    checked += compared
    if left_out:
        remarks.append(Finding(f"the sections of {left_out} older tags were not compared", path))
    if findings:
        return Outcome.failed(tuple(findings), checked=checked)
    summary = _summary(subject, target, compared)
    return Outcome.passed(checked, summary, remarks=tuple(remarks))


def applies(project: Project, _level: Level | None) -> str | None:
    if project.changelog is None:
        return "the project has no changelog; name it in tool.release.changelog.file if it has"
    return None


def section_to_release(
    log: Changelog, target: Version | None, level: Level | None, *, fresh: bool
) -> Section | None:
    """The section whose content is judged: that of the version, or Unreleased before a release.

    `fresh` says that the version was not released at an earlier commit. None when it is not there,
    and when nothing is about to be released.
    """
    there = log.of(target) if target is not None and fresh else ()
    if there:
        return there[0]
    if target is not None and target.is_devrelease and fresh:
        base = [s for s in log.sections if s.version and s.version.release == target.release]
        return next((s for s in (*base, *log.unreleased) if s.concrete), None)
    if log.unreleased and (level is not None or (target is None and log.unreleased[0].concrete)):
        return log.unreleased[0]
    return None


def settled_sections(
    log: Changelog, tagged: Collection[Version], subject: Section | None
) -> frozenset[int]:
    """The lines of the sections that are history: the first one with a tag, and those below it."""
    lines: set[int] = set()
    for section in log.sections:
        if section is not subject and (lines or section.version in tagged):
            lines.add(section.line)
    return frozenset(lines)


def judge_structure(
    log: Changelog, settled: Collection[int], today: date
) -> tuple[list[Finding], list[Finding]]:
    """Defects and remarks on headings: duplicates, order, dates, and versions that are none.

    What only concerns `settled` sections (by their lines) is a remark, but for duplicates: they
    were released so and must not change any more.
    """
    faults: list[Finding] = []
    quiet: list[Finding] = []

    def found(message: str, section: Section, remedy: str, *others: Section) -> None:
        old = all(s.line in settled for s in (section, *others))
        (quiet if old else faults).append(Finding(message, log.path, section.line, remedy))

    faults += _judge_twice(log)
    plain = log.unreleased
    named = [section for section in log.sections if section.title.spelling]
    if plain and named and plain[0].line > named[0].line:
        found("Unreleased stands below a release", plain[0], "move it to the top", named[0])
    odd = [s for s in named if s.date is None and s.title.written and not s.unreleased]
    for group in ([s for s in odd if s.line not in settled], [s for s in odd if s.line in settled]):
        if group:
            shown = _listed([f"{s.title.written!r} ({s.name})" for s in group])
            found(f"no ISO 8601 date: {shown}", group[0], "write it like 2026-01-31")
    for section in named:
        if section.version is None:
            message = f"{section.title.spelling!r} is not a version by PEP 440"
            found(message, section, "write it like 1.2.3 or 1.2.3rc1")
        # The date of the place where it was written may be a day ahead of that in UTC.
        if section.date is not None and section.date > today + timedelta(days=1):
            message = f"{section.name} is dated {section.date}, and today is {today}"
            found(message, section, "correct the date")
    versions = [section for section in named if section.version is not None]
    for above, below in itertools.pairwise(versions):
        assert above.version is not None
        assert below.version is not None
        if above.version < below.version:
            found(
                f"{above.name} stands above {below.name}, which is the higher version",
                above,
                "put the highest version first",
                below,
            )
        elif (
            above.date
            and below.date
            and above.date < below.date
            # A later release of an older line is no mistake.
            and (above.line not in settled or _same_line(above.version, below.version))
        ):
            found(
                f"{above.name} is dated {above.date}, before {below.name} ({below.date})",
                above,
                "correct the dates",
                below,
            )
    return faults, quiet


def _same_line(one: Version, other: Version) -> bool:
    return one.release[:2] == other.release[:2]


def _judge_twice(log: Changelog) -> Iterator[Finding]:
    first: dict[Version | None, Section] = {}
    for section in log.sections:
        key = section.version
        if key is None and not section.plain_unreleased:
            continue
        if key in first:
            yield Finding(
                f"a second section for {section.name}; the first one is in line {first[key].line}",
                log.path,
                section.line,
                "merge them into one",
            )
        first.setdefault(key, section)


def judge_presence(
    log: Changelog,
    target: Version | None,
    level: Level | None,
    *,
    fresh: bool,
    tool: str | None = None,
) -> tuple[list[Finding], list[Finding]]:
    """Defects and remarks on whether the release has its section, dated like the others.

    `target` is the version to be released, or the current one if it is released (not `fresh`).
    `tool` writes sections from fragments.
    """
    there = log.of(target) if target is not None else ()
    if there:
        section = there[0]
        dated = log.dated(section)
        if level is not None or not fresh:
            return [], []
        if section.unreleased or (dated and not section.title.written):
            said = "says that it is not released" if section.unreleased else "has no date"
            message = f"the section of {section.name} {said}"
            return [Finding(message, log.path, section.line, "write the date into its heading")], []
        return [], []
    if level is not None and tool is not None:
        return [], [Finding(f"{tool} writes the section from fragments", log.path)]
    if level is not None or target is None:
        if log.unreleased:
            return [], []
        meant = next((s for s in log.sections if s.unreleased and s.version is not None), None)
        if meant is not None and target is not None:
            message = f"the section {meant.heading.title!r} is not meant for {target}"
            remedy = f"change its heading if it is what {target} brings"
            return [Finding(message, log.path, meant.line, remedy)], []
        if level is None:
            return [], []
        message = "nothing says yet what the release brings"
        remedy = "write its section, or give bullets to bump: --notes FILE"
        return [], [Finding(message, log.path, remedy=remedy)]
    if target.is_devrelease:
        remedy = "it gets one when it is released"
        return [], [Finding(f"{target} has no section", log.path, remedy=remedy)]
    line = log.unreleased[0].line if log.unreleased else None
    remedy = f"write it, or let bump make it of Unreleased: nox -s bump -- {target}"
    if not fresh:
        remedy = "write what that release brought"
    return [Finding(f"there is no section for {target}", log.path, line, remedy)], []


def judge_entry(
    path: str, section: Section, kinds: Collection[str], *, closed: bool = False
) -> tuple[list[Finding], list[Finding]]:
    """Defects and remarks on what a section says: concrete bullets, in every subsection.

    Subsections of other names than `kinds` may have prose instead (such as how to migrate), unless
    the list is `closed`; empty ones of Unreleased are dropped by the release.
    """
    faults: list[Finding] = []
    remarks: list[Finding] = []
    open_section = section.plain_unreleased
    bullets = [bullet for kind in section.kinds for bullet in kind.bullets]
    if not any(bullet.concrete for bullet in bullets):
        said = "holds no bullet" if not bullets else "holds nothing but placeholders"
        whose = "Unreleased" if open_section else f"the section of {section.name}"
        message = f"{whose} {said}"
        faults.append(
            Finding(message, path, section.line, "say what changed, a bullet for each change")
        )
        return faults, remarks
    known = {kind.casefold() for kind in kinds}
    if closed:
        faults += _unknown_kinds(path, section, kinds)
    for kind in section.kinds:
        if fault := _judge_kind(kind, known, open_section=open_section):
            message, remedy = fault
            faults.append(Finding(message, path, kind.line, remedy))
        else:
            remarks += [
                Finding(f"a placeholder: {bullet.text!r}", path, bullet.line, "fill it in")
                for bullet in kind.bullets
                if not bullet.concrete
            ]
    return faults, remarks


def _unknown_kinds(path: str, section: Section, kinds: Collection[str]) -> Iterator[Finding]:
    from release.text.changelog import kind_name

    known = {kind.casefold() for kind in kinds}
    for kind in section.kinds:
        spelled = {kind.name.casefold(), kind_name(kind.name).casefold()}
        if not kind.name or spelled & known:
            continue
        yield Finding(
            f"{kind.name} is none of the kinds that tool.release.changelog.kinds names",
            path,
            kind.line,
            f"write one of {', '.join(kinds)}, or add it there",
        )


def _judge_kind(
    kind: Kind, known: Collection[str], *, open_section: bool
) -> tuple[str, str] | None:
    from release.text.changelog import kind_name

    name = kind.name or "the text above the subsections"
    if any(bullet.concrete for bullet in kind.bullets):
        return None
    if kind.empty:
        return None if open_section else (f"{name} is empty", "fill it in, or remove it")
    if not kind.concrete:
        return f"{name} holds nothing but placeholders", "say what changed, or remove it"
    if kind.heading is not None and kind_name(kind.name).casefold() in known:
        return f"{name} holds no bullet", "make each change a bullet"
    return None


def judge_language(
    path: str, section: Section, words: Collection[str], allowed: Collection[str]
) -> list[Finding]:
    """Defects for words of advertisement in a section, outside code and addresses."""
    from release.text.plain_language import advertising, prose

    text = section.text
    start = section.heading.end
    visible = prose(text.visible(start, section.content_end, code=False))
    return [
        Finding(
            f"{word!r} advertises",
            path,
            text.line_at(start + offset),
            "say what changed; or allow it: tool.release.gates.changelog.allowed-words",
        )
        for offset, word in advertising(visible, words, allowed)
    ]


def judge_links(
    log: Changelog, tagged: Collection[Version], tags: Collection[str] = (), *, ahead: bool = False
) -> tuple[list[Finding], list[Finding]]:
    """Defects and remarks on link definitions.

    Each bracketed version has one where any has; those that compare or show a tag name the tags of
    their versions, however these are spelled, and no tag that is not there; Unreleased begins at
    the last release. `tagged` are the released versions and `tags` all tags; `ahead` says that the
    last section may be that of a release to come.
    """
    from release.text.changelog import read_link

    faults: list[Finding] = []
    remarks: list[Finding] = []
    if log.markup != "markdown":
        return faults, remarks
    defined = Counter(d.label.casefold() for d in log.definitions)
    sections = {s.version: s for s in reversed(log.sections) if s.version is not None}
    used = {_reference(section) for section in log.sections}
    named = [
        d
        for d in log.definitions
        if d.version is not None and (d.label.casefold() in used or read_link(d.url) is not None)
    ]
    unreleased = next((d for d in log.definitions if d.unreleased), None)
    missing = [
        section
        for section in sections.values()
        if not section.unreleased and (label := _reference(section)) and label not in defined
    ]
    if missing and (named or unreleased):
        missing.reverse()
        message = f"no link is defined for {_listed([section.name for section in missing])}"
        remedy = "add a line like those of the other versions at the end"
        faults.append(Finding(message, log.path, missing[0].line, remedy))
    order = sorted(
        (section.version, section.date or date.min)
        for section in log.released
        if section.version is not None
    )
    for definition in named:
        assert definition.version is not None
        section = sections.get(definition.version)
        if section is None:
            continue
        gone = tags if section.version in tagged else ()
        if fault := _judge_link(log, definition, section, order, gone):
            faults.append(fault)
    orphans = [d for d in named if d.version not in sections]
    if orphans:
        mentioned = Counter(re.findall(r"\[([^\[\]\n]{1,200})\]", log.text.whole.casefold()))
        remarks += [
            Finding(
                f"the link [{d.label}] belongs to no section", log.path, d.line, "remove the link"
            )
            for d in orphans
            if mentioned[d.label.casefold()] <= defined[d.label.casefold()]
        ]
    if unreleased is not None and (
        fault := _judge_unreleased_link(log, unreleased, tagged if ahead else ())
    ):
        faults.append(fault)
    return faults, remarks


def _reference(section: Section) -> str | None:
    """The label that a section's heading refers to, None when it is no reference."""
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

    link = read_link(definition.url)
    if link is None or section.version is None:
        return None
    shown = f"the link [{definition.label}]"
    if named_version(link.head) != section.version:
        message = f"{shown} leads to {link.head}"
        remedy = f"let it name the tag of {section.name}"
        return Finding(message, log.path, definition.line, remedy)
    if tags and link.head not in tags:
        message = f"{shown} leads to {link.head}, which is no tag"
        remedy = f"let it name the tag of {section.name} as it is spelled"
        return Finding(message, log.path, definition.line, remedy)
    if link.base is None or (base := named_version(link.base)) is None:
        return None
    place = bisect.bisect_left(order, (section.version, date.min))
    last = order[max(0, place - NEAREST) : place][::-1]
    good = base < section.version
    for version, day in last:
        if version <= base:
            good = good and version == base
            break
        later = not section.date or day == date.min or day > section.date
        if not version.is_prerelease and not (later and _same_line(version, base)):
            good = False
            break
    if good:
        return None
    remedy = f"begin at the tag of {last[0][0]}" if last else "begin at an earlier tag"
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
    wanted = {last, max(tagged)} if tagged else {last}
    if base in wanted or (base is None and re.fullmatch(r"[0-9a-f]{7,40}", link.base)):
        return None
    return Finding(
        f"the link [{definition.label}] begins at {link.base}, and {last} is the last release",
        log.path,
        definition.line,
        f"begin at the tag of {last}",
    )


def judge_history(
    log: Changelog,
    then: Mapping[Version, tuple[str, str | None]],
    merged: Collection[str],
    amended: Mapping[Version, str],
) -> tuple[list[Finding], list[Finding]]:
    """Defects and remarks on released sections that are not what they were at their tags.

    `then` has the tag of each released version and the changelog's text there, None where there is
    none. `merged` are the tags in this commit's history: a section is missed only for these.
    `amended` has the reasons for changes that are acknowledged. Blank space, the marks of bullets
    and link definitions are left aside.
    """
    from release.text.changelog import read

    faults: list[Finding] = []
    remarks: list[Finding] = []
    without: list[str] = []
    lowest = min((s.version for s in log.sections if s.version is not None), default=None)
    for version, (tag, text) in then.items():
        old = next(iter(read(text, log.path).of(version)), None) if text is not None else None
        if old is None or old.unreleased:
            without.append(tag)
            continue
        now = log.of(version)
        if not now:
            folded = version.is_prerelease and any(
                s.version is not None and s.version.release == version.release for s in log.sections
            )
            if tag not in merged or folded or lowest is None or version < lowest:
                continue
            fault = Finding(
                f"the section of {version} is gone, and was there at {tag}",
                log.path,
                remedy=f"restore it from git show {tag}:./{log.path}",
            )
        else:
            difference = _difference(now[0], old)
            if difference is None:
                continue
            line, what = difference
            fault = Finding(
                f"the section of {version} is not what it was at {tag}: {what}",
                log.path,
                line,
                f"restore it, {ACKNOWLEDGE.format(f'{str(version)!r}')}",
            )
        if version in amended:
            reason = f"{fault.message}; amended: {amended[version]}"
            remarks.append(Finding(reason, log.path, fault.line))
        else:
            faults.append(fault)
    if without:
        message = f"the changelog has no section of its own at {_listed(without)}"
        remarks.append(Finding(message, log.path))
    return faults, remarks


def _difference(now: Section, then: Section) -> tuple[int, str] | None:
    """Where two states of a section first differ, and how; None when they say the same."""
    if now.date != then.date and now.date is not None and then.date is not None:
        return now.line, f"dated {now.date}, was {then.date}"
    new, old = _said(now), _said(then)
    after, before = [text for _, text in new], [text for _, text in old]
    if after == before or _flowing(after) == _flowing(before):
        return None
    place = next(
        n
        for n, (one, other) in enumerate(itertools.zip_longest(after, before, fillvalue=""))
        if _flowing([one]) != _flowing([other])
    )
    added = after[place] if place < len(after) else None
    removed = before[place] if place < len(before) else None
    line = new[place][0] if place < len(new) else now.line
    if removed is None or (added is not None and added not in before and removed in after):
        return line, f"{_short(added or '')} was added"
    if added is None or (removed not in after and added in before):
        return line, f"{_short(removed)} was removed"
    same = next(
        (n for n, (a, b) in enumerate(zip(added, removed, strict=False)) if a != b),
        min(len(added), len(removed)),
    )
    return line, f"{_short(added, same)} was {_short(removed, same)}"


_DEFINITION = re.compile(r" {0,3}\[[^\]\n]+\]:|\.\. _[^\n]*:")
# Where a link leads may be mended, and a mark of withdrawal be added.
_ADDRESS = re.compile(
    r"(?<=\]\()[^()\n]*(?=\))|https?://[^\s<>)\]]+|^\W*yanked\b[^\n]*$", re.I | re.M
)


def _said(section: Section) -> list[tuple[int, str]]:
    """The lines of a section with text, each with its number, without links and blank space."""
    whole = section.text.whole[section.heading.end : section.content_end]
    first = section.text.line_at(section.heading.end)
    return [
        (first + number, line)
        for number, raw in enumerate(whole.split("\n"))
        if (line := raw.rstrip()) and not _DEFINITION.match(line)
    ]


def _flowing(lines: Sequence[str]) -> list[str]:
    """The words, however the lines are wrapped and the bullets marked, and without addresses."""
    text = "\n".join(re.sub(r"^(\s*)[*+•](?=\s)", r"\1-", line) for line in lines)
    return _ADDRESS.sub("", text).split()


def _short(text: str, place: int = 0) -> str:
    """A quotation of a line, of the part around a place if it is long."""
    start = text.rfind(" ", 0, max(0, place - LONGEST // 3)) + 1 if place > LONGEST // 2 else 0
    part = text[start : start + LONGEST].strip()
    before, after = "…" if start else "", "…" if start + LONGEST < len(text) else ""
    return f"{before}{part!r}{after}"


def _at_tags(
    project: Project, shell: Shell, path: str
) -> tuple[dict[Version, tuple[str, str | None]], int]:
    """The changelog's text at each of the newest tags, and how many older ones were left out.

    One `git cat-file` a tag: a few milliseconds each.
    """
    from release.project.git import git

    found: dict[Version, tuple[str, str | None]] = {}
    if project.git is None:
        return found, 0
    tags = sorted(project.released.items(), key=lambda item: item[1], reverse=True)
    place = PurePosixPath(project.git.prefix + path).as_posix()
    characters = 0
    for number, (tag, version) in enumerate(tags):
        if number == NEWEST or characters > HISTORY_CHARACTERS:
            return found, len(tags) - number
        done = git(
            project.root,
            "cat-file",
            "blob",
            f"refs/tags/{tag}:{place}",
            check=False,
            timeout=shell.remaining,
        )
        if done.returncode == 0:
            characters += len(done.stdout)
            found[version] = (tag, done.stdout)
        elif "does not exist in" in done.stderr or "but not in" in done.stderr:
            found.setdefault(version, (tag, None))
        else:
            said = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
            raise CannotCheck(
                f"git cannot read {path} at {tag}: {said[-1]}",
                "mend the repository, or fetch it anew",
            )
    return found, 0


def _no_version(text: str) -> Finding:
    return Finding(
        f"tool.release.gates.changelog.amended names {text!r}, which is no version",
        "pyproject.toml",
        remedy="name a released version",
    )


def _listed(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _summary(subject: Section | None, target: Version | None, compared: int) -> str:
    parts = []
    if subject is not None:
        count = sum(bullet.concrete for kind in subject.kinds for bullet in kind.bullets)
        parts.append(f"{subject.name} with {count} bullet{'' if count == 1 else 's'}")
    elif target is not None:
        parts.append(f"{target} is there" if compared else "structure")
    if compared:
        parts.append(f"{compared} released section{'' if compared == 1 else 's'} as at their tags")
    return "; ".join(parts) or "structure"


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
