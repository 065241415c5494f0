"""Runs rendered workflows on this machine by act, as a rehearsal does, and against loopback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from release.gates.workflows.pins import table
from release.rehearse import acting
from release.rehearse.acting import ACTIONS, GH, PUBLISHER, Acted
from tests.render.releases import HOST, SLUG, Releases
from tests.render.trusted import TrustingIndex

__all__ = ["BIN", "Acted", "act"]
BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[2]
TAMPER = """\
if [ "${TAMPER:-}" = "$GITHUB_JOB change" ]; then
  for file in "$GIVEN_PATH"*.whl; do echo >> "$file"; done
elif [ "${TAMPER:-}" = "$GITHUB_JOB add" ]; then
  echo > "$GIVEN_PATH/small_thing-1.2.3-py2-none-any.whl"
fi
"""
PUBLISH = f"""\
[ -z "$INDEX" ] || PYTHONPATH={ROOT} {sys.executable} -P -m tests.render.trusted "$INDEX" "$FILE"
"""
DOWNLOAD = "actions/download-artifact"
REPLACED = {
    **ACTIONS,
    DOWNLOAD: replace(ACTIONS[DOWNLOAD], body=ACTIONS[DOWNLOAD].body + TAMPER),
    PUBLISHER: replace(ACTIONS[PUBLISHER], body=PUBLISH),
}
# What takes the place of programs of the runner; what pip is to install is here already.
PROGRAMS = {
    "python": f"""\
[ "$1 $2 $3" = "-m pip install" ] && exit 0
exec {sys.executable} "$@"
""",
    "gh": f"""\
{GH}[ -z "$FORGE" ] || [ "$1" != release ] ||
  exec env HTTP_PROXY="$FORGE" GH_HOST={HOST} {BIN}/gh "$@"
""",
}


def act(
    root: Path,
    file: str,
    event: str,
    payload: Mapping[str, Any],
    *,
    tools: Path,
    tamper: str = "",
    forge: Releases | None = None,
    index: TrustingIndex | None = None,
    programs: Mapping[str, str] | None = None,
) -> Acted:
    """Run one workflow of a repository for an event.

    Releases are made on `forge` and files are published to `index`, where these are given.
    `programs` take the place of others on the runner.
    """
    here = root.parent / "standin"
    given = {
        "TAMPER": tamper,
        "NOX_RELEASE_CACHE": str(tools),
        "GITHUB_REPOSITORY": SLUG,
        "FORGE": forge.address if forge else "",
        "INDEX": index.address if index else "",
        "FORGE_KEY": index.key if index else "",
        "FILE": str(here / file),
    }
    command = acting.command(
        *(str(BIN / "act"), here, root, file, event, payload, given),
        {**PROGRAMS, **(programs or {})},
        REPLACED,
    )
    env = acting.surroundings(here, {**os.environ, **given})
    done = subprocess.run(
        command, cwd=here, env=env, capture_output=True, text=True, timeout=900, check=False
    )
    return acting.read(here, f"{done.stdout}\n{done.stderr}")


assert set(ACTIONS) <= set(table())
