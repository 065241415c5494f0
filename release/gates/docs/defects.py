"""What `prove` plants for the gate docs."""

from __future__ import annotations

from release.run.planting import CannotPlant, Copy, Defect, append


def dangling_reference(copy: Copy) -> None:
    _add_to_docs(copy, "[planted](planted-and-not-there.md)", ":ref:`planted-and-not-there`")


def harmless_sentence(copy: Copy) -> None:
    _add_to_docs(copy, "Planted.", "Planted.")


def _add_to_docs(copy: Copy, markdown: str, text: str) -> None:
    from release.gates.docs import docs_dir, find_sources

    sources = find_sources(copy.project)
    if not sources:
        raise CannotPlant("where the documentation lies is not known")
    source = sources[0]
    folder = copy.root / source.folder
    if source.tool == "mkdocs":
        folder /= docs_dir(copy.root / source.path)
    for name in ("index.md", "index.rst", "README.md", "*.md", "*.rst"):
        for path in sorted(folder.glob(name)):
            added = markdown if path.suffix == ".md" else text
            append(copy, path.relative_to(copy.root).as_posix(), f"\n{added}")
            return
    raise CannotPlant("the documentation has no page at its top")


DEFECTS = (
    Defect(
        "a reference to nowhere",
        dangling_reference,
        "planted-and-not-there",
        control=harmless_sentence,
    ),
)
