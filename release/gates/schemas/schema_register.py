"""The register of schemas, and what a release owes to a schema whose version changed.

A register is a Markdown document with tables of schemas and their current versions, or with a
heading for each schema that ends in its version. The versions of schemas have nothing to do with
the project's own.
"""

from __future__ import annotations

import difflib
import fnmatch
import glob
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import TYPE_CHECKING

from release.model import Finding
from release.text.markdown import Cell, cells, delimits, visible

if TYPE_CHECKING:
    from packaging.version import Version

    from release.settings import SchemaSource
    from release.text.sections import Section

FIELD = "{version}"
MOST_STEPS = 100
DIGITS = frozenset("0123456789")
HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*))?")
LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()]*\)")
ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
# With a name before it, as in audit/1.1, and a remark behind it, as in 2.0 (current).
VERSION = re.compile(
    r"(?:[\w.-]+/)?[vV]?([0-9](?:[0-9A-Za-z_.]{0,62}[0-9A-Za-z_])?)(?:[ \t]*\([^()]*\))?", re.ASCII
)
# Files in a folder of migrations that migrate nothing.
NO_SCRIPT = re.compile(r"(?:^|/)(?:\.[^/]*|__init__\.py|README[^/]*|[^/]*\.(?:md|rst|txt))$", re.I)


@dataclass(frozen=True, slots=True)
class Entry:
    """A schema in the register: its name, its version as written, and the line (from 1)."""

    name: str
    version: str
    line: int


@dataclass(frozen=True, slots=True)
class Register:
    """The schemas that a document registers, and what is wrong with it."""

    path: str
    entries: tuple[Entry, ...]
    problems: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A schema whose version is another one than at the last release; `line` is the register's."""

    name: str
    old: str
    new: str
    line: int


@dataclass(frozen=True, slots=True)
class Script:
    """A file in the folder of migrations: its path below that folder, and what is known of it."""

    path: str
    tracked: bool = True
    empty: bool = False

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def counts(self) -> bool:
        return self.tracked and not self.empty


def parse(text: str, path: str) -> Register:
    """Read a register: its tables, and its headings that end in a version.

    A table counts when its header has a column for the schema (Schema, Name, ...) and one for its
    version (Version, Current, ..., else Constant, with `NAME = 2` below). A heading counts when it
    is a name, a dash or colon, and the version as code. Fences and comments are passed over.
    """
    entries: dict[str, Entry] = {}
    problems: list[Finding] = []
    rows = list(_rows(text))
    in_table = {line for line, *_, is_row in rows if is_row}
    for line, name, version, _ in rows:
        match = VERSION.fullmatch(version)
        if not name:
            problems.append(Finding("a row names no schema", path, line, "name it, or drop it"))
        elif match is None:
            wrong = f"{version[:40]!r} is not a version" if version else "has no version"
            message, remedy = f"{name[:80]}: {wrong}", "write it like 2, v2 or 1.3"
            problems.append(Finding(message, path, line, remedy))
        else:
            entry = Entry(name, match[1], line)
            first = entries.setdefault(name, entry)
            again = first is not entry and {line, first.line} <= in_table
            if again or order(first.version, entry.version):
                other = f"on line {first.line} as {first.version}"
                message = f"{name[:80]} is registered as {entry.version}, and {other}"
                remedy = "keep one entry for each schema, with its current version"
                problems.append(Finding(message, path, line, remedy))
    if not rows:
        message = "has no table that lists schemas and their versions"
        remedy = "add one with the columns Schema and Version"
        problems.append(Finding(message, path, remedy=remedy))
    return Register(path, tuple(entries.values()), tuple(problems))


def _rows(text: str) -> Iterator[tuple[int, str, str, bool]]:
    """What the document says of schemas: line, name, version, and whether it is a table's row."""
    columns: tuple[int, int] | None = None
    above: tuple[Cell, ...] = ()
    for line, _, content in visible(text):
        if heading := _heading_entry(content):
            yield line, *heading, False
        row = cells(content)
        if columns is not None and row:
            name, version = (_plain(row[at].text) if at < len(row) else "" for at in columns)
            if name or version:
                # What NAME = VALUE gives to the name; any other text as it is.
                value = version.rpartition("=")[2].strip().strip("\"'")
                yield line, name, value, True
            continue
        columns = _columns([cell.text for cell in above]) if delimits(row, above) else None
        above = row


