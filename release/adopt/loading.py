"""Loads a noxfile as nox would, to see that it can be added to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from release.errors import ConfigurationError

SECONDS = 60
LOAD = "import runpy, sys; runpy.run_path(sys.argv[1], run_name='noxfile')"


def require_loading(root: Path, path: str) -> None:
    """Raise ConfigurationError where a noxfile cannot be loaded: what is added would not run."""
    command = [sys.executable, "-P", "-c", LOAD, path]
    try:
        done = subprocess.run(
            command, cwd=root, capture_output=True, text=True, errors="replace", timeout=SECONDS,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        lines = done.stderr.strip().splitlines()
        said = "" if done.returncode == 0 else (lines or [f"exit status {done.returncode}"])[-1]
    except subprocess.TimeoutExpired:
        said = f"it takes longer than {SECONDS} s"
    if said:
        remedy = (
            "fix it until `nox --list` works here, or install what it imports beside nox-release;"
            " `nox-release release_preflight` does without it"
        )
        raise ConfigurationError.of(f"it cannot be loaded: {said}", path, remedy=remedy)
