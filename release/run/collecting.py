"""Judges what others ran: evidence of other machines, or of this one at the moment of tagging."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from graphlib import TopologicalSorter
from pathlib import Path

from release.errors import ConfigurationError
from release.model import Evidence, Finding, Gate, Outcome, Status
from release.run.checklist import Report, checklist, make_report
from release.run.counting import altered, came_whole, other_run, read, standing
from release.run.inputs import gate_inputs, key_of
from release.run.preflight import write
from release.run.runner import (
    Run,
    ci_run,
    does_not_apply,
    evidence_of,
    intact,
    needs_among,
    refs_digest,
)
from release.text.escaping import visible

SEVERITY = {
    Status.NOT_APPLICABLE: 0,
    Status.PASSED: 1,
    Status.UNCHECKED: 2,
    Status.FAILED: 3,
}


# What was found of one gate: evidence that may count, or why some of it does not.
Gathered = list[Evidence | str]


def collect(run: Run, folder: Path) -> Report:
    """Judge evidence that other machines left below `folder`, and run nothing.

    Evidence counts when it is of this very commit, of a clean tree, for the same level, of one run
    of CI (this one, in CI), within its gate's validity, judged on the tags, tools, program and
    files that this machine knows of; files that came along have the digests that it names. What
    does not count is named, and its gate is `unchecked`. Where several machines judged one gate,
    the worst status stands. Raises ConfigurationError when `folder` is none, or holds evidence of a
    gate that this project does not have.
    """
    if not folder.is_dir():
        raise ConfigurationError.of(
            "is not a folder", str(folder), remedy="give the folder that holds the evidence"
        )
    gates = checklist(run.project)
    gathered = _gathered(run, folder, gates)
    run_id = ci_run() or _newest_run(gathered)
    chosen: dict[str, Evidence] = {}
    for name in TopologicalSorter(needs_among(gates)).static_order():
        chosen[name] = _chosen(run, gates[name], gathered[name], chosen, run_id)
    report = make_report(run.project, gates, chosen, level=run.level, in_ci=run.in_ci, seconds=0.0)
    write(run, report)
    return report


def _gathered(run: Run, folder: Path, gates: Mapping[str, Gate]) -> dict[str, Gathered]:
    found: dict[str, Gathered] = {name: [] for name in gates}
    foreign: list[Finding] = []
    for path, beside in _evidence_files(folder):
        gate = gates.get(path.stem)
        if gate is None:
            said = "is evidence of a gate that this project does not have"
            remedy = "remove it, or collect with the gates that the other machines had"
            foreign.append(Finding(said, visible(str(path.relative_to(folder))), None, remedy))
            continue
        known = read(run, gate, path)
        if isinstance(known, Evidence) and not came_whole(beside, gate, known):
            known = "the files that came with the evidence are not those that it names"
        if known not in found[gate.name]:  # the same may come by several ways
            found[gate.name].append(known)
            if isinstance(known, Evidence):
                _keep_log(run, gate, beside)
    if foreign:
        raise ConfigurationError(*foreign)
    return found


def _evidence_files(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Every file of evidence below a folder, and the `.release/` of a machine that it lay in."""
    for path in sorted(folder.rglob("*.json")):
        if path.parent.name == "evidence":
            yield path, path.parent.parent
        elif path.parent == folder:
            yield path, folder


def _keep_log(run: Run, gate: Gate, beside: Path) -> None:
    """Let the report lead to the log here as well, where it came along."""
    log = beside / "logs" / f"{gate.name}.log"
    if log.is_file() and not log.is_symlink():
        text = log.read_text(encoding="utf-8", errors="replace")
        run.store.write(run.store.log(gate.name), text)


def _newest_run(gathered: Mapping[str, Gathered]) -> str:
    """The run of CI that the newest evidence is of."""
    every = [each for found in gathered.values() for each in found if isinstance(each, Evidence)]
    return max(every, key=lambda evidence: evidence.started).run if every else ""


def _chosen(
    run: Run, gate: Gate, found: Gathered, needed: Mapping[str, Evidence], run_id: str
) -> Evidence:
    """The evidence that stands for a gate among what was gathered."""
    judged = [each for each in found if isinstance(each, Evidence)]
    reason = next((each for each in found if isinstance(each, str)), None)
    foreign = next((e.run for e in judged if e.run != run_id), None)
    if reason is None and foreign is not None:
        reason = other_run(foreign, run_id)
    if reason is None and (twice := _made_twice(judged)):
        reason = f"{twice} was made twice, with other bytes: nobody can tell which one was judged"
    if reason is None and not judged:
        reason = "no evidence was collected"
    reason = reason or next(filter(None, (altered(run, gate, e, needed) for e in judged)), None)
    if reason is not None:
        hint = f"see that the job with {gate.name} ends and hands on what it found"
        return standing(run, gate, reason, f"{hint}; or {_remedy(gate)}")
    worst = max(judged, key=lambda e: SEVERITY[e.outcome.status])
    return worst if len(judged) == 1 else _told_of_others(worst, judged)


def _told_of_others(worst: Evidence, found: Sequence[Evidence]) -> Evidence:
    statuses = ", ".join(evidence.outcome.status for evidence in found)
    note = Finding(f"judged {len(found)} times ({statuses}); the worst counts")
    return replace(worst, outcome=replace(worst.outcome, notes=(*worst.outcome.notes, note)))


def _made_twice(found: Sequence[Evidence]) -> str | None:
    """The name of a file that two pieces of evidence give other digests."""
    digests: dict[str, str] = {}
    for artifact in (artifact for evidence in found for artifact in evidence.outcome.artifacts):
        if digests.setdefault(artifact.path, artifact.sha256) != artifact.sha256:
            return visible(artifact.name)
    return None


def _remedy(gate: Gate) -> str:
    return f"run it on this commit: nox -s {gate.name}"


def collect_here(run: Run, folder: Path, tag: str) -> Report:
    """Judge the evidence in `folder`, this project's `.release/`; run and write nothing.

    It counts where every input that the gate had is the same now, as it was before and after the
    judgement, with or without the `tag` that is to be made of it.
    """
    gates = checklist(run.project)
    state = run.tree.read()
    planned = replace(run.project, planned_tag=tag)
    refs = {refs_digest(run.project), refs_digest(planned), refs_digest(run.project, tag)}
    chosen: dict[str, Evidence] = {}
    for name in TopologicalSorter(needs_among(gates)).static_order():
        gate = gates[name]
        needed = {other: chosen[other] for other in gate.needs}
        keys = {key_of(gate_inputs(gate, run.level, state, needed, one)) for one in refs}
        chosen[name] = _standing(run, folder, gate, keys)
    return make_report(run.project, gates, chosen, level=run.level, in_ci=run.in_ci, seconds=0.0)


def _standing(run: Run, folder: Path, gate: Gate, keys: Collection[str]) -> Evidence:
    """The evidence of a gate in this project, or what says why there is none that counts."""
    if reason := does_not_apply(run, gate):
        return evidence_of(run, gate, Outcome.not_applicable(reason))
    found = read(run, gate, folder / "evidence" / f"{gate.name}.json")
    well = {Status.PASSED, Status.NOT_APPLICABLE}
    if isinstance(found, Evidence) and found.outcome.status in well:
        if found.key not in keys:
            found = "something that it reads has changed since: a file, a variable, a tag or a tool"
        elif not intact(folder, gate, found):
            found = "the files that it made are not there as they were judged"
    return standing(run, gate, found, _remedy(gate))
