"""Which evidence counts: that of this commit, tree, level and run, judged on these very inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from release.model import Evidence, Gate, Outcome, Status
from release.run.inputs import gate_inputs, key_of
from release.run.runner import Run, ci_run, does_not_apply, evidence_of, intact, validity
from release.run.store import read_evidence
from release.text.escaping import visible

LONGEST_VALIDITY = timedelta(days=7)
# What every machine that judges one commit sees alike, and what to say of a gate that did not.
SHARED_INPUTS = {
    "question": "for another gate or level",
    "refs": "where git has other tags, or the clone is not whole",
    "tools": "with other versions of its tools",
    "source": "by another version of nox-release, or of the gate",
    "needs": "on other files than those that the gates it needs have made",
}


def refusal(run: Run, gate: Gate, evidence: Evidence) -> str | None:
    """Why evidence does not count for this commit here and now, None if nothing is against it."""
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


def altered(run: Run, gate: Gate, evidence: Evidence, needed: Mapping[str, Evidence]) -> str | None:
    """Why evidence of another machine is not of what is here; None if it is, as far as that shows.

    `needed` is the evidence of the gates that it needs. The machine itself (its interpreter, its
    variables) cannot be judged from elsewhere.
    """
    if not evidence.key:
        return None
    if evidence.key != key_of(evidence.inputs):
        return "the evidence is forged or damaged: its key is not that of its inputs"
    needs = {name: needed[name] for name in gate.needs}
    here = gate_inputs(gate, run.level, run.tree.read(), needed=needs, refs=run.refs)
    for name, said in SHARED_INPUTS.items():
        if evidence.inputs.get(name) != here[name]:
            return f"it was judged {said}"
    return None


def read(run: Run, gate: Gate, path: Path) -> Evidence | str:
    """The evidence of a gate that a file holds, or why it does not count."""
    if path.is_symlink() or (path.exists() and not path.is_file()):
        return f"{path.name} is not a file"
    try:
        evidence = read_evidence(path)
    except FileNotFoundError:
        return "no evidence is here"
    except (OSError, ValueError) as error:
        return f"{path.name} is not evidence: {error}"
    reason = refusal(run, gate, evidence)
    return reason or replace(evidence, outcome=evidence.outcome.map_text(visible))


def handed_on(run: Run, gate: Gate, needed: Mapping[str, Evidence]) -> Evidence:
    """The evidence of a gate that another machine of this run judged, with the files it made.

    Both lie in this project's `.release/`. What does not count is `unchecked` and says why.
    """
    remedy = (
        f"put what the part with {gate.name} left in {run.store.folder.name}/, evidence and files,"
        f" into that folder here; or judge it here: nox -s {gate.name}"
    )
    found = read(run, gate, run.store.folder / "evidence" / f"{gate.name}.json")
    if isinstance(found, Evidence):
        other = None if found.run == ci_run() else other_run(found.run, ci_run())
        reason = altered(run, gate, found, needed) or other
        if reason is None and not intact(run.store.folder, gate, found):
            reason = "the files here are not those that it made"
        found = reason or found
    return standing(run, gate, found, remedy)


def came_whole(folder: Path, gate: Gate, evidence: Evidence) -> bool:
    """Whether files that a gate made, where any came along, are those that its evidence names."""
    came = any((folder / name).exists() for name in gate.writes)
    return not came or intact(folder, gate, evidence)


def other_run(found: str, wanted: str) -> str:
    return f"the evidence is of {_run(found)}, and this is about {_run(wanted)}"


def _run(name: str) -> str:
    return visible(f"the CI run {name}") if name else "no CI run"


def standing(run: Run, gate: Gate, found: Evidence | str, remedy: str) -> Evidence:
    """What stands for a gate: evidence that counts, or why there is none, and what to do then."""
    if isinstance(found, Evidence):
        return found
    return evidence_of(run, gate, Outcome.unchecked(found, remedy))
