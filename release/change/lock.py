"""Keeps two runs that change one repository apart."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock, Timeout

from release.errors import ReleaseError
from release.model import Finding

NAME = "nox-release.lock"
SWITCH_NAME = "nox-release-switch.lock"
# A record of locks that a git command of ours takes in the user's repository.
RECORD = "nox-release-locks-"
PATIENCE = 3.0
SWITCH_PATIENCE = 60.0
# git holds a lock on a ref for a moment; what stays longer was left.
A_MOMENT = 1.0
# Locks that stand against a change, and others that only hinder what git does by itself.
BLOCKING = ("packed-refs.lock", "refs/heads", "refs/tags")
HINDERING = ("refs/remotes", "objects/maintenance.lock")


@contextlib.contextmanager
def locked(common_dir: Path, action: str) -> Iterator[None]:
    """Hold the repository's lock while something of it is changed.

    The lock is the system's, on a file in git's common directory, so that it ends with the process
    that holds it. A process that still makes a killed run's release visible is waited for. Raises
    ReleaseError when another run holds it, and when the file cannot be written.
    """
    path = common_dir / NAME
    lock, switching = FileLock(path), FileLock(common_dir / SWITCH_NAME)
    try:
        lock.acquire(timeout=PATIENCE)
    except Timeout:
        raise ReleaseError.of(
            f"another run is changing this repository{_holder(path)}",
            remedy="wait until it ends, then run this again",
        ) from None
    except OSError as error:
        raise ReleaseError.of(
            f"cannot be locked: {error.strerror}", str(path), remedy="make it writable"
        ) from None
    try:
        with contextlib.suppress(OSError):
            said = {"pid": os.getpid(), "action": action, "since": int(time.time())}
            path.write_text(json.dumps(said), encoding="utf-8")
        try:
            with switching.acquire(timeout=SWITCH_PATIENCE):
                pass
        except Timeout:
            raise ReleaseError.of(
                "a killed run is still making its release visible",
                remedy="wait until it ends, then run this again",
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


def run_git(
    common: Path, arguments: Sequence[str], places: Iterable[str], env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a git command that takes locks in these places of the user's repository.

    A place is a lock file, or a folder of them, below git's common directory. They are recorded
    first, and taken back when the command ends, or by the next run, when a kill left them.
    """
    said = {
        "command": list(arguments),
        "places": list(places),
        "since": time.time(),
        "before": [str(lock) for lock in _locks(common, places)],
    }
    record = _write_record(common, said)
    try:
        return subprocess.run(
            ["git", *arguments],
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            check=False,
        )
    finally:
        _remove(common, said)
        record.unlink(missing_ok=True)


def _write_record(common: Path, said: Mapping[str, Any]) -> Path:
    try:
        descriptor, name = tempfile.mkstemp(prefix=RECORD, dir=common)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
            json.dump(said, file)
    except OSError as error:
        raise ReleaseError.of(
            f"git was not started, for its locks cannot be recorded: {error.strerror}",
            str(common),
            remedy="make room or make it writable, and run this again: it goes on from here",
        ) from None
    return Path(name)


def take_back(common: Path) -> list[str]:
    """Remove the locks that git commands of killed runs left; call it with the lock held.

    Returns what to tell the user. Raises ReleaseError when one of them is still at work.
    """
    told = []
    for record in common.glob(f"{RECORD}*"):
        try:
            said = json.loads(record.read_text(encoding="utf-8", errors="surrogateescape"))
        except ValueError:
            said = None  # killed before it started anything
        if isinstance(said, dict):
            _wait_for(said["command"])
            told += [f"removed {lock}, which a killed run left" for lock in _remove(common, said)]
        record.unlink(missing_ok=True)
    return told


def judge_locks(common: Path, directory: Path) -> list[str]:
    """Raise ReleaseError for every lock of another git that stands against a change.

    `directory` is the git directory of the working tree. Returns what to tell the user of others.
    """
    blocking = [directory / "index.lock", directory / "HEAD.lock", *_locks(common, BLOCKING)]
    left = _stale(blocking)
    if left:
        raise ReleaseError(
            *(
                Finding(
                    f"{lock} exists: another git process is at work here, or one has crashed",
                    remedy=f"nothing was changed; if no git is at work here: rm -f '{lock}', and"
                    " run this again",
                )
                for lock in left
            )
        )
    return [
        f"{lock} exists, which hinders git later; if no git is at work here: rm -f '{lock}'"
        for lock in _stale(_locks(common, HINDERING))
    ]


def _locks(common: Path, places: Iterable[str]) -> list[Path]:
    found: list[Path] = []
    for place in places:
        path = common / place
        found += [path] if path.is_file() else sorted(path.rglob("*.lock"))
    return found


def _stale(locks: Sequence[Path]) -> list[Path]:
    deadline = time.monotonic() + A_MOMENT
    left = [lock for lock in locks if lock.exists()]
    while left and time.monotonic() < deadline:
        time.sleep(A_MOMENT / 20)
        left = [lock for lock in left if lock.exists()]
    return left


def _remove(common: Path, said: Mapping[str, Any]) -> list[Path]:
    """Remove the locks of a command that has ended, and of no other."""
    removed = []
    for lock in _stale(_locks(common, said["places"])):
        with contextlib.suppress(OSError):
            if str(lock) not in said["before"] and lock.stat().st_mtime >= said["since"] - 1:
                lock.unlink()
                removed.append(lock)
    return removed


def _wait_for(command: Sequence[str]) -> None:
    """Wait for the git of a killed run. Raises ReleaseError when it goes on."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.cmdline()[-len(command) :] != list(command):
                continue
            try:
                process.wait(SWITCH_PATIENCE)
            except psutil.TimeoutExpired:
                raise ReleaseError.of(
                    f"process {process.pid}, git of a killed run, is still at work",
                    remedy="wait until it ends, or end it, then run this again",
                ) from None
