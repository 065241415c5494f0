"""Makes the Plan of a release: a pure function of the project, its texts, a version and a date."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import PurePosixPath
from typing import Any

from packaging.version import Version

from release.change.mentions import other_mentions, remarks
from release.change.own_entries import own_entries
from release.change.searches import ListedPlace
from release.change.version_places import Change, Editor, edit_places
from release.errors import ConfigurationError, ReleaseError, UsageError
from release.gates.documents import badges, citation, security_policy, zenodo
from release.gates.versions import judge_places
from release.model import Edit, Finding, Level, NewTag, Plan
from release.project import Project, VersionPlace
from release.project.fragments import Fragments
from release.text import changelog
from release.text.changelog import entry
from release.text.sections import read
from release.text.versions import PARSE, parse, spelled_like

TESTS = frozenset(["test", "tests", "testing"])
HOOKS = ("setup_hooks", "pre_commit_hooks", "post_commit_hooks")
LEVELS = frozenset(level.value for level in Level)
CITATION = "CITATION.cff"
ZENODO = ".zenodo.json"


@dataclass(frozen=True, slots=True)
class Sources:
    """What a plan is made from, beside the project.

    `texts` are the documents of the release as they are, untranslated, by their path; `links` the
    paths that are links to one of them, with the path they lead to. `listed` are the version places
    that tables list, or that are the project's without a doubt; `remarks` is what to know of these.
    `mentions` are lines (path, number, text) that hold the current version. `policies` and
    `readmes` are the paths of security policies and READMEs. `fragments` is the tool that writes
    the changelog, None where the project uses none.
    """

    texts: Mapping[str, str]
    links: Mapping[str, str] = field(default_factory=dict)
    listed: tuple[ListedPlace, ...] = ()
    remarks: tuple[Finding, ...] = ()
    mentions: tuple[tuple[str, int, str], ...] = ()
    policies: tuple[str, ...] = ()
    readmes: tuple[str, ...] = ()
    fragments: Fragments | None = None

    def at(self, path: str) -> str:
        """Where a path leads to."""
        return self.links.get(path, path)


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for: the version, the day, a subject for the texts, notes for the changelog.

    `typed` is the version or the kind of step as it was asked for. `tag` says whether the tag is
    part of the plan (`cut`), `push` whether anything is pushed, `branch` and `release_branch` which
    branch gets the commit and which one the release is made from.
    """

    version: Version
    day: date
    branch: str
    release_branch: str
    previous_tag: str | None = None
    subject: str | None = None
    notes: str | None = None
    tag: bool = False
    push: bool = False
    typed: str | None = None


def plan_bump(project: Project, sources: Sources, wish: Wish, edit: Editor) -> Plan:
    """The plan of the commit that makes the project's files say the wished version.

    `edit` is bump-my-version, which changes the version places.

    Raises ReleaseError with every problem found, and UsageError when a text needs a subject that
    was not given.
    """
    facts = project.git
    if facts is None or facts.commit is None:
        raise ReleaseError.of("no commit yet", remedy="git add --all && git commit")
    previous = project.version
    version = spelled_like(wish.version, previous or "")
    texts = dict(sources.texts)
    problems: list[Finding] = []
    notes: list[Finding] = []
    if previous is not None and previous != version:
        try:
            changed, notes = _edit_versions(project, sources, wish, version, edit)
            texts |= changed
        except ReleaseError as error:
            problems += error.problems
    entry = _edit_documents(project, sources, texts, wish, version, problems)
    if problems:
        raise ConfigurationError(*problems)
    notes += _explained(wish, previous, version)
    edits = tuple(
        Edit(path, before, texts[path])
        for path, before in sources.texts.items()
        if texts[path] != before
    )
    if previous not in (None, version):
        notes += _mentions(project, sources, texts, edits, previous)
        notes += _stale_series(sources, texts, previous, wish.version)
        notes += _stale_citation(sources, texts, previous)
    fragments = sources.fragments
    run = project.settings.bump
    commands, writes = tuple(run.run), tuple(run.writes)
    if fragments:
        commands = (*_collecting(fragments, version, wish.day), *commands)
        writes = (*fragments.writes, *writes)
        notes += _unwritten(fragments)
    changes = bool(edits or commands)
    fill = _filler(project, wish, version)
    return Plan(
        name=project.name,
        base=facts.commit,
        previous=previous,
        version=version,
        day=wish.day,
        edits=edits,
        commands=commands,
        writes=writes,
        commit_message=_commit_message(project, fill, entry) if changes else None,
        entry_from=project.changelog
        if fragments and fragments.commands and project.settings.commit.body == "changelog"
        else None,
        sign_commit=project.settings.commit.sign,
        branch=wish.branch,
        new_branch=wish.branch != wish.release_branch,
        release_branch=wish.release_branch,
        tag=plan_tag(project, wish, version) if wish.tag else None,
        remote=project.settings.remote if project.settings.remote in facts.remotes else None,
        pushes=_pushes(project, wish, version),
        notes=tuple(notes),
    )


