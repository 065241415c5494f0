"""Reads workflow files, and what they call, into a Model.

`load` reads a repository; `parse` and `build` are pure functions over texts. The line of each value
is kept, and a bad file is a finding while the others are read on.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from release.errors import ConfigurationError
from release.gates.workflows import commands, targets
from release.gates.workflows.flow import split
from release.gates.workflows.model import Command, Job, Model, Node, Step, Uses, Workflow, shown
from release.gates.workflows.programs import of_python
from release.model import Finding
from release.project import read_text
from release.text import shell, yaml

FOLDER = ".github/workflows"
ACTIONS = ".github/actions"
SUFFIXES = (".yml", ".yaml")
ACTION_NAMES = ("action.yml", "action.yaml")
TARGET_FILES = ("noxfile.py", "Makefile", "makefile", "GNUmakefile", "tox.ini", "pyproject.toml")
# Further files that may hold credentials for an upload.
OTHER_FILES = ("setup.cfg", ".pypirc")
# GitHub takes no larger workflow.
MAX_BYTES = 1_000_000
MAX_COMMENT = 500
ACTION_PATH = re.compile(
    r"(?:\$GITHUB_ACTION_PATH|\$\{GITHUB_ACTION_PATH\}|\$\{\{ github\.action_path \}\})/"
)
SYNTAX = "fix the syntax there"
NULL, MERGE = "tag:yaml.org,2002:null", "tag:yaml.org,2002:merge"
MAX_FILES = 500
MAX_JOBS = 500
MAX_CALLED = 50_000
MAX_INLINED = 8
Nodes = tuple[Node, ...]


@dataclass(frozen=True)
class Loaded:
    """What a repository has: the model, and findings for what cannot be read.

    `there` says whether it has any workflow, `count` how many.
    """

    model: Model
    faults: tuple[Finding, ...] = ()
    count: int = 0
    there: bool = False

    @property
    def nodes(self) -> Mapping[str, Node]:
        """What the files hold that could be read as YAML, by their paths."""
        read = {path: workflow.node for path, workflow in self.model.workflows.items()}
        return {**read, **self.model.actions}

    @property
    def is_whole(self) -> bool:
        """Whether every workflow could be read."""
        return 0 < self.count == len(self.model.workflows)


def load(root: Path) -> Loaded:
    """Read the workflows of the repository at `root` (a resolved path) and what they call."""
    faults: list[Finding] = []
    workflows: dict[str, Node] = {}
    actions: dict[str, Node] = {}
    paths = list(_listed(root, FOLDER, faults))
    there = bool(paths or faults)
    for path in paths:
        _take(root, path, workflows, faults)
    for path in _action_files(root, faults) if there else ():
        _take(root, path, actions, faults)

    def text_of(path: str) -> str | None:
        try:
            return _text(root, path)
        except ConfigurationError:
            return None

    model = build(workflows, actions, text_of, faults)
    return Loaded(model, tuple(faults), len(paths), there)


def _take(root: Path, path: str, into: dict[str, Node], faults: list[Finding]) -> None:
    try:
        node, found = parse(_text(root, path), path)
    except ConfigurationError as error:
        faults += error.problems
        return
    faults += found
    into[path] = node


def _listed(root: Path, folder: str, faults: list[Finding]) -> Iterator[str]:
    """The workflow files of a folder, sorted by their names."""
    base = _inside(root, folder, faults)
    found = sorted(name for name in os.listdir(base) if name.endswith(SUFFIXES)) if base else []
    if len(found) > MAX_FILES:
        message = f"holds more than {MAX_FILES} workflows"
        faults.append(Finding(message, folder, remedy="remove some"))
    yield from (f"{folder}/{name}" for name in found[:MAX_FILES])


def _action_files(root: Path, faults: list[Finding]) -> list[str]:
    """The actions of this repository: at its root and below `.github/actions`."""
    found = [name for name in ACTION_NAMES if (root / name).is_file()]
    base = _inside(root, ACTIONS, faults)
    for folder, _, names in os.walk(base or ""):
        place = ACTIONS / Path(folder).relative_to(base or "")
        found += [(place / name).as_posix() for name in ACTION_NAMES if name in names]
        if len(found) > MAX_FILES:
            break
    return found[:MAX_FILES]


def _inside(root: Path, folder: str, faults: list[Finding]) -> Path | None:
    """A folder of the repository, resolved; None where it is not there, or is at fault."""
    resolved = Path(os.path.realpath(root / folder))
    if not os.path.lexists(root / folder):
        return None
    if not resolved.is_relative_to(root):
        faults.append(Finding("leads out of the repository", folder, remedy="keep it inside"))
        return None
    if not resolved.is_dir():
        message = "cannot be read: not a directory"
        faults.append(Finding(message, folder, remedy="make it a folder"))
        return None
    return resolved


def _text(root: Path, path: str) -> str:
    """The text of a file inside the repository. Raises ConfigurationError for any other."""
    if not path.isprintable():
        message = "has a name that cannot be printed"
        raise ConfigurationError.of(message, shown(path), remedy="rename it")
    text = read_text(root, path)
    if len(text) > MAX_BYTES:
        message = f"is larger than {MAX_BYTES // 1_000_000} MB, and was not judged"
        raise ConfigurationError.of(message, path, remedy="split it")
    return text


# --- YAML


def parse(text: str, path: str) -> tuple[Node, list[Finding]]:
    """The mapping that a YAML text is, and findings for what GitHub does not take.

    `text` has no byte order mark. Raises ConfigurationError for what is no YAML, no mapping or
    beyond the limits. The last of duplicate keys counts, and merge keys are followed.
    """
    try:
        root = yaml.compose(text)
    except yaml.Malformed as error:
        raise ConfigurationError.of(shown(str(error)), path, error.line, SYNTAX) from None
    reader = _Reader(text, path)
    node = reader.node(root) if root is not None else None
    if node is None or node.table is None:
        raise ConfigurationError.of("is no mapping", path, 1, SYNTAX)
    return node, reader.findings


class _Reader:
    """Makes Nodes of PyYAML's; an alias is the node that it stands for."""

    def __init__(self, text: str, path: str) -> None:
        self.text = text
        self.path = path
        self.ends = [place for place, c in enumerate(text) if c == "\n"]
        self.known: dict[int, Node] = {}
        self.findings: list[Finding] = []

    def line(self, given: Any) -> int:
        return bisect_right(self.ends, given.start_mark.index - 1) + 1

    def node(self, given: Any, key_line: int | None = None) -> Node:
        if id(given) not in self.known:
            line = key_line or self.line(given)
            if given.id == "scalar":
                node = self.scalar(given)
            elif given.id == "sequence":
                node = Node(self.path, line, items=tuple(map(self.node, given.value)))
            else:
                node = Node(self.path, line, table=self.table(given.value))
            self.known[id(given)] = node
        return self.known[id(given)]

    def scalar(self, given: Any) -> Node:
        block = given.style in ("|", ">")
        end = given.end_mark.index
        rest = "" if block else self.text[end : end + MAX_COMMENT].partition("\n")[0]
        rest = rest.lstrip(" \t,]}")
        comment = rest[1:].strip() if rest.startswith("#") else ""
        null = given.tag == NULL and not given.style
        return Node(self.path, self.line(given), given.value, None, None, comment, block, null)

    def table(self, pairs: Sequence[tuple[Any, Any]]) -> Mapping[str, Node]:
        table: dict[str, Node] = {}
        merged: list[Node] = []
        for key, value in pairs:
            line = self.line(key)
            if key.id != "scalar":
                raise ConfigurationError.of("has a key that is no text", self.path, line, SYNTAX)
            if key.tag == MERGE:
                merged.append(self.node(value))
                self.note("has a merge key, which GitHub does not take", line, "write it out")
                continue
            if key.value in table:
                self.note(f"states {shown(key.value)} twice", line, "keep one of them")
            table[key.value] = self.node(value, line)
        for source in (one for each in merged for one in each.each()):
            table = {**(source.table or {}), **table}
        return table

    def note(self, said: str, line: int, remedy: str) -> None:
        self.findings.append(Finding(said, shown(self.path), line, remedy))


