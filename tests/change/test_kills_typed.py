"""Every other command that changes something is killed on its way, and run again ends the same."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.built import make_built_project
from tests.change.test_kills import (
    Killer,
    assert_truthful,
    copies,
    fixture_project,
    leftovers,
    state,
)
from tests.change.test_publishing import SDIST, complete, keep
from tests.index_server import IndexServer
from tests.support import Judge, git


@dataclass(frozen=True)
class Case:
    """What is typed, and the version that it is about.

    `done` is what it says where the run that was killed had done it all.
    """

    words: Sequence[str]
    version: str = "1.2.3"
    done: str = ""


def refused(killer: Killer, root: Path) -> None:
    """Make a release here whose push the remote refuses."""
    hook = root.parent / "thing.git" / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    assert killer(root, "cut")["status"] == 1
    hook.unlink()
    assert git(root, "tag", "--list", "v1.3.0")


def without_tag(_killer: Killer, root: Path) -> None:
    git(root, "tag", "--delete", "v1.2.3")


def with_another_tag(_killer: Killer, root: Path) -> None:
    git(root, "tag", "--force", "--annotate", "--message", "another", "v1.2.3")


def as_it_is(_killer: Killer, _root: Path) -> None:
    pass


TAKEN = "nothing is to be done"
CASES: dict[str, tuple[Callable[[Killer, Path], None], Case]] = {
    "cut --abandon": (refused, Case(["cut", "--abandon"], "1.3.0", TAKEN)),
    "status --do, no tag": (without_tag, Case(["status", "1.2.3", "--do"])),
    "status --do, another": (with_another_tag, Case(["status", "1.2.3", "--do"])),
    "render": (as_it_is, Case(["render"])),
    "adopt": (as_it_is, Case(["adopt", "--workflows"])),
}


@pytest.fixture(scope="module")
def killer(tools_folder: Path) -> Iterator[Killer]:
    with Killer(tools_folder) as one:
        yield one


def sampled(steps: list[int]) -> list[int]:
    """Some six of the places to kill at."""
    return steps[:: max(1, len(steps) // 6)]


def left_by_writing(root: Path) -> list[str]:
    return [path.name for path in (root / ".release").glob("writing-*")]


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_command_killed_anywhere_leaves_what_the_next_run_finishes(
    killer: Killer, tmp_path: Path, name: str
) -> None:
    prepare, case = CASES[name]
    start = fixture_project(tmp_path / "start", name)
    prepare(killer, start)
    old, new = state(start), dict[str, Any]()
    steps: list[int] = []
    for _, root in copies(start, tmp_path, [0]):
        whole = killer(root, "typed", words=case.words)
        assert whole["status"] == 0, whole["said"]
        steps, new = whole["steps"], state(root)
    assert new != old
    seen = []
    for number, root in copies(start, tmp_path, sampled(steps)):
        killed = killer(root, "typed", number, how="everything", words=case.words)
        assert killed["status"] == -signal.SIGKILL, killed["said"]
        assert_truthful(killer, root, case.version)
        now = state(root)
        # Files that are written one by one are each the old one or the new one.
        for path in now["files"].keys() | old["files"].keys() | new["files"].keys():
            versions = [found["files"].get(path) for found in (now, old, new)]
            assert versions[0] in versions[1:], f"{name} killed at {number}: {path}"
        assert {**now, "files": 0} in ({**old, "files": 0}, {**new, "files": 0}), number
        seen.append(now == old)
        again = killer(root, "typed", words=case.words)
        finished = again["status"] == 0 or (now == new and case.done and case.done in again["said"])
        assert finished, f"{name} killed at {number}: {again['said']}"
        assert state(root) == new, f"{name} killed at {number}"
        # What needs no doing leaves records of the killed run to the next change.
        left = leftovers(root) + left_by_writing(root) if now != new else []
        assert not left, f"{name} killed at {number}"
    assert True in seen


@pytest.mark.slow
def test_an_upload_killed_anywhere_ends_with_every_file_sent_once(
    killer: Killer, judge: Judge, tmp_path: Path
) -> None:
    start = make_built_project(tmp_path / "start" / "thing")
    complete(start / ".release" / "dist" / SDIST)
    git(start, "tag", "--annotate", "--message", "1.2.3", "v1.2.3")
    keep(judge.run(start))
    credentials = {"TWINE_USERNAME": "x", "TWINE_PASSWORD": "y" * 8, "NO_PROXY": "127.0.0.1"}
    old = state_alone(start)
    wanted = {path.name: path.read_bytes() for path in (start / ".release" / "dist").iterdir()}

    def publish(root: Path, index: IndexServer, at: int = 0) -> dict[str, Any]:
        words = ["publish", "--index", index.upload]
        return killer(root, "typed", at, how="everything", words=words, environ=credentials)

    events = 0
    for _, root in copies(start, tmp_path, [0, 1]):  # the first one installs twine
        with IndexServer() as index:
            events = publish(root, index)["events"]
            assert index.files == wanted

    def kill_at(number: int) -> int:
        """How many files were there when it was killed; afterwards each is, sent once."""
        for _, root in copies(start, tmp_path, [number]):
            with IndexServer() as index:
                assert publish(root, index, number)["status"] == -signal.SIGKILL
                there = len(index.files)
                assert index.files.items() <= wanted.items()
                again = publish(root, index)
                assert again["status"] == 0, f"killed at {number}: {again['said']}"
                assert index.files == wanted
                assert sorted(index.uploads) == sorted(wanted), f"killed at {number}: sent twice"
            assert state_alone(root) == old
        return there

    # Between the first file and the last there are few steps, which are sought by halves.
    first, last = 1, events
    while (there := kill_at((first + last) // 2)) in (0, len(wanted)) and last - first > 1:
        first, last = ((first + last) // 2, last) if there == 0 else (first, (first + last) // 2)
    assert 0 < there < len(wanted)


def state_alone(root: Path) -> dict[str, str]:
    return {
        "refs": git(root, "for-each-ref"),
        "status": git(root, "status", "--porcelain"),
        "head": git(root, "rev-parse", "HEAD"),
    }


@pytest.mark.slow
@pytest.mark.network
def test_a_rehearsal_killed_anywhere_changes_nothing_and_is_removed_by_the_next_one(
    killer: Killer, tmp_path: Path
) -> None:
    start = fixture_project(tmp_path / "start", "rehearse")
    settings = start / "pyproject.toml"
    text = settings.read_text().replace("publish = false\n", "")
    build = '[tool.release.gates.build]\nlevels = ["major"]\nrequired = "never"\n'
    assert build in text
    settings.write_text(text.replace(build, ""))
    git(start, "commit", "--quiet", "--all", "--message", "Publish")
    git(start, "push", "--quiet", "origin", "main")
    old = state(start)
    temporary = tmp_path / "temporary"
    temporary.mkdir()

    def rehearse(at: int = 0) -> dict[str, Any]:
        environ = {"TMPDIR": str(temporary)}
        words = ["rehearse", "minor"]
        return killer(start, "typed", at, how="everything", words=words, environ=environ)

    whole = rehearse()
    assert whole["status"] == 0, whole["said"]
    for number in range(whole["events"] // 6, whole["events"], whole["events"] // 3):
        assert rehearse(number)["status"] == -signal.SIGKILL
        assert state(start) == old
        assert_truthful(killer, start, "1.3.0")
    assert list(temporary.iterdir())
    again = rehearse()
    assert again["status"] == 0, again["said"]
    assert "which a killed rehearsal left" in again["said"]
    assert state(start) == old
    assert not [path for path in temporary.iterdir() if (path / ".rehearsal.lock").exists()]
