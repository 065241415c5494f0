"""Schemas are registered with their versions, and a changed one has its migration.

Judges that the register is a table of schemas and versions, each once; that every source named in
[tool.release.schemas] states the version that is registered; that no version is below the one of
the last release, which is the newest release tag in this commit's history; that a schema whose
version changed since then has its migration script, tracked by git and not empty, all the way or
one for each whole number; that the changelog's section of the version to be released, else
Unreleased, has a subsection (Schema migrations) that names the schema and its script; and that a
major release brings a new migration script. Versions of schemas are never compared with the
project's.

Settings: `register` is the document (SCHEMAS.md unless set), `sources` say where versions stand in
the code, `migrations` is the folder of scripts, `script` and `major-script` are how they are
called, `subsection` is the changelog's heading. Without a last
release only the registration is judged. All of it blocks: the register and the settings are
promises.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from release.errors import CannotCheck
from release.gates.schemas import schema_register
from release.gates.schemas.schema_register import Change, Register, Script
from release.model import Finding, Gate, Judgement, Level, Outcome
from release.project import Project, read_text
from release.project.git import deepen, git, names, text_at
from release.text.escaping import counted

if TYPE_CHECKING:
    from packaging.version import Version

    from release.run.shell import Shell
    from release.settings import SchemasSettings

USUAL_REGISTER = "SCHEMAS.md"
USUAL_CHANGELOG = "CHANGELOG.md"
LITERAL = {"GIT_LITERAL_PATHSPECS": "1"}
SCANNED_BYTES = 1_000_000


def applies(project: Project, _level: Level | None) -> str | None:
    if project.settings.schemas is not None:
        return None
    there = (project.root / USUAL_REGISTER).is_file()
    more = f"; add [tool.release.schemas] to have {USUAL_REGISTER} judged" if there else ""
    return f"tool.release.schemas is not set{more}"


def check(project: Project, shell: Shell) -> Outcome:
    settings = project.settings.schemas
    assert settings is not None
    path = _normal(settings.register_file or USUAL_REGISTER)
    if (project.root / path).exists():
        register = schema_register.parse(read_text(project.root, path), path)
    elif settings.register_file or settings.sources:
        remedy = (
            "add it with the columns Schema and Version, or correct tool.release.schemas.register"
        )
        return Outcome.failed((Finding("the register of schemas is missing", path, remedy=remedy),))
    else:
        register = Register(path, (), ())
    there = [s.file for s in settings.sources if (project.root / s.file).exists()]
    texts = {name: read_text(project.root, name) for name in there}
    found = (*register.problems, *schema_register.judge_sources(register, settings.sources, texts))
    judged = Judgement(len(register.entries) + len(settings.sources), found)
    version = project.target_version(shell.level)
    here = project.released_here if shell.level is None else {}
    before = {t: v for t, v in project.merged.items() if not (v == version and t in here)}
    tag, earlier = choose(before, version)
    summary = f"{counted(len(register.entries), 'schema')} registered"
    if tag is None:
        summary += "; no release before this one"
    else:
        old = _versions_at(project, settings, path, tag)
        changed = schema_register.changes(register, old)
        judged += Judgement(len(changed) + bool(earlier))
        judged += _judge_changes(project, settings, register, changed, shell.level, tag, earlier)
        what = ", ".join(f"{change.name} {change.old} to {change.new}" for change in changed)
        summary += f"; since {tag}: {what or 'none changed'}"
    if not judged.checked and not judged.defects:
        return Outcome.not_applicable("no schema is registered, and this is not a major release")
    if tag is None and project.git is not None and project.git.shallow:
        message = "the clone is shallow and holds no release to compare with"
        judged += Judgement(unchecked=(Finding(message, remedy=deepen()),))
    return judged.settle(summary)


def _judge_changes(
    project: Project,
    settings: SchemasSettings,
    register: Register,
    changed: Sequence[Change],
    level: Level | None,
    tag: str,
    earlier: str | None,
) -> Judgement:
    """What changed since the last release, and since the one of an `earlier` major version."""
    from release.gates.changelog import section_of

    version = project.target_version(level)
    folder = _normal(settings.migrations)
    scripts = list(_scripts(project, folder))
    path = project.changelog or USUAL_CHANGELOG
    section = section_of(project, level)
    findings = schema_register.judge_order(register.path, changed, tag)
    told = (changed, scripts, settings.script)
    findings += schema_register.judge_scripts(register.path, *told, folder)
    findings += schema_register.judge_changelog(path, section, settings.subsection, *told)
    if earlier is not None and version is not None:
        there = _files_at(project, earlier, folder)
        findings += schema_register.judge_major(
            version, earlier, scripts, there, settings.major_script, folder
        )
    return Judgement(0, tuple(findings))


def choose(tags: Mapping[str, Version], version: Version | None) -> tuple[str | None, str | None]:
    """Of the releases before `version`, by tag, the last one and the one before its major version.

    The latter is None unless the version is a major one: that it is not where a final release of
    the same major version is there; candidates do not end it.
    """
    newest = max(tags, key=tags.__getitem__, default=None)
    if newest is None or version is None:
        return newest, None
    major = (version.epoch, version.major)
    lower = [tag for tag, found in tags.items() if (found.epoch, found.major) < major]
    begun = any(
        (found.epoch, found.major) >= major and not found.is_prerelease for found in tags.values()
    )
    return newest, None if begun else max(lower, key=tags.__getitem__, default=None)


def _normal(path: str) -> str:
    """A path of the settings as git spells it."""
    return PurePosixPath(path.replace("\\", "/")).as_posix()


def _versions_at(
    project: Project, settings: SchemasSettings, register: str, tag: str
) -> dict[str, str]:
    """The versions of schemas at a tag: as the register had them, else as the sources did."""

    def text(path: str) -> str:
        place = f"{project.repository.prefix}{_normal(path)}"
        return text_at(project.root, f"refs/tags/{tag}", place) or ""

    known = {}
    for source in settings.sources:
        stated = schema_register.stated(text(source.file), source.search)
        if len(stated) == 1:
            known[source.name] = stated[0][0]
    entries = schema_register.parse(text(register), register).entries
    return known | {entry.name: entry.version for entry in entries}


def _files_at(project: Project, tag: str, folder: str) -> frozenset[str]:
    """The files at a tag in a folder, relative to it."""
    listing = ("ls-tree", "-r", "-z", "--name-only", f"refs/tags/{tag}", "--", folder)
    out = git(project.root, *listing, env=LITERAL).stdout
    return frozenset(name.removeprefix(f"{folder}/") for name in names(out))


def _scripts(project: Project, folder: str) -> Iterator[Script]:
    """The files in the folder of migrations, tracked ones and those that git would add."""
    for kind in (("--cached",), ("--others", "--exclude-standard")):
        out = git(project.root, "ls-files", "-z", *kind, "--", folder, env=LITERAL).stdout
        for name in dict.fromkeys(out.split("\0")):
            path = project.root / name
            if name and path.is_file():
                try:
                    with path.open("rb") as file:
                        empty = not file.read(SCANNED_BYTES).strip()
                except OSError as error:
                    message = f"{name} cannot be read: {error.strerror}"
                    raise CannotCheck(message, "make it readable") from None
                yield Script(name.removeprefix(f"{folder}/"), kind == ("--cached",), empty)


GATE = Gate(
    name="schemas",
    title="schema versions registered, with their migrations",
    check=check,
    applies=applies,
    cost=0.2,
    order=70,
    defects="release.gates.schemas.defects:DEFECTS",
)
