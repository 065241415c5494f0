"""Writes the files of an adoption, all of them or none."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from release.adopt.plan import Change
from release.errors import ConfigurationError, ReleaseError

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


@contextmanager
def written(root: Path, changes: Sequence[Change], scratch: Path) -> Iterator[None]:
    """The files below `root` are written, by way of the folder `scratch` of the same file system.

    They are as they were where that fails (ReleaseError), and where what is done meanwhile does.
    """
    done: list[tuple[Path, bytes | None]] = []
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        try:
            for number, change in enumerate(changes):
                _stage(root / change.path, change, Path(folder, str(number)))
            for number, change in enumerate(changes):
                target = root / change.path
                old = target.read_bytes() if os.path.lexists(target) else None
                if old != (None if change.before is None else change.before.encode()):
                    raise OSError(None, "it was changed meanwhile", str(target))
                done.append((target, old))  # before it is: Ctrl-C may come in between
                Path(folder, str(number)).replace(target)
            yield
        except BaseException as error:
            for target, old in reversed(done):
                target.unlink(missing_ok=True) if old is None else target.write_bytes(old)
            if not isinstance(error, OSError):
                raise
            said = f"cannot be written: {error.strerror or error}"
            path = Path(error.filename2 or error.filename or root)
            shown = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
            remedy = "make it and its folder writable, and run this again; nothing was changed"
            raise ReleaseError.of(said, shown, remedy=remedy) from None


def _stage(target: Path, change: Change, new: Path) -> None:
    """Write the new text, with the rights of the file that it is to replace."""
    new.write_bytes(change.after.encode())
    if change.before is not None:
        if not os.access(target, os.W_OK):  # a folder's rights suffice for replacing
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(target))
        shutil.copymode(target, new)
