"""The workflows of a project as it will be set up, and what stays beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from release import render
from release.adopt.plan import NOXFILE, PYPROJECT, Adoption, settings_of
from release.model import Finding
from release.project import Project
from release.render.write import Found, look


def rendered(project: Project, adoption: Adoption) -> tuple[Found, ...]:
    """What the settings ask for once the adoption is written. Raises ReleaseError."""
    after = {change.path: change.after for change in adoption.changes}
    if PYPROJECT in after:
        project = replace(project, settings=settings_of(after[PYPROJECT], project))
    files = render.files(project, has_sessions=True if NOXFILE in after else None)
    return look(project.root, files)


def remarks(project: Project, found: Sequence[Found]) -> Iterator[Finding]:
    """What stays as it is: files of the same name, and workflows of another one."""
    for one in found:
        if one.state == "changed":
            yield Finding(
                "is not as the settings have it, and stays as it is",
                one.rendered.path,
                remedy="nox -s render -- --check shows the difference, --force takes it over",
            )
    ours = {one.rendered.path for one in found}
    for path in sorted((project.root / render.WORKFLOWS).glob("*.y*ml")):
        name = path.relative_to(project.root).as_posix()
        if name not in ours:
            remedy = "remove what the new workflows do, most of all publishing"
            yield Finding("stays beside the new workflows", name, remedy=remedy)
