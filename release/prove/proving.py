"""Proves in throwaway copies that gates fail: each one's defects are planted, and it must say so.

Everything happens in a scratch folder in the system's folder for temporary files. The copies are
clones that borrow the repository's objects and have a bare clone in that folder as their remote; of
the repository itself only `.release/` is written.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from queue import SimpleQueue

from release.errors import CannotCheck, ConfigurationError, Interrupted, ReleaseError
from release.gates.ci.settings import CiSettings
from release.model import Artifact, Evidence, Finding, Gate, Outcome, Status
from release.project import Project, read_project
from release.prove import copies
from release.prove.own_defects import always_green, declared_defect, own_defects
from release.prove.proof import Proof, Proofs, Proved, Shown
from release.prove.stand_in import HOSTS, StandIn
from release.registry import resolve
from release.run.checklist import checklist, require_known, requirements
from release.run.environments import variables
from release.run.planting import CannotPlant, Copy, Defect, commit, git
from release.run.processes import uninterrupted
from release.run.runner import (
    Run,
    does_not_apply,
    is_light,
    judge,
    judge_all,
    open_shell,
    with_needs,
)
from release.run.scratch import remove_left, scratch
from release.run.store import Store, artifact_of
from release.settings import CommandSettings, environment_is_ci
from release.text.escaping import sentence
from release.world.forge import NoForge, find


class Listener:
    """Hears how a proof goes on; called from one thread."""

    def judged(self, clean: Mapping[str, Evidence], seconds: float) -> None:
        """The unplanted copy was judged."""

    def shown(self, gate: Proved) -> None:
        """A gate is done with; told in the order of the checklist."""


@dataclass(frozen=True, slots=True)
class _Bench:
    """What all proofs of a run share."""

    run: Run
    gates: Mapping[str, Gate]
    scratch: Path
    remote: Path
    branch: str
    clean: Run
    evidence: Mapping[str, Evidence]
    server: str


@dataclass(frozen=True, slots=True)
class _Task:
    """A gate and its defects; of a gate that nobody else knows, one that it sees is enough.

    `settings` are those of a gate that takes commands.
    """

    gate: Gate
    settings: CommandSettings | None
    defects: tuple[Defect, ...]
    any_of: bool

    @property
    def commands(self) -> tuple[tuple[str, ...], ...]:
        """The project's own commands that judge it."""
        return (self.settings.run if self.settings else None) or ()

    @property
    def is_own(self) -> bool:
        """Whether commands or code of the project's own judge it."""
        own = self.settings is not None and self.settings.run is not None
        return own or not self.gate.defects

    @property
    def say_broken(self) -> str:
        """How a project can say what it must refuse; empty where nobody can say that."""
        named = f"say what breaks a copy: tool.release.gates.{self.gate.name}.broken"
        return named if self.settings is not None else ""


@dataclass(frozen=True, slots=True)
class _Judged:
    """How a gate judged a planted copy; `where` and `log` say what was planted and what it did."""

    outcome: Outcome
    root: Path
    where: str
    log: str


def prove(run: Run, names: Sequence[str], listener: Listener) -> Proofs:
    """Plant each gate's defects in copies of the project's commit, and judge them there.

    `names` chooses gates, none means all of them. Of the project itself nothing is touched but the
    logs in `.release/`. Raises ReleaseError for a project that is not in a git repository, and for
    names that are not gates. On KeyboardInterrupt everything is stopped and removed.
    """
    started = time.monotonic()
    project, facts = run.project, run.project.git
    if facts is None or facts.commit is None:
        remedy = "git init, git add, git commit: copies are made of a commit"
        raise ReleaseError.of("not in a git repository with a commit", remedy=remedy)
    gates = checklist(project)
    require_known(names, gates)
    chosen = [name for name in gates if not names or name in names]
    workflows = project.settings.gates.of("ci", CiSettings).workflows
    required = requirements(project, gates.values())
    proved: dict[str, Proved] = {}
    waiting = deque(chosen)

    def done(name: str, lines: Sequence[Shown], *, any_of: bool) -> None:
        proved[name] = Proved(name, _of_gate(lines, any_of=any_of), tuple(lines), required[name])
        while waiting and waiting[0] in proved:
            listener.shown(proved[waiting.popleft()])

    with (
        scratch("prove") as folder,
        StandIn(workflows[0] if workflows else "planted.yml") as server,
    ):
        remove_left(folder)
        bench = _prepare(run, gates, chosen, folder, server.address)
        listener.judged(bench.evidence, time.monotonic() - started)
        tasks = []
        for name in chosen:
            run.store.log(f"prove-{name}").unlink(missing_ok=True)
            known = _without_planting(bench, gates[name])
            if known is not None:
                done(name, [known], any_of=False)
            else:
                tasks.append(_task(bench, gates[name]))
        try:
            with variables(_past_proxies()):
                _perform(bench, tasks, done)
        except BaseException:
            for name in waiting:
                if name in proved:
                    listener.shown(proved[name])
            raise
    return Proofs(
        project=project.name,
        commit=facts.commit,
        dirty=facts.dirty,
        gates=tuple(proved[name] for name in chosen),
        in_ci=environment_is_ci(),
        seconds=time.monotonic() - started,
    )


