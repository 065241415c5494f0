"""All files are written, or none."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from filelock import FileLock

from release.errors import ReleaseError
from release.run.writing import LOCK, PREFIX, New, write

HOOK = New(".githooks/pre-push", None, b"#!/bin/sh\n", executable=True)
FILES = (
    New("pyproject.toml", b"a = 1\r\n", b"a = 1\r\nb = 2\r\n"),
    New("noxfile.py", None, b"x"),
    HOOK,
)
OLD = {"pyproject.toml": b"a = 1\r\n"}
NEW = {file.path: file.after for file in FILES}
# Every rename is counted, and the process kills itself before the one that is asked for.
KILLED = """
import os, pathlib, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from release.run.writing import write
from tests.run.test_writing import FILES
left, replace = int(sys.argv[3]), Path.replace
def counted(path, target):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return replace(path, target)
Path.replace = counted
write(Path(sys.argv[2]), FILES, Path(sys.argv[2], "scratch"))
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_bytes(OLD["pyproject.toml"])
    (tmp_path / "scratch").mkdir()
    return tmp_path


def written(root: Path) -> None:
    write(root, FILES, root / "scratch")


def files(root: Path) -> dict[str, bytes]:
    found = [path for path in root.rglob("*") if path.is_file() and path.name != LOCK]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}


def test_all_are_written_with_the_rights_that_they_had(root: Path) -> None:
    (root / "pyproject.toml").chmod(0o640)
    written(root)
    assert files(root) == NEW
    assert (root / "pyproject.toml").stat().st_mode & 0o777 == 0o640
    assert not (root / "noxfile.py").stat().st_mode & 0o111
    assert os.access(root / HOOK.path, os.X_OK)


def test_what_appeared_meanwhile_is_kept_and_nothing_is_written(root: Path) -> None:
    (root / "noxfile.py").write_bytes(b"theirs")
    with pytest.raises(ReleaseError, match=r"noxfile\.py: cannot be written: it was changed mean"):
        written(root)
    assert files(root) == {**OLD, "noxfile.py": b"theirs"}


@pytest.mark.parametrize("failing", [file.path for file in FILES])
@pytest.mark.parametrize(
    "failure", [PermissionError(13, "Permission denied"), KeyboardInterrupt()], ids=repr
)
def test_what_was_written_is_taken_back_where_the_rest_cannot_be(
    root: Path, failing: str, failure: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace

    def one_fails(path: Path, target: Path) -> Path:
        if target == root / failing and path.suffix != ".old":
            raise failure
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", one_fails)
    with pytest.raises((ReleaseError, KeyboardInterrupt)) as error:
        written(root)
    assert files(root) == OLD
    assert not (root / ".githooks").exists()
    if isinstance(error.value, ReleaseError):
        assert "Permission denied; nothing was changed" in str(error.value)
        assert error.value.problems[0].remedy


def test_an_interrupt_right_after_a_file_came_takes_it_back(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace

    def interrupted(self: Path, target: Path) -> Path:
        replace(self, target)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        written(root)
    assert files(root) == OLD


def test_a_file_that_may_not_be_written_is_not_replaced(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).endswith(".toml"))
    with pytest.raises(
        ReleaseError, match=r"pyproject\.toml: cannot be written: Permission denied"
    ):
        written(root)
    assert files(root) == OLD


@pytest.mark.parametrize("at", range(1, len(FILES) + 1))
def test_what_a_killed_run_left_is_finished_and_cleared_by_the_next(root: Path, at: int) -> None:
    top = str(Path(__file__).resolve().parents[2])
    command = [sys.executable, "-c", KILLED, top, str(root), str(at)]
    assert subprocess.run(command, cwd=top, check=False).returncode == -signal.SIGKILL
    assert list((root / "scratch").glob(f"{PREFIX}*"))
    there = {name: data for name, data in files(root).items() if not name.startswith("scratch/")}
    assert there == {**OLD, **{file.path: file.after for file in FILES[: at - 1]}}
    left = [file for file in FILES if there.get(file.path) != file.after]
    write(root, left, root / "scratch")
    assert files(root) == NEW


def test_two_runs_at_once_leave_each_other_alone(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = New("other.toml", None, b"o")
    second = threading.Thread(target=write, args=(root, [other], root / "scratch"))
    replace = Path.replace

    def meanwhile(path: Path, target: Path) -> Path:
        if not second.ident:
            second.start()
            second.join(0.2)
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", meanwhile)
    written(root)
    second.join()
    assert files(root) == {**NEW, "other.toml": b"o"}


def test_a_run_that_writes_for_too_long_is_not_disturbed(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("release.run.writing.PATIENCE", 0)
    with FileLock(root / "scratch" / LOCK), pytest.raises(ReleaseError, match="another run"):
        written(root)
    assert files(root) == OLD
