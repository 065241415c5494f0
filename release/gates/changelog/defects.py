"""What `prove` plants for the gate changelog."""

from __future__ import annotations

from release.run.planting import CannotPlant, Copy, Defect, read, write


def doubled_section(copy: Copy) -> None:
    from release.project import read_text
    from release.text.sections import read as read_changelog

    name = copy.project.changelog
    if name is None or not (copy.root / name).is_file():
        raise CannotPlant("there is no changelog")
    log = read_changelog(read_text(copy.root, name), name)
    if not log.sections:
        raise CannotPlant("the changelog has no section yet")
    first = log.sections[0].line - 1
    lines = read(copy, name).split("\n")
    end = log.sections[1].line - 1 if len(log.sections) > 1 else len(lines)
    doubled = [*lines[:end], *lines[first:end], *lines[end:]]
    if end == len(lines):
        doubled = [*lines, "", *lines[first:]]
    write(copy, name, "\n".join(doubled))


DEFECTS = (Defect("a section that is there twice", doubled_section, "second section"),)
