"""What runs where something is published or signed."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from release.gates.workflows import commands
from release.gates.workflows.model import Command, Job, Node, Step, shown
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

# What a publishing or signing job may run: nothing of the project's code.
COMMANDS = frozenset(
    """for case esac done fi in [ [[ (( test true false exit return : set shopt unset export local
    readonly declare read echo printf cat ls find sort uniq wc head tail tr cut paste grep
    egrep fgrep diff cmp comm cd pwd mkdir rmdir mv cp rm ln chmod stat basename dirname realpath
    tee date sleep jq sha256sum sha512sum sha384sum shasum b2sum cksum base64 xxd unzip
    gzip gunzip mapfile readarray } wait du file touch which type command uname hostname id
    whoami nproc seq expr let break continue shift while function""".split()  # noqa: SIM905
)
# Programs that are no code of the project, and that can be made to run others.
FOREIGN = frozenset("gh git awk sed tar openssl".split())  # noqa: SIM905
# What a step writes to these files counts for all steps after it.
FOR_LATER = re.compile(r"GITHUB_(?:ENV|PATH)\b|\bgithub\.(?:env|path)\b")
# Shells that run a text and nothing else, and the variables by which they and others run more.
# An interactive sh reads a file of its environment's; bash reads one of the machine's.
SHELLS = re.compile(
    r"(?:bash|sh(?!.*\s-\w*i))"
    r"(?:\s+(?:-[a-z]+|--(?:noprofile|norc|posix|login)|errexit|nounset|pipefail|\{0\}))*"
    r"|python[\d.]*(?:\s+(?:-[bBEIPsSuvx]+|\{0\}))*"
    r"""|(?:pwsh|powershell)(?:\s+-[a-z]+)*(?:\s+(?:\{0\}|"\. '\{0\}'"))?"""
    r'|(?:cmd|%comspec%)(?:\s+/[a-z](?::\w+)?)*(?:\s+(?:\{0\}|"CALL "\{0\}""))?',
    re.IGNORECASE,
)
OPEN = re.compile(r"BASH_ENV|LD_\w+|(?:PYTHON)?PATH|PYTHON(?:STARTUP|HOME)|NODE_OPTIONS")
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
        for node, what, blocks in _surroundings(job, workflow):
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
        if what := _unfit(command, functions, signing=signing):
            yield command, what, _runs_project(command)


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


def _surroundings(job: Job, workflow: Node) -> Iterator[tuple[Node, str, bool]]:
    """What around the steps of a job lets other programs run in them.

    Each with what it is, and whether these are the project's.
    """
    steps = (node for step in job.steps for node in (step.node, *step.callers))
    for place in (workflow, job.node, *steps):
        shell = place.get("shell") or place.get("defaults", "run", "shell")
        if shell is not None and not SHELLS.fullmatch(shell.text.strip()):
            yield shell, f"runs its commands by {shown(shell.text)}", True
        for name, value in place.mapping("env").items():
            if OPEN.fullmatch(name):
                yield value, f"sets {shown(name)}, which changes what its commands run", True
    for key in ("container", "services"):
        node = job.node.get(key)
        if node is not None:
            yield node, f"runs with its own {key}", False
    node = job.node.get("runs-on")
    if node is not None and any("self-hosted" in text.text for _, text in node.walk()):
        yield node, "runs on a machine of the project (self-hosted)", False


def _unfit(command: Command, functions: Collection[str], *, signing: bool = False) -> str:
    """What a command does that is not harmless; empty for nothing.

    `functions` are those of its step, `signing` says that signatures are made here, too.
    """
    if any(FOR_LATER.search(word) for word in command.words):
        return "writes to GITHUB_ENV or GITHUB_PATH, which changes what later steps run"
    run = commands.program(command.words)
    fine = not run or commands.is_upload(run) or _is_harmless(run, signing=signing)
    return "" if fine or run[0] in functions else f"runs {shown(' '.join(run[:4]))}"


def _is_harmless(run: tuple[str, ...], *, signing: bool) -> bool:
    name, *rest = run
    if name in COMMANDS:
        return True
    if commands.PYTHON.fullmatch(name) and rest[:1] in (["--version"], ["-V"]):
        return True
    if run[:2] == ("gh", "attestation") or name in ("sigstore", "pypi-attestations", "cosign"):
        return signing or not {"sign", "attest", "attest-blob", "sign-blob"} & set(rest)
    return False


def _runs_project(command: Command) -> bool:
    """Whether a command that is not harmless may run the project's code, or what that requires."""
    return not FOREIGN & {*commands.program(command.words)[:1]}
