"""What of the checks in a workflow counts: verified attestations, digests, tags and commits.

What a script or a target checks is not followed, but for what compares the tag: a check that
counts stands in the workflow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from release.gates.workflows import commands, expressions, flow
from release.gates.workflows.flow import Run
from release.gates.workflows.model import Command, Job, Node, Step
from release.gates.workflows.publishing import (
    DOWNLOAD,
    UPLOAD,
    Context,
    Publication,
    input_of,
    uses_any,
    verifications,
)

UNCONDITIONAL = re.compile(r"\s*(?:\$\{\{)?\s*(?:success\(\)|true)\s*(?:\}\})?\s*", re.I)
EXPRESSION = re.compile(r"\$\{\{\s*([\w.-]+)\s*\}\}")
VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")
NAME = re.compile(r"\$\{?(\w+)")
# Values of a run, by the names that steps know them by.
OF_RUN: Mapping[str, str] = {
    "github.repository": "<repository>",
    "github.ref": "<ref>",
    "github.ref_name": "<name>",
    "github.sha": "<sha>",
    "github.workflow_sha": "<sha>",
    "github.workflow_ref": "<repository>/.github/workflows/<file>@<ref>",
    "github.server_url": "https://github.com",
}
REASSIGNED = re.compile(r"(?<![\w$])GITHUB_(?:SHA|REF|REF_NAME|REPOSITORY)=")
SIGNER = re.compile(
    r"(?:(?:https://)?github\.com/)?<repository>/\.github/workflows/(<file>|[\w.-]+\.ya?ml)"
    r"(?:@(?:<ref>|refs/tags/<name>))?"
)
VALUES: Mapping[tuple[str, ...], re.Pattern[str]] = {
    ("--repo", "-R", "--repository", "--source-uri"): re.compile(
        r"(?:(?:https://)?github\.com/)?<repository>"
    ),
    ("--signer-workflow", "--cert-identity", "--certificate-identity", "--identity"): SIGNER,
    ("--source-ref", "--ref"): re.compile(r"<ref>|refs/tags/<name>"),
    ("--source-tag", "--source-versioned-tag"): re.compile("<name>"),
    ("--source-digest", "--signer-digest", "--sha"): re.compile("<sha>"),
}
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
COMMIT = re.compile(r"GITHUB_SHA\b|\bgithub\.sha\b")
HEAD = re.compile(r"git rev-parse\b.{0,200}?\bHEAD\b")
# Programs that write files where their words say, and those that write whatever they are given.
COPIES = frozenset(["cp", "mv", "ln", "tee", "sed"])
WRITES = frozenset("tar unzip curl wget rsync dd patch install gunzip".split())  # noqa: SIM905
REDIRECTION = re.compile(r"[012&]?>>?\|?(.*)")


def is_on(node: Node) -> bool:
    """Whether a switch is on, or may be: anything but false, be it as an expression."""
    inner = expressions.unwrapped(node.text.strip())
    if inner is not None:
        value = expressions.evaluate(inner, lambda _: expressions.UNKNOWN)
        return expressions.truth(value) is not False
    return node.is_true


def runs(context: Context, job: Job, step: Step) -> list[Run]:
    """The commands of a step as they run; none where it has another shell."""
    node = step.node.get("run")
    defaults = (job.node, context.model.workflows[job.path].node)
    shells = (step.node.said("shell"), *(one.said("defaults", "run", "shell") for one in defaults))
    ends = flow.errexit_of(next(filter(None, shells), ""))
    if node is None or ends is None:
        return []
    return flow.runs(node.text, node.line + node.block, errexit=ends[0], pipefail=ends[1])


def conditional(step: Step) -> bool:
    """Whether a step runs under a condition other than that all went well."""
    return any(not UNCONDITIONAL.fullmatch(node.text) for node in step.told("if"))


def may_fail(step: Step) -> bool:
    return any(map(is_on, step.told("continue-on-error")))


# --- Attestations


def verified_in(context: Context, job: Job, step: Step) -> Iterator[tuple[Command, str]]:
    """The verifications of a step: each with why it does not count, empty where it does."""
    loose = [command for command, _ in verifications(step)]
    if not loose:
        return
    if conditional(step):
        yield loose[0], "the step is skipped under a condition"
        return
    by_command = {Command(run.words, step.path, run.line): run for run in runs(context, job, step)}
    found = False
    for command, left_open in verifications(replace(step, commands=tuple(by_command))):
        if not {"--help", "-h"} & set(command.words):
            found = True
            yield command, _weakness(context, job, step, by_command[command], left_open)
    if not found:
        yield loose[0], "no command of the step is sure to run and to fail with it"


def _weakness(context: Context, job: Job, step: Step, run: Run, left_open: str) -> str:
    if not run.fatal:
        return "a failure of it does not end the step"
    if left_open:
        return f"the command leaves {left_open} open"
    if REASSIGNED.search(step.run):
        return "the step sets variables of GitHub itself"
    if reason := _other_values(context, environment_of(context, job, step), run.words):
        return reason
    return "" if _covers(run) else "it looks at one file alone, or at files of one kind"


def _other_values(context: Context, env: Mapping[str, str], words: Sequence[str]) -> str:
    """Which option names something that is not the run's own; empty for none."""
    files = {"<file>", *(one.path.rpartition("/")[2] for one in context.path)}
    for names, wanted in VALUES.items():
        for name, value in commands.values(words, names):
            match = wanted.fullmatch(expanded(value, env))
            if not match:
                return f"{name} is not that of the run"
            if wanted is SIGNER and match[1] not in files:
                return f"{name} names a workflow that takes no part"
    return ""


