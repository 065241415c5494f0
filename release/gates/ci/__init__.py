"""The forge's checks of exactly this commit are green.

Asks GitHub for the workflow runs, check runs and statuses of the full commit, each in its latest
attempt. `workflows` names those that must have succeeded: a workflow by its name or its file, or a
check (a job of a workflow is one) by its name. A run that was skipped, cancelled or neutral is not
a success, and a name that never ran fails the gate. A workflow's name is the one in its file; a
run's own name (run-name) counts for nothing.

Without names all workflows, the checks of other apps and the statuses count, but for workflows
that no push, pull request, schedule or hand started, and for runs for a tag; skipped and neutral
ones are let pass as long as another one succeeded. Where the project has workflows that a push or
a pull request starts and none has run, the gate is unchecked, whatever else is green.

What a comment, a release or the like started does not judge the commit: under a name it can fail
the gate, and never passes it. The runs of a pull request are shown for its last commit, and have
tested the merge of that into its target, not the very commit.

Checks that still run are waited for, `wait-minutes` at most (unless set: 20 in CI, where the push
of a release starts them together with the workflow that publishes, else 0), and leave the gate
unchecked after that; what is not there at all is waited for a minute of these. So does a commit
that was not pushed or that nothing has checked, a forge that cannot be asked, and a token without
access. The token is GH_TOKEN, GITHUB_TOKEN or that of `gh auth login`; a public repository needs
none, but then only a few questions an hour are answered.

All of it blocks: the project's own checks are its promise. What need not succeed is noted.

In a workflow the run that this is a part of is left out; there is nothing to judge where no other
workflow is started by a push, nor for a pull request, whose checks the forge shows itself. A
project that is not on GitHub has nothing to judge here.
"""

from __future__ import annotations

import difflib
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from release.errors import CannotCheck
from release.model import Finding, Gate, Judgement, Outcome
from release.text.escaping import listing
from release.world.forge import (
    ACTIONS,
    CheckRun,
    Checks,
    Forge,
    NoForge,
    Refused,
    Repository,
    WorkflowRun,
    find,
    find_token,
)

if TYPE_CHECKING:
    from release.gates.workflows.model import Workflow
    from release.gates.workflows.triggers import Scenario
    from release.project import Project
    from release.run.shell import Shell

WAITED_IN_CI = 20  # minutes
# From the state that counts first, where several runs of a workflow have judged one commit.
State = Literal["red", "running", "green", "cancelled", "skipped"]
ORDER: tuple[State, ...] = ("red", "running", "green", "cancelled", "skipped")
# How GitHub says that something ended (any other word is red).
ENDINGS: dict[str | None, State] = {
    "success": "green",
    "cancelled": "cancelled",
    "stale": "cancelled",
    "skipped": "skipped",
    "neutral": "skipped",
}
# Other events start a workflow with the default branch's head as its commit, which they do not
# judge.
JUDGING_EVENTS = frozenset(
    ["push", "pull_request", "merge_group", "schedule", "workflow_dispatch", "repository_dispatch"]
)
# How GitHub answers where it makes no sense to go on asking.
FINAL = frozenset([401, 403, 404])
NOT_THERE = frozenset([409, 422])
CODE_SCANNING = "dynamic/github-code-scanning/"
POLL_SECONDS = 20.0
# Sixty questions an hour are answered without a token, and three are asked each time.
POLL_SECONDS_WITHOUT_TOKEN = 200.0
# What else was triggered by a push shows up within this time.
GRACE_SECONDS = 60.0
SHOWN = 8


@dataclass(frozen=True, slots=True)
class Unit:
    """Something that is green or not: a workflow, a job of one, or another check or status.

    `names` are those that settings may call it by, the first one is shown, and a workflow's last
    one is its file; `said` is how it ended, `remedy` what to do about it if that is not well. `own`
    is the workflow that this runs in.
    """

    names: tuple[str, ...]
    state: State
    said: str
    remedy: str = ""
    kind: Literal["workflow", "job", "check"] = "check"
    own: bool = False

    def called(self, name: str) -> bool:
        return name.casefold() in {own.casefold() for own in self.names}


@dataclass(frozen=True, slots=True)
class Standing:
    """How a commit stands: findings for what is not well, and what is still to come.

    `seen` counts what has checked it, `own` says whether this run is one more of them, `alone`
    whether a push starts no other, `named` whether settings name what counts. `absent` are the
    workflows that a push or a pull request should have started, where none has run at all.
    """

    green: tuple[str, ...]
    red: tuple[Finding, ...]
    missing: tuple[Finding, ...]
    running: tuple[str, ...]
    remarks: tuple[Finding, ...]
    seen: int
    own: bool
    alone: bool
    named: bool
    absent: tuple[str, ...]

    @property
    def pending(self) -> bool:
        """Whether waiting may still change it."""
        return not self.red and bool(self.running or self.missing or self.absent or not self.seen)