# --- The model


def build(
    workflows: Mapping[str, Node],
    actions: Mapping[str, Node],
    text_of: Callable[[str], str | None],
    faults: list[Finding],
) -> Model:
    """The model of the parsed workflows and composite actions.

    `text_of` gives the text of a file of the repository, None where there is none to be read.
    What is found wrong with a local action that a workflow uses is added to `faults`.
    """
    return _Builder(workflows, dict(actions), text_of, faults).build()


@dataclass
class _Builder:
    nodes: Mapping[str, Node]
    actions: dict[str, Node]
    text_of: Callable[[str], str | None]
    faults: list[Finding]
    sources: dict[str, str] = field(default_factory=dict)
    targets: dict[str, tuple[Command, ...]] = field(default_factory=dict)
    scripts: dict[str, tuple[Command, ...] | None] = field(default_factory=dict)
    budget: int = MAX_CALLED

    def build(self) -> Model:
        given = (*self.nodes.values(), *self.actions.values())
        texts = (node.text for one in given for key, node in one.walk() if key == "run")
        shell.read_all(list(filter(None, texts)))
        for path in (*TARGET_FILES, *OTHER_FILES):
            text = self.read_text(path)
            self.targets |= targets.of_file(text, path) if text is not None else {}
        workflows = {path: self.workflow(path, node) for path, node in self.nodes.items()}
        return Model(_with_inherited(workflows), self.actions, self.sources)

    def workflow(self, path: str, node: Node) -> Workflow:
        told = node.get("on")
        triggers: Mapping[str, Node] = {}
        if told is not None:
            nothing = Node(path, told.line, null=True)
            triggers = told.table or dict.fromkeys(told.texts(), nothing)
        jobs: dict[str, Job] = {}
        for name, body in node.mapping("jobs").items():
            if body.table is None:
                self.fault(body, f"the job {shown(name)} is no mapping", "write it as one")
                continue
            if len(jobs) == MAX_JOBS:
                what = f"has more than {MAX_JOBS} jobs, and the rest was not judged"
                self.fault(body, what, "split it")
                break
            jobs[name] = self.job(path, name, body, node)
        return Workflow(path, node, triggers, jobs)

    def fault(self, node: Node | None, message: str, remedy: str) -> None:
        path, line = (node.path, node.line) if node is not None else (FOLDER, None)
        self.faults.append(Finding(message, shown(path), line, remedy))

    def job(self, path: str, name: str, node: Node, workflow: Node) -> Job:
        needs = node.get("needs")
        needed = needs.texts() if needs is not None else ()
        steps = (
            step for one in node.listed("steps") for step in self.steps(one, (node, workflow), ())
        )
        permissions = node.get("permissions") or workflow.get("permissions")
        return Job(path, name, node, needed, tuple(steps), _uses(node), permissions)

    def steps(self, node: Node, around: Nodes, callers: Nodes) -> Iterator[Step]:
        """A step, or those of the composite action of this repository that it uses.

        `around` are its job and its workflow.
        """
        uses = _uses(node)
        if not self.affords(node):
            return
        own = self.own(uses) if uses is not None else None
        if own is not None:
            inner = self.action(own)
            if inner is not None and len(callers) < MAX_INLINED:
                if own is not uses:
                    yield Step(node, uses, (), callers)
                for step in inner:
                    yield from self.steps(step, (), (*callers, node))
                return
        yield Step(node, uses, tuple(self.commands(node, around)), callers)

    def own(self, uses: Uses) -> Uses | None:
        """A use of an action of this repository, be it by a path that another one could have."""
        if uses.is_local:
            return uses
        parts = uses.target.split("/", 2)
        known = len(parts) == 3 and any(f"{parts[2]}/{n}" in self.actions for n in ACTION_NAMES)
        return Uses(f"./{parts[2]}", "", uses.node) if known else None

    def affords(self, node: Node | None) -> bool:
        """Count a step or a command; False once there are more than can be followed."""
        self.budget -= 1
        if self.budget == -1:
            many = f"more than {MAX_CALLED:,} steps and commands follow from the workflows"
            self.fault(node, f"{many}, and not all were judged", "call fewer actions and scripts")
        return self.budget >= 0

    def action(self, uses: Uses) -> tuple[Node, ...] | None:
        """The steps of a local composite action; None for another kind, or none at all."""
        folder = commands.normal(uses.target) or ""
        for name in ACTION_NAMES:
            path = f"{folder}/{name}".lstrip("/")
            if path not in self.actions:
                text = self.text_of(path)
                if text is None:
                    continue
                try:
                    self.actions[path], found = parse(text, path)
                except ConfigurationError as error:
                    self.faults += error.problems
                    return None
                self.faults += found
            steps = self.actions[path].get("runs", "steps")
            return steps.items if steps is not None else None
        return None

    def commands(self, node: Node, around: Nodes) -> Iterator[Command]:
        run = node.get("run")
        if run is None or not run.text:
            return
        line = run.line + run.block
        if "python" in node.said("shell"):
            yield from of_python(run.text, run.path, line)
            return
        folder, shell_of = (_of_run(node, around, key) for key in ("working-directory", "shell"))
        place = folder
        for command in split(run.text, run.path, line, shell_of):
            words = commands.program(command.words)
            if words[:1] == ("cd",) and len(words) == 2:
                place = commands.normal(words[1], place) or folder
            yield from self.expanded(command, place, frozenset())

    def expanded(self, command: Command, folder: str, seen: frozenset[str]) -> Iterator[Command]:
        """A command, and what the target or the script that it calls runs."""
        if len(seen) > MAX_INLINED or not self.affords(None):
            yield command
            return
        reached = self.reached(command, folder)
        yield replace(command, followed=True) if reached else command
        for name, inner in reached.items():
            if name in seen:
                continue
            via = command.via or name
            for one in inner:
                for further in self.expanded(one, "", seen | {name}):
                    yield replace(further, via=via)

    def reached(self, command: Command, folder: str) -> Mapping[str, tuple[Command, ...]]:
        """What a command runs, by its name: targets and a script, else a runner's tasks."""
        called = dict.fromkeys(commands.calls(command.words))
        found = {target: self.targets[target] for target in called if target in self.targets}
        file = commands.script(command.words)
        if match := ACTION_PATH.match(file):
            file, folder = file[match.end() :], command.path.rpartition("/")[0]
        path = commands.normal(file, folder)
        if path is not None and (inner := self.script(path)) is not None:
            found[path] = inner
        if found:
            return found
        plain, run = commands.plain(command.words), commands.program(command.words)
        looked = (plain, targets.of_tasks), (run, targets.of_tasks), (run, targets.unread)
        for words, told in looked:
            if tasks := tuple(told(words, self.read_text)):
                return {" ".join(words[:3]): tasks}
        return {}

    def read_text(self, path: str) -> str | None:
        """The text of a file that takes part; None where there is none."""
        text = self.text_of(path) if path else None
        if text is not None:
            self.sources.setdefault(path, text)
        return text

    def script(self, path: str) -> tuple[Command, ...] | None:
        """The commands of a file that a workflow runs; None where there is no such file."""
        if path not in self.scripts:
            text = self.read_text(path) if len(self.scripts) < MAX_FILES else None
            self.scripts[path] = None if text is None else tuple(_script(path, text))
        return self.scripts[path]