def _columns(header: Sequence[str]) -> tuple[int, int] | None:
    """Where a table has the names and the versions of schemas, None if it is not a register."""
    words = [frozenset(re.findall(r"[^\W\d_]+", _plain(cell).casefold())) for cell in header]
    versions = [
        at
        for wanted in (
            lambda found: {"version", "current"} <= found,
            lambda found: "version" in found <= {"version", "schema", "latest", "number"},
            lambda found: found in ({"current"}, {"latest"}),
            lambda found: found == {"constant"},
        )
        for at, found in enumerate(words)
        if wanted(found)
    ]
    called = [{"schema", "schemas", "name"} & found for found in words]
    names = [at for at, found in enumerate(called) if found and "version" not in words[at]]
    return (names[0], versions[0]) if names and versions else None


def _heading_entry(line: str) -> tuple[str, str] | None:
    """The schema and the version of a heading such as: ### AuditRecord — `audit/1.1` (current)."""
    heading = HEADING.fullmatch(line)
    if heading is None:
        return None
    text = (heading[2] or "").rstrip("# \t")
    if text.endswith(")"):
        text = text[: text.rfind("(")].rstrip()
    if not text.endswith("`"):
        return None
    start = text.rfind("`", 0, -1)
    name = text[: max(start, 0)].rstrip()
    if not name.endswith(("—", "–", "-", ":")) or not VERSION.fullmatch(text[start + 1 : -1]):
        return None
    return _plain(name[:-1]), text[start + 1 : -1]


def _plain(cell: str) -> str:
    """A cell without links, emphasis, code marks and escapes."""
    text = LINK.sub(r"\1", cell)
    text = re.sub(r"(?<!\\)[`*]", "", text).strip()
    return ESCAPED.sub(r"\1", text).strip("_").strip()


def order(first: str, second: str) -> int:
    """-1, 0 or 1 as a schema's version is below, equal to or above another one.

    They are compared by PEP 440 where both can be, else by their numbers and words in turn.
    """
    from release.text.versions import parse as parse_version

    one, other = parse_version(first), parse_version(second)
    if one is not None and other is not None:
        return (one > other) - (one < other)
    left, right = _parts(first), _parts(second)
    return (left > right) - (left < right)


def _parts(version: str) -> list[tuple[int, int, str]]:
    found = re.findall(r"[0-9]+|[a-z]+", version.lower())
    return [(1, int(part), "") if part[0] in DIGITS else (0, 0, part) for part in found]


def stated(text: str, search: str) -> list[tuple[str, int]]:
    """The versions that stand in `text` where `search` has {version}, each with its line.

    What is around it is plain text; a version begins with a digit and goes on with letters,
    digits, dots and underscores. There are none for a search that does not hold {version} once.
    """
    if search.count(FIELD) != 1:
        return []
    before, after = map(re.escape, search.split(FIELD))
    version = r"([0-9][\w.]{0,63})" if after else r"([0-9](?:[\w.]{0,62}\w)?)(?!\w)"
    found = re.finditer(before + version + after, text, re.ASCII)
    return [(match[1], text.count("\n", 0, match.start(1)) + 1) for match in found]


def judge_sources(
    register: Register, sources: Sequence[SchemaSource], texts: Mapping[str, str]
) -> Iterator[Finding]:
    """Findings for sources that state no version, or another one than the register.

    `texts` maps each source's file to its text, if it is there.
    """
    for source in sources:
        if finding := _judge_source(register, source, texts.get(source.file)):
            yield finding


def _judge_source(register: Register, source: SchemaSource, text: str | None) -> Finding | None:
    if text is None:
        message = f"is missing, and the version of {source.name} is to stand there"
        return Finding(message, source.file, remedy="correct tool.release.schemas.sources")
    versions = stated(text, source.search)
    if len(versions) != 1:
        return _not_once(source, versions)
    ((version, line),) = versions
    entries = {entry.name: entry for entry in register.entries}
    entry = entries.get(source.name)
    if entry is None:
        near = difflib.get_close_matches(source.name, entries, 1)
        hint = f" (it has {near[0]})" if near else ""
        message = f"{source.name} {version} is not registered in {register.path}{hint}"
        return Finding(
            message, source.file, line, f"add a row for {source.name} to {register.path}"
        )
    if order(version, entry.version):
        said = f"is registered as {entry.version}, and {source.file}:{line} says {version}"
        remedy = "make both the schema's current version"
        return Finding(f"{source.name} {said}", register.path, entry.line, remedy)
    return None