def check(project: Project, shell: Shell) -> Outcome:
    from release.gates.ci.settings import CiSettings
    from release.gates.workflows.read import load
    from release.settings import environment_is_ci, environment_is_of_pull_request

    if environment_is_of_pull_request():
        return Outcome.not_applicable("the forge shows the checks of a pull request itself")
    settings, facts = project.settings.gates.of("ci", CiSettings), project.git
    try:
        repository = find(facts, project.settings.remote)
    except NoForge as error:
        if settings.workflows or not error.certain:
            raise
        return Outcome.not_applicable(error.reason)
    if facts is None or facts.commit is None:
        return Outcome.unchecked("no commit yet", "commit the project, and push it")
    minutes = settings.wait_minutes
    if minutes is None:
        minutes = WAITED_IN_CI if environment_is_ci() else 0
    watch = Watch(project, shell, repository, load(project.top).model.workflows)
    try:
        return _watched(watch, facts.commit, minutes)
    except Refused as error:
        if error.status not in NOT_THERE:
            raise
        return Outcome.unchecked(
            f"{watch.forge.who} does not have {facts.commit[:12]} in {repository.slug}",
            f"push it: git push {project.settings.remote} {facts.branch or 'HEAD'}",
        )


def _watched(watch: Watch, commit: str, minutes: float) -> Outcome:
    """The verdict on a commit, for whose checks is waited. Raises CannotCheck as the forge does."""
    started = time.monotonic()
    standing: Standing | None = None
    while True:
        trouble: CannotCheck | None = None
        try:
            standing = watch.look(commit)
        except CannotCheck as error:
            if isinstance(error, Refused) and error.status in {*NOT_THERE, *FINAL}:
                raise
            trouble = error
        waited = time.monotonic() - started
        left = 60 * minutes - waited
        if standing is None or not standing.running:
            left = min(left, GRACE_SECONDS - waited)
        if trouble and left <= 0:
            raise trouble
        if standing and not trouble and (not standing.pending or left <= 0):
            return conclude(standing, commit, waited)
        awaited = ", ".join(standing.running) if standing else ""
        awaits = f"waiting for {awaited or 'the first check'}"
        watch.shell.note(trouble.reason if trouble else awaits)
        watch.wait(left)


class Watch:
    """Looks at the checks of a commit, again and again.

    `workflows` are the project's own. Each look has the gate's time limit: what is waited in
    between has one of its own.
    """

    def __init__(
        self,
        project: Project,
        shell: Shell,
        repository: Repository,
        workflows: Mapping[str, Workflow],
    ) -> None:
        from release.gates.ci.settings import CiSettings
        from release.project.git import git

        self.shell = shell
        self.wanted = project.settings.gates.of("ci", CiSettings).workflows
        self.forge = Forge(repository, find_token(repository), self.remaining)
        pointing = git(project.root, "tag", "--points-at", "HEAD").stdout
        self.tags = frozenset(pointing.split())
        self.names = names_of(workflows)
        self.started_by_push = started_by_push(workflows)
        number = os.environ.get("GITHUB_RUN_ID", "")
        self.own = int(number) if number.isdecimal() else None
        self._until = time.monotonic() + shell.timeout

    def look(self, commit: str) -> Standing:
        """How the commit stands now. Raises CannotCheck as the forge does."""
        checks = self.forge.checks(commit)
        standing = self._judge(checks)
        unknown = {run.file for run in checks.runs} - self.names.keys()
        if standing.missing and not standing.red and unknown:
            known = self.forge.workflows()
            self.names |= {file: known.get(file, _base(file)) for file in unknown}
            standing = self._judge(checks)
        return standing

    def _judge(self, checks: Checks) -> Standing:
        page, named = self.forge.repository.page, bool(self.wanted)
        units = read_units(checks, page, self.own, self.tags, self.names, named=named)
        return judge_units(units, self.wanted, self.started_by_push)

    def wait(self, left: float) -> None:
        """Let time pass until the next look, at most the seconds that are left."""
        every = POLL_SECONDS if self.forge.token else POLL_SECONDS_WITHOUT_TOKEN
        self.shell.wait(min(left, every))
        self._until = time.monotonic() + self.shell.timeout

    def remaining(self) -> float:
        """The seconds left of this look. Raises CannotCheck when there are none."""
        left = self._until - time.monotonic()
        if left <= 0:
            reason = f"{self.forge.who} was asked for {self.shell.timeout:g} s without an end"
            remedy = "run it again later, or raise tool.release.gates.ci.timeout"
            raise CannotCheck(reason, remedy)
        return left


def names_of(workflows: Mapping[str, Workflow]) -> dict[str, str]:
    """The names of workflows by their files; one without a name is called like its file."""
    return {path: file.node.said("name") or _base(path) for path, file in workflows.items()}


