"""The release procedure of a Python project, as nox sessions.

The public names are what a project needs to write a gate of its own; everything else is reached
through the sessions.
"""

from __future__ import annotations

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
