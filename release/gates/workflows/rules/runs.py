"""The runs that publish: for which tags they start, and that nothing cancels them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from release.gates.workflows import checks, commands, expressions
from release.gates.workflows.model import Job, Node, Step, Workflow, shown
from release.gates.workflows.publishing import (
    ATTESTERS,
    Context,
    publishes_by_action,
    uses_any,
)
from release.gates.workflows.rules.breach import Breach, say
from release.gates.workflows.triggers import Scenario, tag_filter, tag_scenario
from release.text.versions import parse

PER_RUN = re.compile(
    r"\bgithub\.(?:ref_name|ref|sha|run_id|run_number)(?![\w-])"
    r"|\binputs\.[\w-]*tag|\bgithub\.event\.(?:inputs\.[\w-]*tag|release\.tag_name)",
    re.I,
)
PROBES = ("x", "nightly")
RELEASERS = (*ATTESTERS, "softprops/action-gh-release", "ncipollo/release-action")
EFFECTS = frozenset([("gh", "release"), ("git", "push"), ("docker", "push")])


# --- Tags


def tags(context: Context) -> Iterator[Breach]:
    for workflow in context.files:
        unchecked = _unchecked(context, workflow)
        if not context.expected.manual and _is_pushed(context, workflow):
            yield from _missed(context, workflow)
            yield from _extra(context, workflow, checked=not unchecked)
        if unchecked and not context.expected.tagged_version:
            names = ", ".join(job.label for job in unchecked)
            message = "nothing compares the tag with the version before what has effects outside"
            remedy = "compare GITHUB_REF_NAME with the project's version in a job that all need"
            yield say(unchecked[0], f"{message} ({names})", remedy)


def _is_pushed(context: Context, workflow: Workflow) -> bool:
    reached = (s for one in context.publications_in(workflow) for s in context.reached(one))
    return "push" in workflow.triggers and any(s.event == "push" and s.is_tag for s in reached)


def _filter(context: Context, workflow: Workflow) -> tuple[Node, str]:
    """Where the tags of a push are told, and how they should be."""
    push = workflow.triggers["push"]
    where = push.get("tags") or push.get("tags-ignore") or push
    return where, f'tags: ["{context.expected.tag_template.replace("{version}", "[0-9]*")}"]'


def _missed(context: Context, workflow: Workflow) -> Iterator[Breach]:
    """Releases that the filter leaves out; of several workflows, each may have its own tags."""
    start = context.expected.tag_template.partition("{version}")[0]
    # Tags of an older spelling, such as with a v in front, are not published again.
    spelled = {t for t in context.expected.released if t.removeprefix(start)[:1].isdigit()}
    published = {t for t in spelled for one in context.files if _publishes(context, one, t)}
    missed = sorted(spelled - published)
    if missed:
        where, remedy = _filter(context, workflow)
        message = f"no release is published for tags like {shown(missed[-1])}"
        yield say(where, f"{message} ({len(missed)} of {len(spelled)} release tags)", remedy)


def _extra(context: Context, workflow: Workflow, *, checked: bool) -> Iterator[Breach]:
    """Tags that the filter lets in, and that are no release.

    Where a tag is `checked` before it has an effect, tags that only might come are a remark, if
    they begin like those of releases.
    """
    expected = context.expected
    others = [tag for tag in expected.tags if tag not in expected.released and parse(tag) is None]
    others = [tag for tag in others if _publishes(context, workflow, tag)]
    probes = [expected.tag_template.replace("{version}", "x"), *PROBES]
    extra = [*others, *(probe for probe in probes if _publishes(context, workflow, probe))]
    if extra:
        start = expected.tag_template.partition("{version}")[0]
        kind = "the tag" if others else "a tag such as"
        alike = not others and all(tag.startswith(start) for tag in extra)
        effect = "start a run that refuses it" if alike and checked else "be published"
        where, remedy = _filter(context, workflow)
        message = f"{kind} {shown(extra[0])}, which is no release, would {effect}"
        yield say(where, message, remedy, remark=alike and checked)


def _publishes(context: Context, workflow: Workflow, tag: str) -> bool:
    """Whether the push of a tag leads to a publication of a workflow."""
    push = workflow.triggers.get("push")
    if push is None or not tag_filter(push.get("tags"), push.get("tags-ignore"))(tag):
        return False
    scenario = tag_scenario(tag)
    return any(
        context.reachable(p.job, scenario, p.step) for p in context.publications_in(workflow)
    )


def _unchecked(context: Context, workflow: Workflow) -> list[Job]:
    """Jobs with side effects before which nothing compares the tag with the version."""
    kinds = [s for s in context.scenarios(workflow) if s.is_tag]
    found = []
    known: dict[tuple[tuple[str, str], int], bool] = {}
    for job in context.with_called(workflow):
        effect = next((s for s in job.steps if _has_effect(s)), None)
        reached = [s for s in kinds if context.reachable(job, s)]
        if not reached or (effect is None and not _may_write(job)):
            continue
        own = job.steps[: job.steps.index(effect)] if effect is not None else ()
        before = [(one, step) for one in context.before(job) for step in one.steps]
        for one, step in (*before, *((job, step) for step in own)):
            key = one.key, id(step)
            if key not in known:
                known[key] = checks.checks_tag(context, one, step)
            if known[key] and _is_relied_on(context, one, step, job, reached):
                break
        else:
            found.append(job)
    return found


def _is_relied_on(
    context: Context, one: Job, step: Step, job: Job, reached: Iterable[Scenario]
) -> bool:
    """Whether a step has run well in every scenario in which a later job runs."""
    runs = all(context.reachable(one, scenario, step) for scenario in reached)
    return runs and checks.always_runs(context, one, job)


def _may_write(job: Job) -> bool:
    given = job.permissions.texts() if job.permissions is not None else ()
    table = (job.permissions.table if job.permissions is not None else None) or {}
    return "write-all" in given or any(node.text == "write" for node in table.values())


def _has_effect(step: Step) -> bool:
    return (
        publishes_by_action(step)
        or uses_any(step, RELEASERS)
        or any(commands.uploads(c.words) for c in step.commands)
        or any(commands.program(c.words)[:2] in EFFECTS for c in step.commands)
    )


# --- Concurrency


def concurrency(context: Context) -> Iterator[Breach]:
    for workflow in context.files:
        reached = {s for p in context.publications_in(workflow) for s in context.reached(p)}
        paths = dict.fromkeys([workflow.path, *(job.path for job in context.path)])
        places = [context.model.workflows[path].node for path in paths]
        for told in (one.get("concurrency") for one in (*places, *(j.node for j in context.path))):
            if told is None:
                continue
            group = told if told.is_text else told.get("group")
            cancel = told.get("cancel-in-progress")
            if cancel is not None and _cancels(cancel.text.strip(), reached):
                message = "a run that publishes can be cancelled half way"
                yield say(cancel, message, "cancel-in-progress: false")
            if group is not None and not PER_RUN.search(group.text[:5000]):
                message = "a run that publishes is cancelled while it waits for one more"
                yield say(group, message, "put ${{ github.ref }} into the group")


def _cancels(text: str, scenarios: Iterable[Scenario]) -> bool:
    """Whether a run is cancelled in one of the scenarios, or may be."""
    if "${{" not in text:
        return text.lower() == "true" and any(True for _ in scenarios)
    inner = expressions.unwrapped(text)
    return any(
        inner is None or expressions.truth(expressions.evaluate(inner, scenario)) is not False
        for scenario in scenarios
    )
