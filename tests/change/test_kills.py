"""A run that is killed leaves the old state or the new one, and running it again finishes."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from release.change.lock import SWITCH_NAME
from release.registry import installed
from tests.support import GIT_ENVIRONMENT, PYPROJECT, git, make_project

ROOT = Path(__file__).resolve().parents[2]
HEAVY = [name for name in installed() if name not in {"tree", "versions"}]
# What is killed here is the change, not the judging of it.
SETTINGS = "[tool.release]\npublish = false\n" + "".join(
    f'[tool.release.gates.{name}]\nlevels = ["major"]\nrequired = "never"\n' for name in HEAVY
)
CHANGELOG = """\
# Changelog

## [Unreleased]

### Added

- A second thing.

## [1.2.3] — 2026-01-01

### Added

- A thing.

[Unreleased]: https://example.invalid/small-thing/compare/v1.2.3...HEAD
[1.2.3]: https://example.invalid/small-thing/releases/tag/v1.2.3
"""
CITATION = """\
cff-version: 1.2.0
message: Cite it.
title: small-thing
type: software
authors:
  - name: The maintainers
version: 1.2.3
date-released: 2026-01-01
"""
HOW = ("process", "group", "everything")
STEPS = {"bump": "minor", "tag": None, "cut": "minor"}
# The slow suite kills at every step of bump and tag, in as many parts as keep workers busy, and at
# every second one of cut, which shares most of them. The fast one takes samples.
PARTS = 4
KILLS = [
    pytest.param("cut", slice(20, None, 60), id="cut, samples"),
    *(
        pytest.param(
            *(action, slice(first, None, PARTS)),
            id=f"{action}, part {first + 1}",
            marks=pytest.mark.slow,
        )
        for action in STEPS
        for first in range(0, PARTS, 2 if action == "cut" else 1)
    ),
]
# Both make a release visible in the same way: bump is killed everywhere on it, cut here and there.
STRIDES = [pytest.param("bump", 1, id="bump"), pytest.param("cut", 3, id="cut")]


class Killer:
    """A warm process that runs actions, and kills them."""

    def __enter__(self) -> Killer:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def __init__(self, tools: Path) -> None:
        self.tools = tools
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.change.killing"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **GIT_ENVIRONMENT},
        )

    def __call__(self, root: Path, action: str, at: int = 0, **more: object) -> dict[str, Any]:
        asked = {"root": str(root), "tools": str(self.tools), "action": action, "at": at}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(asked | {"step": STEPS.get(action)} | more) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert isinstance(answer, dict)
        return answer


@pytest.fixture(scope="module")
def killer(tools_folder: Path) -> Iterator[Killer]:
    with Killer(tools_folder) as one:
        yield one


def fixture_project(folder: Path, action: str) -> Path:
    """A project with a remote beside it, ready for the action."""
    root = make_project(
        folder / "thing",
        {
            "pyproject.toml": PYPROJECT + SETTINGS,
            "CHANGELOG.md": CHANGELOG,
            "CITATION.cff": CITATION,
        },
    )
    subprocess.run(
        ["git", "init", "--quiet", "--bare", "--initial-branch=main", str(folder / "thing.git")],
        check=True,
    )
    git(root, "remote", "add", "origin", "../thing.git")
    git(root, "tag", "--annotate", "--message", "small-thing 1.2.3", "v1.2.3")
    git(root, "push", "--quiet", "--set-upstream", "origin", "main", "v1.2.3")
    git(root, "remote", "set-head", "origin", "main")
    return root


def prepared(killer: Killer, folder: Path, action: str) -> Path:
    root = fixture_project(folder, action)
    if action == "tag":
        assert killer(root, "bump")["status"] == 0
        # Evidence counts where it was gathered: with the same variables, of this process's child.
        judged = killer(root, "judge")
        assert judged["status"] == 0, judged["said"]
    return root


def judge_here(root: Path, tools: Path) -> None:
    from release.project import read_project
    from release.run.preflight import preflight
    from release.run.runner import Run
    from release.run.store import Store
    from tests.change.killing import Silent

    report = preflight(Run(read_project(root), Store(root), tools), Silent())
    assert report.verdict == "ready", report.as_json()


def state(root: Path) -> dict[str, Any]:
    """Everything that a release changes: files, index, branch, tags, and the remote's refs."""
    files = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not {".git", ".release"} & set(path.relative_to(root).parts)
    }
    return {
        "files": files,
        "index": git(root, "ls-files", "--stage"),
        "head": (root / ".git/HEAD").read_text(),
        "refs": git(
            root, "for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/tags"
        ),
        "remote": git(root, "ls-remote", "origin"),
    }


