"""What of the checks in a workflow counts: verified attestations, digests, tags and commits."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from release.gates.workflows import commands, expressions, flow
from release.gates.workflows.flow import Run
from release.gates.workflows.model import Command, Job, Node, Step
from release.gates.workflows.publishing import (
    DOWNLOAD,
    Context,
    Publication,
    input_of,
    verifications,
)
from release.gates.workflows.split import of_python
from release.text import python

UPLOAD = "actions/upload-artifact"
MAX_SCRIPTS = 4
UNCONDITIONAL = re.compile(r"\s*(?:\$\{\{)?\s*(?:success\(\)|true)\s*(?:\}\})?\s*", re.I)
EXPRESSION = re.compile(r"\$\{\{\s*([\w.-]+)\s*\}\}")
VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")
NAME = re.compile(r"\$\{?(\w+)")
OUTPUT = re.compile(r"(needs|jobs)\.([\w-]+)\.outputs\.([\w-]+)")
STEP_OUTPUT = re.compile(r"steps\.([\w-]+)\.outputs\.([\w-]+)")
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
REPOSITORY = re.compile(r"(?:(?:https://)?github\.com/)?<repository>")
REF = re.compile(r"<ref>|refs/tags/<name>")
VALUES: Mapping[tuple[str, ...], re.Pattern[str]] = {
    ("--repo", "-R", "--repository", "--source-uri"): REPOSITORY,
    ("--signer-workflow", "--cert-identity", "--certificate-identity", "--identity"): SIGNER,
    ("--source-ref", "--ref"): REF,
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


@dataclass(frozen=True, slots=True)
class Checked:
    """A command as it runs in a step; `via` names the script or the target that it is from."""

    run: Run
    path: str
    via: str = ""

    @property
    def command(self) -> Command:
        return Command(self.run.words, self.path, self.run.line, "", self.via)


def is_on(node: Node) -> bool:
    """Whether a switch is on, or may be: anything but false, be it as an expression."""
    inner = expressions.unwrapped((node.text or "").strip())
    if inner is not None:
        value = expressions.evaluate(inner, lambda _: expressions.UNKNOWN)
        return expressions.truth(value) is not False
    return node.is_true


def runs(context: Context, job: Job, step: Step) -> list[Checked]:
    """The commands of a step, and of the scripts and targets that it calls, as they run."""
    node = step.node.get("run")
    if node is None or not node.text:
        return []
    workflow = context.model.workflows[job.path]
    shell = ""
    for told in (
        step.node.get("shell"),
        job.node.get("defaults", "run", "shell"),
        workflow.node.get("defaults", "run", "shell"),
    ):
        if told is not None and told.text:
            shell = told.text
            break
    ends = flow.errexit_of(shell)
    if ends is None:
        return []
    found = flow.runs(node.text, node.line + node.block, errexit=ends[0], pipefail=ends[1])
    folder = step.node.get("working-directory")
    place = (folder.text if folder is not None else None) or ""
    return [
        one
        for run in found
        for one in _expanded(context, Checked(run, step.path), place, frozenset())
    ]


def _expanded(
    context: Context, one: Checked, folder: str, seen: frozenset[str]
) -> Iterator[Checked]:
    yield one
    words = one.run.words
    if len(seen) >= MAX_SCRIPTS or not words:
        return
    path = commands.normal(commands.script(words), folder)
    text = context.model.sources.get(path) if path is not None else None
    if path is not None and text is not None and path not in seen:
        for inner in _script(path, text, words):
            run = replace(inner, fatal=inner.fatal and one.run.fatal)
            yield from _expanded(context, Checked(run, path, path), "", seen | {path})
    for target in dict.fromkeys(commands.calls(words)):
        given = context.model.targets.get(target, ())
        for number, command in enumerate(given):
            behind = given[number + 1] if number + 1 < len(given) else None
            plain = command.operator in ("", ";") and (
                behind is None or behind.operator in ("", ";") or behind.line != command.line
            )
            run = Run(command.words, command.line, plain and one.run.fatal)
            yield Checked(run, command.path, target)


def _script(path: str, text: str, words: Sequence[str]) -> list[Run]:
    first = text.partition("\n")[0]
    if path.endswith(".py") or (first.startswith("#!") and "python" in first):
        strict = _strict_lines(text)
        return [
            Run(command.words, command.line, command.line in strict)
            for command in of_python(text, path, path)
        ]
    direct = commands.program(words)[:1] == (path.rpartition("/")[2],)
    shell = first.removeprefix("#!") if direct and first.startswith("#!") else " ".join(words)
    options = [w for w in shell.split()[1:] if w.startswith(("-", "+"))]
    ends = flow.errexit_of(" ".join(["bash", *options, "{0}"])) or (False, False)
    return flow.runs(text, 1, errexit=ends[0], pipefail=ends[1])


def _strict_lines(text: str) -> set[int]:
    """The lines of a Python program with calls that raise where what they run fails."""
    try:
        tree = python.parse(text)
    except SyntaxError:
        return set()
    return {
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and (
            getattr(node.func, "attr", getattr(node.func, "id", ""))
            in ("check_call", "check_output")
            or any(
                word.arg == "check" and isinstance(word.value, ast.Constant) and word.value.value
                for word in node.keywords
            )
        )
    }


# --- Attestations


def verified_in(context: Context, job: Job, step: Step) -> Iterator[tuple[Command, str]]:
    """The verifications of a step: each with why it does not count, empty where it does."""
    loose = [command for command, _ in verifications(step)]
    if not loose:
        return
    if any(not UNCONDITIONAL.fullmatch(node.text or "") for node in step.told("if")):
        yield loose[0], "the step is skipped under a condition"
        return
    known: dict[int, Checked] = {}
    given = []
    for one in runs(context, job, step):
        command = one.command
        known[id(command)] = one
        given.append(command)
    found = False
    for command, left_open in verifications(replace(step, commands=tuple(given))):
        checked = known[id(command)]
        if {"--help", "-h"} & set(command.words):
            continue
        found = True
        yield command, _weakness(context, job, step, checked, left_open)
    if not found:
        yield loose[0], "no command of the step is sure to run and to fail with it"


def _weakness(context: Context, job: Job, step: Step, checked: Checked, left_open: str) -> str:
    if not checked.run.fatal:
        return "a failure of it does not end the step"
    if left_open:
        return f"the command leaves {left_open} open"
    env = environment_of(context, job, step)
    words = checked.run.words
    if REASSIGNED.search(step.run):
        return "the step sets variables of GitHub itself"
    files = {one.path.rpartition("/")[2] for one in context.path}
    for names, wanted in VALUES.items():
        for name, value in _values(words, names):
            match = wanted.fullmatch(expanded(value, env))
            if not match and not (checked.via and value == "?"):
                return f"{name} is not that of the run"
            if match and wanted is SIGNER and match[1] not in (*files, "<file>"):
                return f"{name} names a workflow that takes no part"
    if not (_covers(checked.run) or (checked.via and not checked.run.loops)):
        return "it looks at one file alone, or at files of one kind"
    return ""


def environment_of(context: Context, job: Job, step: Step) -> dict[str, str]:
    """The variables of a step, its job and its workflow."""
    workflow = context.model.workflows[job.path]
    found = {**workflow.node.mapping("env"), **job.node.mapping("env"), **step.env}
    return {name: node.text or "" for name, node in found.items()}


def expanded(text: str, env: Mapping[str, str]) -> str:
    """A text with the values of the run as `<ref>` and the like."""

    def variable(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name.startswith("GITHUB_"):
            known = OF_RUN.get(f"github.{name.removeprefix('GITHUB_').lower()}")
            return known or match[0]
        return env.get(name, match[0])

    text = text.replace("${GITHUB_WORKFLOW_REF%@*}", "<repository>/.github/workflows/<file>")
    text = VARIABLE.sub(variable, text[:2000])
    return EXPRESSION.sub(lambda match: OF_RUN.get(match[1].lower(), match[0]), text[:4000])


def _values(words: Sequence[str], names: Sequence[str]) -> Iterator[tuple[str, str]]:
    for place, word in enumerate(words):
        name, sign, value = word.partition("=")
        if name in names:
            yield name, value if sign else (words[place + 1] if place + 1 < len(words) else "")


def _covers(run: Run) -> bool:
    """Whether a command looks at all files of a folder."""
    loops = dict(run.loops)
    sources = [run.words[1:]] if run.words[0] != "find" else []
    for word in run.words[1:]:
        name = NAME.fullmatch(word.removesuffix("}"))
        if name is not None and name[1] in loops:
            sources.append(loops[name[1]])
    if "xargs" in run.words and run.piped:
        sources.append(run.piped[-1])
    if run.words[0] == "find" and run.words[-1] == "+":
        sources.append(run.words[: run.words.index("-exec")] if "-exec" in run.words else ())
    return any(map(_is_everything, sources))


def _is_everything(words: Sequence[str]) -> bool:
    words = [word.strip("<()") for word in " ".join(words).replace("$(", " ").split()]
    words = [word for word in words if word]
    if words[:1] == ["find"]:
        return all(word in FIND_ALL or not word.startswith(("-", "!")) for word in words[1:])
    if words[:1] == ["ls"] and not any("*" in word for word in words):
        return True
    whole = [word for word in words if word == "*" or word.endswith("/*")]
    return bool(whole) or (
        any("*" in word and "whl" in word for word in words)
        and any("*" in word and re.search(r"tar|gz|\.zip", word) for word in words)
    )


def always_runs(context: Context, one: Job, publishing: Job) -> bool:
    """Whether what waits for a job can rely on it: a skipped one stops its own workflow alone."""
    if one.path == publishing.path or one.path not in context.callers:
        return True
    seen = {one.key}
    waiting = [one]
    while waiting:
        job = waiting.pop()
        told = job.node.get("if")
        if told is not None and told.text and not UNCONDITIONAL.fullmatch(told.text):
            return False
        for name in job.needs:
            needed = context.model.job((job.path, name))
            if needed is not None and needed.key not in seen:
                seen.add(needed.key)
                waiting.append(needed)
    return all(
        caller.path == one.path or always_runs(context, caller, publishing)
        for caller in context.callers[one.path]
    )


# --- Artefacts

Origin = tuple[str, ...]


def downloads(job: Job) -> list[tuple[int, Step]]:
    return [
        (place, step)
        for place, step in enumerate(job.steps)
        if step.uses is not None and step.uses.repository == DOWNLOAD
    ]


def folder_of(text: str, default: str) -> str:
    return commands.normal(text.strip() or default) or "."


def is_below(folder: str, outer: str) -> bool:
    return outer == "." or folder == outer or folder.startswith(f"{outer}/")


def origin(context: Context, job: Job, step: Step) -> Origin | None:
    """The upload that a download takes, as far as its input says; None where nothing is named."""
    ids = input_of(step, "artifact-ids").strip()
    if ids:
        return _of_output(context, job, ids, 0)
    name = input_of(step, "name").strip()
    return _of_name(context, name) if name else None


def _uploads(context: Context, name: str) -> list[tuple[Job, Step]]:
    return [
        (job, step)
        for job in context.path
        for step in job.steps
        if step.uses is not None
        and step.uses.repository == UPLOAD
        and (input_of(step, "name").strip() or "artifact") == name
    ]


def _of_name(context: Context, name: str) -> Origin:
    found = _uploads(context, name)
    if len(found) == 1:
        return _of_upload(*found[0])
    replaces = any("overwrite" in step.inputs for _, step in found)
    return ("replaced" if replaces else "name", name)


def _of_upload(job: Job, step: Step) -> Origin:
    return ("upload", *job.key, str(job.steps.index(step)))


def uploaded(job: Job) -> set[Origin]:
    return {
        _of_upload(job, step)
        for step in job.steps
        if step.uses is not None and step.uses.repository == UPLOAD
    }


def _of_output(context: Context, job: Job, text: str, depth: int) -> Origin:
    match = EXPRESSION.fullmatch(text)
    inner = match[1] if match else ""
    if depth > MAX_SCRIPTS:
        return ("text", *job.key, text)
    if inner.startswith("inputs."):
        for caller in context.callers.get(job.path, ())[:1]:
            given = caller.node.get("with", inner.removeprefix("inputs."))
            if given is not None and given.text:
                return _of_output(context, caller, given.text.strip(), depth + 1)
    named = STEP_OUTPUT.fullmatch(inner)
    if named:
        for step in job.steps:
            told = step.node.get("id")
            if told is not None and told.text == named[1] and named[2] == "artifact-id":
                return _of_upload(job, step)
    output = OUTPUT.fullmatch(inner)
    needed = context.model.job((job.path, output[2])) if output else None
    if output is None or needed is None:
        return ("text", *job.key, text)
    path = context.called(needed)
    if path is None:
        told = needed.node.get("outputs", output[3])
        if told is None or not told.text:
            return ("text", *needed.key, output[3])
        return _of_output(context, needed, told.text.strip(), depth + 1)
    called = context.model.workflows[path]
    told = called.node.get("on", "workflow_call", "outputs", output[3], "value")
    if told is None or not told.text or not called.jobs:
        return ("text", *needed.key, output[3])
    return _of_output(context, next(iter(called.jobs.values())), told.text.strip(), depth + 1)


def handled(context: Context, job: Job) -> set[Origin]:
    """The uploads that a job takes, and those that it makes."""
    taken = {origin(context, job, step) for _, step in downloads(job)}
    return uploaded(job) | {each for each in taken if each is not None}


def published_origins(context: Context, one: Publication) -> set[Origin]:
    """The uploads that a publishing job takes into the folder that it publishes."""
    folder = folder_of(input_of(one.step, "packages-dir", "packages_dir"), "dist")
    found = {
        origin(context, one.job, step)
        for _, step in downloads(one.job)
        if is_below(folder, folder_of(input_of(step, "path"), "."))
    }
    return {each for each in found if each is not None}


# --- Digests


def checks_digests(run: Run) -> bool:
    words = commands.program(run.words)
    return (
        words[:1] != ()
        and words[0] in DIGESTS
        and any(
            word == "--check"
            or (word.startswith("-") and not word.startswith("--") and "c" in word)
            for word in words[1:]
        )
    )


def makes_digests(run: Run) -> bool:
    """Whether a command notes digests of its own."""
    words = commands.program(run.words)
    return (
        words[:1] != ()
        and words[0] in DIGESTS
        and not checks_digests(run)
        and any(word.startswith((">", "1>")) for word in words)
    )


def why_unchecked(context: Context, one: Publication) -> str:
    """Why the digests of what is published are not checked; empty where they are."""
    job = one.job
    last = max((place for place, _ in downloads(job)), default=-1)
    end = job.steps.index(one.step)
    folder = folder_of(input_of(one.step, "packages-dir", "packages_dir"), "dist")
    paths = [folder_of(input_of(step, "path"), ".") for _, step in downloads(job)]
    if not any(is_below(folder, path) for path in paths):
        return f"publishes {folder}, into which it downloads nothing"
    reason = "publishes what it downloads without checking it against a digest manifest"
    own = False
    good = False
    for place, step in enumerate(job.steps[:end]):
        if any(is_on(node) for node in step.told("continue-on-error")):
            continue
        for checked in runs(context, job, step):
            run = checked.run
            own = own or makes_digests(run)
            if checks_digests(run):
                why = ""
                if place < last:
                    why = "checks the digests before the last download"
                elif any(not UNCONDITIONAL.fullmatch(n.text or "") for n in step.told("if")):
                    why = "checks the digests under a condition alone"
                elif "--ignore-missing" in run.words:
                    why = "checks the digests of what is there alone (--ignore-missing)"
                elif own or any(piped and piped[0] in DIGESTS for piped in run.piped):
                    why = "checks digests that it notes itself"
                elif not run.fatal:
                    why = "checks the digests, and publishes if they differ"
                good, reason = not why, why or reason
            elif good and _writes(run, folder, step):
                good, reason = False, "changes files after their digests were checked"
    return "" if good else reason


def _writes(run: Run, folder: str, step: Step) -> bool:
    words = commands.program(run.words)
    if not words:
        return False
    if words[0] in ("tar", "unzip", "curl", "wget", "rsync", "dd", "patch", "install", "gunzip"):
        return True
    if words[:3] in (("gh", "release", "download"), ("gh", "run", "download")):
        return True
    targets = []
    if words[0] in ("cp", "mv", "ln", "tee") and len(words) > 1:
        targets.append(words[-1])
    if words[0] == "sed" and any(word.startswith(("-i", "--in-place")) for word in words):
        targets.append(words[-1])
    for place, word in enumerate(words):
        match = re.match(r"[012&]?>>?\|?(.*)", word)
        if match and not word.startswith(("2>", ">&", "1>&")):
            targets.append(match[1] or (words[place + 1] if place + 1 < len(words) else ""))
    return any(
        is_below(folder_of(target, "."), folder)
        or (not target.startswith(("$GITHUB_", "${GITHUB_", "/")) and "cd " in step.run)
        or (target.startswith("$") and not target.startswith(("$GITHUB_", "${GITHUB_")))
        for target in targets
    )


# --- Tags and commits


class _Sides:
    """What a step holds the tag, or the like, in: variables, and texts that name it."""

    def __init__(self, pattern: re.Pattern[str], env: Mapping[str, str], found: Sequence[Checked]):
        self.pattern = pattern
        self.names = {name for name, text in env.items() if pattern.search(text[:2000])}
        for one in found:
            for word in one.run.words:
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
    if any(is_on(node) for node in step.told("continue-on-error")):
        return False
    if step.uses is not None:
        return bool(CHECKING_ACTION.search(step.uses.repository[:200]))
    env = environment_of(context, job, step)
    shell = step.node.get("shell")
    if shell is not None and (shell.text or "").startswith("python"):
        return _Sides(TAG, env, ()).holds(step.run) and bool(REFUSES.search(step.run))
    found = runs(context, job, step)
    tag = _Sides(TAG, env, found)
    names = {name for name, text in env.items() if TAG.search(text[:2000])}
    for one in found:
        run = one.run
        if run.words[:1] == ("case",):
            others = any("$" in word and not tag.holds(word) for word in run.words[2:])
            if run.fatal and others and tag.holds(run.words[1]):
                return True
            continue
        for left, right in compared(run):
            if tag.holds(left) != tag.holds(right) and "$" in left and "$" in right:
                return True
        if run.fatal and _program_checks(context, one, tag, names):
            return True
    return False


def _program_checks(context: Context, one: Checked, tag: _Sides, names: set[str]) -> bool:
    words = commands.program(one.run.words)
    if not words:
        return False
    plain = words[0]
    given = any(map(tag.holds, words[1:]))
    if plain in ("grep", "egrep", "fgrep", "diff", "cmp"):
        others = [w for w in words[1:] if not w.startswith("-") and not tag.holds(w)]
        return given and bool(others or one.run.piped)
    sessions = RUNS_SESSIONS & {plain, *one.run.words[:1]}
    if sessions and PREFLIGHT in words:
        return True
    inline = commands.PYTHON.fullmatch(plain) and bool({"-c", "-"} & set(words))
    if inline:
        text = f"{' '.join(words)}\n{one.run.given}"
        reads = given or any(name in text for name in names) or bool(TAG.search(text[:20_000]))
        return reads and bool(REFUSES.search(text))
    path = commands.normal(commands.script(one.run.words))
    module = "-m" in one.run.words and plain not in ("pip", "build", "twine", "venv")
    if not (path or sessions or module):
        return False
    if given:
        return True
    sources = context.model.sources
    text = sources.get(path or "", "")
    if "nox" in sessions:
        text = sources.get("noxfile.py", "")
    return bool(TAG.search(text)) or any(name in text for name in names)


def compares_commit(context: Context, job: Job, step: Step) -> int | None:
    """Where a step fails if HEAD is another commit than the one that triggered the run."""
    if any(is_on(n) for n in step.told("continue-on-error")) or any(
        not UNCONDITIONAL.fullmatch(n.text or "") for n in step.told("if")
    ):
        return None
    env = environment_of(context, job, step)
    found = runs(context, job, step)
    head, commit = _Sides(HEAD, {}, found), _Sides(COMMIT, env, found)
    places = [
        one.run.line
        for one in found
        for left, right in compared(one.run)
        if (head.holds(left) and commit.holds(right)) or (commit.holds(left) and head.holds(right))
    ]
    return max(places, default=None)
