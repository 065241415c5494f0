"""Folders for rehearsals among the temporary files, which outlive no rehearsal for long."""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

PREFIX = "nox-release-rehearsal-"
# As tempfile goes on after that. A folder that somebody named is not taken for one of these.
NAME = re.compile(rf"{PREFIX}[a-z0-9_]{{8}}")
# In each folder, locked by the process that it is for: the lock ends with that process.
LOCK = ".rehearsal.lock"


@contextlib.contextmanager
def scratch(*, keep: bool = False, mode: int = 0o700) -> Iterator[Path]:
    """A folder that is removed at the end, or by the next rehearsal where a kill left it.

    With `keep` it stays, and is nobody's.
    """
    from filelock import FileLock

    folder = Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()
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
            shutil.rmtree(folder, ignore_errors=True)


def remove_left(own: Path) -> Iterator[Path]:
    """Remove the folders of rehearsals that were killed: those that nobody holds, and says which.

    `own` is one of this process; what belongs to another account is left alone.
    """
    from filelock import FileLock, Timeout

    for folder in sorted(own.parent.glob(f"{PREFIX}*")):
        with contextlib.suppress(OSError, Timeout):
            said = folder.lstat()
            if folder.is_symlink() or said.st_uid != own.lstat().st_uid:
                continue
            if folder == own or not NAME.fullmatch(folder.name) or (folder / ".git").exists():
                continue
            if not (folder / LOCK).is_file():
                continue
            with FileLock(folder / LOCK).acquire(timeout=0):
                pass
            shutil.rmtree(folder)
            yield folder