def settled(root: Path) -> None:
    """Wait for the process that finishes the visible step on its own."""
    lock = root / ".git" / SWITCH_NAME
    if lock.exists():
        with lock.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)


def copies(source: Path, folder: Path, numbers: range | list[int]) -> Iterator[tuple[int, Path]]:
    for number in numbers:
        place = folder / f"run-{number}"
        shutil.copytree(source.parent, place, symlinks=True)
        yield number, place / "thing"
        shutil.rmtree(place)


def shown(root: Path, old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Whether git says that the release is under way, and each file is the old or the new one."""
    now = state(root)
    files = now["files"].keys() | old["files"].keys() | new["files"].keys()
    mixed = [
        name
        for name in files
        if now["files"].get(name) not in (old["files"].get(name), new["files"].get(name))
    ]
    return not mixed and "You are currently cherry-picking commit" in git(root, "status")


def leftovers(root: Path) -> list[str]:
    worktrees = git(root, "worktree", "list", "--porcelain").count("worktree ")
    left = [p.name for p in (root / ".release").glob("switch-*")]
    left += [p.name for p in (root / ".git").rglob("*.lock") if not p.name.startswith("nox-")]
    left += [p.name for p in (root / ".git").glob("nox-release-*[!k]")]
    left += [p.name for p in (root / ".git").glob("[CR]*_HEAD")]
    left += [p.name for p in (root / ".release").glob("candidate*")]
    return left + (["worktree"] if worktrees > 1 else [])


@pytest.mark.parametrize(("action", "points"), KILLS)
def test_a_run_killed_before_anything_that_it_does_is_whole_or_was_never_there(
    killer: Killer, tmp_path: Path, action: str, points: slice
) -> None:
    start = prepared(killer, tmp_path / "start", action)
    old = state(start)
    new: dict[str, Any] = {}
    steps: list[int] = []
    for _, root in copies(start, tmp_path, [0]):
        whole = killer(root, action)
        assert whole["status"] == 0, whole["said"]
        steps = whole["steps"]
        new = state(root)
        assert not leftovers(root)
    assert new != old
    seen = set()
    for turn, (number, root) in enumerate(copies(start, tmp_path, steps[points])):
        killed = killer(root, action, number, how=HOW[(points.start + turn) % len(HOW)])
        assert killed["status"] in {-signal.SIGKILL, 0}, killed["said"]
        settled(root)
        now = state(root)
        between = {**new, "remote": old["remote"]}  # refs are local before they are pushed
        assert now in (old, between, new) or shown(root, old, new), f"{action} killed at {number}"
        assert_truthful(killer, root, "1.3.0")
        seen.add(now == old)
        again = killer(root, action)
        assert again["status"] == 0, f"{action} killed at {number}: {again['said']}"
        assert state(root) == new, f"{action} killed at {number}"
        assert not leftovers(root), f"{action} killed at {number}"
    assert True in seen


def assert_truthful(killer: Killer, root: Path, version: str) -> dict[str, str]:
    """What `status` shows of a version is what the repository and its remote have."""
    looked = killer(root, "look", version=version)
    assert looked["status"] == 0, looked["said"]
    seen: dict[str, str] = json.loads(looked["said"])
    tag = f"refs/tags/v{version}"
    here, there = git(root, "for-each-ref", tag), tag in git(root, "ls-remote", "origin")
    stated = f'version = "{version}"' in (root / "pyproject.toml").read_text()
    assert (seen["local_tag"] == "LocalTag.THERE") is bool(here), seen
    assert (seen["remote_tag"] in {"RemoteTag.THERE", "RemoteTag.OTHER"}) is there, seen
    assert (seen["files"] == "Files.STATED") is stated, seen
    return seen


@pytest.mark.slow
@pytest.mark.parametrize(("action", "stride"), STRIDES)
def test_a_kill_while_the_release_is_made_visible_is_made_good(
    killer: Killer, tmp_path: Path, action: str, stride: int
) -> None:
    start = prepared(killer, tmp_path / "start", action)
    new: dict[str, Any] = {}
    steps: list[int] = []
    for _, root in copies(start, tmp_path, [0]):
        whole = killer(root, action, switch_at=0, both=False)
        assert whole["status"] == 0, whole["said"]
        steps = whole["switch_steps"]
        new = state(root)
    assert len(steps) > 10
    old = state(start)
    for number, root in copies(start, tmp_path, steps[::stride]):
        first = killer(root, action, switch_at=number, both=True, how="everything")
        assert first["status"] == -signal.SIGKILL
        one = state(root) in (old, {**new, "remote": old["remote"]})
        assert one or shown(root, old, new), f"{action}, killed with its parent at {number}"
        again = killer(root, action)
        assert again["status"] == 0, f"{action}, killed with its parent at {number}: {again}"
        assert state(root) == new, f"{action}, killed with its parent at {number}"
        assert not leftovers(root), f"{action}, killed with its parent at {number}"
    for number, root in copies(start, tmp_path, steps[::stride]):
        alone = killer(root, action, switch_at=number, both=False)
        assert alone["status"] == 0, alone["said"]
        assert state(root) == new, f"{action}, killed at {number}"
        assert not leftovers(root), f"{action}, killed at {number}"


MOST_CALLS = 22  # more than git makes to move a branch and a tag


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize(("action", "stride"), STRIDES)
def test_a_kill_of_git_while_it_moves_the_refs_is_made_good(
    tools_folder: Path,
    tmp_path: Path,
    action: str,
    stride: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """git is killed at the K-th call that writes, renames or removes a file."""
    shim = tmp_path / "bin" / "git"
    count = tmp_path / "count"
    shim.parent.mkdir()
    calls = "write,rename,unlink,link"
    shim.write_text(
        "#!/bin/sh\n"
        f'case " $* " in *" update-ref "*) test -f {count} || exec {shutil.which("git")} "$@"\n'
        f"when=$(cat {count}); rm {count}\n"
        f"exec strace -qq -o /dev/null -e trace={calls} -e inject={calls}:signal=SIGKILL:when=$when"
        f' {shutil.which("git")} "$@";; esac\n'
        f'exec {shutil.which("git")} "$@"\n'
    )
    shim.chmod(0o755)
    new: dict[str, Any] = {}
    with Killer(tools_folder) as plain:
        start = prepared(plain, tmp_path / "start", action)
        for _, root in copies(start, tmp_path, [0]):
            assert plain(root, action)["status"] == 0
            new = state(root)
    old = state(start)
    monkeypatch.setenv("PATH", f"{shim.parent}{os.pathsep}{os.environ['PATH']}")
    undone = 0
    points = range(1, MOST_CALLS, stride)
    with Killer(tools_folder) as killer:
        for number, root in copies(start, tmp_path, points):
            count.write_text(str(number))
            first = killer(root, action)
            if first["status"] != 0:
                undone += 1
                assert state(root) == old, f"{action}, git killed at {number}: {first['said']}"
                assert killer(root, action)["status"] == 0
            assert state(root) == new, f"{action}, git killed at {number}"
            assert not leftovers(root), f"{action}, git killed at {number}"
    assert undone


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_a_sweep_of_kills_and_broken_disks_finds_nothing(tools_folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.change.sweep", str(tools_folder), "--seconds", "60"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
