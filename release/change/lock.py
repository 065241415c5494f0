"""Keeps two runs that change one repository apart."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

from release.errors import Problem, ReleaseError

NAME = "nox-release.lock"
SWITCH_NAME = "nox-release-switch.lock"
PATIENCE = 3.0
SWITCH_PATIENCE = 60.0


@contextlib.contextmanager
def locked(common_dir: Path, action: str) -> Iterator[None]:
    """Hold the repository's lock while something of it is changed.

    The lock is the system's, on a file in git's common directory, so that it ends with the process
    that holds it. A process that still makes a killed run's release visible is waited for. Raises
    ReleaseError when another run holds it, and when the file cannot be written.
    """
    from filelock import FileLock, Timeout

    path = common_dir / NAME
    lock, switching = FileLock(path), FileLock(common_dir / SWITCH_NAME)
    try:
        lock.acquire(timeout=PATIENCE)
    except Timeout:
        raise ReleaseError(
            Problem(
                f"another run is changing this repository{_holder(path)}",
                remedy="wait until it ends, then run this again",
            )
        ) from None
    except OSError as error:
        raise ReleaseError(
            Problem(f"cannot be locked: {error.strerror}", str(path), remedy="make it writable")
        ) from None
    try:
        with contextlib.suppress(OSError):
            said = {"pid": os.getpid(), "action": action, "since": int(time.time())}
            path.write_text(json.dumps(said), encoding="utf-8")
        try:
            with switching.acquire(timeout=SWITCH_PATIENCE):
                pass
        except Timeout:
            raise ReleaseError(
                Problem(
                    "a killed run is still making its release visible",
                    remedy="wait until it ends, then run this again",
                )
            ) from None
        yield
        with contextlib.suppress(OSError):
            path.write_text("", encoding="utf-8")
    finally:
        lock.release()


def _holder(path: Path) -> str:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return f": {said['action']}, process {int(said['pid'])}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
