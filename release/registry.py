"""Finds the gates: those of the entry-point group `nox_release.gates`, ours and anybody's."""

from __future__ import annotations

import functools
import importlib
import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, NoReturn

from release.errors import CannotCheck, ConfigurationError
from release.model import Finding, Gate

GROUP = "nox_release.gates"
DISTRIBUTION = "nox-release"
# The sessions that are not gates, in the order in which they are listed.
ACTIONS = (
    "release_preflight",
    "bump",
    "tag",
    "cut",
    "rehearse",
    "publish",
    "verify",
    "status",
    "prove",
    "adopt",
    "render",
)
NAME = re.compile(r"^[a-z][a-z0-9_]*$")


@dataclass(frozen=True, slots=True)
class Installed:
    """A gate of an installed distribution: what it is, and what `-- --help` says of it."""

    gate: Gate
    text: str
    distribution: str


@functools.cache
def installed() -> Mapping[str, Installed]:
    """Every installed gate by name, in the order in which the checklist is read.

    Raises ConfigurationError where two distributions have a gate of one name, and where our own
    gates are not installed.
    """
    found: dict[str, Installed] = {}
    problems = []
    for point in _entry_points():
        here = _load(point)
        before = found.setdefault(point.name, here)
        if before.distribution != here.distribution:
            both = " and ".join(sorted({before.distribution, here.distribution}))
            problems.append(
                Finding(f"{both} have both a gate {point.name!r}", remedy="uninstall one of them")
            )
    if not any(one.distribution == DISTRIBUTION for one in found.values()):
        remedy = 'pip install nox-release, or pip install -e "." in its repository'
        problems.append(Finding("nox-release is not installed in this environment", remedy=remedy))
    if problems:
        raise ConfigurationError(*problems)
    return dict(sorted(found.items(), key=lambda item: (item[1].gate.order, item[0])))


def _entry_points() -> list[EntryPoint]:
    """Those of the group; ours first, and each once where an old installation left its own."""
    points = {(_distribution(point), point.name): point for point in entry_points(group=GROUP)}
    return sorted(points.values(), key=lambda point: _distribution(point) != DISTRIBUTION)


def _distribution(point: EntryPoint) -> str:
    name = point.dist.name if point.dist else ""
    return re.sub(r"[-_.]+", "-", name).lower()


def _load(point: EntryPoint) -> Installed:
    """The gate of an entry point; one that says so where it cannot be loaded."""
    distribution = _distribution(point)
    try:
        module = importlib.import_module(point.module)
        gate = getattr(module, point.attr)
        if not isinstance(gate, Gate):
            raise TypeError(f"{point.value} is not a Gate")
        if gate.name != point.name or not NAME.match(gate.name):
            raise TypeError(f"{point.value} is named {gate.name!r}, its entry point {point.name!r}")
    except Exception as error:
        if distribution == DISTRIBUTION:
            raise
        return Installed(_broken(point, distribution, error), str(error), distribution)
    return Installed(gate, inspect.getdoc(module) or gate.title, distribution)


def _broken(point: EntryPoint, distribution: str, error: Exception) -> Gate:
    def check(_project: Any, _shell: Any) -> NoReturn:
        raise CannotCheck(
            f"{distribution} could not be loaded: {type(error).__name__}: {error}",
            f"pip install --upgrade {distribution}, or pip uninstall {distribution}",
        )

    return Gate(point.name, f"a gate of {distribution}", check)


def known(extra: Mapping[str, Gate] | None = None) -> dict[str, Gate]:
    """Every installed gate by name, and `extra`, those of a noxfile."""
    return {**{name: one.gate for name, one in installed().items()}, **(extra or {})}


def resolve(reference: Any) -> Any:
    """What `module:name` names, imported only now; anything but text is what it is."""
    if not isinstance(reference, str):
        return reference
    module, _, name = reference.partition(":")
    return getattr(importlib.import_module(module), name)
