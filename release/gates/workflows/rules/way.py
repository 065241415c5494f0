"""The way from the commit to the index: what is built, attested, verified and handed on."""

from __future__ import annotations

import re
from collections.abc import Iterator

from release.gates.workflows import checks, commands, expressions
from release.gates.workflows.model import Command, Job, Node, Step, shown
from release.gates.workflows.publishing import (
    DOWNLOAD,
    Context,
    attests,
    builds,
    input_of,
    uses_any,
)
from release.gates.workflows.rules.breach import Breach, say

# Fails where a job of those that it is told has failed.
DECIDES = "re-actors/alls-green"
# Commands of git that leave a commit, or take files of another one.
MOVES = frozenset(
    """checkout switch pull merge rebase reset restore clone cherry-pick am worktree
    archive""".split()  # noqa: SIM905
)
GIT_OPTIONS = frozenset(["-C", "-c", "--git-dir", "--work-tree", "--namespace"])
OWN_COMMIT = re.compile(r"GITHUB_SHA\b|\bgithub\.sha\b|(?:^|=)HEAD$")
OWN_REF = re.compile(r"\$\{\{\s*github\.(?:sha|ref)\s*\}\}|")
OWN_REPOSITORY = re.compile(r"\$\{\{\s*github\.repository\s*\}\}|")
OWN_RUN = frozenset(["${{ github.run_id }}", "${{ github.repository }}"])
ANOTHER = "another commit than the one that is attested"
TAKE = f"use {DOWNLOAD} with artifact-ids"


def verified(context: Context) -> Iterator[Breach]:
    for job in context.jobs:
        last = context.publications_of(job)[0].step
        found = [_verifies(context, one, job, last) for one in (*context.before(job), job)]
        if not any(sound and not weak for weak, sound in found):
            yield _unverified(job, [reason for weak, _ in found for reason in weak])


def _verifies(
    context: Context, one: Job, publishing: Job, last: Step
) -> tuple[list[tuple[Command, str]], list[Command]]:
    """The verifications of a job that do not count, with the reasons, and those that do."""
    weak, sound = [], []
    skipped = f"{one.label} may be skipped, and publishing goes on"
    relied_on = checks.always_runs(context, one, publishing)
    for step in one.steps:
        if step is last:
            break
        for command, reason in checks.verified_in(context, one, step):
            if reason or not relied_on:
                weak.append((command, reason or skipped))
            else:
                sound.append(command)
    return weak, sound


def _unverified(job: Job, reasons: list[tuple[Command, str]]) -> Breach:
    if reasons:
        command, reason = reasons[0]
        remedy = "verify every file for this repository, workflow, ref and commit, without"
        remedy += " conditions, in a job that publishing needs"
        return say(command, f"the attestations are not verified as they must be: {reason}", remedy)
    message = f"nothing verifies the attestations of all files before {job.label} publishes"
    remedy = (
        "add a job that attests and one that runs gh attestation verify with --signer-workflow,"
    )
    return say(
        job, message, f"{remedy} --source-ref and --source-digest on every file, and need both"
    )


# --- What may fail unnoticed


def soft(context: Context) -> Iterator[Breach]:
    handlers = {job.key for job in context.handlers}
    for job in context.path:
        yield from _may_fail(job.node, f"the job {job.label}")
        told = job.node.get("if")
        if told is not None and not _fails_for_needs(job):
            word = expressions.overrides(told.text)
            yield from _overrides(told, f"the job {job.label}", word, "one that it needs")
        for step in job.steps:
            for node in (step.node, *step.callers):
                yield from _may_fail(node, f"the step {step.label}")
            for node in step.told("if") if job.key in handlers else ():
                word = expressions.overrides(node.text, step=True)
                yield from _overrides(node, f"the step {step.label}", word, "one before it")
            # Where a verification is weak, `verified` says so.
            if not any(reason for _, reason in checks.verified_in(context, job, step)):
                yield from _ignored(step)


def _overrides(told: Node, what: str, word: str, other: str) -> Iterator[Breach]:
    if word:
        message = f"{what} runs under {word}, although {other} failed"
        yield say(told, message, f"drop {word}", blocks=True)


def _ignored(step: Step) -> Iterator[Breach]:
    for command in step.commands:
        run = commands.program(command.words)
        said = "set +e" if run[:2] == ("set", "+e") else ""
        if command.operator == "||" and (run in (("true",), (":",)) or run[:2] == ("exit", "0")):
            said = f"|| {' '.join(run)}"
        if said and not command.via:
            message = f"{said} hides a failure on the way to publishing"
            yield say(command, message, "let it fail, or test for what may be absent")


def _fails_for_needs(job: Job) -> bool:
    """Whether a job runs in any case in order to fail where one that it needs has failed."""
    deciding = [step for step in job.steps if uses_any(step, (DECIDES,))]
    always = (step for step in deciding if step.node.get("if") is None)
    return any("needs" in input_of(step, "jobs") for step in always)


