"""What of the checks in a workflow counts: verified attestations, digests and tags.

What a script or a target checks is not followed, but for what compares the tag: a check that
counts stands in the workflow.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence

from release.gates.workflows import commands, expressions
from release.gates.workflows.model import Command, Job, Node, Step
from release.gates.workflows.publishing import (
    DOWNLOAD,
    Context,
    Publication,
    input_of,
    uses_any,
    verifications,
)

UNCONDITIONAL = re.compile(r"\s*(?:\$\{\{)?\s*(?:success\(\)|true)\s*(?:\}\})?\s*", re.I)
NAME = re.compile(r"\$\{?(\w+)")
# What the values of these options must be of: a variable of the run itself.
OF_RUN: Mapping[tuple[str, ...], str] = {
    ("--repo", "-R", "--repository"): "repository",
    ("--signer-workflow", "--cert-identity", "--identity"): "workflow",
    ("--source-ref", "--ref"): "ref",
    ("--source-digest", "--signer-digest", "--sha"): "sha",
}
NAMES_OF_RUN = {"workflow": "workflow_ref", "ref": "ref(?:_name)?"}
# Commands that give names to what those after them take.
NAMING = frozenset(["for", "while", "mapfile", "readarray"])
WORKFLOW_FILE = re.compile(r"/\.github/workflows/([\w.-]+\.ya?ml)")
FIND_ALL = frozenset(["-type", "f", "-print", "-print0", "-maxdepth", "-mindepth", "1"])
TAG = re.compile(
    r"GITHUB_REF(?:_NAME)?\b|\bgithub\.ref(?:_name)?\b|release\.tag_name"
    r"|git describe\b.{0,200}?--exact-match|git tag\b.{0,200}?--points-at"
)
CHECKING_ACTION = re.compile(r"check[\w-]*(?:version|tag)|(?:version|tag)[\w-]*check")
REFUSES = re.compile(r"\b(?:raise|assert|exit|SystemExit)\b")
PREFLIGHT = "release_preflight"
RUNS_SESSIONS = frozenset(["nox", "nox-release", "tox", "make", "just", "poe", "hatch", "task"])
DIGESTS = frozenset(["cksum", "sha256sum", "sha384sum", "sha512sum", "b2sum", "shasum"])


def is_on(node: Node) -> bool:
    """Whether a switch is on, or may be: anything but false, be it as an expression."""
    inner = expressions.unwrapped(node.text.strip())
    if inner is not None:
        value = expressions.evaluate(inner, lambda _: expressions.UNKNOWN)
        return expressions.truth(value) is not False
    return node.is_true


def shown_in(step: Step) -> list[Command]:
    """The commands that stand in a step itself."""
    return [command for command in step.commands if not command.via]


def conditional(step: Step) -> bool:
    """Whether a step runs under a condition other than that all went well."""
    return any(not UNCONDITIONAL.fullmatch(node.text) for node in step.told("if"))


def may_fail(step: Step) -> bool:
    return any(map(is_on, step.told("continue-on-error")))


# --- Attestations


def verified_in(context: Context, job: Job, step: Step) -> Iterator[tuple[Command, str]]:
    """The verifications of a step: each with why it does not count, empty where it does."""
    found = shown_in(step)
    told = [one for one in verifications(step) if not {"--help", "-h"} & set(one[0].words)]
    sure = [one for one in told if one[0].fatal and not one[0].via]
    for command, left_open in sure or told[:1]:
        reason = _weakness(context, job, step, command, left_open)
        if not reason and not any(map(_covers, _sources(found, found.index(command)))):
            reason = "it looks at one file alone, or at files of one kind"
        yield command, reason


def _weakness(context: Context, job: Job, step: Step, run: Command, left_open: str) -> str:
    if conditional(step):
        return "the step is skipped under a condition"
    if run.via:
        return "no command of the step is sure to run and to fail with it"
    if not run.fatal:
        return "a failure of it does not end the step"
    if left_open:
        return f"the command leaves {left_open} open"
    env = environment_of(context, job, step)
    for names, what in OF_RUN.items():
        for name, value in commands.values(run.words, names):
            if not _is_of_run(context, NAME.sub(lambda m: env.get(m[1], m[0]), value[:2000]), what):
                return f"{name} is not that of the run"
    return ""


def _is_of_run(context: Context, value: str, what: str) -> bool:
    """Whether a value is made of a variable of the run; a workflow's takes part in publishing."""
    if re.search(rf"\bgithub[._]{NAMES_OF_RUN.get(what, what)}(?![\w-])", value, re.I):
        return True
    file = WORKFLOW_FILE.search(value) if what == "workflow" else None
    files = {one.path.rpartition("/")[2] for one in context.path}
    return file is not None and file[1] in files and _is_of_run(context, value, "repository")


