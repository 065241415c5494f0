"""Shares the gates of a checklist among machines, so that the last of them ends early."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from release.errors import UsageError
from release.model import Gate
from release.run.checklist import require_known

Part = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sharing:
    """Parts of a checklist, each for one machine.

    `first` makes what those of `then` take from it by digest; `parts` wait for nothing. `seconds`
    is how long all of it takes where every part has a machine.
    """

    first: tuple[Part, ...]
    parts: tuple[Part, ...]
    then: tuple[Part, ...]
    seconds: float

    @property
    def every(self) -> tuple[Part, ...]:
        return (*self.first, *self.parts, *self.then)


def share(gates: Mapping[str, Gate], seconds: Mapping[str, float], runners: int) -> Sharing:
    """Share gates among so many machines, by how many seconds each of them takes.

    Gates that need each other stay together unless it is quicker to hand on what the needed ones
    made. The parts are at most as many as the machines.
    """
    needed = {need for gate in gates.values() for need in gate.needs}
    alone = [(name,) for name, gate in gates.items() if not gate.needs and name not in needed]
    makers = tuple(name for name in gates if name in needed)
    takers = [(name,) for name, gate in gates.items() if gate.needs and name not in needed]
    together = makers + tuple(name for (name,) in takers)
    whole = _spread([*alone, *([together] if together else [])], seconds, runners)
    best = Sharing((), whole, (), _longest(whole, seconds))
    for count in range(1, runners if makers and takers else 1):
        parts = _spread(alone, seconds, runners - 1 - count)
        then = _spread(takers, seconds, count)
        if alone and not parts:
            continue
        ends = _took(makers, seconds) + _longest(then, seconds)
        option = Sharing((makers,), parts, then, max(ends, _longest(parts, seconds)))
        best = min(best, option, key=lambda one: (one.seconds, len(one.every)))
    return best


def _spread(groups: Sequence[Part], seconds: Mapping[str, float], number: int) -> tuple[Part, ...]:
    """Groups on so many machines, the longest first, each where least is to be done so far."""
    machines: list[list[str]] = [[] for _ in range(number)]
    for group in sorted(groups, key=lambda group: -_took(group, seconds)):
        if machines:
            min(machines, key=lambda names: _took(names, seconds)).extend(group)
    return tuple(tuple(names) for names in machines if names)


def _took(names: Sequence[str], seconds: Mapping[str, float]) -> float:
    return sum(seconds[name] for name in names)


def _longest(parts: Sequence[Part], seconds: Mapping[str, float]) -> float:
    return max((_took(part, seconds) for part in parts), default=0.0)


def as_matrix(sharing: Sharing, seconds: Mapping[str, float]) -> dict[str, Any]:
    """The sharing for a CI's matrices: a list of jobs for each of its three kinds."""
    every = sharing.every
    jobs = [
        {
            "name": f"{number}-of-{len(every)}",
            "part": ",".join(part),
            "seconds": round(_took(part, seconds), 1),
        }
        for number, part in enumerate(every, 1)
    ]
    first, then = len(sharing.first), len(every) - len(sharing.then)
    return {
        "first": jobs[:first],
        "parts": jobs[first:then],
        "then": jobs[then:],
        "seconds": round(sharing.seconds, 1),
    }


def part_of(named: str, gates: Mapping[str, Gate], seconds: Mapping[str, float]) -> Part:
    """The gates that are named, by commas between them or as K/N: the plan's part K for N machines.

    Raises UsageError for a gate that the checklist does not have, and a part that the plan has not.
    """
    number, slash, runners = named.partition("/")
    if slash and number.isdecimal() and runners.isdecimal() and int(runners):
        every = share(gates, seconds, int(runners)).every
        if 1 <= int(number) <= len(every):
            return every[int(number) - 1]
        remedy = f"the plan for {runners} machines has {len(every)}: 1/{runners} and so on"
        raise UsageError.of(f"the plan has no part {named}", remedy=remedy)
    names = tuple(name.strip() for name in named.split(","))
    require_known(names, gates)
    return names