def started_by_push(workflows: Mapping[str, Workflow]) -> tuple[str, ...]:
    """The files of the workflows that a pull request or a push to a branch starts."""
    from release.gates.workflows.triggers import scenarios

    def starts(run: Scenario) -> bool:
        return run.event == "pull_request" or (run.event == "push" and not run.is_tag)

    return tuple(path for path, one in workflows.items() if any(map(starts, scenarios(one))))


def read_units(
    checks: Checks,
    page: str,
    own: int | None,
    tags: frozenset[str],
    names: Mapping[str, str],
    *,
    named: bool,
) -> tuple[Unit, ...]:
    """What there is to judge of a commit.

    `page` is the repository's address, `own` the number of the run that this is a part of, `tags`
    the names of the tags on the commit, `names` those of workflows by their files; `named` says
    whether the settings name what counts.
    """
    ordered = sorted(checks.runs, key=lambda run: run.id)
    latest = {(run.file, run.event, run.branch): run for run in ordered}
    files: dict[str, list[WorkflowRun]] = {}
    # Those of runs that others came after tell nothing, and those of no run were made by hand.
    suites: dict[int | None, bool | None] = dict.fromkeys(run.suite for run in checks.runs)
    for run in latest.values():
        judges = run.event in JUDGING_EVENTS or run.file.startswith(CODE_SCANNING)
        if run.event == "push" and run.branch in tags and not named:
            judges = False
        suites[run.suite] = judges
        red = named and _state(run) == "red"
        if judges or red or run.id == own:
            files.setdefault(run.file, []).append(run)
    units = [
        _workflow(runs, names.get(file, _base(file)), checks, page, own)
        for file, runs in files.items()
    ]
    suites.pop(None, None)
    jobs: dict[str, list[CheckRun]] = {}
    for item in checks.checks:
        counts = suites.get(item.suite, True)
        red = named and _state(item) == "red"
        if item.app != ACTIONS:
            where = f"run it again where it runs ({item.app or 'an app'})"
            units.append(_check(item, f"fix it, or {where}"))
        elif counts or (counts is False and red):
            jobs.setdefault(item.name, []).append(item)
    # Several of one name are one job, or what one job reported.
    remedy = "fix it, or run its workflow again"
    units += [_check(min(items, key=_rank), remedy, "job") for items in jobs.values()]
    return tuple(units)


def _workflow(
    runs: Sequence[WorkflowRun], name: str, checks: Checks, page: str, own: int | None
) -> Unit:
    """A workflow by its latest runs, one for each trigger and branch."""
    path = runs[0].file
    file = _base(path)
    names = (name, file, path)
    others = [run for run in runs if run.id != own]
    if not others:
        return Unit(names, "skipped", f"{name} is what this runs in", kind="workflow", own=True)
    run = min(others, key=_rank)
    own_checks = (c for c in checks.checks if c.suite is not None and c.suite == run.suite)
    failed = [item.name for item in own_checks if _state(item) == "red"]
    jobs = f": {_list(failed)}" if failed else ""
    return Unit(
        names,
        _state(run),
        f"{name} {_ending(run.status, run.conclusion)} ({file}, {run.event}){jobs}",
        f"fix it, or run it again: {page}/actions/runs/{run.id}",
        "workflow",
    )


def _check(item: CheckRun, remedy: str, kind: Literal["job", "check"] = "check") -> Unit:
    said = f"{item.name} {_ending(item.status, item.conclusion)}"
    return Unit((item.name,), _state(item), said, remedy, kind)


def _base(path: str) -> str:
    return path.rpartition("/")[2]


def _state(one: WorkflowRun | CheckRun) -> State:
    return ENDINGS.get(one.conclusion, "red") if one.status == "completed" else "running"


def _rank(one: WorkflowRun | CheckRun) -> int:
    return ORDER.index(_state(one))


def _ending(status: str, conclusion: str | None) -> str:
    if status != "completed":
        return f"is {status.replace('_', ' ')}"
    return f"ended with {(conclusion or 'no conclusion').replace('_', ' ')}"