def environment_of(context: Context, job: Job, step: Step) -> dict[str, str]:
    """The variables of a step, its job and its workflow."""
    workflow = context.model.workflows[job.path]
    found = {**workflow.node.mapping("env"), **job.node.mapping("env"), **step.env}
    return {name: node.text for name, node in found.items()}


def _sources(found: Sequence[Command], place: int) -> Iterator[Command]:
    """A command, and those before it that tell it its words: by a pipe, or by names that it has."""
    names: set[str] = set()
    fed = True
    for run in reversed(found[: place + 1]):
        words = run.words
        told = words[1:] if words[0] in NAMING else (word.partition("=")[0] for word in words)
        if fed or names & {*told}:
            yield run
            names |= {*NAME.findall(" ".join(words))}
            fed = run.operator == "|" or (words[0] == "while" and "<" not in words)


def _covers(run: Command) -> bool:
    """Whether the words of a command or a loop are all files of a folder.

    That is `dist/*`, a `find` without a name, or every kind of file.
    """
    words = [word.strip("<()") for word in " ".join(run.words).replace("$(", " ").split()]
    if "find" in words:
        behind = words[words.index("find") + 1 :]
        rest = itertools.takewhile(lambda word: word not in commands.FIND_RUNS, behind)
        return all(word in FIND_ALL or not word.startswith(("-", "!")) for word in rest)
    kinds = " ".join(word for word in words if "*" in word)
    whole = any(word == "*" or word.endswith("/*") for word in words)
    return whole or ("whl" in kinds and bool(re.search(r"tar|gz|\.zip", kinds)))


def always_runs(context: Context, one: Job, publishing: Job) -> bool:
    """Whether what waits for a job can rely on it: a skipped one stops its own workflow alone."""
    if one.path == publishing.path or one.path not in context.callers:
        return True
    for job in (one, *(job for job in context.before(one) if job.path == one.path)):
        told = job.node.said("if")
        if told and not UNCONDITIONAL.fullmatch(told):
            return False
    return all(
        caller.path == one.path or always_runs(context, caller, publishing)
        for caller in context.callers[one.path]
    )


# --- Artefacts


def downloads(job: Job) -> list[Step]:
    return [step for step in job.steps if uses_any(step, (DOWNLOAD,))]


def folder_of(text: str, default: str) -> str:
    return commands.normal(text.strip() or default) or "."


def published_folder(one: Publication) -> str:
    return folder_of(input_of(one.step, "packages-dir", "packages_dir"), "dist")


def is_below(folder: str, outer: str) -> bool:
    return outer == "." or folder == outer or folder.startswith(f"{outer}/")


def artefact(step: Step) -> str:
    """The artefact that a download names, as it is written; empty for none."""
    return (input_of(step, "artifact-ids") or input_of(step, "name")).strip()


def published_artefacts(one: Publication) -> set[str]:
    """The artefacts that a publishing job takes into the folder that it publishes."""
    folder = published_folder(one)
    taken = ((step, folder_of(input_of(step, "path"), ".")) for step in downloads(one.job))
    return {artefact(step) for step, path in taken if is_below(folder, path)} - {""}


# --- Digests


