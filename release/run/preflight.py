"""The checklist on this machine, all of it or a part; and the report that is kept of it."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping, Sequence
from graphlib import TopologicalSorter

from release.model import Evidence, Gate, Status
from release.project.git import read_facts
from release.run.checklist import Report, checklist, make_report
from release.run.counting import handed_on
from release.run.runner import Listener, Run, judge_all, needs_among


def preflight(run: Run, listener: Listener) -> Report:
    """Judge every gate of the project and write the report."""
    report = _judged(run, checklist(run.project), listener, {})
    write(run, report)
    return report


def judge_part(run: Run, listener: Listener, names: Collection[str]) -> Report:
    """Judge these gates alone, for `collect` to judge their evidence with that of the others.

    The evidence of gates that they need, and what those made, was put into `.release/` before;
    where it does not count, the report says so. No report is written.
    """
    gates = checklist(run.project)
    part = {name: gate for name, gate in gates.items() if name in names}
    given: dict[str, Evidence] = {}
    for name in TopologicalSorter(needs_among(gates)).static_order():
        if name not in part and any(name in gate.needs for gate in part.values()):
            given[name] = handed_on(run, gates[name], given)
    return _judged(run, part, listener, given)


def _judged(
    run: Run, gates: Mapping[str, Gate], listener: Listener, given: Mapping[str, Evidence]
) -> Report:
    started = time.monotonic()
    before = run.tree.read()
    evidence = {**given, **judge_all(run, gates, listener, given)}
    moved = run.tree.read().changed_since(before)
    lost = [name for name, found in given.items() if found.outcome.status is Status.UNCHECKED]
    every = checklist(run.project)
    shown = {name: gate for name, gate in every.items() if name in {*lost, *gates}}
    return make_report(
        run.project,
        shown,
        evidence,
        level=run.level,
        in_ci=run.in_ci,
        seconds=time.monotonic() - started,
        moved=tuple(moved),
        disturbed=_disturbed(run, moved),
        part=len(gates) < len(every),
    )


def _disturbed(run: Run, moved: Sequence[str]) -> tuple[str, ...]:
    """What changed of the commit itself while it was judged: HEAD, or files that git minds."""
    before, after = run.project.git, read_facts(run.project.root)
    if before is None or after is None:
        return ()
    prefix = after.prefix
    minded = {f"{prefix}{path}" for path in (*after.changed, *after.untracked)}
    minded |= {f"{prefix}{path}" for path in (*before.changed, *before.untracked)}
    head = ("HEAD",) if after.commit != before.commit else ()
    return (*head, *(path for path in moved if path in minded))


def write(run: Run, report: Report) -> None:
    """Write `preflight.json`, and the pages that people read, below `.release/`."""
    text = json.dumps(report.as_json(), indent=1, ensure_ascii=False) + "\n"
    run.store.write(run.store.folder / "preflight.json", text)
    for name, page in run.pages(report, run.project).items():
        if page is None:
            (run.store.folder / name).unlink(missing_ok=True)
        else:
            run.store.write(run.store.folder / name, page)
