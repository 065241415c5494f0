"""The whole checklist: run it, or judge what others ran; and keep the report."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from release.errors import ConfigurationError, Problem
from release.model import Evidence, Gate, Outcome, Status
from release.run.checklist import Report, checklist, make_report
from release.run.runner import Listener, Run, judge_all, validity
from release.run.store import read_evidence
from release.settings import environment_is_ci
from release.text.escaping import visible

LONGEST_VALIDITY = timedelta(days=7)


def preflight(run: Run, extra: Mapping[str, Gate], listener: Listener) -> Report:
    """Judge every gate of the project and write the report."""
    started = time.monotonic()
    gates = checklist(run.project.settings, extra)
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


def collect(run: Run, folder: Path, extra: Mapping[str, Gate]) -> Report:
    """Judge evidence that other machines left below `folder`, and run nothing.

    Evidence counts when it is of this very commit, of a clean tree, for the same level, and within
    its gate's validity.
    Where several machines judged one gate, the worst status stands. Raises ConfigurationError when
    `folder` is none.
    """
    if not folder.is_dir():
        raise ConfigurationError(
            Problem(
                "is not a folder", str(folder), remedy="give the folder that holds the evidence"
            )
        )
    report = _collected(run, folder, extra)
    write(run, report)
    return report


def collect_here(run: Run, extra: Mapping[str, Gate]) -> Report:
    """Judge the evidence that lies in this project, and run and write nothing."""
    return _collected(run, run.store.folder / "evidence", extra)


def _collected(run: Run, folder: Path, extra: Mapping[str, Gate]) -> Report:
    gates = checklist(run.project.settings, extra)
    found: dict[str, list[Evidence]] = {name: [] for name in gates}
    refused: dict[str, str] = {}
    for path in sorted(folder.rglob("*.json")):
        if path.parent.name != "evidence" and path.parent != folder:
            continue
        name = path.stem
        if name not in gates:
            continue
        try:
            evidence = read_evidence(path)
        except (OSError, ValueError) as error:
            refused[name] = visible(f"{path.name} is not evidence: {error}")
            continue
        reason = _refusal(run, gates[name], evidence)
        if reason:
            refused[name] = reason
        else:
            clean = evidence.outcome.map_text(visible)
            found[name].append(replace(evidence, outcome=clean))
    chosen = {}
    for name, gate in gates.items():
        if name in refused or not found[name]:
            reason = refused.get(name, "no evidence was collected")
            chosen[name] = _missing(run, gate, reason)
        else:
            chosen[name] = max(found[name], key=lambda e: SEVERITY[e.outcome.status])
    return make_report(
        run.project, gates, chosen, level=run.level, in_ci=environment_is_ci(), seconds=0.0
    )


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
    if not evidence.recent(validity(run, gate) or LONGEST_VALIDITY, run.now):
        return f"the evidence is of {evidence.started:%Y-%m-%d %H:%M} UTC and no longer counts"
    return None


def _missing(run: Run, gate: Gate, reason: str) -> Evidence:
    facts = run.project.git
    return Evidence(
        gate=gate.name,
        outcome=Outcome.unchecked(reason, f"run it on this commit: nox -s {gate.name}"),
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
    for name, page in run.pages(report).items():
        run.store.write(run.store.folder / name, page)
