"""What `prove` plants for the gate sbom."""

from __future__ import annotations

from release.run.planting import Copy, Defect, add_metadata


def own_path(copy: Copy) -> None:
    add_metadata(copy, "Summary", f"Planted, in {copy.root}.")


DEFECTS = (Defect("metadata that name a place on this machine", own_path, "this machine"),)