def _with_inherited(workflows: Mapping[str, Workflow]) -> dict[str, Workflow]:
    """The workflows, where the jobs of a called one that states no permissions have the caller's.

    Of several callers, the one that lets them sign counts.
    """
    found = dict(workflows)
    for _ in range(MAX_INLINED):
        given: dict[str, Node] = {}
        for job in (job for workflow in found.values() for job in workflow.jobs.values()):
            path = commands.normal(job.uses.target) if job.uses and job.uses.is_local else None
            first = path not in given or job.grants("id-token") == "write"
            if path in found and job.permissions is not None and first:
                given[path] = job.permissions
        for path, permissions in given.items():
            jobs = {
                name: job if job.permissions is not None else replace(job, permissions=permissions)
                for name, job in found[path].jobs.items()
            }
            found[path] = replace(found[path], jobs=jobs)
    return found


def _of_run(node: Node, around: Nodes, key: str) -> str:
    """What a step says under a key, or the defaults of what is around it."""
    told = (node.said(key), *(one.said("defaults", "run", key) for one in around))
    return next(filter(None, told), "")


def _script(path: str, text: str) -> list[Command]:
    first = text.partition("\n")[0]
    if path.endswith(".py") or (first.startswith("#!") and "python" in first):
        return of_python(text, path)
    return split(text, path, 1)


def _uses(node: Node) -> Uses | None:
    told = node.get("uses")
    if told is None or not told.text:
        return None
    if told.text.startswith((".", "$/")):
        return Uses(told.text, "", told)
    target, _, ref = told.text.partition("@")
    return Uses(target.strip(), ref.strip(), told)