def _not_once(source: SchemaSource, versions: Sequence[tuple[str, int]]) -> Finding:
    if not versions:
        message = f"states no version of {source.name} where {source.search!r} looks for it"
        remedy = (
            "correct the file, or the search in tool.release.schemas.sources, which has to hold"
            f" {FIELD} once"
        )
        return Finding(message, source.file, remedy=remedy)
    lines = ", ".join(str(line) for _, line in versions[:5])
    message = f"{source.search!r} finds {len(versions)} versions of {source.name}: lines {lines}"
    remedy = "lengthen the search in tool.release.schemas.sources so that it fits one place"
    return Finding(message, source.file, versions[0][1], remedy)


def changes(register: Register, before: Mapping[str, str]) -> list[Change]:
    """The schemas whose version is not the one that they had `before`; without new schemas."""
    return [
        Change(entry.name, before[entry.name], entry.version, entry.line)
        for entry in register.entries
        if entry.name in before and order(before[entry.name], entry.version)
    ]


def judge_order(path: str, changed: Sequence[Change], release: str) -> list[Finding]:
    """Findings for schemas whose version is below the one that they had in `release`, a tag."""
    remedy = "give it a version that was not released yet"
    back = [change for change in changed if order(change.old, change.new) > 0]
    told = ((f"{c.name} goes back from {c.old} ({release}) to {c.new}", c.line) for c in back)
    return [Finding(message, path, line, remedy) for message, line in told]


def judge_scripts(
    path: str, changed: Sequence[Change], scripts: Sequence[Script], template: str, folder: str
) -> Iterator[Finding]:
    """Findings for schemas that went up and lack a migration script, tracked and with content.

    `path` is the register's, `template` the name of a script: a glob in which {schema}, {old} and
    {new} stand for the change. One script may go all the way, or one for each whole number.
    """
    for change in changed:
        if order(change.old, change.new) > 0:
            continue
        ways = _ways(change, scripts, template)
        if any(all(any(s.counts for s in found) for _, found in way) for way in ways):
            continue
        for (old, new), found in max(ways, key=lambda way: sum(bool(there) for _, there in way)):
            if any(script.counts for script in found):
                continue
            if found:
                yield _weak(found[0], folder, f"{change.name} needs it to go from {old} to {new}")
            else:
                missing = f"no script in {folder}/ migrates it from {old} to {new}"
                message = f"{change.name} went from {change.old} to {change.new}, and {missing}"
                remedy = f"add {folder}/{_filled(template, change.name, old, new)} to git"
                yield Finding(message, path, change.line, remedy)


def _weak(script: Script, folder: str, need: str) -> Finding:
    """The finding for a script that is there and does not count."""
    wrong, remedy = "is not tracked by git", "add it: git add"
    if script.tracked:
        wrong, remedy = "is empty", "write it"
    return Finding(f"{wrong}, and {need}", f"{folder}/{script.path}", remedy=remedy)


Step = tuple[tuple[str, str], list[Script]]


def _ways(change: Change, scripts: Sequence[Script], template: str) -> list[list[Step]]:
    """How scripts can get from the old version to the new one: at once, or number by number.

    Each step has the scripts that take it.
    """
    ways = [[(change.old, change.new)]]
    whole = [re.fullmatch(r"([0-9]+)(?:\.0)*", version) for version in (change.old, change.new)]
    first, last = (int(match[1]) if match else 0 for match in whole)
    if all(whole) and 1 < last - first <= MOST_STEPS:
        ways.append([*pairwise(map(str, range(first, last + 1)))])
    return [
        [(step, matching(scripts, template, change.name, *step)) for step in way] for way in ways
    ]


def matching(
    scripts: Sequence[Script], template: str, schema: str, old: str, new: str
) -> list[Script]:
    """The scripts with the name that `template` gives, those that count first.

    The schema's name may be spelled in snake case and without Record or Schema at its end, 1.0 as
    1_0 or 1.
    """
    patterns = [
        re.compile(fnmatch.translate(_filled(template, glob.escape(name), *versions)))
        for name, *versions in product(_names(schema), _spellings(old), _spellings(new))
    ]
    named = ((script.path if "/" in template else script.name, script) for script in scripts)
    found = [script for name, script in named if any(one.match(name) for one in patterns)]
    return sorted(found, key=lambda script: not script.counts)


def _filled(template: str, schema: str, old: str, new: str) -> str:
    fields = {"{schema}": schema, "{old}": old, "{new}": new}
    return re.sub(r"\{(?:schema|old|new)\}", lambda match: fields[match[0]], template)


def _names(schema: str) -> Collection[str]:
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", schema)
    snake = re.sub(r"[^0-9A-Za-z]+", "_", snake).lower()
    short = re.sub(r"_(?:record|schema)$", "", snake)
    return dict.fromkeys((schema, schema.lower(), snake, short))


