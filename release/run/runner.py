"""Wraps gates: whether they apply, reuse, environments, time limits, logs and evidence."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from graphlib import TopologicalSorter
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from release.errors import CannotCheck, Interrupted, ReleaseError
from release.model import Evidence, Gate, Level, Outcome, Status
from release.project import Project
from release.project.detect import Detected, detect
from release.project.git import git
from release.run import environments
from release.run.checklist import Report
from release.run.inputs import Tree, gate_inputs, key_of
from release.run.processes import Log, Processes, locked, uninterrupted
from release.run.shell import BYTECODE, Shell
from release.run.store import Store, holds_artifacts
from release.settings import environment_is_ci
from release.text.escaping import terminal, visible
from release.text.masking import Mask

LIGHT_COST = 0.5
# What GitHub, Forgejo and GitLab call the run that all jobs of a workflow or pipeline belong to.
CI_RUNS = ("GITHUB_RUN_ID", "CI_PIPELINE_ID")
WAIT_SECONDS = 0.2
# Gates whose answer depends on the outside, on advisories or an index, count for less than that.
INDEPENDENT = timedelta(days=7)
# What the machine refuses; any other OSError is a defect of a gate.
MACHINE_FAULTS = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EMFILE}
)
MACHINE_REMEDY = "make room, or make it writable, and run it again"
INTERRUPTED = Outcome.unchecked("interrupted", "run it again")
OWN_DEFECT_REMEDY = "fix this project's own gate; the log has the traceback"
DEFECT_REMEDY = "this is a defect of nox-release: please report it with the log"


class Listener(Protocol):
    """Hears what happens to gates while a checklist runs; called from several threads."""

    def started(self, gate: Gate) -> None: ...
    def ended(self, evidence: Evidence) -> None: ...


@dataclass
class Stop:
    """What stops a run: shared by the runs that an action makes of it for other folders."""

    cancelled: threading.Event = field(default_factory=threading.Event)
    processes: list[Processes] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass
class Run:
    """One run over a project: what its gates share.

    `cache` is where environments lie: the gates' tools, shared by all projects, and unless
    `projects` names another folder for them those that hold a project's own code. `fresh` runs
    gates even where evidence would do, `echo` shows the output of gates that people want to read,
    `workers` is how many gates with tools run at once.
    `stop` ends it from outside, `pages` are what people read of a report, by file name. `in_ci`
    says that what is required in CI is required here.
    """

    project: Project
    store: Store
    cache: Path
    level: Level | None = None
    fresh: bool = False
    echo: bool = False
    workers: int = field(default_factory=lambda: max(2, os.cpu_count() or 2))
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    stop: Stop = field(default_factory=lambda: Stop())
    pages: Callable[[Report, Project], Mapping[str, str | None]] = lambda _report, _project: {}
    projects: Path | None = None
    in_ci: bool = field(default_factory=environment_is_ci)

    def __post_init__(self) -> None:
        tables = self.project.settings.gates.tables.values()
        self.mask = Mask({**os.environ, **{k: v for t in tables for k, v in t.secrets().items()}})
        # Of the whole repository where the project is a part of one: gates can see all of it.
        prefix = self.project.git.prefix if self.project.git else ""
        by_products = [f"{prefix}{glob}" for glob in self.project.settings.by_products]
        self.tree = Tree(self.project.top, by_products)
        self.refs = refs_digest(self.project)

    @property
    def environments(self) -> Path:
        """The folder of the environments that hold this project's own code."""
        name = f"{self.project.name}-{environments.digest_of(str(self.store.folder))[:16]}"
        return (self.projects or self.cache / "projects") / name

    @property
    def cancelled(self) -> bool:
        return self.stop.cancelled.is_set()

    def cancel(self) -> None:
        """Stop every running gate, leaving no process behind."""
        self.stop.cancelled.set()
        with self.stop.lock:
            running = list(self.stop.processes)
        for processes in running:
            processes.cancel()

    @contextmanager
    def processes(self) -> Iterator[Processes]:
        """The commands of one gate; whatever is left of them is gone afterwards."""
        if self.cancelled:
            raise Interrupted
        processes = Processes()
        with self.stop.lock:
            self.stop.processes.append(processes)
        try:
            yield processes
        finally:
            processes.sweep()
            with self.stop.lock:
                self.stop.processes.remove(processes)