def judge_units(
    units: Sequence[Unit], wanted: Sequence[str], started_by_push: Sequence[str] = ()
) -> Standing:
    """How a commit stands by what has checked it.

    `wanted` names what counts; if it is empty, everything does but for single jobs, and of the
    workflows whose files are in `started_by_push` one must have run. Where a workflow has a name
    that is wanted, a job of the same name cannot pass it, but fail it.
    """
    workflows = [unit for unit in units if unit.kind == "workflow"]
    taken = [name for name in wanted if any(unit.called(name) for unit in workflows)]

    def counts(unit: Unit) -> bool:
        if unit.kind != "job" and not wanted:
            return True
        weak = unit.kind == "job" and unit.state != "red"
        return any(unit.called(name) for name in wanted if not (weak and name in taken))

    counting = [unit for unit in units if counts(unit)]
    bad = {"red", "cancelled", "skipped"} if wanted else {"red", "cancelled"}
    red = [Finding(u.said, remedy=u.remedy) for u in counting if u.state in bad and not u.own]
    others = [unit for unit in units if unit.state == "red" and not counts(unit)]
    # The failed jobs of a workflow are named with it.
    others = [u for u in others if u.kind != "job"] or others
    less = "is not one of those that must succeed" if wanted else "no workflow has failed for it"
    remarks = [Finding(f"{unit.said}, and {less}", remedy=unit.remedy) for unit in others]
    remarks += [Finding(f"{unit.said}: it is left out") for unit in counting if unit.own and wanted]
    lacking = [name for name in wanted if not any(unit.called(name) for unit in units)]
    said = ((f"{name} has not run for this commit", _nearest(name, units)) for name in lacking)
    missing = [Finding(message, remedy=remedy) for message, remedy in said]
    own = {unit.names[-1] for unit in workflows if unit.own}
    ran = bool(wanted) or any(not unit.own for unit in workflows)
    return Standing(
        green=tuple(unit.names[0] for unit in counting if unit.state == "green"),
        red=tuple(red),
        missing=tuple(missing),
        running=tuple(unit.names[0] for unit in counting if unit.state == "running"),
        remarks=tuple(remarks),
        seen=sum(not unit.own and unit.kind != "job" for unit in units),
        own=bool(own),
        alone=bool(started_by_push) and not ran and own.issuperset(started_by_push),
        named=bool(wanted),
        absent=() if ran else tuple(_base(file) for file in started_by_push if file not in own),
    )


def conclude(standing: Standing, commit: str, waited: float) -> Outcome:
    """The verdict on how a commit stands after it was waited for so many seconds."""
    if standing.red:
        return Outcome.failed(standing.red + standing.missing, checked=standing.seen)
    if standing.running:
        after = f" after {waited / 60:.0f} min" if waited >= 60 else ""
        return Outcome.unchecked(
            f"still running for {commit[:12]}{after}: {_list(standing.running)}",
            "run this again, or wait for it: tool.release.gates.ci.wait-minutes = 30",
        )
    if not standing.seen and not standing.green:
        if standing.alone:
            return Outcome.not_applicable("the run that this is a part of is its only check")
        but = " but the run that this is a part of" if standing.own else ""
        remedy = "push it to a branch whose pushes are checked; where no forge checks them, set"
        remedy += ' tool.release.gates.ci.required = "never"'
        return Outcome.unchecked(f"no check{but} has run for commit {commit[:12]}", remedy)
    if standing.missing:
        return Outcome.failed(standing.missing, checked=standing.seen)
    if gap := _gap(standing, commit[:12]):
        return Outcome.unchecked(*gap)
    judged = Judgement(len(standing.green), notes=standing.remarks)
    return judged.settle(
        f"green for {commit[:12]}: {_list(standing.green)}", facts={"commit": commit}
    )


def _gap(standing: Standing, commit: str) -> tuple[str, str] | None:
    """Why what is green says too little, and what to do about it."""
    setting = "tool.release.gates.ci.workflows"
    if standing.absent:
        starts = f"a push or a pull request starts {_list(standing.absent)}"
        remedy = "run this again if it was pushed just now, else have one run on it ([skip ci] in"
        remedy += " its message and filters of paths keep them from it), or name what must succeed:"
        return f"no workflow has run for {commit}, and {starts}", f"{remedy} {setting}"
    if standing.green:
        return None
    if standing.named:
        message = f"only the run that this is a part of must succeed for {commit}"
        return message, f"name others as well, which have ended when this runs: {setting}"
    message = f"every check of {commit} was skipped"
    return message, f"run one of them on it, or name those that must succeed: {setting}"


def _nearest(name: str, units: Sequence[Unit]) -> str:
    known = {spelled.casefold(): spelled for unit in units for spelled in unit.names[:2]}
    close = difflib.get_close_matches(name.casefold(), known, 2)
    shown = ", ".join(known[key] for key in close) if close else ""
    ran = _list([unit.names[0] for unit in units])
    hint = f"did you mean {shown}? " if shown else ""
    return f"{hint}run it on this commit, or fix tool.release.gates.ci.workflows; what ran: {ran}"


def _list(names: Iterable[str]) -> str:
    """The first few names, each once, in their order."""
    return listing(list(dict.fromkeys(names)), SHOWN)


GATE = Gate(
    name="ci",
    title="the forge's checks of this very commit are green",
    check=check,
    required="ci",
    cost=0.3,
    valid=None,
    order=20,
    settings="release.gates.ci.settings:CiSettings",
    defects="release.gates.ci.defects:DEFECTS",
)
