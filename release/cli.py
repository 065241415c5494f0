"""The console script: the packaged noxfile on the current directory. A few lines over nox.

Its imports are inside of functions, so that nearly all of an early Ctrl-C is met by `main`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

INTERRUPTED = 130
USAGE = """\
usage: nox-release SESSION [ARGUMENT ...]
       nox-release --list
       nox-release --version

Runs a session of the release checklist on the project in the current directory, or that it is in,
such as

  nox-release release_preflight
  nox-release build --help
"""


def main() -> int:
    """Run one session of the packaged noxfile; returns nox's exit status."""
    try:
        return _main(sys.argv[1:])
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def _main(arguments: list[str]) -> int:
    from release.report.streams import shield

    shield()
    if not arguments or arguments[0] in {"-h", "--help"}:
        print(USAGE, end="")
        return 0 if arguments else 2
    if arguments[0] == "--version":
        print(_version())
        return 0
    return _run(arguments)


def _run(arguments: list[str]) -> int:
    from pathlib import Path

    from release.sessions import run_nox
    from release.text.commands import CALLER

    here = Path(__file__).resolve().parent
    candidates = (here / "noxfile.py", here.parent / "noxfile.py")
    noxfile = next(path for path in candidates if path.exists())
    CALLER.project = find_root(Path.cwd())
    command = ["--noxfile", str(noxfile)]
    if arguments[0] in {"-l", "--list"}:
        return run_nox([*command, "--list"])
    name, *rest = arguments
    if rest[:1] == ["--"]:  # as nox wants it
        rest = rest[1:]
    status = run_nox([*command, "-s", name, "--", *rest])
    if status == INTERRUPTED and not CALLER.began:  # nox says nothing then
        raise KeyboardInterrupt
    return status


def _version() -> str:
    from importlib.metadata import version

    from release.registry import DISTRIBUTION

    return f"{DISTRIBUTION} {version(DISTRIBUTION)}"


def find_root(folder: Path) -> Path:
    """The project that a folder is in: where the next pyproject.toml is, within its repository.

    Returns the folder itself where there is none.
    """
    for candidate in (folder, *folder.parents):
        if (candidate / "pyproject.toml").is_file():
            return candidate
        if (candidate / ".git").exists():
            break
    return folder