def refs_digest(project: Project, without: str | None = None) -> str:
    """A digest of the commit and the tags that builds take versions from.

    A planned tag counts as if it were there already; the tag `without` as if it were not.
    """
    facts = project.git
    if facts is None:
        return ""
    form = "--format=%(refname) %(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end)"
    tags = set(git(project.root, "for-each-ref", form, "refs/tags").stdout.splitlines())
    if project.planned_tag:
        tags.add(f"refs/tags/{project.planned_tag} {facts.commit}")
    kept = sorted(tag for tag in tags if tag.partition(" ")[0] != f"refs/tags/{without}")
    return environments.digest_of(facts.commit or "", str(facts.dirty), *kept)


def judge(run: Run, gate: Gate, needed: Mapping[str, Evidence]) -> Evidence:
    """Judge one gate, or let fresh evidence stand in for it, and keep the evidence.

    `needed` holds the evidence of the gates that it needs. Never raises for what a gate does:
    whatever goes wrong ends in an `unchecked` outcome that says so.
    """
    needed = {name: needed[name] for name in gate.needs if name in needed}
    reason = does_not_apply(run, gate)
    if reason is not None:
        return _conclude(run, gate, Outcome.not_applicable(reason))
    for name in gate.needs:
        outcome = needed[name].outcome
        # What a gate made can be judged, whatever is wrong with it.
        if outcome.status is not Status.PASSED and not outcome.artifacts:
            states = {Status.FAILED: "failed", Status.UNCHECKED: "was not checked"}
            reason = f"needs {name}, which {states.get(outcome.status, 'does not apply')}"
            return _conclude(run, gate, Outcome.unchecked(reason, f"fix {name} first"))
    try:
        with locked(run.store.folder / "evidence" / f".{gate.name}.lock", lambda: run.cancelled):
            return _judge_locked(run, gate, needed)
    except Interrupted:
        return _conclude(run, gate, INTERRUPTED)
    except CannotCheck as error:
        return _conclude(run, gate, Outcome.unchecked(error.reason, error.remedy))


def _judge_locked(run: Run, gate: Gate, needed: Mapping[str, Evidence]) -> Evidence:
    state = run.tree.read()
    inputs = gate_inputs(gate, run.level, state, needed, run.refs)
    last = None if run.fresh else run.store.load(gate.name)
    if last is not None and _stands(run, gate, last, key_of(inputs)):
        return replace(last, reused=True)
    started = time.monotonic()
    _drop_stale_bytecode(run, gate, state.digest)
    with open_shell(run, gate, needed) as shell:
        outcome = _outcome(run, gate, shell)
    inputs_after = gate_inputs(gate, run.level, run.tree.read(), needed, run.refs)
    return _conclude(
        run,
        gate,
        outcome,
        key=key_of(inputs),
        key_after=key_of(inputs_after),
        inputs=inputs,
        tools=dict(shell.versions),
        commands=tuple(tuple(map(run.mask, command)) for command in shell.commands),
        seconds=time.monotonic() - started,
        log=f"logs/{gate.name}.log",
    )


def _outcome(run: Run, gate: Gate, shell: Shell) -> Outcome:
    """What a gate says, whatever it raises."""
    try:
        return checked(run.project, gate, shell)
    except Interrupted:
        return INTERRUPTED
    except CannotCheck as error:
        return Outcome.unchecked(error.reason, error.remedy)
    except ReleaseError as error:
        return Outcome.failed(error.problems)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in MACHINE_FAULTS:
            where = f": {error.filename}" if error.filename else ""
            return Outcome.unchecked(f"{error.strerror}{where}", MACHINE_REMEDY)
        trace = run.mask(traceback.format_exc())
        shell.log.write(trace)
        print(terminal(trace), end="", file=sys.stderr)
        ours = gate.check.__module__.partition(".")[0] == "release"
        remedy = DEFECT_REMEDY if ours else OWN_DEFECT_REMEDY
        return Outcome.unchecked(f"{type(error).__name__}: {error}", remedy)


def _stands(run: Run, gate: Gate, last: Evidence, key: str) -> bool:
    """Whether the last judgement may stand in for another one.

    A failure does where nothing outside of the key can end it, and not for who runs the gate alone
    and wants to see it at work.
    """
    failed = last.outcome.status is Status.FAILED
    if failed and (run.echo or gate.valid is None or gate.valid < INDEPENDENT):
        return False
    return last.fresh(key, validity(run, gate), run.now) and intact(run.store.folder, gate, last)