def _collecting(fragments: Fragments, version: str, day: date) -> Iterator[tuple[str, ...]]:
    for command in fragments.commands:
        yield tuple(
            word.replace("{version}", version).replace("{date}", day.isoformat())
            for word in command
        )


def _unwritten(fragments: Fragments) -> Iterator[Finding]:
    """What is to be known of a tool that makes the notes of a release without writing a file."""
    if not fragments.commands:
        yield Finding(
            f"{fragments.tool} makes the notes of a release from {fragments.folders[0]} by its tag:"
            " no file is written, and the fragments stay"
        )


def plan_tag(project: Project, wish: Wish, version: str) -> NewTag:
    """The annotated tag of a version."""
    settings = project.settings
    return NewTag(
        project.tag_of(version),
        _filler(project, wish, version)(settings.tag_message, "tag-message"),
        settings.sign_tags,
    )


def _pushes(project: Project, wish: Wish, version: str) -> tuple[str, ...]:
    if not wish.push:
        return ()
    branch = f"refs/heads/{wish.branch}:refs/heads/{wish.branch}"
    if not wish.tag:
        return (branch,)
    tag = f"refs/tags/{project.tag_of(version)}"
    return branch, f"{tag}:{tag}"


def _edit_versions(
    project: Project, sources: Sources, wish: Wish, version: str, edit: Editor
) -> tuple[Mapping[str, str], list[Finding]]:
    """The files in which bump-my-version changed the version, by their paths, and remarks.

    Raises ReleaseError with every problem.
    """
    if differing := list(judge_places(project.version_places)):
        raise ConfigurationError(*differing)
    table = project.tool("bumpversion")
    # The others are edited as documents, with the version in them.
    documents = {CITATION, project.changelog}
    places = [place for place in project.version_places if place.path not in documents]
    stated = {place.path for place in places} | {place.path for place in sources.listed}
    locked = own_entries(project, sources.texts, stated, version)
    listed = [*sources.listed, *(place for place in locked if place.path not in stated)]
    listed = [replace(place, path=sources.at(place.path)) for place in listed]
    places = [replace(place, path=sources.at(place.path)) for place in places]
    gone = {
        Finding(
            "is listed in [tool.bumpversion], and does not exist",
            place.path,
            remedy="add it, or take it off the list",
        )
        for place in listed
        if place.path not in sources.texts and not place.may_lack_file
    }
    listed = [place for place in listed if place.path in sources.texts]
    places = [place for place in places if place.path in sources.texts]
    paths = {place.path for place in listed} | {place.path for place in places}
    change = Change(
        str(project.version), version, wish.day, table.get("parse", PARSE), table.get("parts", {})
    )
    try:
        texts = {path: sources.texts[path] for path in paths}
        changed = edit_places(texts, listed, places, change, edit)
    except ConfigurationError as error:
        raise ConfigurationError(*gone, *error.problems) from None
    if gone:
        raise ConfigurationError(*gone)
    return changed, [*_unlisted(table, places, listed), *sources.remarks]