def _may_fail(node: Node, label: str) -> Iterator[Breach]:
    told = node.get("continue-on-error")
    if told is not None and checks.is_on(told):
        # What depends on the matrix concerns some of its runs, such as those of a new Python.
        blocks = label.startswith("the job") and "matrix." not in told.text
        message = f"{label} may fail, and publishing goes on (continue-on-error)"
        yield say(told, message, "drop continue-on-error", blocks=blocks)


# --- The commit


def checkout(context: Context) -> Iterator[Breach]:
    for job in context.handlers:
        if not any(attests(s) or builds(s) for s in job.steps):
            continue
        for step in job.steps:
            yield from _checked_out(job, step)
            for command in step.commands:
                if not command.via and _moves(command):
                    yield _moved(job, command)


def _moved(job: Job, command: Command) -> Breach:
    run = shown(" ".join(commands.program(command.words)[:4]))
    message = f"{job.label} runs {run}, which may lead to {ANOTHER}"
    return say(command, message, "stay on the commit that triggered the run")


def _checked_out(job: Job, step: Step) -> Iterator[Breach]:
    told, repository = (input_of(step, name).strip() for name in ("ref", "repository"))
    foreign = not OWN_REPOSITORY.fullmatch(repository)
    # What stands beside the project may be from anywhere.
    if not uses_any(step, ["actions/checkout"]) or (foreign and input_of(step, "path")):
        return
    if not OWN_REF.fullmatch(told):
        message = f"{job.label} checks out {shown(told)}, which may be {ANOTHER}"
        yield say(step.inputs.get("ref", step.node), message, "drop ref")
    if foreign:
        where = step.inputs.get("repository", step.node)
        yield say(where, f"{job.label} checks out {shown(repository)}", "drop repository")


def _moves(command: Command) -> bool:
    """Whether a command may leave the commit that was checked out, or take files of another."""
    run = list(commands.program(command.words))
    if run[:1] == ["gh"]:
        return run[1:3] in (["pr", "checkout"], ["repo", "clone"])
    if run[:1] != ["git"]:
        return False
    rest = run[1:]
    while rest and rest[0].startswith("-"):
        del rest[: 2 if rest[0] in GIT_OPTIONS else 1]
    verb, *words = rest or [""]
    if verb not in MOVES or any(OWN_COMMIT.search(word) for word in words):
        return False
    if verb == "restore":
        return any(word.startswith(("-s", "--source")) for word in words)
    if verb in ("checkout", "reset"):
        words = words[: words.index("--")] if "--" in words else words
        return any(not word.startswith("-") for word in words)
    return True


# --- The files


def hand_off(context: Context) -> Iterator[Breach]:
    publishing = {job.key for job in context.jobs}
    for job in context.handlers:
        for step in job.steps:
            yield from _taken(job, step)
        downloads = any("download-artifact" in _action(step) for step in job.steps)
        one = context.publications_of(job)[0] if job.key in publishing and downloads else None
        if one is not None and (reason := checks.why_unchecked(one)):
            remedy = "download, run sha256sum --check on the SHA256SUMS that the build hands on,"
            yield say(job, f"{job.label} {reason}", f"{remedy} and publish that folder next")


def _action(step: Step) -> str:
    return step.uses.repository if step.uses is not None else ""


def _taken(job: Job, step: Step) -> Iterator[Breach]:
    for command in step.commands:
        run = commands.program(command.words)
        if run[:3] in (("gh", "run", "download"), ("gh", "release", "download")):
            yield say(command, f"{job.label} takes files of other runs or releases", TAKE)
    action = _action(step)
    if action == DOWNLOAD:
        yield from _download(job, step)
    elif "download-artifact" in action:
        yield say(step, f"{shown(action)} takes artefacts of other runs", TAKE)


def _download(job: Job, step: Step) -> Iterator[Breach]:
    remedy = "name it: artifact-ids: ${{ needs.build.outputs.artifact-id }}"
    pattern = step.inputs.get("pattern")
    merged = step.inputs.get("merge-multiple")
    if pattern is not None and not pattern.null:
        yield say(pattern, f"{job.label} downloads all artefacts that match a pattern", remedy)
    elif not checks.artefact(step):
        yield say(step, f"{job.label} downloads all artefacts of the run", remedy)
    if merged is not None and merged.is_true:
        message = f"{job.label} merges artefacts, of which one can replace files of another"
        yield say(merged, message, "drop merge-multiple; hand on one artefact")
    for foreign in (step.inputs.get("run-id"), step.inputs.get("repository")):
        if foreign is not None and foreign.text.strip() not in OWN_RUN:
            message = f"{job.label} downloads artefacts of another run"
            yield say(foreign, message, "drop it; publish what this run built")
