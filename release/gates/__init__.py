"""The checklist: a module for each gate, whose docstring is the gate's public text."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from release.model import Gate

if TYPE_CHECKING:
    from release.settings import Settings

# In the order in which the checklist is read: cheap questions on the repository first.
NAMES = (
    "tree",
    "versions",
    "lint",
    "typecheck",
    "test",
    "build",
    "sbom",
    "audit",
    "docker",
)


def load(name: str) -> Gate:
    """The built-in gate of that name. Raises KeyError for any other name."""
    if name not in NAMES:
        raise KeyError(name)
    gate = importlib.import_module(f"release.gates.{name}").GATE
    assert isinstance(gate, Gate)
    return gate


def checklist(settings: Settings, extra: Mapping[str, Gate] | None = None) -> dict[str, Gate]:
    """Every gate of a project by name: built in, from its settings, and `extra` from its noxfile."""
    from release.gates.command import own_gate

    gates = {name: load(name) for name in NAMES}
    gates |= {name: own_gate(name, own) for name, own in settings.gates.own.items()}
    return gates | dict(extra or {})
