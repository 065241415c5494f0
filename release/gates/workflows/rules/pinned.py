"""Actions are pinned to commits, which are the versions of their comments."""

from __future__ import annotations

from collections.abc import Iterator

from release.gates.workflows.model import Uses, shown
from release.gates.workflows.pins import Pin, look_up, stated
from release.gates.workflows.publishing import ATTESTERS, DOWNLOAD, PUBLISHERS, UPLOAD, Context
from release.gates.workflows.rules.breach import Breach, say

# What carries or signs the files, or publishes them.
VITAL = frozenset([*PUBLISHERS, *ATTESTERS, DOWNLOAD, UPLOAD])


def pins(context: Context) -> Iterator[Breach]:
    publishing = {workflow.path for workflow in context.files} | {job.path for job in context.path}
    told: set[str] = set()
    for path, uses in _all_uses(context):
        matters = path in publishing
        if not uses.is_pinned or not uses.repository:
            continue
        pin = look_up(uses.repository, uses.ref, uses.node.comment, context.expected.pins)
        said = stated(uses.node.comment)
        if pin.wrong:
            yield _wrong(uses, pin, said)
        elif matters and uses.repository not in told and None in (pin.version, said):
            told.add(uses.repository)
            yield _unknown(uses, pin, said)


def _wrong(uses: Uses, pin: Pin, said: str | None) -> Breach:
    what = f"is {pin.version}" if pin.version else f"is not {said}"
    message = f"{uses.repository} at {uses.ref[:12]} {what}, and the comment says {said}"
    return say(uses.node, message, "correct the comment, or the commit")


def _unknown(uses: Uses, pin: Pin, said: str | None) -> Breach:
    vital = pin.known and uses.repository in VITAL
    action = shown(uses.repository)
    if pin.version is not None:
        message = f"no comment names the version of {action}, {pin.version}"
        return say(uses.node, message, f"add the comment # v{pin.version}", remark=not vital)
    message = f"{action} {said or uses.ref[:12]} is not in the pin table"
    remedy = "compare its commit with its release by hand"
    remedy += ", and waive this, or pin a version of the table" if vital else ""
    return say(uses.node, message, remedy, remark=not vital)


def _all_uses(context: Context) -> Iterator[tuple[str, Uses]]:
    seen: set[tuple[str, int]] = set()
    for job in context.model.jobs():
        for uses in (job.uses, *(step.uses for step in job.steps)):
            # What a composite action uses, counts once for each workflow that it is used in.
            if uses is None or uses.is_local or (job.path, id(uses.node)) in seen:
                continue
            seen.add((job.path, id(uses.node)))
            yield job.path, uses