def why_unchecked(one: Publication) -> str:
    """Why the digests of what is published are not checked; empty where they are."""
    folder = published_folder(one)
    taken = (folder_of(input_of(step, "path"), ".") for step in downloads(one.job))
    if not any(is_below(folder, path) for path in taken):
        return f"publishes {folder}, into which it downloads nothing"
    reason = "publishes what it downloads without checking it against a digest manifest"
    for step in one.job.steps[: one.job.steps.index(one.step)]:
        for run in () if may_fail(step) or conditional(step) else shown_in(step):
            name, *rest = commands.program(run.words) or ("",)
            if name in DIGESTS and any(re.match(r"--check$|-[^-]*c", word) for word in rest):
                if run.fatal and "--ignore-missing" not in rest:
                    return ""
                reason = "checks the digests, and publishes if they differ"
    return reason


# --- Tags


def checks_tag(context: Context, job: Job, step: Step) -> bool:
    """Whether a step compares the tag with something, and fails where they differ."""
    if step.uses is not None:
        return not may_fail(step) and bool(CHECKING_ACTION.search(step.uses.repository[:200]))
    return next(comparisons(context, job, step), None) is not None


def comparisons(context: Context, job: Job, step: Step) -> Iterator[str]:
    """What the commands of a step that compare the tag are told, where the step fails by them."""
    if may_fail(step):
        return
    env = environment_of(context, job, step)
    names = {name for name, text in env.items() if TAG.search(text[:2000])}
    if step.node.said("shell").startswith("python"):
        if _reads(step.run, names) and REFUSES.search(step.run):
            yield step.run
        return
    found = shown_in(step)
    for run in found:
        for name, sign, value in (word.partition("=") for word in run.words):
            if not (sign and name.isidentifier()):
                break
            names |= {name} if _holds(value, names) else set()
    for place, run in enumerate(found):
        if _compares(run, names) or _program_checks(context, run, names):
            told = (" ".join((*one.words, one.fed)) for one in _sources(found, place))
            yield "\n".join(told)


def _holds(text: str, names: set[str]) -> bool:
    """Whether a text of a shell is made of the tag, by itself or by a variable that holds it."""
    return bool(TAG.search(text[:4000])) or any(n in names for n in NAME.findall(text[:4000]))


def _compares(run: Command, names: set[str]) -> bool:
    """Whether the text goes on only where the tag equals something else."""
    words = commands.program(run.words)
    if words[:1] not in (("test",), ("[",), ("[[",)) or {"||", "-o", "!"} & set(words):
        return False
    wanted = {"=", "==", "-eq"} if run.fatal else set()
    wanted |= {"!=", "-ne"} if run.refuses else set()
    triples = zip(words, words[1:], words[2:], strict=False)
    pairs = [(one, other) for one, sign, other in triples if sign in wanted]
    varying = (pair for pair in pairs if "$" in pair[0] and "$" in pair[1])
    return any(_holds(one, names) != _holds(other, names) for one, other in varying)


def _program_checks(context: Context, run: Command, names: set[str]) -> bool:
    """Whether a program that is given the tag, or reads it, may compare it."""
    name, *rest = commands.program(run.words) or ("",)
    if not run.fatal:
        return False
    given = any(_holds(word, names) for word in rest)
    if name in ("grep", "egrep", "fgrep", "diff", "cmp"):
        others = [word for word in rest if not word.startswith("-") and not _holds(word, names)]
        return given and (run.operator == "|" or bool(others))
    sessions = RUNS_SESSIONS & {name, *run.words[:1]}
    if sessions and PREFLIGHT in rest:
        return True
    if commands.PYTHON.fullmatch(name) and {"-c", "-"} & set(rest):
        text = f"{' '.join(rest)}\n{run.fed}"
        return bool(REFUSES.search(text)) and (given or _reads(text, names))
    path = commands.normal(commands.script(run.words))
    if not (path or sessions):
        return False
    text = context.model.sources.get("noxfile.py" if "nox" in sessions else path or "", "")
    return given or _reads(text, names)


def _reads(text: str, names: set[str]) -> bool:
    """Whether a program reads the tag from its variables."""
    return bool(TAG.search(text[:20_000])) or any(name in text for name in names)
