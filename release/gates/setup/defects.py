"""What `prove` plants for the gate setup."""

from __future__ import annotations

import os
from datetime import timedelta

from release.project import Project
from release.run.planting import CannotPlant, Copy, Defect, git, nothing, with_table, write


def day_to_come(copy: Copy, project: Project) -> Project:
    from release.gates.setup.settings import SetupSettings

    setup = project.settings.gates.of("setup", SetupSettings)
    day = max(evidence.started for evidence in copy.clean.values()).date() + timedelta(days=40)
    confirmed = {**setup.confirmed, "publisher": day}
    return with_table(project, "setup", SetupSettings, confirmed=confirmed)


def unused_hooks(copy: Copy) -> None:
    from release.settings import environment_is_ci

    if environment_is_ci():
        raise CannotPlant("hooks are not judged in CI")
    if not (copy.root / ".githooks").is_dir():
        write(copy, ".githooks/pre-push", "#!/bin/sh\n# planted\n")
    git(copy.root, "config", "core.hooksPath", os.devnull)


DEFECTS = (
    Defect(
        "a confirmation in the future", nothing, "in the future", committed=False, amend=day_to_come
    ),
    Defect("hooks that are not in use", unused_hooks, "hooks .* not in use"),
)
