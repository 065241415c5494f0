"""Folders for one run among the temporary files, of which a killed run leaves nothing for long."""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from release.run.processes import uninterrupted

PREFIX = "nox-release-"
# As tempfile goes on after that. A folder that somebody named is not taken for one of these.
RANDOM = re.compile(r"[a-z0-9_]{8}")
# In each folder, locked by the process that it is for: the lock ends with that process.
LOCK = ".in-use.lock"


@contextlib.contextmanager
def scratch(what: str, *, keep: bool = False, mode: int = 0o700) -> Iterator[Path]:
    """A folder for a run of `what`, removed at the end, or by `remove_left` where a kill left it.

    With `keep` it stays, and is nobody's.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{what}-")).resolve()
    folder.chmod(mode)
    lock = FileLock(folder / LOCK)
    lock.acquire()
    try:
        yield folder
    finally:
        lock.release()
        if keep:
            (folder / LOCK).unlink(missing_ok=True)
        else:
            with uninterrupted():  # by somebody who presses Ctrl-C twice
                shutil.rmtree(folder, ignore_errors=True)


def remove_left(own: Path) -> list[Path]:
    """Remove the folders of killed runs, those that nobody holds, and say which.

    `own` is one of this process, of the same kind; what belongs to another account is left alone.
    """
    prefix, removed = own.name.rpartition("-")[0], []
    for folder in sorted(own.parent.glob(f"{prefix}-*")):
        with contextlib.suppress(OSError, Timeout):
            said = folder.lstat()
            if folder.is_symlink() or said.st_uid != own.lstat().st_uid:
                continue
            name = folder.name.removeprefix(f"{prefix}-")
            if folder == own or not RANDOM.fullmatch(name) or (folder / ".git").exists():
                continue
            if not (folder / LOCK).is_file():
                continue
            with FileLock(folder / LOCK).acquire(timeout=0):
                pass
            shutil.rmtree(folder)
            removed.append(folder)
    return removed
