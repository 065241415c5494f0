"""The folder of a rehearsal or a proof goes with it, however it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from release.run.scratch import LOCK, remove_left, scratch

PREFIX = "nox-release-rehearsal-"

KILLED = """
import os, signal
from release.run.scratch import scratch
with scratch("rehearsal") as folder:
    (folder / "file").touch()
    print(folder, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path.resolve()


def test_it_is_removed_at_the_end_and_kept_where_that_is_asked_for(place: Path) -> None:
    with scratch("prove") as folder, scratch("prove", keep=True) as kept:
        assert folder.parent == place
    assert list(place.iterdir()) == [kept]
    with scratch("prove") as folder:
        assert remove_left(folder) == []


def test_what_a_killed_run_left_is_removed_by_the_next_of_its_kind_and_nothing_else(
    place: Path,
) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL
    left = Path(done.stdout.strip())
    assert (left / "file").exists()
    for name in ("of-somebody", "a_clone_"):
        (place / f"{PREFIX}{name}").mkdir()
        (place / f"{PREFIX}{name}" / LOCK).touch()
    (place / f"{PREFIX}a_clone_" / ".git").mkdir()
    (place / f"{PREFIX}link").symlink_to(left)
    with scratch("prove") as proving:
        assert remove_left(proving) == []
    with scratch("rehearsal") as another, scratch("rehearsal") as folder:
        assert remove_left(folder) == [left]
        there = {path.name for path in place.iterdir()}
    names = {f"{PREFIX}{name}" for name in ("of-somebody", "a_clone_", "link")}
    assert there == {another.name, folder.name, *names}
