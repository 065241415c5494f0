"""The files of the last release, kept by the evidence of the commit that was tagged.

Where no package index shows them, these are what the next release can be compared with.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from release.model import Status
from release.project import Project
from release.project.git import object_of
from release.run.store import holds_artifacts, read_evidence
from release.text.versions import parse

KEPT = "released"


def keep_released(project: Project, folder: Path) -> None:
    """Keep what `build` made last below `folder` (`.release/`), if that was a release.

    A release it was when the tag of a final version is on the commit that the evidence names, and
    the files are of that version and have the evidence's digests. The last two are kept: one of
    them may be the release that is being judged.
    """
    try:
        evidence = read_evidence(folder / "evidence" / "build.json")
    except (OSError, ValueError):
        return
    version = parse(evidence.outcome.facts.get("version", ""))
    tagged = [name for name, found in project.released.items() if found == version]
    if version is None or version.is_prerelease or not tagged:
        return
    commit = object_of(project.root, f"refs/tags/{tagged[0]}^{{commit}}")
    kept = folder / KEPT
    target = kept / str(version)
    if commit != evidence.commit or kept.is_symlink() or target.is_dir():
        return
    if evidence.outcome.status is not Status.PASSED or evidence.dirty:
        return
    if not evidence.outcome.artifacts or not holds_artifacts(folder, evidence):
        return
    aside = kept / ".new"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    for artifact in evidence.outcome.artifacts:
        shutil.copy(folder / artifact.path, aside)
    aside.rename(target)
    others = {found: path for path in kept.iterdir() if (found := parse(path.name)) is not None}
    for old in sorted(others)[:-2]:
        shutil.rmtree(others[old])


def kept_files(folder: Path) -> list[Path]:
    """The files of the releases that are kept below `folder` (`.release/`)."""
    kept = folder / KEPT
    if kept.is_symlink():
        return []
    found = [path for path in kept.glob("*/*") if parse(path.parent.name) is not None]
    return sorted(path for path in found if path.is_file() and not path.is_symlink())
