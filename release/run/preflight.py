"""The whole checklist: run it, or judge what others ran; and keep the report."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from graphlib import TopologicalSorter
from pathlib import Path

from release.errors import ConfigurationError
from release.model import Evidence, Finding, Gate, Outcome, Status
from release.run.checklist import Report, checklist, make_report
from release.run.inputs import gate_key
from release.run.runner import (
    Listener,
    Run,
    ci_run,
    does_not_apply,
    intact,
    judge_all,
    refs_digest,
    validity,
)
from release.run.store import read_evidence
from release.settings import environment_is_ci
from release.text.escaping import visible

LONGEST_VALIDITY = timedelta(days=7)


def preflight(run: Run, listener: Listener) -> Report:
    """Judge every gate of the project and write the report."""
    started = time.monotonic()
    gates = checklist(run.project)
    before = run.tree.read()
    evidence = judge_all(run, gates, listener)
    moved = run.tree.read().changed_since(before)
    disturbed = _disturbed(run, moved)
    report = make_report(
        run.project,
        gates,
        evidence,
        level=run.level,
        in_ci=environment_is_ci(),
        seconds=time.monotonic() - started,
        moved=tuple(moved),
        disturbed=disturbed,
    )
    write(run, report)
    return report


def _disturbed(run: Run, moved: Sequence[str]) -> tuple[str, ...]:
    """What changed of the commit itself while it was judged: HEAD, or files that git minds."""
    from release.project.git import read_facts

    before, after = run.project.git, read_facts(run.project.root)
    if before is None or after is None:
        return ()
    prefix = after.prefix
    minded = {f"{prefix}{path}" for path in (*after.changed, *after.untracked)}
    minded |= {f"{prefix}{path}" for path in (*before.changed, *before.untracked)}
    head = ("HEAD",) if after.commit != before.commit else ()
    return (*head, *(path for path in moved if path in minded))


def collect(run: Run, folder: Path) -> Report:
    """Judge evidence that other machines left below `folder`, and run nothing.

    Evidence counts when it is of this very commit, of a clean tree, for the same level, of one run
    of CI (this one, in CI), and within its gate's validity. Where several machines judged one gate,
    the worst status stands. Raises ConfigurationError when `folder` is none, or holds evidence of a
    gate that this project does not have.
    """
    if not folder.is_dir():
        raise ConfigurationError.of(
            "is not a folder", str(folder), remedy="give the folder that holds the evidence"
        )
    gates = checklist(run.project)
    found, refused = _gathered(run, folder, gates)
    run_id = ci_run() or _newest_run(found)
    chosen = {
        name: _chosen(run, gate, found[name], refused.get(name), run_id)
        for name, gate in gates.items()
    }
    report = make_report(
        run.project, gates, chosen, level=run.level, in_ci=environment_is_ci(), seconds=0.0
    )
    write(run, report)
    return report


def _gathered(
    run: Run, folder: Path, gates: Mapping[str, Gate]
) -> tuple[dict[str, list[Evidence]], dict[str, str]]:
    """The evidence below a folder that may count, by gate, and why some of a gate does not."""
    found: dict[str, list[Evidence]] = {name: [] for name in gates}
    refused: dict[str, str] = {}
    foreign: list[Finding] = []
    for path in sorted(folder.rglob("*.json")):
        if path.parent.name != "evidence" and path.parent != folder:
            continue
        name = path.stem
        try:
            evidence = read_evidence(path)
        except (OSError, ValueError) as error:
            refused[name] = visible(f"{path.name} is not evidence: {error}")
            continue
        if name not in gates:
            foreign.append(_foreign(folder, path))
        elif reason := _refusal(run, gates[name], evidence):
            refused[name] = reason
        else:
            clean = evidence.outcome.map_text(visible)
            found[name].append(replace(evidence, outcome=clean))
    if foreign:
        raise ConfigurationError(*foreign)
    return found, refused


def _foreign(folder: Path, path: Path) -> Finding:
    return Finding(
        "is evidence of a gate that this project does not have",
        visible(str(path.relative_to(folder))),
        remedy="remove it, or collect with the gates that the other machines had",
    )


def _newest_run(found: Mapping[str, Sequence[Evidence]]) -> str:
    """The run of CI that the newest evidence is of."""
    every = [evidence for several in found.values() for evidence in several]
    return max(every, key=lambda evidence: evidence.started).run if every else ""


def _chosen(
    run: Run, gate: Gate, found: Sequence[Evidence], refused: str | None, run_id: str
) -> Evidence:
    """The evidence that stands for a gate among what was gathered."""
    foreign = next((evidence.run for evidence in found if evidence.run != run_id), None)
    if refused is None and foreign is not None:
        refused = f"the evidence is of {_run(foreign)}, and this is about {_run(run_id)}"
    if refused is None and (twice := _made_twice(found)):
        refused = f"{twice} was made twice, with other bytes: nobody can tell which one was judged"
    if refused is None and not found:
        refused = "no evidence was collected"
    if refused is not None:
        return _missing(run, gate, Outcome.unchecked(refused, _remedy(gate)))
    return max(found, key=lambda e: SEVERITY[e.outcome.status])


def _run(name: str) -> str:
    return visible(f"the CI run {name}") if name else "no CI run"


def _made_twice(found: Sequence[Evidence]) -> str | None:
    """The name of a file that two pieces of evidence give other digests."""
    digests: dict[str, str] = {}
    for artifact in (artifact for evidence in found for artifact in evidence.outcome.artifacts):
        if digests.setdefault(artifact.path, artifact.sha256) != artifact.sha256:
            return visible(artifact.name)
    return None


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
    for name in TopologicalSorter({n: gate.needs for n, gate in gates.items()}).static_order():
        gate = gates[name]
        needed = {other: chosen[other] for other in gate.needs}
        keys = {gate_key(gate, run.level, state, needed, one) for one in refs}
        chosen[name] = _standing(run, folder, gate, keys)
    return make_report(
        run.project, gates, chosen, level=run.level, in_ci=environment_is_ci(), seconds=0.0
    )


def _standing(run: Run, folder: Path, gate: Gate, keys: Collection[str]) -> Evidence:
    """The evidence of a gate in this project, or what says why there is none that counts."""
    if reason := does_not_apply(run, gate):
        return _missing(run, gate, Outcome.not_applicable(reason))
    path = folder / "evidence" / f"{gate.name}.json"
    try:
        evidence = read_evidence(path)
    except OSError:
        return _missing(run, gate, Outcome.unchecked("was not judged", _remedy(gate)))
    except ValueError as error:
        said = f"{path.name} is not evidence: {error}"
        return _missing(run, gate, Outcome.unchecked(visible(said), _remedy(gate)))
    reason = _refusal(run, gate, evidence)
    if reason is None and evidence.outcome.status in {Status.PASSED, Status.NOT_APPLICABLE}:
        reason = _changed(folder, gate, evidence, keys)
    if reason is not None:
        return _missing(run, gate, Outcome.unchecked(reason, _remedy(gate)))
    return replace(evidence, outcome=evidence.outcome.map_text(visible))


def _changed(folder: Path, gate: Gate, evidence: Evidence, keys: Collection[str]) -> str | None:
    """Why a judgement is not one of what is here now."""
    if evidence.key not in keys:
        return "something that it reads has changed since: a file, a variable, a tag or a tool"
    if not intact(folder, gate, evidence):
        return "the files that it made are not there as they were judged"
    return None


SEVERITY = {
    Status.NOT_APPLICABLE: 0,
    Status.PASSED: 1,
    Status.UNCHECKED: 2,
    Status.FAILED: 3,
}


def _refusal(run: Run, gate: Gate, evidence: Evidence) -> str | None:
    facts = run.project.git
    if evidence.gate != gate.name:
        return f"the evidence is of {evidence.gate}"
    if facts is None or not facts.commit or evidence.commit != facts.commit:
        return f"the evidence is of commit {evidence.commit[:12] or 'none'}"
    if evidence.tree != facts.tree:
        return "the evidence names another tree than its commit has"
    if evidence.dirty:
        return "the evidence is of a tree with changes that are not committed"
    if evidence.level != (run.level.value if run.level else None):
        return f"the evidence is for {evidence.level or 'no'} level"
    status = evidence.outcome.status
    if status is Status.NOT_APPLICABLE and not evidence.stable and not does_not_apply(run, gate):
        return "the evidence says that the gate does not apply, and it does"
    if status is Status.PASSED and not evidence.stable:
        return (
            "something that it reads changed while it was judged (what your own commands write"
            " anew each time belongs into tool.release.by-products)"
        )
    if not evidence.recent(validity(run, gate) or LONGEST_VALIDITY, run.now):
        return f"the evidence is of {evidence.started:%Y-%m-%d %H:%M} UTC and no longer counts"
    return None


def _remedy(gate: Gate) -> str:
    return f"run it on this commit: nox -s {gate.name}"


def _missing(run: Run, gate: Gate, outcome: Outcome) -> Evidence:
    """What stands for a gate without evidence that counts."""
    facts = run.project.git
    return Evidence(
        gate=gate.name,
        outcome=outcome,
        commit=(facts.commit if facts else None) or "",
        tree=(facts.tree if facts else None) or "",
        dirty=False,
        key="",
        key_after="",
        level=None,
        tools={},
        commands=(),
        started=run.now,
        seconds=0.0,
        log=None,
    )


def write(run: Run, report: Report) -> None:
    """Write `preflight.json`, and the pages that people read, below `.release/`."""
    text = json.dumps(report.as_json(), indent=1, ensure_ascii=False) + "\n"
    run.store.write(run.store.folder / "preflight.json", text)
    for name, page in run.pages(report, run.project).items():
        if page is None:
            (run.store.folder / name).unlink(missing_ok=True)
        else:
            run.store.write(run.store.folder / name, page)