def checked(project: Project, gate: Gate, shell: Shell) -> Outcome:
    """What a gate says of the project, strictly where its settings ask for that.

    Where they do not say how it is judged, it is given what is detected.
    """
    found = detect(project, gate.name)
    if found is None:
        outcome = gate.check(project, shell)
    else:
        outcome = _as_detected(project, gate, shell, found)
    if not isinstance(outcome, Outcome):
        raise TypeError(f"the gate {gate.name} returned {outcome!r}, which is not an Outcome")
    return outcome.strictly() if project.settings.is_strict(gate) else outcome


def _as_detected(project: Project, gate: Gate, shell: Shell, found: Detected) -> Outcome:
    """What a gate says by settings that nobody wrote: they and their origin stand beside it."""
    shell.note(f"{found.told} (no settings in [tool.release.gates.{gate.name}])")
    gates = project.settings.gates.with_table(gate.name, found)
    settings = project.settings.model_copy(update={"gates": gates})
    try:
        outcome = gate.check(replace(project, settings=settings), shell)
    except CannotCheck as error:
        outcome = Outcome.unchecked(error.reason, error.remedy)
    told = f"as {found.origin}" if found.shown in outcome.summary else found.told
    return replace(outcome, summary=f"{outcome.summary} ({told})")


@contextmanager
def open_shell(
    run: Run, gate: Gate, needed: Mapping[str, Evidence] = MappingProxyType({})
) -> Iterator[Shell]:
    """The hands of a gate, or of something that is logged and stopped like one.

    `needed` is the evidence of the gates that it needs. Nothing that it started is left afterwards.
    """
    with run.store.writing():
        echo = sys.stdout if run.echo and gate.echoes else None
        log = Log(run.store.log(gate.name), run.mask, echo)
    with closing(log), ExitStack() as last, run.processes() as processes:
        shell = Shell(
            gate=gate,
            root=run.project.root,
            folder=run.store.folder,
            environments=run.environments,
            cache=run.cache,
            timeout=run.project.settings.gates.of_gate(gate).timeout,
            processes=processes,
            log=log,
            needed=needed,
            level=run.level,
            now=run.now,
        )
        last.callback(shell.close)  # when no process is left that may write there
        yield shell


def _drop_stale_bytecode(run: Run, gate: Gate, digest: str) -> None:
    """Forget the compiled modules of the project when its files are others than the last time.

    Python knows a stale one by the time of its source, in whole seconds, and its size; an edit of a
    moment ago that keeps the size would not be seen. Those of the gate's environment stay.
    """
    folder = run.environments / gate.name / BYTECODE
    noted = folder / "tree.txt"
    if not folder.is_dir() or (noted.is_file() and noted.read_text(encoding="utf-8") == digest):
        return
    own = folder.joinpath(*run.project.root.parts[1:])
    for path in own.iterdir() if own.is_dir() else ():
        if path.is_file():
            path.unlink(missing_ok=True)
        elif path.name != run.store.folder.name:
            shutil.rmtree(path, ignore_errors=True)
    run.store.write(noted, digest)


def ci_run(environ: Mapping[str, str] = os.environ) -> str:
    """The run of CI that this process is a part of, its jobs and repeats alike; "" elsewhere."""
    return next((environ[name] for name in CI_RUNS if environ.get(name)), "")


def does_not_apply(run: Run, gate: Gate) -> str | None:
    """Why a gate does not apply to the run's project and level, None if it does."""
    levels = run.project.settings.gates.of_gate(gate).levels
    level = run.level or run.project.release_level
    if levels is not None and level is not None and level not in levels:
        return f"set to {', '.join(levels)} releases only (tool.release.gates.{gate.name}.levels)"
    return gate.applies(run.project, level)


def validity(run: Run, gate: Gate) -> timedelta | None:
    """How long a pass of the gate counts: by the settings, else by itself; None is not at all."""
    hours = run.project.settings.gates.of_gate(gate).valid_hours
    if hours is None or gate.valid is None:
        return gate.valid
    return timedelta(hours=hours)


def intact(folder: Path, gate: Gate, evidence: Evidence) -> bool:
    """Whether the gate's folders in `folder` hold just what it made, with the same bytes."""
    made = {folder / artifact.path for artifact in evidence.outcome.artifacts}
    found = {p for name in gate.writes for p in (folder / name).rglob("*")}
    if any(path not in made for path in found if not path.is_dir()):
        return False
    return holds_artifacts(folder, evidence)


def evidence_of(run: Run, gate: Gate, outcome: Outcome, **judged: Any) -> Evidence:
    """Evidence of the run's commit with an outcome; `judged` is what the judgement of it took."""
    facts = run.project.git
    return Evidence(
        gate=gate.name,
        outcome=outcome.map_text(lambda text: visible(run.mask(text))),
        commit=(facts.commit if facts else None) or "",
        tree=(facts.tree if facts else None) or "",
        dirty=facts.dirty if facts else True,
        level=run.level.value if run.level else None,
        started=run.now,
        run=ci_run(),
        **judged,
    )


