"""A clean copy of the project: what git tracks or would add, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

from release.errors import CannotCheck
from release.project import Project
from release.project.git import listed_files
from release.run.inputs import Tree
from release.run.planting import git as in_copy


def export(project: Project, destination: Path) -> Path:
    """Copy the project's files to `destination` and return the project's folder in there.

    The copy holds tracked files as they are in the working tree and untracked ones that are not
    ignored, with modes and links kept, and a git repository of its own at the same commit (objects
    are borrowed, not copied), because build backends ask git for versions and file lists: it has
    the project's planned tag, too, and no remote, for nothing that runs there may push. Of a
    project that is in no git repository it holds every file that gates can see.
    """
    facts = project.git
    if facts is None or facts.commit is None:
        names = listed_files(project.root) if facts else tuple(Tree(project.root).read().files)
        _copy(project.root, names, destination)
        return destination
    words = ("clone", "--quiet", "--shared", "--no-checkout", "--template=", "--")
    in_copy(facts.top, *words, str(facts.top), str(destination))
    in_copy(destination, "remote", "remove", "origin")
    _copy(facts.top, listed_files(facts.top), destination)
    in_copy(destination, "reset", "--quiet", "--mixed", facts.commit)
    if project.planned_tag:
        words = ("tag", "--annotate", "--no-sign", "--message", project.planned_tag, "--")
        in_copy(destination, *words, project.planned_tag, facts.commit)
    return destination / facts.prefix


def _copy(root: Path, names: tuple[str, ...], destination: Path) -> None:
    made: set[Path] = set()
    for name in names:
        source, target = root / name, destination / name
        if target.parent not in made:
            target.parent.mkdir(parents=True, exist_ok=True)
            made.add(target.parent)
        try:
            if source.is_dir() and not source.is_symlink():
                # A submodule: of it, too, only what its own git tracks or would add.
                target.mkdir(exist_ok=True)
                inside = listed_files(source) if (source / ".git").exists() else ()
                _copy(source, inside, target)
            else:
                shutil.copy2(source, target, follow_symlinks=False)
        except OSError as error:
            raise CannotCheck(
                f"{name} cannot be copied: {error.strerror or error}", "make it readable"
            ) from None
