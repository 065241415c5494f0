"""What `prove` plants for the gate parity."""

from __future__ import annotations

from release.run.planting import CannotPlant, Copy, Defect, add_metadata


def private_classifier(copy: Copy) -> None:
    if not copy.project.settings.publish:
        raise CannotPlant("it goes to no index ([tool.release] publish = false)")
    add_metadata(copy, "Classifier", "Private :: Planted")


def long_summary(copy: Copy) -> None:
    add_metadata(copy, "Summary", "Planted. " * 80)


DEFECTS = (
    Defect("a private classifier in the wheel", private_classifier, "Private :: Planted"),
    Defect("a summary that is too long, in the wheel", long_summary, "(?i)summary"),
)