def _unlisted(
    table: Mapping[str, Any], places: Iterable[VersionPlace], listed: Iterable[ListedPlace]
) -> Iterator[Finding]:
    """What [tool.bumpversion] says that is not done, and does not say that is done."""
    if hooks := [name for name in HOOKS if table.get(name)]:
        yield Finding(
            f"{' and '.join(hooks)} of [tool.bumpversion] are not run",
            "pyproject.toml",
            remedy="commands that edit files go into tool.release.bump.run; cut and tag push",
        )
    paths = {place.path for place in listed}
    if "current_version" in table:  # and the tool edits [project] version with it
        paths.add("pyproject.toml")
    for place in places if table.get("files") else ():
        if place.path not in paths:
            yield Finding(
                f"{place.label} is not listed in [tool.bumpversion]; it is edited as well",
                place.path,
                place.line,
                "list it, so that bump-my-version alone would do",
            )


def _edit_documents(
    project: Project,
    sources: Sources,
    texts: dict[str, str],
    wish: Wish,
    version: str,
    problems: list[Finding],
) -> str | None:
    """Edit the documents beside the version places; the changelog's entry, if there is one."""
    previous = parse(project.version or "") or max(project.released.values(), default=None)

    def edit(paths: Iterable[str], change: Callable[[str, str], str]) -> None:
        done: set[str] = set()
        for path in paths:
            target = sources.at(path)
            if target not in texts or target in done:
                continue
            done.add(target)
            try:
                texts[target] = change(texts[target], path)
            except ReleaseError as error:
                problems.extend(error.problems)

    spelled = project.version or (str(previous) if previous else None)
    edit(
        [CITATION],
        lambda text, path: citation.with_release(text, path, version, wish.day, spelled),
    )
    edit([ZENODO], lambda text, path: zenodo.with_release(text, path, version, wish.day))
    edit(
        sources.policies,
        lambda text, path: security_policy.with_release(text, path, wish.version, previous),
    )
    if project.version is not None:
        before = project.version
        edit(sources.readmes, lambda text, path: badges.with_version(text, path, before, version))
    if sources.fragments is not None or project.changelog is None:
        _judge_notes(project, sources, wish)
        return None
    release = changelog.Release(
        version=version,
        day=wish.day,
        tag=project.tag_of(version),
        previous_tag=wish.previous_tag,
        kinds=project.settings.changelog.kinds,
        heading=project.settings.changelog.heading,
        notes=wish.notes,
    )
    count = len(problems)
    before = texts.get(sources.at(project.changelog), "")
    if wish.notes is None and not wish.version.is_prerelease:
        notes = _candidates_notes(before, project.changelog, wish.version)
        release = replace(release, notes=notes)
    edit([project.changelog], lambda text, path: changelog.with_release(text, path, release))
    target = sources.at(project.changelog)
    if target not in texts:
        problems.append(
            Finding(
                "is set as tool.release.changelog.file, and does not exist",
                project.changelog,
                remedy="write it, or correct the setting",
            )
        )
    if len(problems) > count:
        return None
    return changelog.entry(texts[target], project.changelog, wish.version)


def _judge_notes(project: Project, sources: Sources, wish: Wish) -> None:
    """Raise UsageError for notes that no changelog would get."""
    if wish.notes is not None:
        there = "there is none" if project.changelog is None else "fragments make it here"
        remedy = "write a CHANGELOG.md, or set tool.release.changelog.file"
        raise UsageError.of(
            f"--notes are for a changelog, and {there}",
            remedy="leave them out" if sources.fragments else remedy,
        )


def _explained(wish: Wish, previous: str | None, version: str) -> Iterable[Finding]:
    """Why the version is another one, or spelled otherwise, than one may have asked for."""
    typed, before = wish.typed or version, parse(previous or "")
    if parse(typed) is not None and typed != version:
        yield Finding(f"{typed} is written {version}, as PEP 440 and the files have it")
    leads = before is not None and before.is_prerelease and not wish.version.is_prerelease
    if leads and before and before.base_version == wish.version.base_version and typed in LEVELS:
        yield Finding(
            f"{previous} is a pre-release of {version}, so {typed} leads to that release",
            remedy="name a version to go past it",
        )


