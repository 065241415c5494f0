"""What `prove` plants for the gate docker."""

from __future__ import annotations

from release.run.planting import CannotPlant, Copy, Defect, append


def failing_image(copy: Copy) -> None:
    from release.gates.docker import dockerfile

    file = dockerfile(copy.project)
    if file is None:
        raise CannotPlant("there is no Dockerfile")
    append(copy, file, "RUN exit 3")


DEFECTS = (Defect("an image that cannot be built", failing_image, r"(?i)exit 3|status 3|: 3"),)
