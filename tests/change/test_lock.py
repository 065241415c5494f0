"""Locks that our own git commands take are taken back; those of others are named."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from release.change import lock as lock_module
from release.change.lock import RECORD, judge_locks, run_git, take_back
from release.errors import ReleaseError
from tests.support import make_project


@pytest.fixture
def common(tmp_path: Path) -> Path:
    return make_project(tmp_path / "thing") / ".git"


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_module, "A_MOMENT", 0.1)


def left(common: Path, name: str) -> Path:
    path = common / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def record(common: Path, *before: Path, command: str = "push") -> Path:
    """What a killed run that ran a git command leaves."""
    said = {
        "command": ["-C", str(common.parent), command],
        "places": ["refs/remotes/origin"],
        "since": time.time(),
        "before": [str(path) for path in before],
    }
    path = common / f"{RECORD}x"
    path.write_text(json.dumps(said))
    return path


def test_locks_of_a_killed_run_are_taken_back_and_no_others(common: Path) -> None:
    there = left(common, "refs/remotes/origin/there.lock")
    old = left(common, "refs/remotes/origin/old.lock")
    elsewhere = left(common, "refs/remotes/fork/main.lock")
    noted = record(common, there)
    os.utime(old, (1, 1))
    ours = left(common, "refs/remotes/origin/main.lock")
    assert take_back(common) == [f"removed {ours}, which a killed run left"]
    assert [path.exists() for path in (ours, noted, there, old, elsewhere)] == [False] * 2 + [
        True
    ] * 3
    assert take_back(common) == []


def test_a_record_that_was_not_written_whole_is_dropped(common: Path) -> None:
    noted = common / f"{RECORD}x"
    noted.write_text("{")
    assert take_back(common) == []
    assert not noted.exists()


def test_a_git_of_a_killed_run_is_waited_for(common: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_module, "SWITCH_PATIENCE", 0.1)
    words = ["-C", str(common.parent), "cat-file", "--batch"]
    with subprocess.Popen(["git", *words], stdin=subprocess.PIPE) as process:
        noted = record(common)
        noted.write_text(json.dumps(json.loads(noted.read_text()) | {"command": words}))
        with pytest.raises(ReleaseError, match=f"process {process.pid}, git of a killed run"):
            take_back(common)
        assert noted.exists()
    assert take_back(common) == []


def test_a_command_that_ends_leaves_no_record(common: Path) -> None:
    done = run_git(common, ["-C", str(common.parent), "status"], ["refs"], os.environ)
    assert done.returncode == 0
    assert not list(common.glob(f"{RECORD}*"))


@pytest.mark.parametrize(
    "name", ["index.lock", "HEAD.lock", "packed-refs.lock", "refs/heads/main.lock",
             "refs/tags/v1.lock"],
)  # fmt: skip
def test_a_lock_of_another_git_that_stands_against_a_change_is_named(
    common: Path, name: str
) -> None:
    lock = left(common, name)
    with pytest.raises(ReleaseError) as caught:
        judge_locks(common, common)
    (problem,) = caught.value.problems
    assert problem.message.startswith(f"{lock} exists: another git process is at work here")
    assert f"rm -f '{lock}'" in str(problem.remedy)
    lock.unlink()
    assert judge_locks(common, common) == []


@pytest.mark.parametrize("name", ["objects/maintenance.lock", "refs/remotes/origin/main.lock"])
def test_a_lock_that_hinders_git_later_is_told(common: Path, name: str) -> None:
    lock = left(common, name)
    (told,) = judge_locks(common, common)
    assert f"rm -f '{lock}'" in told
    assert lock.exists()