def _spellings(version: str) -> Collection[str]:
    whole = re.sub(r"(?:\.0)+$", "", version)
    return dict.fromkeys((version, version.replace(".", "_"), whole))


def subsection(section: Section, title: str) -> tuple[int, str] | None:
    """The subsection `title` of a changelog's section: its line and its text with the heading.

    What follows the title in its heading does not matter. None where there is none.
    """
    wanted = re.compile(rf"{re.escape(title)}(?!\w)", re.I)
    headings = section.text.headings_in(section.heading.end, section.content_end)
    for at, heading in enumerate(headings):
        if wanted.match(_plain(heading.title)):
            below = (other for other in headings[at + 1 :] if other.level <= heading.level)
            end = next((other.start for other in below), section.content_end)
            return heading.line, section.text.visible(heading.start, end)
    return None


def mentions(text: str, name: str) -> bool:
    """Whether a text names a schema, by itself or as the beginning of a script's name."""
    plain = ESCAPED.sub(r"\1", text)
    pattern = rf"(?<![\w-]){re.escape(name)}(?![^\W_]|[-_](?!v?\d))"
    return re.search(pattern, plain, re.I) is not None


def judge_changelog(
    path: str,
    section: Section | None,
    title: str,
    changed: Sequence[Change],
    scripts: Sequence[Script],
    template: str,
) -> Iterator[Finding]:
    """Findings for changed schemas of which the changelog does not tell how they are migrated.

    `section` is that of the release to come, None where there is none; its subsection `title` must
    name each schema and the scripts that migrate it.
    """
    raised = [change for change in changed if order(change.old, change.new) < 0]
    told = subsection(section, title) if section is not None else None
    if not raised:
        return
    if told is None:
        names = ", ".join(f"{change.name} {change.new}" for change in raised)
        lacks, line = "has no section for this release", None
        if section is not None:
            lacks, line = f"{section.name} has no subsection {title!r}", section.line
        remedy = f"tell below {title!r} what changed, and name the migration scripts"
        yield Finding(f"{lacks}, and schemas changed: {names}", path, line, remedy)
        return
    line, text = told
    for change in raised:
        if not mentions(text, change.name):
            went = f"{change.name}, which went from {change.old} to {change.new}"
            remedy = f"say there what changed in {change.name}"
            yield Finding(f"{title!r} does not name {went}", path, line, remedy)
        for script in _left_out(text, change, scripts, template):
            which = f"{script.path}, which migrates {change.name}"
            message = f"{title!r} does not point at {which}"
            yield Finding(message, path, line, "name the script there")


def _left_out(
    text: str, change: Change, scripts: Sequence[Script], template: str
) -> Sequence[Script]:
    """The scripts of a change that a text does not point at."""
    plain = ESCAPED.sub(r"\1", text)
    missing = [
        [found[0] for _, found in way if not any(_points(plain, script) for script in found)]
        for way in _ways(change, scripts, template)
        if all(found for _, found in way)
    ]
    return min(missing, key=len, default=[])


def _points(text: str, script: Script) -> bool:
    return re.search(rf"(?<![\w.-]){re.escape(script.name)}(?!\w)", text) is not None


def judge_major(
    version: Version,
    release: str,
    scripts: Sequence[Script],
    before: Collection[str],
    pattern: str | None,
    folder: str,
) -> list[Finding]:
    """Findings for a major release, `version`, without a migration script of its own.

    `release` is the last release's tag, `before` holds the scripts' paths that it has. `pattern`
    is a glob with {major} for the script's name; None takes any script that was not there.
    """
    glob_of_it = (pattern or "*").replace("{major}", str(version.major))
    nested = "/" in glob_of_it
    named = ((script, script.path if nested else script.name) for script in scripts)
    called_so = (script for script, name in named if fnmatch.fnmatchcase(name, glob_of_it))
    fitting = [script for script in called_so if not NO_SCRIPT.search(script.path)]
    new = [script for script in fitting if script.path not in before]
    if any(script.counts for script in new):
        return []
    called = f" called {glob_of_it}" if pattern else ""
    if new:
        return [_weak(new[0], folder, f"the major release {version} needs it")]
    there = f": {fitting[0].path} is as old as {release}" if pattern and fitting else ""
    lacks = f"{folder}/ has no new migration script{called}{there}"
    message = f"{version} is a major release after {release}, and {lacks}"
    return [Finding(message, remedy=f"add the script that migrates from {release} to {folder}/")]
