"""The metadata version that a build backend writes, and those that a publisher takes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from release.gates.workflows.commands import builds
from release.gates.workflows.model import Model, Uses
from release.gates.workflows.pins import Table, look_up, stated
from release.gates.workflows.publishing import PUBLISHER, Context, Expected

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

WITHOUT_ISOLATION = re.compile(r"--no-(?:build-)?isolation\b|(?<!\w)-n(?:x)?\b")
# The first versions of backends that write core metadata 2.5, and of publishers that take it.
WRITES_2_5 = {"hatchling": "1.32", "flit-core": "4.2"}
TAKES_2_5 = "1.14.2"


def publisher_version(model: Model, table: Table) -> str | None:
    """The version of the pinned publisher, None where there is none or it cannot be told."""
    for one in Context(model, Expected()).publications:
        if one.step.uses is not None and one.step.uses.repository == PUBLISHER:
            version = version_of(one.step.uses, table)
            return str(version) if version is not None else None
    return None


def version_of(uses: Uses, table: Table) -> Version | None:
    from packaging.version import InvalidVersion, Version

    if uses.is_pinned:
        pin = look_up(uses.repository, uses.ref, uses.node.comment, table)
        text = pin.version or stated(uses.node.comment)
    else:
        text = stated(uses.ref) if uses.ref.count(".") == 2 else None
    try:
        return Version(text) if text is not None and "." in text else None
    except InvalidVersion:
        return None


def writes_2_5(context: Context) -> str | None:
    """The backend, as it is required, that writes metadata 2.5; None for one that does not.

    Which one a build without isolation uses is not known.
    """
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    commands = (command for job in context.path for s in job.steps for command in s.commands)
    if any(builds(c.words) and WITHOUT_ISOLATION.search(" ".join(c.words)) for c in commands):
        return None
    for text in context.expected.requires:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        first = WRITES_2_5.get(canonicalize_name(requirement.name))
        if first is not None and _allows(requirement.specifier, first):
            return text
    return None


def _allows(specifiers: SpecifierSet, first: str) -> bool:
    """Whether some version from `first` on satisfies the specifiers."""
    from packaging.version import Version

    bounds = {Version(s.version.removesuffix(".*")) for s in specifiers if s.operator != "==="}
    candidates = {Version(first), Version("9999"), *bounds}
    candidates |= {Version(f"{v.base_version}.1") for v in bounds}
    return any(v >= Version(first) and specifiers.contains(v) for v in candidates)
