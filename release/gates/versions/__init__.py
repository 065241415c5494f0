"""Every place that states the version agrees, and the version is a new one.

Judges that each version place says the same version: pyproject.toml, the package's own
`__version__`, CITATION.cff in both its places, and whatever [tool.bumpversion] lists; that it is
a version by PEP 440 and no local one; that it is above the last release tag in this commit's
history; and that the package index does not have it yet.

All of it blocks: the places, and what [tool.bumpversion] lists, are promises of the project, and a
version that is not a version, not new or on the index is certain to be refused.

At a commit after the version's release its places are judged alone: the next one is to come. With a
LEVEL the current version is the last release's, and the one that is judged is the next of
that kind. A version that version control defines is judged at a tagged commit or with a LEVEL. An
index that cannot be asked leaves the gate unchecked; set tool.release.publish = false for a
project that goes to no index.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from release.errors import attempt
from release.model import Finding, Gate, Judgement, Level, Outcome
from release.project import Project, VersionPlace, as_list, as_table, read_text
from release.text import patterns
from release.text.escaping import counted

if TYPE_CHECKING:
    from packaging.version import Version

    from release.run.shell import Shell
    from release.world.index import ServedFile

FIELD = "{current_version}"
NUMBER = r"\d[\w.]*(?<!\.)"
OTHER_FIELD = re.compile(r"\{(?!current_version\})\w+[}:!]")


def check(project: Project, shell: Shell) -> Outcome:
    from release.text.versions import parse

    level = shell.level
    target = project.target_version(level)
    if target is None and project.version is None:
        return Outcome.not_applicable(
            f"the version comes from {project.version_source}, and no release tag is on this"
            " commit; the build gate judges what it makes"
        )
    after = level is None and project.after_release
    places = project.version_places
    found = [*project.warnings, *judge_places(places)]
    table, root = project.tool("bumpversion"), project.root
    names = [entry["filename"] for entry in _entries(table) if (root / entry["filename"]).is_file()]
    texts = {name: read_text(root, name) for name in names}
    found += judge_bumpversion(table, texts, project.version)
    if target is None:
        found.append(_invalid(places[0]))
    elif not after:
        found += judge_order(target, _before(project, level))
    judged = Judgement(len(places) + 1 + (target is not None), tuple(found))
    if unread := unread_tags(project):
        judged += Judgement(unchecked=(unread,))
    if target is not None and project.settings.publish and not after:
        judged += attempt(lambda: _ask_index(project, target, level))
    where = f"in {counted(len(places), 'place')}" if places else "by its tag"
    summary, facts = f"{target} {where}", {"version": str(target)}
    if after:
        summary += ", and released; a higher one comes next"
    elif level:
        current = parse(project.version or "") or max(project.released.values(), default=target)
        summary = f"{current} {where}; {target} comes next and is free"
    return judged.settle(summary, facts=facts)


def unread_tags(project: Project) -> Finding | None:
    """What it means that no tag is understood: it is not known what was released."""
    if not (unread := project.unread_tags):
        return None
    why = f"no tag is understood as that of a version ({', '.join(unread[-3:])})"
    remedy = 'say how tags are written, such as tool.release.tag = "v{version}-release"'
    return Finding(f"it is not known what was released: {why}", remedy=remedy)


def is_tagged_here(project: Project, version: Version | None) -> bool:
    """Whether this commit has the tag of a version, and not only the plan of one."""
    return not project.planned_tag and version in project.released_here.values()


def _ask_index(project: Project, target: Version, level: Level | None) -> Judgement:
    from release.world.index import index_url, served_files

    files = served_files(project.name, index_url(project.settings.index)) or ()
    if stranger := judge_owner(project.name, files, set(project.released.values()), target):
        return Judgement.one(stranger, advice=not judge_index(target, files))
    found = judge_index(target, files)
    # A project without tags leaves it to the index what is released: this is a later commit then.
    if found and level is None and (not project.released or is_tagged_here(project, target)):
        return Judgement(1, notes=(Finding(f"{target} is released; a higher one comes next"),))
    return Judgement(1, tuple(found))


def judge_places(places: Sequence[VersionPlace]) -> Iterator[Finding]:
    """Findings for places that do not say the same version as the first one."""
    from release.text.versions import parse

    if not places:
        return
    first = places[0]
    wanted = parse(first.value)
    for place in places[1:]:
        same = place.holds(wanted) if wanted else place.value == first.value
        if not same:
            due = place.spelled(wanted) if wanted and place.numbers else first.value
            message = f"{place.label} is {place.value}, and {first.label} is {first.value}"
            remedy = f"make it {due} ({first.path}:{first.line or 1} defines the version)"
            yield Finding(message, place.path, place.line, remedy)


def judge_bumpversion(
    table: Mapping[str, Any], texts: Mapping[str, str | None], version: str | None
) -> Iterator[Finding]:
    """Findings for files that `table`, [tool.bumpversion], lists and that lack the version.

    `texts` maps each listed file that is there to its text. A file disagrees when it has
    another version where the search has the current one, or the current one nowhere. Searches
    without the version edit something else; those with other fields, or with several formats of
    a version, are left to the tool.
    """
    if version is None:
        return
    default = str(table.get("search", FIELD))
    for entry in _entries(table):
        name, search = entry["filename"], str(entry.get("search", default))
        text = texts.get(name)
        if text is not None:
            ignored = _flag(entry, table, "ignore_missing_version") or OTHER_FIELD.search(search)
            written = _written(entry, table, version)
            if not ignored and FIELD in search and written:
                regex = _flag(entry, table, "regex")
                yield from _judge_search(name, text, search, written, regex=regex)
        elif not _flag(entry, table, "ignore_missing_files"):
            message = "is listed in [tool.bumpversion], and does not exist"
            yield Finding(message, name, remedy="add it, or take it off the list")


def _written(entry: Mapping[str, Any], table: Mapping[str, Any], version: str) -> str | None:
    """The version as the entry's own `serialize` writes it; None where the tool alone can tell."""
    from release.text.versions import PARSE, parts

    formats = entry.get("serialize")
    if formats is None or formats == table.get("serialize"):
        return version
    if not isinstance(formats, list) or len(formats) != 1:
        return None
    parse = entry.get("parse") or table.get("parse") or PARSE
    try:
        return str(formats[0]).format_map(parts(str(parse), version))
    except (patterns.Unusable, LookupError, ValueError, AttributeError):
        return None


