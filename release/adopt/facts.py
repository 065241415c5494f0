"""What is found in a repository, and where: what a run without settings goes by."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from release.errors import CannotCheck
from release.project import Project, as_list
from release.project.detect import NAMES, detect
from release.project.git import default_branch, git
from release.run.checklist import judges
from release.text.escaping import listing, sentence
from release.text.toml import table_at
from release.world.remote import USUAL_BRANCHES, ask

PRIVATE = "Private ::"
SET = "as set in [tool.release]"


@dataclass(frozen=True, slots=True)
class Fact:
    """What is found: what it is of, what it says, and where it comes from.

    `key` is the setting of [tool.release] that says the same, where a clone or the next tag could
    say otherwise: what is worth writing down.
    """

    of: str
    says: str
    origin: str = ""
    key: str = ""

    @property
    def line(self) -> str:
        """It as a statement of TOML; its origin is the comment."""
        value = self.says if self.key == "publish" else json.dumps(self.says, ensure_ascii=False)
        return f"{self.key} = {value} # {sentence(self.origin)}\n"


def facts(project: Project) -> tuple[Fact, ...]:
    """Everything that is found, in the order in which a release goes by it."""
    return (
        Fact("release", judges(project, None)),
        *_package(project),
        *_version(project),
        *_branch(project),
        *_tags(project),
        *_publish(project),
        *([Fact("changelog", project.changelog)] if project.changelog else []),
        *([Fact("image", project.dockerfile)] if project.dockerfile else []),
        *_commands(project),
    )


def _package(project: Project) -> Iterator[Fact]:
    try:
        yield Fact("package", project.require_package(), str(project.package_path))
    except CannotCheck as error:
        yield Fact("package", "none", f"{error.reason}; {error.remedy}")


def _version(project: Project) -> Iterator[Fact]:
    if project.version is None:
        yield Fact("version", "not in a file", f"it comes from {project.version_source}")
        return
    places = [f"{p.path}:{p.line}" if p.line else p.path for p in project.version_places]
    yield Fact("version", project.version, listing(places))


def _branch(project: Project) -> Iterator[Fact]:
    if project.settings.branch:
        yield Fact("branch", project.settings.branch, SET)
    elif project.git is not None:
        yield from _default_branch(project, project.settings.remote)


def _default_branch(project: Project, remote: str) -> Iterator[Fact]:
    """The default branch of the remote; without one, the branch that is the only one."""
    if remote in project.repository.remotes:
        try:
            asked = ask(project.root, remote).default_branch
        except CannotCheck:
            asked = default_branch(project.root, remote)
        if asked and asked.isprintable():
            yield Fact("branch", asked, f"the default branch of {remote}", "branch")
        return
    heads = git(project.root, "for-each-ref", "--format=%(refname:short)", "refs/heads/").stdout
    branch = project.repository.branch
    only = branch in USUAL_BRANCHES or heads.split() in ([], [branch])
    if branch and branch.isprintable() and only:
        yield Fact("branch", branch, "the branch that is checked out", "branch")


def _tags(project: Project) -> Iterator[Fact]:
    if "tag" in project.settings.model_fields_set:
        yield Fact("tags", project.tag_template, SET)
    elif project.released:
        yield Fact("tags", project.tag_template, "as its release tags are spelled", "tag")
    else:
        yield Fact("tags", project.tag_template, "there is no release tag yet")


def _publish(project: Project) -> Iterator[Fact]:
    for one in as_list(table_at(project.pyproject, "project").get("classifiers")):
        if str(one).startswith(PRIVATE) and "publish" not in project.settings.model_fields_set:
            yield Fact("publish", "false", f"the classifier {one}", "publish")
            return


def _commands(project: Project) -> Iterator[Fact]:
    """What is run for a gate, in the words of a run without settings."""
    for gate in NAMES:
        found = detect(project, gate)
        if found is not None:
            yield Fact(gate, found.told)