def _conclude(run: Run, gate: Gate, outcome: Outcome, **judged: Any) -> Evidence:
    evidence = evidence_of(run, gate, outcome, **judged)
    run.store.save(evidence)
    return evidence


def judge_with_needs(run: Run, gate: Gate, gates: Mapping[str, Gate]) -> dict[str, Evidence]:
    """Judge one gate after those it needs; returns the evidence of all of them by name."""
    found: dict[str, Evidence] = {}
    for name in TopologicalSorter(needs_among(with_needs([gate.name], gates))).static_order():
        found[name] = judge(run, gates[name], found)
    return found


def with_needs(names: Iterable[str], gates: Mapping[str, Gate]) -> dict[str, Gate]:
    """The gates of these names, and those that they need, in the order of `gates`."""
    wanted: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in wanted:
            wanted.add(name)
            waiting += gates[name].needs
    return {name: gate for name, gate in gates.items() if name in wanted}


def judge_all(
    run: Run,
    gates: Mapping[str, Gate],
    listener: Listener,
    given: Mapping[str, Evidence] | None = None,
) -> dict[str, Evidence]:
    """Judge every gate, in parallel, those with the longest way still before them first.

    `given` is the evidence of gates that these need and that are not judged here. Light gates,
    which only read, start at once; the others share as many threads as there are processors.
    Returns the evidence by name, in the order of `gates`. On KeyboardInterrupt every
    command is stopped, what was not judged is `unchecked`, and the evidence so far is returned
    with `run.cancelled` set.
    """
    weight = _weights(run, gates)
    sorter = TopologicalSorter(needs_among(gates))
    sorter.prepare()
    found: dict[str, Evidence] = dict(given or {})

    def work(gate: Gate) -> Evidence:
        listener.started(gate)
        evidence = judge(run, gate, found)
        listener.ended(evidence)
        return evidence

    waiting: set[str] = set()
    with ThreadPoolExecutor(len(gates)) as pool:
        running: dict[Future[Evidence], str] = {}
        try:
            # An interruption in the midst of wait() would leave futures locked for ever.
            with uninterrupted() as interruptions:
                while sorter.is_active() and not interruptions:
                    waiting.update(sorter.get_ready())
                    for name in sorted(waiting, key=lambda name: -weight[name]):
                        busy = sum(not is_light(gates[other]) for other in running.values())
                        if is_light(gates[name]) or busy < run.workers:
                            running[pool.submit(work, gates[name])] = name
                            waiting.discard(name)
                    done, _ = wait(running, timeout=WAIT_SECONDS, return_when=FIRST_COMPLETED)
                    for future in done:
                        name = running.pop(future)
                        found[name] = future.result()
                        sorter.done(name)
        except KeyboardInterrupt:
            run.cancel()
            pool.shutdown()
            found |= {name: future.result() for future, name in running.items()}
        except BaseException:
            run.cancel()
            raise
    for name, gate in gates.items():
        if name not in found:
            found[name] = _conclude(
                run, gate, Outcome.unchecked("not judged: the run was interrupted", "run it again")
            )
    return {name: found[name] for name in gates}


def needs_among(gates: Mapping[str, Gate]) -> dict[str, list[str]]:
    """For each gate those of the others that it needs."""
    return {name: [need for need in gate.needs if need in gates] for name, gate in gates.items()}


def durations(run: Run, gates: Mapping[str, Gate]) -> dict[str, float]:
    """How many seconds each gate took the last time, or usually takes."""
    last = {name: run.store.load(name) for name in gates}
    return {
        name: found.seconds if found and found.seconds > 0 else gates[name].cost
        for name, found in last.items()
    }


def is_light(gate: Gate) -> bool:
    """Whether a gate only reads and asks, so that it need not wait for a free processor."""
    return gate.cost < LIGHT_COST


def _weights(run: Run, gates: Mapping[str, Gate]) -> dict[str, float]:
    """For each gate the seconds from its start to the end of the last gate that waits for it."""
    costs = durations(run, gates)
    weights: dict[str, float] = {}
    for name in reversed(list(TopologicalSorter(needs_among(gates)).static_order())):
        after = [weights[other] for other, gate in gates.items() if name in gate.needs]
        weights[name] = costs[name] + max(after, default=0.0)
    return weights