def _stale_citation(sources: Sources, texts: Mapping[str, str], previous: str) -> Iterable[Finding]:
    """What CITATION.cff still says of the release before, beside what is edited there."""
    target = sources.at(CITATION)
    if target not in texts:
        return ()
    return citation.stale(texts[target], CITATION, previous, bumped=True)


def _candidates_notes(text: str, path: str, version: Version) -> str | None:
    """What the changelog says of a version's candidates: their final release has all of it."""
    found = [
        section.version
        for section in read(text, path).sections
        if section.version is not None
        and section.version.is_prerelease
        and section.version.release == version.release
    ]
    if entry(text, path, version) is not None:
        return None
    entries = [entry(text, path, candidate) for candidate in sorted(found)]
    return "\n\n".join(filter(None, entries)) or None


def _mentions(
    project: Project,
    sources: Sources,
    texts: Mapping[str, str],
    edits: Sequence[Edit],
    previous: str,
) -> list[Finding]:
    """Lines that still hold the old version, and are listed nowhere."""
    # These name other versions, too; of the citation the rest is told by itself.
    skipped = {CITATION, *([project.changelog] if project.changelog else [])}
    edited = {edit.path for edit in edits}
    lines = [one for one in sources.mentions if one[0] not in edited]
    lines += [
        (path, number, line)
        for path in edited - skipped
        for number, line in enumerate(texts[path].split("\n"), 1)
        if previous in line
    ]
    found = other_mentions(lines, previous, name=project.name, skipped=skipped)
    # What tests say of a version is theirs.
    own = [one for one in found if not TESTS & set(PurePosixPath(one.path).parts)]
    return list(remarks(own, previous, edited))


def _stale_series(
    sources: Sources, texts: Mapping[str, str], previous: str, version: Version
) -> Iterator[Finding]:
    """Prose of a security policy that speaks of the series before, beside the table."""
    old = parse(previous)
    if old is None or len(old.release) < 2 or old.release[:2] == version.release[:2]:
        return
    series = f"{old.release[0]}.{old.release[1]}.x"
    written = re.compile(rf"(?<![\w.]){re.escape(series[:-1])}[xX*](?!\w)")
    for path in sources.policies:
        for number, line in enumerate(texts.get(sources.at(path), "").split("\n"), 1):
            if written.search(line) and not line.lstrip().startswith("|"):
                message = f"still speaks of {series} beside its table of supported versions"
                yield Finding(message, path, number, "say there what the table says")


def _filler(project: Project, wish: Wish, version: str) -> Callable[[str, str], str]:
    """What puts values into the templates of texts; a value is never read as a template."""
    values = {
        "version": version,
        "previous": project.version or "",
        "name": project.name,
        "date": wish.day.isoformat(),
    }
    if wish.subject is not None:
        values["subject"] = " ".join(wish.subject.split())

    def fill(template: str, setting: str) -> str:
        if "{subject}" in template and not values.get("subject"):
            raise UsageError.of(
                f"tool.release.{setting} holds {{subject}}, and none was given",
                remedy='say in a few words what the release is: --subject "…"',
            )
        return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], match[0]), template)

    return fill


def _commit_message(project: Project, fill: Callable[[str, str], str], entry: str | None) -> str:
    """The commit's text: its first line, the changelog's entry, the trailers; ends in a newline."""
    settings = project.settings.commit
    parts = [fill(settings.message, "commit.message")]
    if settings.body == "changelog" and entry:
        parts.append(_body(entry))
    if settings.trailers:
        parts.append("\n".join(settings.trailers))
    return "\n\n".join(parts) + "\n"


def with_entry(message: str, entry: str) -> str:
    """A commit's text with a changelog's entry below its first line."""
    first, _, rest = message.partition("\n")
    return f"{first}\n\n{_body(entry)}\n{rest}"


def _body(entry: str) -> str:
    return "\n".join(line.rstrip() for line in entry.strip("\r\n").split("\n"))
