"""The commands of this program in the form that the reader used."""

from __future__ import annotations

import re
import shlex

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