def _of_gate(lines: Sequence[Shown], *, any_of: bool) -> Proof:
    """What is shown of a gate by its lines.

    With `any_of` one defect that it sees is enough; else there must be none that it lets pass.
    What there was nothing to plant in does not count where another defect was planted.
    """
    proofs = {line.proof for line in lines}
    if any_of and Proof.PROVED in proofs:
        return Proof.PROVED
    order = (Proof.CANNOT_FAIL, Proof.NOT_SHOWN, Proof.PROVED)
    return next((proof for proof in order if proof in proofs), Proof.NOT_APPLICABLE)


# --- what needs no planting -----------------------------------------------------------------------


def _without_planting(bench: _Bench, gate: Gate) -> Shown | None:
    """What is known of a gate before anything is planted; None when it is to be tried."""
    reason = does_not_apply(bench.clean, gate)
    if reason is None and gate.name == "ci":
        reason = _no_forge(bench.run.project)
    outcome = bench.evidence[gate.name].outcome
    defects: tuple[Defect, ...] = resolve(gate.defects)
    stood_in = any(each.stood_in for each in defects) and bench.run.project.settings.publish
    if reason is None and not stood_in and outcome.status is Status.NOT_APPLICABLE:
        reason = outcome.summary
    if reason is not None:
        return Shown("", Proof.NOT_APPLICABLE, reason)
    if outcome.status is Status.FAILED:
        remedy = f"fix it first: nox -s {gate.name}; a gate that fails anyhow proves nothing"
        return Shown("", Proof.NOT_SHOWN, f"fails already: {outcome.summary}", remedy)
    for name in gate.needs:
        if bench.evidence[name].outcome.status is not Status.PASSED:
            return Shown("", Proof.NOT_SHOWN, outcome.summary, f"fix it first: nox -s {name}")
    return None


def _no_forge(project: Project) -> str | None:
    try:
        find(project.git, project.settings.remote)
    except NoForge as error:
        return error.reason if error.certain else None
    except ConfigurationError:  # which the gate tells
        return None
    return None


def _task(bench: _Bench, gate: Gate) -> _Task:
    found = bench.run.project.settings.gates.of_gate(gate)
    settings = found if isinstance(found, CommandSettings) else None
    if settings is not None and settings.broken:
        plant = partial(_run_broken, bench, gate, settings.broken)
        return _Task(gate, settings, (declared_defect(settings.broken, plant),), any_of=False)
    if gate.defects:
        return _Task(gate, settings, resolve(gate.defects), any_of=False)
    task = _Task(gate, settings, (), any_of=True)
    return replace(task, defects=own_defects(task.commands, bench.clean.project))


def _run_broken(bench: _Bench, gate: Gate, broken: Sequence[Sequence[str]], copy: Copy) -> None:
    """Break a copy as the project says. Raises CannotCheck when that fails or changes nothing."""
    there = replace(bench.run, project=copy.project, store=Store(copy.root), echo=False)
    remedy = f"fix tool.release.gates.{gate.name}.broken"
    before = git(copy.root, "rev-parse", "HEAD")
    with open_shell(there, gate) as shell:
        for words in broken:
            program = sys.executable if words[0] in {"python", "python3"} else words[0]
            done = shell.run(program, *words[1:])
            if done.status != 0:
                said = f"{' '.join(words)}: exit status {done.status}: {done.last_line}"
                raise CannotCheck(said, remedy)
    differs = git(copy.root, "diff", "--name-only", before)
    if not differs and not git(copy.root, "status", "--porcelain"):
        raise CannotCheck("nothing is changed by what is to break it", remedy)


# --- planting and judging -------------------------------------------------------------------------


