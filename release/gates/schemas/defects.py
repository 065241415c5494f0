"""What `prove` plants for the gate schemas."""

from __future__ import annotations

import re

from release.run.planting import CannotPlant, Copy, Defect, read, write


def unregistered_schema(copy: Copy) -> None:
    settings = copy.project.settings.schemas
    if settings is None or not settings.sources:
        raise CannotPlant("tool.release.schemas.sources names no source of a schema's version")
    source = settings.sources[0]
    before, _, after = source.search.partition("{version}")
    if not (copy.root / source.file).is_file():
        raise CannotPlant(f"{source.file} is not there")
    pattern = f"{re.escape(before)}\\d[\\w.]*{re.escape(after)}"
    text = re.sub(pattern, lambda _: f"{before}987{after}", read(copy, source.file))
    write(copy, source.file, text)


DEFECTS = (Defect("a version that is not registered", unregistered_schema, "987"),)
