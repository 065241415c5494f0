"""Works out which files are to be written so that a repository has the checklist."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from release.adopt import noxfile
from release.adopt.facts import Fact
from release.adopt.places import version_table
from release.change.sources import real_path, untranslated
from release.errors import ConfigurationError
from release.model import Finding
from release.project import Project, as_table
from release.run.writing import New
from release.settings import Settings, parse
from release.text import toml
from release.text.edits import MixedLineEnds, plain
from release.text.toml_additions import Unfit, completed

NOXFILE, PYPROJECT = "noxfile.py", "pyproject.toml"


@dataclass(frozen=True, slots=True)
class Change:
    """A file before (None: it is not there) and after, relative to the project."""

    path: str
    before: str | None
    after: str

    @property
    def new(self) -> New:
        """The file to write."""
        before = None if self.before is None else self.before.encode()
        return New(self.path, before, self.after.encode())


@dataclass(frozen=True, slots=True)
class Adoption:
    """The files to write, all of them or none, and what is to be said beside them."""

    changes: tuple[Change, ...]
    remarks: tuple[Finding, ...]


def plan(project: Project, facts: Sequence[Fact], template: str, like: str = "") -> Adoption:
    """What is to be written: `template` is a new noxfile, `like` are settings to be added.

    Raises ConfigurationError where a file cannot be read or added to.
    """
    changes = [_settings(project, facts, like), _noxfile(project, template)]
    needed = [change for change in changes if change and change.before != change.after]
    own = _own_release(project) if any(change.path == NOXFILE for change in needed) else None
    written = tuple(change for change in needed if not (own and change.path == NOXFILE))
    return Adoption(written, tuple(_remarks(project, written, own, like)))


def _own_release(project: Project) -> str | None:
    """The project's own module or package that is called like ours."""
    bases = dict.fromkeys((".", "src", project.source_root))
    paths = [Path(base, name) for base in bases for name in ("release.py", "release/__init__.py")]
    return next((path.as_posix() for path in paths if (project.root / path).exists()), None)


def _noxfile(project: Project, template: str) -> Change:
    before = _read(project.root, NOXFILE)
    if before is None:
        return Change(NOXFILE, None, noxfile.fitted(template, project))
    path = real_path(project.root, NOXFILE)
    try:
        after = noxfile.with_checklist(before)
        return Change(path, before, before if after == before else noxfile.fitted(after, project))
    except SyntaxError as error:
        said = f"is not valid Python: {error.msg}"
        raise ConfigurationError.of(said, path, error.lineno, "fix it there") from None
    except MixedLineEnds:
        raise _mixed(path) from None


def _settings(project: Project, facts: Sequence[Fact], like: str) -> Change | None:
    """The settings that are not there: those of `like`, and what a clone might not show."""
    lines = "".join(fact.line for fact in facts if fact.key)
    wanted = completed(f"[tool.release]\n{lines}" if lines else "", like)
    wanted = completed(wanted, version_table(project))
    before = _read(project.root, PYPROJECT)
    if before is None:
        if not like:
            return None
        remedy = "add one, with its [build-system], and run this again"
        raise ConfigurationError.of("is not there to hold settings", PYPROJECT, remedy=remedy)
    path = real_path(project.root, PYPROJECT)
    try:
        after = completed(before, wanted)
    except Unfit:
        remedy = "give [tool] and what is below it headers of their own, as in [tool.release]"
        said = "cannot be added to: its tables are written inline"
        raise ConfigurationError.of(said, path, remedy=remedy) from None
    except MixedLineEnds:
        raise _mixed(path) from None
    settings_of(after, project)
    return Change(path, before, after)


def settings_of(source: str, project: Project) -> Settings:
    """The settings that a pyproject.toml has. Raises ConfigurationError."""
    tool = as_table(toml.loads(plain(source)).get("tool"))
    return parse(as_table(tool.get("release")), plain(source), extra=project.extra)


def _read(root: Path, path: str) -> str | None:
    """A file's text with its own line ends; None where it is not there."""
    if not os.path.lexists(root / path):
        return None
    return untranslated(root, real_path(root, path))


def _mixed(path: str) -> ConfigurationError:
    remedy = "give all of its lines one kind: git add --renormalize, or your editor"
    said = "has line ends of two kinds where lines would come"
    return ConfigurationError.of(said, path, remedy=remedy)


def _remarks(
    project: Project, changes: Sequence[Change], own: str | None, like: str
) -> Iterator[Finding]:
    if own:
        yield Finding(
            "is called like the package of nox-release, and one would hide the other where both"
            " can be imported: no noxfile.py is written",
            own,
            remedy="run the sessions from an environment of their own: uvx nox-release SESSION",
        )
    if any(c.path == NOXFILE and c.before and noxfile.lacks_requirement(c.before) for c in changes):
        yield Finding(
            "brings its own requirements, and nox-release is not one of them",
            NOXFILE,
            remedy="add nox-release to the dependencies in its block # /// script",
        )
    if _read(project.root, PYPROJECT) is None:
        yield Finding(
            "there is no pyproject.toml: no settings are written, and what is found is used",
            remedy="add one when you want other settings",
        )
    release = project.tool("release")
    for key in _others(release, as_table(as_table(toml.loads(like).get("tool")).get("release"))):
        yield Finding(f"tool.release.{key} keeps its value", PYPROJECT)


def _others(have: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[str]:
    """The keys, with dots, that two tables give other values."""
    for key in (key for key in have if key in wanted):
        if isinstance(have[key], Mapping) and isinstance(wanted[key], Mapping):
            yield from (f"{key}.{inner}" for inner in _others(have[key], wanted[key]))
        elif have[key] != wanted[key]:
            yield str(key)
