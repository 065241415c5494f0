"""What runs where something is published or signed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from release.gates.workflows import harmless
from release.gates.workflows.model import Command, Job, Step, shown
from release.gates.workflows.publishing import (
    ATTESTERS,
    DOWNLOAD,
    PUBLISHER,
    UPLOAD,
    Context,
    builds,
    publishes_by_action,
)
from release.gates.workflows.rules.breach import Breach, say

# What a publishing job may use beside the download and the publisher.
HARMLESS = frozenset(["step-security/harden-runner", DOWNLOAD, PUBLISHER])
TOOLS = frozenset(["astral-sh/setup-uv", "actions/setup-python"])
BESIDE_SIGNING = (
    HARMLESS | TOOLS | ATTESTERS | {"actions/checkout", UPLOAD, "sigstore/cosign-installer"}
) - {PUBLISHER}
APART = "attest in a job of its own that runs no project code"
ELSEWHERE = "do it in a job that this one needs; here only download, check digests and publish"


def steps(context: Context) -> Iterator[Breach]:
    for job in context.jobs:
        who = f"the publishing job {job.label}"
        workflow = context.model.workflows[job.path].node
        for node, what, blocks in harmless.surroundings(job, workflow):
            remedy = "drop it; the job's steps must run nothing but what they show"
            yield say(node, f"{who} {what}", remedy, blocks=blocks)
        publications = context.publications_of(job)
        hidden = {id(p.step) for p in publications if p.via}
        by_command = any(p.command is not None for p in publications)
        allowed = HARMLESS | TOOLS if by_command else HARMLESS
        for step in job.steps:
            for where, what, blocks in () if id(step) in hidden else _beside(step, allowed):
                yield say(where, f"{who} {what}", ELSEWHERE, blocks=blocks)


def _beside(
    step: Step, allowed: frozenset[str], *, signing: bool = False
) -> Iterator[tuple[Step | Command, str, bool]]:
    """What a step does that its job may not, and whether that runs the project's code."""
    if step.uses is not None:
        if step.uses.repository not in allowed and not publishes_by_action(step):
            yield step, f"uses {shown(step.uses.target)}", builds(step)
        return
    own = [command for command in step.commands if not command.via]
    functions = {command.words[1] for command in own if command.words[0] == "function"}
    for command in own:
        if what := harmless.unfit(command, functions, signing=signing):
            yield command, what, harmless.runs_project(command)


def isolation(context: Context) -> Iterator[Breach]:
    publishing = {job.key for job in context.jobs}
    for job in context.path:
        if job.key in publishing:
            continue
        if any(map(builds, job.steps)):
            yield from _builds(context, job)
        elif job.grants("id-token") == "write":
            yield from _signs(job)


def _builds(context: Context, job: Job) -> Iterator[Breach]:
    if job.grants("id-token") == "write":
        node = job.permissions or job.node
        message = f"{job.label} builds, and may sign as the project (id-token: write)"
        yield say(node.get("id-token") or node, message, APART, blocks=True)
    told = job.environment
    names = {context.expected.environment} | {
        one.environment.text for one in context.jobs if one.environment is not None
    }
    if told is None or not told.text:
        return
    if told.text in names or re.search(r"pypi|publish|release", told.text, re.I):
        message = f"{job.label} builds in the publishing environment {shown(told.text)}"
        yield say(told, message, "drop the environment there")


def _signs(job: Job) -> Iterator[Breach]:
    """What a job that may sign runs beside, the first of it."""
    for step in job.steps:
        for where, what, blocks in _beside(step, BESIDE_SIGNING, signing=True):
            message = f"{job.label} may sign as the project (id-token: write), and {what}"
            yield say(where, message, APART, blocks=blocks)
            return