def environment_of(context: Context, job: Job, step: Step) -> dict[str, str]:
    """The variables of a step, its job and its workflow."""
    workflow = context.model.workflows[job.path]
    found = {**workflow.node.mapping("env"), **job.node.mapping("env"), **step.env}
    return {name: node.text for name, node in found.items()}


def expanded(text: str, env: Mapping[str, str]) -> str:
    """A text with the values of the run as `<ref>` and the like."""

    def variable(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        known = OF_RUN.get(f"github.{name.removeprefix('GITHUB_').lower()}")
        return known if known and name.startswith("GITHUB_") else env.get(name, match[0])

    text = text.replace("${GITHUB_WORKFLOW_REF%@*}", "<repository>/.github/workflows/<file>")
    text = VARIABLE.sub(variable, text[:2000])
    return EXPRESSION.sub(lambda match: OF_RUN.get(match[1].lower(), match[0]), text[:4000])


def _covers(run: Run) -> bool:
    """Whether a command looks at all files of a folder."""
    loops = dict(run.loops)
    sources = [run.words[1:]]
    for word in run.words[1:]:
        name = NAME.fullmatch(word.removesuffix("}"))
        if name is not None and name[1] in loops:
            sources.append(loops[name[1]])
    if "xargs" in run.words and run.piped:
        sources.append(run.piped[-1])
    return any(map(_is_everything, sources))


def _is_everything(words: Sequence[str]) -> bool:
    """Whether words are all files of a folder: `dist/*`, a `find`, or every kind of file."""
    words = [word.strip("<()") for word in " ".join(words).replace("$(", " ").split()]
    words = [word for word in words if word]
    if words[:1] == ["find"]:
        return all(word in FIND_ALL or not word.startswith(("-", "!")) for word in words[1:])
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


def downloads(job: Job) -> list[tuple[int, Step]]:
    return [(place, step) for place, step in enumerate(job.steps) if uses_any(step, (DOWNLOAD,))]


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
    return {
        artefact(step)
        for _, step in downloads(one.job)
        if is_below(folder, folder_of(input_of(step, "path"), "."))
    } - {""}


def handles(job: Job, name: str, publishing: Job) -> bool:
    """Whether a job takes or makes an artefact, named as the publishing job names it.

    Of another workflow's job this cannot be told, and none is said to handle other files.
    """
    if job.path != publishing.path:
        return True
    taken = {artefact(step) for _, step in downloads(job)}
    made = {input_of(s, "name").strip() for s in job.steps if uses_any(s, (UPLOAD,))}
    return name in taken | made or (bool(made) and f"needs.{job.id}." in name)


# --- Digests


def digests(run: Run) -> str:
    """Whether a command `checks` digests or `makes` them; empty for another one."""
    name, *rest = commands.program(run.words) or ("",)
    if name not in DIGESTS:
        return ""
    if any(re.match(r"--check$|-[^-]*c", word) for word in rest):
        return "checks"
    return "makes" if any(word.startswith((">", "1>")) for word in rest) else ""


def why_unchecked(context: Context, one: Publication) -> str:
    """Why the digests of what is published are not checked; empty where they are."""
    folder = published_folder(one)
    taken = downloads(one.job)
    if not any(is_below(folder, folder_of(input_of(step, "path"), ".")) for _, step in taken):
        return f"publishes {folder}, into which it downloads nothing"
    reason = "publishes what it downloads without checking it against a digest manifest"
    own = good = False
    for place, step in enumerate(one.job.steps[: one.job.steps.index(one.step)]):
        for run in () if may_fail(step) else runs(context, one.job, step):
            kind = digests(run)
            own = own or kind == "makes"
            if kind == "checks":
                why = _weak_check(run, step, early=place < taken[-1][0], own=own)
                good, reason = not why, why or reason
            elif good and _writes(run, folder, step):
                good, reason = False, "changes files after their digests were checked"
    return "" if good else reason


def _weak_check(run: Run, step: Step, *, early: bool, own: bool) -> str:
    if early:
        return "checks the digests before the last download"
    if conditional(step):
        return "checks the digests under a condition alone"
    if "--ignore-missing" in run.words:
        return "checks the digests of what is there alone (--ignore-missing)"
    if own or any(piped and piped[0] in DIGESTS for piped in run.piped):
        return "checks digests that it notes itself"
    return "" if run.fatal else "checks the digests, and publishes if they differ"


def _writes(run: Run, folder: str, step: Step) -> bool:
    """Whether a command may write into a folder."""
    words = commands.program(run.words)
    if words[:1] and (words[0] in WRITES or words[:1] + words[2:3] == ("gh", "download")):
        return True
    targets = list(words[-1:]) if words[:1] and words[0] in COPIES else []
    for place, word in enumerate(words):
        match = REDIRECTION.match(word)
        if match and not word.startswith(("2>", ">&", "1>&")):
            targets += [match[1]] if match[1] else words[place + 1 : place + 2]
    return any(_may_be_in(target, folder, moved="cd " in step.run) for target in targets)


def _may_be_in(target: str, folder: str, *, moved: bool) -> bool:
    if target.startswith(("$GITHUB_", "${GITHUB_")):
        return False
    return (
        is_below(folder_of(target, "."), folder)
        or (moved and not target.startswith("/"))
        or target.startswith("$")
    )


# --- Tags and commits


class _Sides:
    """What a step holds the tag, or the like, in: variables, and texts that name it."""

    def __init__(self, pattern: re.Pattern[str], env: Mapping[str, str], found: Iterable[Run]):
        self.pattern = pattern
        self.names = {name for name, text in env.items() if pattern.search(text[:2000])}
        for run in found:
            for word in run.words:
                name, sign, value = word.partition("=")
                if not (sign and name.isidentifier()):
                    break
                if self.holds(value):
                    self.names.add(name)

    def holds(self, text: str) -> bool:
        text = text[:4000]
        return bool(self.pattern.search(text)) or any(n in self.names for n in NAME.findall(text))


def compared(run: Run) -> Iterator[tuple[str, str]]:
    """The two sides of a comparison on which the text goes on only if they are equal."""
    words = commands.program(run.words)
    if words[:1] not in (("test",), ("[",), ("[[",)) or {"||", "-o", "!"} & set(words):
        return
    wanted = {"=", "==", "-eq"} if run.fatal else set()
    wanted |= {"!=", "-ne"} if run.refuses else set()
    for place, word in enumerate(words[1:-1], 1):
        if word in wanted:
            yield words[place - 1], words[place + 1]


def checks_tag(context: Context, job: Job, step: Step) -> bool:
    """Whether a step compares the tag with something, and fails where they differ."""
    if may_fail(step):
        return False
    if step.uses is not None:
        return bool(CHECKING_ACTION.search(step.uses.repository[:200]))
    env = environment_of(context, job, step)
    if step.node.said("shell").startswith("python"):
        return _Sides(TAG, env, ()).holds(step.run) and bool(REFUSES.search(step.run))
    found = runs(context, job, step)
    tag = _Sides(TAG, env, found)
    names = {name for name, text in env.items() if TAG.search(text[:2000])}
    return any(
        _compares_tag(run, tag) or (run.fatal and _program_checks(context, run, tag, names))
        for run in found
    )


def _compares_tag(run: Run, tag: _Sides) -> bool:
    if run.words[:1] == ("case",):
        others = any("$" in word and not tag.holds(word) for word in run.words[2:])
        return run.fatal and others and tag.holds(run.words[1])
    return any(
        tag.holds(left) != tag.holds(right) and "$" in left and "$" in right
        for left, right in compared(run)
    )


def _program_checks(context: Context, run: Run, tag: _Sides, names: set[str]) -> bool:
    """Whether a program that is given the tag, or reads it, may compare it."""
    name, *rest = commands.program(run.words) or ("",)
    given = any(map(tag.holds, rest))
    if name in ("grep", "egrep", "fgrep", "diff", "cmp"):
        others = [word for word in rest if not word.startswith("-") and not tag.holds(word)]
        return given and bool(others or run.piped)
    sessions = RUNS_SESSIONS & {name, *run.words[:1]}
    if sessions and PREFLIGHT in rest:
        return True
    if commands.PYTHON.fullmatch(name) and {"-c", "-"} & set(rest):
        text = f"{' '.join(rest)}\n{run.given}"
        return bool(REFUSES.search(text)) and (given or _reads(text, names))
    path = commands.normal(commands.script(run.words))
    module = "-m" in run.words and name not in ("pip", "build", "twine", "venv")
    if not (path or sessions or module):
        return False
    text = context.model.sources.get("noxfile.py" if "nox" in sessions else path or "", "")
    return given or _reads(text, names)


def _reads(text: str, names: set[str]) -> bool:
    """Whether a program reads the tag from its variables."""
    return bool(TAG.search(text[:20_000])) or any(name in text for name in names)


def compares_commit(context: Context, job: Job, step: Step) -> int | None:
    """Where a step fails if HEAD is another commit than the one that triggered the run."""
    if may_fail(step) or conditional(step):
        return None
    found = runs(context, job, step)
    head, commit = (
        _Sides(HEAD, {}, found),
        _Sides(COMMIT, environment_of(context, job, step), found),
    )
    places = [
        run.line
        for run in found
        for left, right in compared(run)
        if (head.holds(left) and commit.holds(right)) or (commit.holds(left) and head.holds(right))
    ]
    return max(places, default=None)
