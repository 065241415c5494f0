"""What `prove` plants for the gate documents."""

from __future__ import annotations

import re

from release.project import as_table, is_licence
from release.run.planting import CannotPlant, Copy, Defect, read, write


def missing_licence(copy: Copy) -> None:
    from release.gates.documents import declared_licence

    metadata = as_table(copy.project.pyproject.get("project"))
    if not declared_licence(copy.project.pyproject)[1]:
        raise CannotPlant("no licence is declared")
    found = [p for p in copy.root.iterdir() if is_licence(p.name)]
    globs = metadata.get("license-files")
    for glob in globs if isinstance(globs, list) else ():
        found += copy.root.glob(str(glob))
    file = as_table(metadata.get("license")).get("file")
    found += [copy.root / str(file)] if file else []
    top = copy.root.resolve()
    for path in found:
        if path.is_file() and path.parent.resolve().is_relative_to(top):
            path.unlink(missing_ok=True)


def false_citation(copy: Copy) -> None:
    text = "cff-version: 1.2.0\nmessage: Planted.\ntitle: Planted\n"
    if (copy.root / "CITATION.cff").exists():
        text = read(copy, "CITATION.cff")
    write(copy, "CITATION.cff", re.sub(r"(?m)^cff-version:.*$", "cff-version: [1]", text))


def broken_deposit(copy: Copy) -> None:
    text = read(copy, ".zenodo.json") if (copy.root / ".zenodo.json").exists() else "{}"
    write(copy, ".zenodo.json", f"{text}\nplanted\n")


DEFECTS = (
    Defect("a licence file that is missing", missing_licence, "(?i)licen[cs]e"),
    Defect("a citation that is not valid", false_citation, "cff-version"),
    Defect("a deposit that is not JSON", broken_deposit, r"zenodo.*cannot be read as JSON"),
)