def _perform(bench: _Bench, tasks: Sequence[_Task], done: Callable[..., None]) -> None:
    """Perform the tasks, light ones first; those that need their own surroundings alone."""
    alone = [task for task in tasks if any(defect.surroundings for defect in task.defects)]
    for task in alone:
        done(task.gate.name, _try(bench, task), any_of=task.any_of)
    others = sorted(
        (task for task in tasks if task not in alone),
        key=lambda task: -task.gate.cost if not is_light(task.gate) else -1e9,
    )
    # Not as_completed: an interruption in the midst of it would leave futures locked for ever.
    ended: SimpleQueue[Future[list[Shown]]] = SimpleQueue()
    with ThreadPoolExecutor(bench.run.workers) as pool:
        try:
            with uninterrupted():
                running = {pool.submit(_try, bench, task): task for task in others}
                for future in running:
                    future.add_done_callback(ended.put)
            for _ in others:
                future = ended.get()
                done(running[future].gate.name, future.result(), any_of=running[future].any_of)
        except BaseException:
            bench.run.cancel()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _try(bench: _Bench, task: _Task) -> list[Shown]:
    """Try a gate's defects one after the other; where one is enough, up to the first proof."""
    lines: list[Shown] = []
    kept: list[str] = []
    for defect in task.defects:
        planted = any(line.proof is not Proof.NOT_APPLICABLE for line in lines)
        if defect.fallback and planted:
            continue
        if bench.run.cancelled:
            raise KeyboardInterrupt
        started = time.monotonic()
        shown = _try_one(bench, task, defect, kept)
        lines.append(replace(shown, seconds=time.monotonic() - started))
        if task.any_of and shown.proof is Proof.PROVED:
            others = [replace(line, proof=Proof.NOT_APPLICABLE) for line in lines[:-1]]
            return [*others, lines[-1]]
    if kept:
        log = bench.run.store.log(f"prove-{task.gate.name}")
        bench.run.store.write(log, bench.run.mask("".join(kept)))
    if all(line.proof is Proof.NOT_APPLICABLE for line in lines):
        remedy = task.say_broken or "break a copy by hand, and run the gate there"
        return [replace(line, proof=Proof.NOT_SHOWN, remedy=remedy) for line in lines]
    return lines


def _try_one(bench: _Bench, task: _Task, defect: Defect, kept: list[str]) -> Shown:
    """What one defect shows; the log of what is not proof is added to `kept`."""
    gate = task.gate
    try:
        found = _plant_and_judge(bench, gate, defect, defect.plant)
        shown = _compare(bench, task, defect, found)
        # What it says need not name the defect: a control must bear it out.
        by_any = not defect.says or task.is_own
        if shown.proof is Proof.PROVED and defect.control and by_any:
            control = _plant_and_judge(bench, gate, defect, defect.control)
            if control.outcome.status is not Status.PASSED:
                said = f"does not pass a harmless commit either: {control.outcome.summary}"
                shown = Shown(defect.name, Proof.NOT_SHOWN, said)
                found = control
    except CannotPlant as error:
        return Shown(defect.name, Proof.NOT_APPLICABLE, f"nothing to plant it in: {error}")
    except Interrupted:
        raise KeyboardInterrupt from None
    except (ReleaseError, OSError) as error:
        said, remedy = _obstacle(error)
        return Shown(defect.name, Proof.NOT_SHOWN, f"not planted: {said}", remedy)
    if shown.proof is Proof.PROVED:
        return shown
    kept.append(f"== {defect.name}: {shown.proof}: {shown.said}\n{found.log}\n")
    settings = task.settings
    if always_green(task.commands):
        return replace(shown, remedy=f"have it judge something: tool.release.gates.{gate.name}.run")
    parts = [shown.remedy, found.where, f"see .release/logs/prove-{gate.name}.log"]
    accused = task.is_own or shown.proof is Proof.CANNOT_FAIL
    if settings and not settings.broken and accused:
        parts.append(f"or {task.say_broken}")
    return replace(shown, remedy="; ".join(filter(None, parts)))


def _obstacle(error: ReleaseError | OSError) -> tuple[str, str]:
    """What other than the project stood in the way of planting, and what to do."""
    if isinstance(error, OSError):
        return error.strerror or str(error), "fix that first"
    return error.problems[0].message, error.problems[0].remedy or "fix that first"


