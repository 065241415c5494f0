"""From where publishing is reached, how often it happens, and whether it is seen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import starmap

from release.gates.workflows import checks, commands
from release.gates.workflows.model import Command, Job, Node, Step, Workflow, shown
from release.gates.workflows.publishing import (
    DOWNLOAD,
    PUBLISHER,
    PUBLISHERS,
    UPLOAD,
    Context,
    Publication,
    publishes_by_action,
)
from release.gates.workflows.rules.breach import Breach, say
from release.gates.workflows.rules.credentials import names_token
from release.gates.workflows.triggers import PUBLISHED, Scenario
from release.model import Finding

# What somebody without write access can bring about.
OUTSIDE = frozenset(
    """pull_request pull_request_target pull_request_review pull_request_review_comment issues
    issue_comment discussion discussion_comment fork watch workflow_run""".split()  # noqa: SIM905
)
# Actions whose inputs are judged by other rules, or name an index and upload nothing.
KNOWN = frozenset([*PUBLISHERS, "step-security/harden-runner", DOWNLOAD, UPLOAD])
SECRET = re.compile(r"\bsecrets\b(?!\.GITHUB_TOKEN\b)", re.I)
FORK = "gh-action-pypi-publish"
# Inputs of actions that are only said or shown.
SAID = frozenset(
    """name title body description message text commit-message commit_message labels notes
    release-notes path key summary""".split()  # noqa: SIM905
)
ADDRESSES = ("_URL", "_INDEX", "_REPOSITORY")


def ref(context: Context) -> Iterator[Breach]:
    for one in context.publications:
        reached = context.reached(one)
        branches = sorted({s.event for s in reached if not s.is_tag})
        if branches:
            condition = "github.ref_type == 'tag'"
            if not context.expected.manual:
                condition += " && github.event_name == 'push'"
            message = f"{one.job.label} publishes from refs that are no tags, too"
            message += f" ({', '.join(map(shown, branches))})"
            outside = bool(OUTSIDE & set(branches))
            remedy = f"add if: {condition} to {one.job.label}"
            yield say(one.job, message, remedy, blocks=outside)
        workflow = context.model.workflows[one.job.path]
        early = sorted({t for s in reached if s.event == "release" for t in s.types} - PUBLISHED)
        if early:
            where = workflow.triggers.get("release", workflow.node)
            message = f"{one.job.label} publishes when a release is {shown(early[0])}, too"
            yield say(where, message, "write types: [published]")
        if context.expected.manual:
            yield from _by_hand(one, workflow, reached)


def _by_hand(one: Publication, workflow: Workflow, reached: list[Scenario]) -> Iterator[Breach]:
    """What a person publishes, no tag does; somebody must be able to start it."""
    pushed = [s for s in reached if s.is_tag and s.event != "workflow_dispatch"]
    if pushed:
        message = 'a person publishes (publishing = "manual"), and here a tag does, too'
        node = workflow.triggers[pushed[0].event]
        yield say(node, message, "trigger it by workflow_dispatch alone", blocks=True)
    elif not any(s.event == "workflow_dispatch" or not s.is_tag for s in reached):
        message = f"nobody can start {one.job.label}, which publishes by hand"
        yield say(one.job, message, "trigger it by workflow_dispatch", blocks=True)


def single(context: Context) -> Iterator[Breach]:
    for one in context.open:
        yield from _once(context, one)
    for first, one in ((context.open[0], one) for one in context.open[1:]):
        if not _are_of_two(first, one):
            other = f"{first.job.label} ({shown(first.path)}:{first.line})"
            both = bool(context.tag_events(first) & context.tag_events(one))
            message = f"{one.job.label} publishes, and so does {other}"
            yield say(one, message, "publish in one place only", blocks=both)
    if not context.publications and context.expected.publishes:
        how = "by hand" if context.expected.manual else "when a tag is pushed"
        message = f"no job of these workflows is seen to publish {how}"
        remedy = f"add a publishing job ({PUBLISHER}), or set tool.release.publish = false (or to"
        remedy += ' "by hand", where a person uploads)'
        yield Breach("", Finding(message, ".github/workflows", remedy=remedy))


def _are_of_two(one: Publication, other: Publication) -> bool:
    """Whether two jobs publish two distributions: other artefacts in other environments."""
    taken = [checks.published_artefacts(each) for each in (one, other)]
    names = {each.job.environment.text if each.job.environment else "" for each in (one, other)}
    return len(names) == 2 and all(taken) and taken[0].isdisjoint(taken[1])


def _once(context: Context, one: Publication) -> Iterator[Breach]:
    """A publication that runs several times, or never."""
    matrix = one.job.node.get("strategy", "matrix")
    if matrix is not None:
        message = f"{one.job.label} publishes once for each entry of its matrix"
        yield say(matrix, message, "publish in one job, without a matrix")
    workflow = context.model.workflows[one.job.path]
    called = "workflow_call" in workflow.triggers and not context.scenarios(workflow)
    if not called and not context.reached(one):
        message = f"{one.job.label} publishes under a condition that never holds"
        remedy = "correct its condition, or what triggers the workflow"
        yield say(one, message, remedy, blocks=True)


def hidden(context: Context) -> Iterator[Breach]:
    for one in context.hidden:
        assert one.command is not None
        run = " ".join(commands.program(one.command.words)[:2])
        upload = f"{shown(run)} at {shown(one.command.path)}:{one.command.line}"
        message = f"{shown(one.via)} hides an upload: {upload}"
        remedy = f"publish in the workflow itself, by {PUBLISHER}"
        yield say(one.step, message, remedy, blocks=True)
    told: set[tuple[str, int]] = set()
    for job in context.model.jobs():
        workflow = context.model.workflows[job.path]
        env = workflow.node.get("env")
        texts = [*job.node.walk(), *(env.walk() if env is not None else ())]
        # What publishing takes: an identity or a token of an index; a secret may be one.
        trusted = job.grants("id-token") == "write" or any(starmap(names_token, texts))
        able = trusted or any(SECRET.search(node.text) for _, node in texts)
        for where, text, likely in _unjudged(workflow, job):
            if (able or likely) and (where.path, where.line) not in told:
                told.add((where.path, where.line))
                message = f"{shown(text.strip())} may publish; it could not be judged"
                remedy = f"publish by {PUBLISHER} alone, or waive the rule with the reason"
                yield say(where, message, remedy, blocks=trusted and likely)


def _unjudged(workflow: Workflow, job: Job) -> Iterator[tuple[Command | Node | Step, str, bool]]:
    """What in a job may publish, and is neither known to nor known to be harmless.

    Gives the place, the text, and whether that looks like an upload or merely cannot be read.
    """
    yield from _obscure(job.node.get("strategy"), job.node.get("env"), workflow.node.get("env"))
    for step in job.steps:
        for command in step.commands:
            where: Command | Step = step if command.via else command
            via = f"{command.via}: " if command.via else ""
            at = f", {command.path}:{command.line}" if command.via else ""
            likely = commands.obscure(command)
            if command.unread:
                text = f"a shell text that cannot be read ({command.unread}{at})"
                yield where, f"{via}{text}", likely
            elif likely:
                yield where, f"{via}{' '.join(command.words).removeprefix('? ')}", True
        yield from _obscure_inputs(step)
        yield from _obscure(step.node.get("env"))


def _obscure_inputs(step: Step) -> Iterator[tuple[Node, str, bool]]:
    if step.uses is None or step.uses.is_local or step.uses.repository in KNOWN:
        return
    if FORK in step.uses.target.lower() and not publishes_by_action(step):
        yield step.uses.node, step.uses.target, True
    yield from _obscure(*(node for name, node in step.inputs.items() if name.lower() not in SAID))


def _obscure(*nodes: Node | None) -> Iterator[tuple[Node, str, bool]]:
    """The texts below nodes that look like an upload, addresses of indexes aside."""
    for node in nodes:
        for name, inner in node.walk() if node is not None else ():
            if not name.upper().endswith(ADDRESSES) and commands.may_publish(inner.text):
                yield inner, inner.text, True
