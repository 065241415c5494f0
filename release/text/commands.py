"""The commands of this program in the form that the reader used."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping

# The console script names the project by it; a noxfile of the project's own needs no such thing.
PROJECT_VARIABLE = "NOX_RELEASE_PROJECT"
SESSION = re.compile(r"nox -s (?P<name>[a-z_]+)(?P<dashes> --)?")


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


def as_called(text: str, environ: Mapping[str, str] = os.environ) -> str:
    """`text` with its commands in the form in which this process was called."""
    return as_typed(text, console=PROJECT_VARIABLE in environ)
