"""Whether the workflows that the settings have rendered are there, and say what they should."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from release.gates.workflows.rules.breach import Breach
from release.model import Finding

if TYPE_CHECKING:
    from release.project import Project

RULE = "rendered"
# What rendering cannot take out of a file, and what it has no template for.
OTHERS = frozenset(["token", "hidden", "pins", "schema", "metadata"])


def drift(project: Project) -> Iterator[Breach]:
    """What of the rendered workflows differs from what the settings make.

    Nothing where there is no table [tool.release.workflows]: then they are the project's own.
    """
    from release import render
    from release.render.structure import REMEDY, differences

    if project.settings.workflows is None:
        return
    for file in render.files(project):
        if not file.path.startswith(render.WORKFLOWS):
            continue
        path = project.root / file.path
        if not path.is_file():
            yield Breach(RULE, Finding("is missing", file.path, remedy=REMEDY), blocks=True)
            continue
        text = path.read_bytes().decode("utf-8", "replace")
        for finding in differences(file.path, file.text, text):
            yield Breach(RULE, finding, blocks=True)


def with_remedy(breaches: Iterable[Breach], rules: Iterable[str]) -> Iterator[Breach]:
    """The breaches of `rules`, each with the command that writes workflows which keep to them."""
    rules = set(rules) - OTHERS
    for breach in breaches:
        found = breach.finding
        remedy = f"{found.remedy}; or let nox -s render write the workflow"
        shown = replace(found, remedy=remedy) if breach.rule in rules else found
        yield replace(breach, finding=shown)
