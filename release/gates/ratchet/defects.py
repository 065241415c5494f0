"""What `prove` plants for the gate ratchet."""

from __future__ import annotations

import shutil
import zipfile
from dataclasses import replace

from release.project import Project
from release.run.planting import CannotPlant, Copy, Defect, built_wheel


def richer_release(copy: Copy) -> None:
    """An index with a release before this one, whose wheel has one file more."""
    from packaging.utils import canonicalize_name
    from packaging.version import Version

    from release.text.versions import parse

    built = parse(copy.clean["build"].outcome.facts.get("version", ""))
    if built is None or built <= Version("0"):
        raise CannotPlant(f"no final version is below {built or 'what was built'}")
    source = copy.made / built_wheel(copy)
    spelled, _, tags = source.stem.split("-", 2)
    folder = copy.scratch / "index" / canonicalize_name(copy.project.name)
    folder.mkdir(parents=True)
    wheel = folder / f"{spelled}-0-{tags}.whl"
    shutil.copy(source, wheel)
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("planted-defect.txt", "Planted.\n")
    page = f'<!doctype html>\n<a href="{wheel.name}">{wheel.name}</a>\n'
    (folder / "index.html").write_text(page, encoding="utf-8")


def planted_index(copy: Copy, project: Project) -> Project:
    uri = (copy.scratch / "index").as_uri()
    return replace(project, settings=project.settings.model_copy(update={"index": uri}))


DEFECTS = (
    Defect(
        "a file less than the last release, on an index in a folder",
        richer_release,
        "planted-defect",
        committed=False,
        amend=planted_index,
        stood_in=True,
    ),
)
