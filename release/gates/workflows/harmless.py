"""What a job that may publish or sign may do beside: nothing that runs the project's code."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from release.gates.workflows import commands
from release.gates.workflows.model import Command, Job, Node, shown

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


def surroundings(job: Job, workflow: Node) -> Iterator[tuple[Node, str, bool]]:
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


def unfit(command: Command, functions: Collection[str], *, signing: bool = False) -> str:
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


def runs_project(command: Command) -> bool:
    """Whether a command that is not harmless may run the project's code, or what that requires."""
    return not FOREIGN & {*commands.program(command.words)[:1]}
