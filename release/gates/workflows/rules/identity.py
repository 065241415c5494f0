"""Who publishes: the environment and the permissions of the publishing job, and its publisher."""

from __future__ import annotations

import re
from collections.abc import Iterator

from release.gates.workflows.commands import builds
from release.gates.workflows.model import Job, Node, shown
from release.gates.workflows.pins import version_of
from release.gates.workflows.publishing import PUBLISHER, Context
from release.gates.workflows.rules.breach import Breach, say
from release.gates.workflows.rules.credentials import names_token

SCOPES = {"contents": "read", "id-token": "write"}
PERMISSIONS = "permissions: {contents: read, id-token: write}"
WITHOUT_ISOLATION = re.compile(r"--no-(?:build-)?isolation\b|(?<!\w)-n(?:x)?\b")
# The first versions of backends that write core metadata 2.5, and of publishers that take it.
WRITES_2_5 = {"hatchling": "1.32", "flit-core": "4.2"}
TAKES_2_5 = "1.14.2"


def environment(context: Context) -> Iterator[Breach]:
    expected = context.expected
    for job in context.jobs:
        yield from _environment(expected.environment, job)
        name = context.model.workflows[job.path].name
        if expected.file is not None and expected.file != name:
            other = f"{shown(name)} publishes, and the declared publisher is {shown(expected.file)}"
            remedy = "publish from that file, or correct tool.release.gates.setup.workflow"
            yield say(job, other, remedy, blocks=True)


def _environment(wanted: str | None, job: Job) -> Iterator[Breach]:
    told = job.environment
    remedy = f"environment: {shown(wanted or 'pypi')}"
    if told is None or not told.text:
        message = f"the publishing job {job.label} has no environment"
        remedy = f"add {remedy}, and protect it in the repository's settings"
        yield say(job, message, remedy, blocks=wanted is not None)
    elif "${{" in told.text:
        message = f"only a run can tell the environment of {job.label}"
        yield say(told, message, f"write its name: {remedy}")
    # GitHub compares them so.
    elif wanted is not None and told.text.casefold() != wanted.casefold():
        other = f"its environment is {shown(told.text)}, and the declared publisher's"
        remedy = f"write {remedy}, or correct tool.release.gates.setup.environment"
        yield say(told, f"{other} {shown(wanted)}", remedy, blocks=True)


def permissions(context: Context) -> Iterator[Breach]:
    for job in context.jobs:
        # `token` and `inputs` tell of those that publish by a token.
        trusted = not _has_token(context, job)
        who, node = f"the publishing job {job.label}", job.permissions
        if node is None:
            remedy = f"state them: {PERMISSIONS}"
            yield say(job, f"{who} has the default permissions", remedy, blocks=trusted)
        elif node.table is None:
            refused = trusted and job.grants("id-token") == "none"
            message = f"{who} has {shown(node.text or '')}"
            yield say(node, message, f"write {PERMISSIONS}", blocks=refused)
        else:
            yield from _scopes(job, node, who, trusted=trusted)


def _scopes(job: Job, node: Node, who: str, *, trusted: bool) -> Iterator[Breach]:
    for scope, value in (node.table or {}).items():
        if value.text.lower() not in ("none", SCOPES.get(scope, "none")):
            message = f"{who} has {shown(scope)}: {shown(value.text or '')}"
            yield say(value, message, f"drop it: {PERMISSIONS}")
    if job.grants("id-token") == "none":
        remedy = f"publish by Trusted Publishing: {PERMISSIONS}"
        yield say(node, f"{who} lacks id-token: write", remedy, blocks=trusted)
    if job.grants("contents") == "none":
        remedy = f"the policy's form is {PERMISSIONS}"
        yield say(node, f"{who} has no contents: read", remedy, remark=True)


def _has_token(context: Context, job: Job) -> bool:
    """Whether a job publishes by a token or a password, and so needs no identity."""
    given = (job.node, context.model.workflows[job.path].node.get("env"))
    passwords = (p.step.inputs.get("password") for p in context.publications_of(job))
    return any(
        names_token(key, node) for root in given if root is not None for key, node in root.walk()
    ) or any(node is not None and not node.null for node in passwords)


def reusable(context: Context) -> Iterator[Breach]:
    for job in context.jobs:
        node = context.model.workflows[job.path].triggers.get("workflow_call")
        if node is not None:
            which = "a workflow that others call, which cannot be a trusted publisher"
            remedy = "publish in the top-level workflow; what only builds and attests may be called"
            yield say(node, f"{job.label} publishes in {which}", remedy, blocks=True)


def metadata(context: Context) -> Iterator[Breach]:
    from packaging.version import Version

    told = context.expected.metadata_version
    backend = None if told and told < "2.5" else _writes_2_5(context)
    for one in context.publications if backend is not None else ():
        uses = one.step.uses
        if uses is None or uses.repository != PUBLISHER:
            continue
        version = version_of(uses, context.expected.pins)
        if version is not None and version < Version(TAKES_2_5):
            message = f"{backend} writes metadata 2.5, which {PUBLISHER} {version} refuses"
            yield say(uses.node, message, f"use {PUBLISHER} {TAKES_2_5} or newer", blocks=True)


def _writes_2_5(context: Context) -> str | None:
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
