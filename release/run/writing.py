"""Writes files into a repository: all of them or none."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from release.errors import ReleaseError

PREFIX = "writing-"
LOCK = "writing.lock"
PATIENCE = 60  # seconds for another run to write its files


@dataclass(frozen=True, slots=True)
class New:
    """A file to write: its path below the root, what is there, and what will be (None: nothing).

    It keeps its rights; with `executable`, whoever may read it may run it, too.
    """

    path: str
    before: bytes | None
    after: bytes | None
    executable: bool = False


def write(root: Path, files: Sequence[New], scratch: Path) -> None:
    """Write files by way of the folder `scratch`, which lies on the same file system.

    Each is at any time the old one or the new one. Where one cannot be written or was changed
    meanwhile (ReleaseError), and upon Ctrl-C, all are as they were. A run that was killed is
    finished by the next one, which also removes what that left in `scratch`; another run that
    writes is waited for.
    """
    with ExitStack() as last, ExitStack() as undo:
        last.enter_context(_alone(scratch))
        for left in scratch.glob(f"{PREFIX}*"):
            shutil.rmtree(left, ignore_errors=True)
        folder = last.enter_context(tempfile.TemporaryDirectory(prefix=PREFIX, dir=scratch))
        try:
            staged = [
                (root / file.path, *_stage(root / file.path, file, Path(folder, str(n)), undo))
                for n, file in enumerate(files)
            ]
            for file, (target, new, old) in zip(files, staged, strict=True):
                undo.callback(_put_back, target, old)  # before it is: Ctrl-C may come in between
                target.unlink() if file.after is None else new.replace(target)
        except OSError as error:
            raise _refusal(root, error) from None
        undo.pop_all()


def _alone(scratch: Path) -> AbstractContextManager[object]:
    """The lock of the folder, which ends with the process that holds it."""
    try:
        return FileLock(scratch / LOCK).acquire(timeout=PATIENCE)
    except Timeout:
        remedy = "wait until it ends, then run this again"
        raise ReleaseError.of("another run is writing files here", remedy=remedy) from None


def _stage(target: Path, file: New, new: Path, undo: ExitStack) -> tuple[Path, Path | None]:
    """The new file with its rights, and a copy of the old one; both lie aside."""
    for folder in reversed([each for each in target.parents if not each.exists()]):
        folder.mkdir()
        undo.callback(folder.rmdir)
    new.write_bytes(file.after or b"")
    old = new.with_suffix(".old") if os.path.lexists(target) else None
    if old is not None:
        if not os.access(target, os.W_OK):  # a folder's rights suffice for replacing
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(target))
        shutil.copy2(target, old)
        shutil.copymode(target, new)
    if (None if old is None else old.read_bytes()) != file.before:
        raise OSError(None, "it was changed meanwhile", str(target))
    if file.executable:
        mode = new.stat().st_mode
        new.chmod(mode | (mode & 0o444) >> 2)
    return new, old


def _put_back(target: Path, old: Path | None) -> None:
    if old is None:
        target.unlink(missing_ok=True)
    else:
        old.replace(target)


def _refusal(root: Path, error: OSError) -> ReleaseError:
    path = Path(error.filename2 or error.filename or root)
    return ReleaseError.of(
        f"cannot be written: {error.strerror or error}; nothing was changed",
        path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path),
        remedy="make it and its folder writable, and run this again",
    )
