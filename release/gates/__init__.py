"""The checklist: a module for each gate, whose docstring is the gate's public text."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from release.errors import ConfigurationError, Problem
from release.model import BUILT_IN_GATES, Gate

if TYPE_CHECKING:
    from release.settings import Settings

NAMES = BUILT_IN_GATES


def load(name: str) -> Gate:
    """The built-in gate of that name. Raises KeyError for any other name."""
    if name not in NAMES:
        raise KeyError(name)
    gate = importlib.import_module(f"release.gates.{name}").GATE
    assert isinstance(gate, Gate)
    return gate


def checklist(settings: Settings, extra: Mapping[str, Gate] | None = None) -> dict[str, Gate]:
    """Every gate of a project by name: built in, from its settings, and `extra` from its noxfile.

    Raises ConfigurationError when a gate of the noxfile has the name of another one, or needs
    gates that do not exist or that need it.
    """
    from release.gates.command import own_gate

    gates = {name: load(name) for name in NAMES}
    gates |= {name: own_gate(name, own) for name, own in settings.gates.own.items()}
    problems = [
        Problem(f"gate {name!r} exists already", "noxfile.py", remedy="give it another name")
        for name in extra or {}
        if name in gates
    ]
    gates |= dict(extra or {})
    problems += [
        Problem(
            f"gate {gate.name!r} needs {need!r}, which is no gate",
            "noxfile.py",
            remedy=f"gates: {', '.join(gates)}",
        )
        for gate in (extra or {}).values()
        for need in gate.needs
        if need not in gates
    ]
    if not problems:
        try:
            TopologicalSorter({name: gate.needs for name, gate in gates.items()}).prepare()
        except CycleError as error:
            cycle = " needs ".join(reversed(error.args[1]))
            problems.append(Problem(f"gates need each other: {cycle}", "noxfile.py"))
    if problems:
        raise ConfigurationError(*problems)
    return gates
