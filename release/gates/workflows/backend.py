"""The metadata version that a build backend writes, and those that a publisher takes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

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
    """The backend, as it is required, that writes metadata 2.5; None for one that does not."""
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.utils import canonicalize_name

    for text in context.expected.requires:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        name = canonicalize_name(requirement.name)
        if name not in WRITES_2_5:
            continue
        specifiers = requirement.specifier
        for told in _installed(context, name):
            try:
                specifiers &= SpecifierSet(told)
            except InvalidSpecifier:
                continue
        if _allows(specifiers, WRITES_2_5[name]):
            return text
    return None


def _allows(specifiers: SpecifierSet, first: str) -> bool:
    """Whether some version from `first` on satisfies the specifiers."""
    from packaging.version import Version

    bounds = {Version(s.version.removesuffix(".*")) for s in specifiers if s.operator != "==="}
    candidates = {Version(first), Version("9999"), *bounds}
    candidates |= {Version(f"{v.base_version}.1") for v in bounds}
    return any(v >= Version(first) and specifiers.contains(v) for v in candidates)


def _installed(context: Context, name: str) -> Iterator[str]:
    """The versions of a backend that jobs which build without isolation install."""
    pattern = re.compile(rf"{re.escape(name).replace('-', '[-_.]')}((?:[=<>!~]=?[\w.*]+,?)+)", re.I)
    for job in context.path:
        text = "\n".join(" ".join(c.words) for s in job.steps for c in s.commands)
        if WITHOUT_ISOLATION.search(text):
            yield from (match[1].rstrip(",") for match in pattern.finditer(text))
