"""What a proof shows, as text: a line a defect, and a verdict line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from release.model import Evidence, Status
from release.prove.proof import Proof, Proofs, Proved
from release.text.commands import as_called
from release.text.escaping import counted, terminal

MARKS = {
    Proof.PROVED: "✓",
    Proof.CANNOT_FAIL: "✗",
    Proof.NOT_SHOWN: "?",
    Proof.NOT_APPLICABLE: "–",
}


def clean_line(clean: Mapping[str, Evidence], seconds: float) -> str:
    """What the gates say of the copy in which nothing is planted; those that refuse it by name."""
    told = []
    for status in Status:
        found = [name for name, evidence in clean.items() if evidence.outcome.status is status]
        named = status in {Status.FAILED, Status.UNCHECKED}
        which = f" ({', '.join(found)})" if named else ""
        told += [f"{len(found)} {status.value.replace('-', ' ')}{which}"] if found else []
    reused = sum(evidence.reused for evidence in clean.values())
    told += [f"{reused} by evidence that still counts"] if reused else []
    return terminal(f"a clean copy: {', '.join(told)}  {seconds:.1f} s")


def gate_lines(gate: Proved, width: int | None = None) -> Iterator[str]:
    """A line for each defect of a gate, and what to do where one is not proved.

    What needs nobody to do anything is cut to `width`, where one is given.
    """
    for line in gate.lines:
        what = f"{gate.gate}: {line.defect}" if line.defect else gate.gate
        needed = line.proof in {Proof.CANNOT_FAIL, Proof.NOT_SHOWN}
        said = f"{str(line.proof).upper()}: {line.said}" if needed else line.said
        seconds = f"  {line.seconds:.1f} s" if line.seconds else ""
        text = f"{MARKS[line.proof]} {what}: {said}"
        if width and not needed:
            text = _cut(text, width - len(seconds))
        yield terminal(text + seconds)
        if line.remedy and needed:
            yield terminal(f"  → {as_called(line.remedy)}")


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def verdict_line(proofs: Proofs) -> str:
    """The last line: project, commit, and how many gates are proved, cannot fail, are not shown."""
    planted = [line for gate in proofs.gates for line in gate.lines if line.defect]
    seen = sum(line.proof is Proof.PROVED for line in planted)
    gates = counted(len(proofs.of(Proof.PROVED)), "gate")
    parts = [f"{gates} proved by {counted(seen, 'defect')}"]
    parts += [
        f"{len(names)} {proof} ({', '.join(names)})" for proof, names in proofs.missing.items()
    ]
    if proofs.left:
        parts.append(f"{len(proofs.left)} not shown, left to CI ({', '.join(proofs.left)})")
    if proofs.exempt:
        parts.append(
            f"{len(proofs.exempt)} not proved, never required ({', '.join(proofs.exempt)})"
        )
    absent = proofs.of(Proof.NOT_APPLICABLE)
    if absent:
        parts.append(f"{len(absent)} not applicable")
    changes = ", without the changes that are not committed" if proofs.dirty else ""
    where = f"{proofs.project} at {proofs.commit[:12]}{changes}"
    word = "proved" if proofs.whole else "NOT PROVED"
    return terminal(f"{where}: {word}: {'; '.join(parts)}  {proofs.seconds:.1f} s")
