"""What `prove` plants for the gate versions."""

from __future__ import annotations

from release.run.planting import CannotPlant, Copy, Defect, git, read, write


def disagreeing_version(copy: Copy) -> None:
    others = [place for place in copy.project.version_places[1:] if place.line is not None]
    if not others:
        raise CannotPlant("the version stands in one place only")
    place = others[-1]
    lines = read(copy, place.path).split("\n")
    number = (place.line or 1) - 1
    lines[number] = lines[number].replace(place.value, "0.0.0.dev987", 1)
    write(copy, place.path, "\n".join(lines))


def higher_release(copy: Copy) -> None:
    if copy.project.version is None:
        raise CannotPlant("the version is that of the newest tag")
    tag = copy.project.tag_of("98765.0.0")
    git(copy.root, "tag", "--annotate", "--message=Planted", "--", tag)


DEFECTS = (
    Defect("places that disagree", disagreeing_version, r"0\.0\.0\.dev987"),
    Defect("a version below the last release", higher_release, "98765"),
)