def _found(pattern: str, text: str, *, regex: bool) -> list[patterns.Found]:
    """The matches of a pattern, which is the project's own or made of a plain search."""
    if regex:
        return patterns.find(pattern, text, re.M)
    return [
        patterns.Found(*match.span(), match.groupdict())
        for match in re.finditer(pattern, text, re.M)
    ]


def _judge_search(name: str, text: str, search: str, version: str, *, regex: bool) -> list[Finding]:
    """Findings for a file in which a search of [tool.bumpversion] looks for the version."""
    parts = [part if regex else re.escape(part) for part in search.split(FIELD)]
    wanted = rf"(?<![\d.]){re.escape(version)}(?!\.?\d)"
    other = f"{parts[0]}(?P<other>{NUMBER}){NUMBER.join(parts[1:])}"
    try:
        if _found(wanted.join(parts), text, regex=regex):
            return []
        others = _found(other, text, regex=regex)
    except patterns.Unusable as error:
        message = f"{search!r} cannot be used as a regular expression: {error}"
        remedy = "correct the search in [tool.bumpversion]"
        return [Finding(message, "pyproject.toml", remedy=remedy)]
    if search != FIELD and others:
        sought = f"where [tool.bumpversion] looks for {version}"
        found = ((one.named["other"], text.count("\n", 0, one.start) + 1) for one in others)
        return [Finding(f"has {it} {sought}", name, n, f"make it {version}") for it, n in found]
    if re.search(wanted, text):
        return []
    message = f"holds {version} nowhere, and [tool.bumpversion] looks for it there"
    return [Finding(message, name, remedy="correct the version there, or the search")]


def _entries(table: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    items = as_list(table.get("files"))
    return [item for item in items if isinstance(as_table(item).get("filename"), str)]


def _flag(entry: Mapping[str, Any], table: Mapping[str, Any], name: str) -> bool:
    return bool(entry.get(name, table.get(name, False)))


def _before(project: Project, level: Level | None) -> dict[str, Version]:
    """The release tags that the version must be above: those in this commit's history.

    A tag on this commit names the version itself, unless the next one is asked for.
    """
    here = project.released_here if level is None else {}
    return {tag: version for tag, version in project.merged.items() if tag not in here}


def judge_order(version: Version, tags: Mapping[str, Version]) -> Iterator[Finding]:
    """Findings for a version that is local, or not above every released one."""
    if version.local:
        message = f"{version} is a local version, which no index takes"
        yield Finding(message, remedy=f"release {version.public}")
    if tags:
        last_tag, last = max(tags.items(), key=lambda item: item[1])
        if version <= last:
            message = f"{version} is not above the last release, {last} (tag {last_tag})"
            yield Finding(message, remedy="choose a higher version")


def judge_owner(
    name: str, files: Sequence[ServedFile], released: Collection[Version], target: Version
) -> Finding | None:
    """What it means that an index has a name, and none of the versions that tags name.

    Where no tag names any, it is that the index is past the version that comes.
    """
    from release.text.versions import parse

    there = {version for file in files if (version := parse(file.version)) is not None}
    # Of one tag alone it may be that its upload never came to be.
    if not there or len(released) == 1 or there & {*released, target}:
        return None
    if not released and target > max(there):
        return None
    said = "has none of the versions that are tagged here"
    if not released:
        said = f"is at {max(there)} already, and no release is tagged here"
    remedy = "look at its page on the index; if it is not yours, rename the project, or set"
    remedy += " tool.release.publish = false"
    return Finding(f"{name} on the index {said}: the name may be somebody else's", remedy=remedy)


def judge_index(version: Version, files: Sequence[ServedFile]) -> list[Finding]:
    """Findings for a version of which the index has files."""
    from release.text.versions import parse

    there = [file for file in files if parse(file.version) == version]
    if not there:
        return []
    names = ", ".join(sorted(file.name for file in there)[:3])
    yanked = " (yanked)" if all(file.yanked for file in there) else ""
    remedy = "choose a higher version: an index never takes other files for this one"
    return [Finding(f"{version} is on the index already{yanked}: {names}", remedy=remedy)]


def _invalid(place: VersionPlace) -> Finding:
    remedy = "write it like 1.2.3, 1.2.3rc1 or 1.2.3.post1"
    return Finding(f"{place.value!r} is not a version by PEP 440", place.path, place.line, remedy)


GATE = Gate(
    name="versions",
    title="every version place agrees; the version is new",
    check=check,
    valid=None,
    cost=0.2,
    order=40,
    defects="release.gates.versions.defects:DEFECTS",
)
