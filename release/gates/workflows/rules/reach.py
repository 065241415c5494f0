"""From where publishing is reached, how often it happens, and whether it is seen."""

from __future__ import annotations

from collections.abc import Iterator

from release.gates.workflows import commands
from release.gates.workflows.model import Command, Job, Node, Step, Workflow, shown
from release.gates.workflows.publishing import (
    PUBLISHER,
    PUBLISHER_IMAGE,
    Context,
    Publication,
    may_publish,
    obscure,
    obscure_values,
)
from release.gates.workflows.rules.breach import At, Breach, say
from release.gates.workflows.split import split
from release.gates.workflows.triggers import PUBLISHED, Scenario

# What somebody without write access can bring about.
OUTSIDE = frozenset(
    """pull_request pull_request_target pull_request_review pull_request_review_comment issues
    issue_comment discussion discussion_comment fork watch workflow_run""".split()  # noqa: SIM905
)
ONE_WAY = "drop it, so that there is one way to publish"


def ref(context: Context) -> Iterator[Breach]:
    for one in context.publications:
        reached = context.reached(one)
        branches = sorted({s.event for s in reached if not s.is_tag})
        if branches:
            condition = "github.ref_type == 'tag'"
            if not context.expected.manual:
                condition += " && github.event_name == 'push'"
            yield say(
                one.job,
                f"{one.job.label} publishes from refs that are no tags, too"
                f" ({', '.join(map(shown, branches))})",
                f"add if: {condition} to {one.job.label}",
                blocks=bool(OUTSIDE & set(branches)),
            )
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
    first, *others = context.open or (None,)
    for one in others:
        assert first is not None
        yield say(
            one,
            f"{one.job.label} publishes, and so does {first.job.label}"
            f" ({shown(first.path)}:{first.line})",
            "publish in one place only",
            blocks=bool(context.tag_events(first) & context.tag_events(one)),
        )
    if first is not None or context.hidden:
        yield from _idle(context)
    elif context.expected.publishes:
        how = "by hand" if context.expected.manual else "when a tag is pushed"
        yield say(
            At(".github/workflows"),
            f"no job of these workflows is seen to publish {how}",
            f"add a publishing job ({PUBLISHER}), or set tool.release.publish = false",
        )


def _once(context: Context, one: Publication) -> Iterator[Breach]:
    """A publication that runs several times, or never."""
    matrix = one.job.node.get("strategy", "matrix")
    if matrix is not None and not matrix.null:
        message = f"{one.job.label} publishes once for each entry of its matrix"
        yield say(matrix, message, "publish in one job, without a matrix")
    workflow = context.model.workflows[one.job.path]
    called = "workflow_call" in workflow.triggers and not context.scenarios(workflow)
    if not called and not context.reached(one):
        message = f"{one.job.label} publishes under a condition that never holds"
        remedy = "correct its condition, or what triggers the workflow"
        yield say(one, message, remedy, blocks=True)


def _idle(context: Context) -> Iterator[Breach]:
    """Remarks for targets and actions that could publish and that no workflow calls."""
    model = context.model
    for path, action in model.actions.items():
        told = action.get("runs", "steps")
        for node in () if path in model.called or told is None else told.items or ():
            if _could_publish(node):
                message = f"{shown(path)} could publish, too, and no workflow uses it"
                yield say(node, message, ONE_WAY, remark=True)
    for target, found in model.targets.items():
        upload = next((c for c in found if commands.uploads(c.words)), None)
        if upload is not None and target not in model.called and not target.endswith(" "):
            message = f"{shown(target)} could publish, too, and no workflow calls it"
            yield say(upload, message, ONE_WAY, remark=True)


def _could_publish(node: Node) -> bool:
    uses, run = ((node.get(key) or node).text or "" for key in ("uses", "run"))
    return uses.lower().startswith((PUBLISHER, PUBLISHER_IMAGE)) or any(
        commands.uploads(c.words) or commands.obscure(c) for c in split(run, node.path, node.line)
    )


def hidden(context: Context) -> Iterator[Breach]:
    for one in context.hidden:
        assert one.command is not None
        run = " ".join(commands.program(one.command.words)[:2])
        yield say(
            one.step,
            f"{shown(one.via)} hides an upload: {shown(run)} at"
            f" {shown(one.command.path)}:{one.command.line}",
            f"publish in the workflow itself, by {PUBLISHER}",
            blocks=True,
        )
    told: set[tuple[str, int]] = set()
    for job in context.model.jobs():
        able = may_publish(job, context.model.workflows[job.path])
        for where, text in _obscure(context, job, able=able):
            if (where.path, where.line) not in told:
                told.add((where.path, where.line))
                yield say(
                    where,
                    f"{shown(text.strip())} may publish; it could not be judged",
                    f"publish by {PUBLISHER} alone, or waive the rule with the reason",
                    blocks=able,
                )


def _obscure(
    context: Context, job: Job, *, able: bool
) -> Iterator[tuple[Command | Node | Step, str]]:
    yield from obscure_values(job, context.model.workflows[job.path])
    for step in job.steps:
        for place, text in obscure(step, able=able):
            via = place.via if isinstance(place, Command) else ""
            yield (step, f"{via}: {text}") if via else (place, text)
