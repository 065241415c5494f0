"""The console script: the packaged noxfile on the current directory. A few lines over nox."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from release.report.streams import shield

USAGE = """\
usage: nox-release SESSION [ARGUMENT ...]
       nox-release --list

Runs a session of the release checklist on the project in the current directory, such as

  nox-release release_preflight
  nox-release build --help
"""


def main() -> int:
    """Run one session of the packaged noxfile; returns nox's exit status."""
    shield()
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in {"-h", "--help"}:
        print(USAGE, end="")
        return 0 if arguments else 2
    here = Path(__file__).resolve().parent
    candidates = (here / "noxfile.py", here.parent / "noxfile.py")
    noxfile = next(path for path in candidates if path.exists())
    from release.sessions import PROJECT_VARIABLE, run_nox

    os.environ.setdefault(PROJECT_VARIABLE, str(Path.cwd()))
    command = ["--noxfile", str(noxfile)]
    if arguments[0] in {"-l", "--list"}:
        return run_nox([*command, "--list"])
    name, *rest = arguments
    if rest[:1] == ["--"]:  # as nox wants it
        rest = rest[1:]
    return run_nox([*command, "-s", name, "--", *rest])
