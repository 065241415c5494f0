"""What a proof shows: of a gate by each defect, and of a project by all of its gates."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from release.model import Required


class Proof(StrEnum):
    """What was shown: of a gate by one defect, or of a gate by all of them."""

    PROVED = "proved"
    CANNOT_FAIL = "cannot fail"
    NOT_SHOWN = "not shown"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True)
class Shown:
    """One line of the proof: the defect that was planted, and what the gate said.

    `defect` is empty for what was told without planting one. `seconds` is its duration.
    """

    defect: str
    proof: Proof
    said: str
    remedy: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Proved:
    """What was shown of one gate, by each of its defects, and when it is required."""

    gate: str
    proof: Proof
    lines: tuple[Shown, ...]
    required: Required


@dataclass(frozen=True, slots=True)
class Proofs:
    """The whole proof. `dirty` says whether the repository has changes, which were left out."""

    project: str
    commit: str
    dirty: bool
    gates: tuple[Proved, ...]
    in_ci: bool
    seconds: float

    def of(self, proof: Proof) -> tuple[str, ...]:
        """The names of the gates of which that was shown."""
        return tuple(gate.gate for gate in self.gates if gate.proof is proof)

    @property
    def left(self) -> tuple[str, ...]:
        """Gates that were not shown and that the verdict needs only in CI."""
        return () if self.in_ci else self._unproved("ci", Proof.NOT_SHOWN)

    @property
    def exempt(self) -> tuple[str, ...]:
        """Gates that were not proved and that no verdict needs."""
        return self._unproved("never", Proof.NOT_SHOWN, Proof.CANNOT_FAIL)

    def _unproved(self, required: Required, *proofs: Proof) -> tuple[str, ...]:
        found = (gate for gate in self.gates if gate.required == required)
        return tuple(gate.gate for gate in found if gate.proof in proofs)

    @property
    def missing(self) -> dict[Proof, tuple[str, ...]]:
        """Gates that were not proved although the verdict needs them, by what was shown of them."""
        spared = {*self.left, *self.exempt}
        found = {
            proof: tuple(name for name in self.of(proof) if name not in spared)
            for proof in (Proof.CANNOT_FAIL, Proof.NOT_SHOWN)
        }
        return {proof: names for proof, names in found.items() if names}

    @property
    def whole(self) -> bool:
        """Whether every gate that the verdict needs was proved."""
        return bool(self.of(Proof.PROVED)) and not self.missing