def _plant_and_judge(
    bench: _Bench, gate: Gate, defect: Defect, plant: Callable[[Copy], None]
) -> _Judged:
    """Plant something in a copy of its own, and judge that.

    Raises CannotPlant, and ReleaseError or OSError for what else stands in the way.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"{gate.name}-", dir=bench.scratch))
    extra = bench.run.project.extra
    try:
        root = copies.make_copy(bench.run.project, bench.remote, bench.branch, folder)
        store = Store(root)
        copies.share(bench.clean.store, store, gate, bench.gates)
        made = bench.clean.store.folder
        copy = Copy(read_project(root, extra), bench.evidence, made, folder, bench.server)
        plant(copy)
        if defect.committed:
            commit(root)
        project = defect.amend(copy, read_project(root, extra))
        there = replace(
            bench.run,
            project=project,
            store=store,
            projects=folder / "environments",
            fresh=True,
            echo=False,
            level=None,
        )
        copies.share_environments(bench.clean.environments, there.environments, gate)
        with variables(defect.surroundings(copy) if defect.surroundings else {}):
            evidence = judge(there, gate, _as_planted(bench.evidence, store))
        if bench.run.cancelled:
            raise KeyboardInterrupt
        diff = copies.changes(root, copy.project.repository.commit or "HEAD")
        log = store.log(gate.name)
        text = log.read_text("utf-8", "replace") if log.is_file() else ""
        return _Judged(evidence.outcome, root, _where(diff), f"{diff}\n\n{text}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _where(diff: str) -> str:
    """The first file that a diff changes, and the last line that it adds there."""
    path = re.search(r"(?m)^(?:\+\+\+ b/|--- a/)(.+?)\t?$", diff)
    if path is None:
        return ""
    first = re.split(r"(?m)^diff --git ", diff)[1]
    added = [line[1:].strip() for line in first.split("\n") if re.match(r"\+(?!\+\+ )", line)]
    lines = [line for line in added if line]
    return f"planted in {path[1]}{f': {lines[-1]}' if lines else ''}"


def _as_planted(clean: Mapping[str, Evidence], store: Store) -> dict[str, Evidence]:
    """The clean copy's evidence, of the files that are in this one: some of them are planted in."""

    def stated(artifact: Artifact) -> Artifact:
        with suppress(OSError):
            return artifact_of(store.folder, store.folder / artifact.path)
        return artifact

    found = {}
    for name, evidence in clean.items():
        artifacts = tuple(stated(artifact) for artifact in evidence.outcome.artifacts)
        found[name] = replace(evidence, outcome=replace(evidence.outcome, artifacts=artifacts))
    return found


def _past_proxies() -> dict[str, str | None]:
    """Variables by which no proxy is asked for what stands in on this machine."""
    said = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    value = ",".join([*filter(None, [said]), *HOSTS])
    return {"NO_PROXY": value, "no_proxy": value}


def _compare(bench: _Bench, task: _Task, defect: Defect, found: _Judged) -> Shown:
    """What a planted defect shows of a gate, by its outcome before and after."""
    after = found.outcome
    if after.status not in {Status.FAILED, Status.PASSED}:
        remedy = next((f.remedy for f in after.findings if f.remedy), "")
        return Shown(defect.name, Proof.NOT_SHOWN, f"{after.status}: {after.summary}", remedy)
    places = (str(found.root), str(bench.clean.project.root))
    known = {_text(finding, places) for finding in bench.evidence[task.gate.name].outcome.findings}
    new = [text for f in after.findings if (text := _text(f, places)) not in known]
    says = "" if task.is_own else defect.says
    matching = [text for text in new if re.search(says, text)]
    if matching:
        advice = "" if after.blocking else "advice: "
        return Shown(defect.name, Proof.PROVED, f"{advice}{matching[0]}")
    if after.status is Status.PASSED:
        return Shown(defect.name, _let_pass(task), f"passed all the same: {after.summary}")
    other = (new or [after.summary])[0]
    return Shown(defect.name, Proof.NOT_SHOWN, f"failed for another reason: {other}")


def _let_pass(task: _Task) -> Proof:
    """What it shows that a gate lets a defect pass.

    What commands of the project's own must refuse nobody else knows, unless it is nothing at all or
    the project says what it is.
    """
    told = task.settings is not None and bool(task.settings.broken)
    known = not task.is_own or told or always_green(task.commands)
    return Proof.CANNOT_FAIL if known else Proof.NOT_SHOWN


def _text(finding: Finding, places: Sequence[str]) -> str:
    """A finding as text, the same for every copy."""
    text = f"{finding.path}: {finding.message}" if finding.path else finding.message
    for place in places:
        text = text.replace(place, ".")
    return sentence(text)


# --- the clean copy -------------------------------------------------------------------------------


def _prepare(
    run: Run, gates: Mapping[str, Gate], chosen: Sequence[str], scratch: Path, server: str
) -> _Bench:
    """Make the remote and the clean copy, and judge that."""
    project, facts = run.project, run.project.repository
    copies.require_whole(facts)
    branch = copies.release_branch(project, facts)
    try:
        remote = copies.make_remote(facts, branch, scratch)
        root = copies.make_copy(project, remote, branch, scratch / "clean")
    except CannotCheck as error:
        remedy = "fix it until `git clone` of this repository works"
        raise ReleaseError.of(f"cannot be copied: {error.reason}", remedy=remedy) from None
    store = Store(root)
    wanted = with_needs(chosen, gates)
    copies.take_evidence(run.store, store, wanted)
    clean = replace(
        run,
        project=read_project(root, run.project.extra),
        store=store,
        projects=scratch / "environments",
        echo=False,
        level=None,
    )
    evidence = judge_all(clean, wanted, _Silent())
    if clean.cancelled:
        raise KeyboardInterrupt
    return _Bench(run, gates, scratch, remote, branch, clean, evidence, server)


class _Silent:
    def started(self, gate: Gate) -> None:
        pass

    def ended(self, evidence: Evidence) -> None:
        pass
