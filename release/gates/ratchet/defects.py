"""What `prove` plants for the gate ratchet."""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace

from release.project import Project
from release.run.planting import CannotPlant, Copy, Defect, built_wheel, rewrite_wheel


def richer_release(copy: Copy) -> None:
    """An index with a release before this one, whose wheel has one entry point more."""
    version = copy.clean["build"].outcome.facts.get("version", "")
    before = _version_before(version)
    source = copy.made / built_wheel(copy)
    name = re.sub(r"[-_.]+", "-", copy.project.name).lower()
    folder = copy.scratch / "index" / name
    folder.mkdir(parents=True)
    spelled, _, tags = source.stem.split("-", 2)
    info = f"{spelled}-{before}.dist-info/"
    points = "entry_points.txt"
    point = f"planted-defect = {copy.project.package or 'planted'}:planted"

    def edit(name: str, content: bytes) -> tuple[str, bytes]:
        place, _, file = name.rpartition(".dist-info/")
        if not place:
            return name, content
        text = content.decode("utf-8", "surrogateescape")
        if file == "METADATA":
            text = re.sub(r"(?m)^Version:.*$", f"Version: {before}", text, count=1)
        elif file == points and "[console_scripts]" in text:
            text = text.replace("[console_scripts]", f"[console_scripts]\n{point}", 1)
        elif file == points:
            text += f"\n[console_scripts]\n{point}\n"
        return f"{info}{file}", text.encode("utf-8", "surrogateescape")

    wheel = folder / f"{spelled}-{before}-{tags}.whl"
    rewrite_wheel(source, wheel, edit)
    with zipfile.ZipFile(wheel, "a") as archive:
        if f"{info}{points}" not in archive.namelist():
            archive.writestr(f"{info}{points}", f"[console_scripts]\n{point}\n")
    page = f'<!doctype html>\n<a href="{wheel.name}">{wheel.name}</a>\n'
    (folder / "index.html").write_text(page, encoding="utf-8")


def _version_before(version: str) -> str:
    """A final version below another one, of as many numbers."""
    from release.text.versions import parse

    parsed = parse(version)
    numbers = list(parsed.release) if parsed else []
    for place in range(len(numbers) - 1, -1, -1):
        if numbers[place] > 0:
            lower = [*numbers[:place], numbers[place] - 1, *([0] * (len(numbers) - place - 1))]
            epoch = f"{parsed.epoch}!" if parsed and parsed.epoch else ""
            return epoch + ".".join(map(str, lower))
    raise CannotPlant(f"no final version is below {version or 'what was built'}")


def planted_index(copy: Copy, project: Project) -> Project:
    uri = (copy.scratch / "index").as_uri()
    return replace(project, settings=project.settings.model_copy(update={"index": uri}))


DEFECTS = (
    Defect(
        "an entry point less than the last release, on an index in a folder",
        richer_release,
        "planted-defect",
        committed=False,
        amend=planted_index,
        stood_in=True,
    ),
)
