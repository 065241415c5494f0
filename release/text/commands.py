"""The commands of this program in the form that the reader used."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

SESSION = re.compile(r"nox -s (?P<name>[a-z_]+)(?P<dashes> --)?")


@dataclass
class Caller:
    """How this process was called: `project` is that of the console script, None for nox.

    It is not in the environment, where processes that work in another folder would find it.
    `began` says that a session runs, of whose interruption nox tells.
    """

    project: Path | None = None
    began: bool = False


CALLER = Caller()


def as_typed(text: str, *, console: bool, project: str | None = None) -> str:
    """`text`, which names sessions as `nox -s NAME -- …`, as the reader would type them.

    `console` is for who called `nox-release NAME`, `project` what was given as --project.
    """
    own = f" --project {shlex.quote(project)}" if project else ""

    def spelled(match: re.Match[str]) -> str:
        if console:
            return f"nox-release {match['name']}{own}"
        dashes = " --" if match["dashes"] or own else ""
        return f"nox -s {match['name']}{dashes}{own}"

    return SESSION.sub(spelled, text)


def as_called(text: str) -> str:
    """`text` with its commands in the form in which this process was called."""
    return as_typed(text, console=CALLER.project is not None)
