"""The release procedure of a Python project, as nox sessions.

The public names are what a project needs to write a gate of its own; everything else is reached
through the sessions. They are imported when they are asked for: the console script is to be ready
for a Ctrl-C before that.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from release.errors import CannotCheck, ReleaseError
    from release.model import Finding, Gate, Judgement, Level, Outcome, Status

__all__ = [
    "CannotCheck",
    "Finding",
    "Gate",
    "Judgement",
    "Level",
    "Outcome",
    "ReleaseError",
    "Status",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "errors" if name in {"CannotCheck", "ReleaseError"} else "model"
    return getattr(import_module(f"{__name__}.{home}"), name)
