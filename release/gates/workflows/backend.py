"""The metadata version that a build backend writes, and those that a publisher takes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from release.gates.workflows.commands import builds
from release.gates.workflows.model import Uses
from release.gates.workflows.pins import Table, look_up, stated
from release.gates.workflows.publishing import Context

if TYPE_CHECKING:
    from packaging.version import Version

WITHOUT_ISOLATION = re.compile(r"--no-(?:build-)?isolation\b|(?<!\w)-n(?:x)?\b")
# The first versions of backends that write core metadata 2.5, and of publishers that take it.
WRITES_2_5 = {"hatchling": "1.32", "flit-core": "4.2"}
TAKES_2_5 = "1.14.2"


def version_of(uses: Uses, table: Table) -> Version | None:
    from release.text.versions import parse

    if uses.is_pinned:
        pin = look_up(uses.repository, uses.ref, uses.node.comment, table)
        text = pin.version or stated(uses.node.comment)
    else:
        text = stated(uses.ref) if uses.ref.count(".") == 2 else None
    return parse(text) if text is not None and "." in text else None


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
        # As far as the first of these versions, and one far beyond it, tell.
        if first is not None and any(map(requirement.specifier.contains, (first, "9999"))):
            return text
    return None
