"""A release becomes visible whole, or not at all, or git itself shows what is under way."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from release.change import _switch
from release.change.lock import SWITCH_NAME
from release.change.switch import Move, Unsettled, settle, switch
from release.change.tags import make_tag
from release.errors import ReleaseError
from release.model import NewTag
from tests.support import commit, git, make_project, write

MAIN, TAG = "refs/heads/main", "refs/tags/v1.3.0"
MESSAGE = "nox-release: small-thing 1.3.0"


def texts(root: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in root.glob("[!.]*") if path.is_file()}


class Ready:
    """A project, and the commit and tag of its next release, made aside."""

    def __init__(self, folder: Path) -> None:
        self.root = make_project(folder / "thing", {"old.txt": "fragment\n"})
        self.git = self.root / ".git"
        write(self.root, {".git/info/exclude": ".release/\n"})
        self.store = self.root / ".release"
        self.store.mkdir()
        self.source = self.store / "candidate"
        git(self.root, "worktree", "add", "--quiet", "--detach", str(self.source))
        self.base = git(self.root, "rev-parse", "HEAD")
        write(self.source, {"old.txt": None, "new.txt": "1.3.0\n", "README.md": "# Small 1.3.0\n"})
        self.commit = commit(self.source, "Release 1.3.0")
        self.tag = make_tag(self.root, NewTag("v1.3.0", "small-thing 1.3.0"), self.commit)
        self.before = self.state()

    def make(self) -> tuple[str, ...]:
        moves = [Move(MAIN, self.commit, self.base), Move(TAG, self.tag, None)]
        return switch(self.root, self.store, moves, MESSAGE, self.source)

    def take_back(self) -> tuple[str, ...]:
        git(self.source, "checkout", "--quiet", "--detach", self.base)
        moves = [Move(MAIN, self.base, self.commit), Move(TAG, "0" * len(self.tag), self.tag)]
        return switch(self.root, self.store, moves, MESSAGE, self.source)

    def settle(self) -> list[str]:
        return settle(self.store, self.git)

    def state(self) -> dict[str, object]:
        return {
            "files": texts(self.root),
            "index": git(self.root, "ls-files", "--stage"),
            "refs": git(self.root, "for-each-ref"),
            "status": git(self.root, "status"),
        }

    def whole(self) -> None:
        """The new state, and nothing else."""
        assert git(self.root, "rev-parse", MAIN, TAG).split() == [self.commit, self.tag]
        assert git(self.root, "diff", "--stat", "HEAD") == ""
        assert git(self.root, "diff-files") == ""
        assert "nothing to commit" in git(self.root, "status")
        assert "currently" not in git(self.root, "status")
        assert self.left() == []

    def left(self) -> list[str]:
        names = [path.name for path in self.store.glob("switch-*")]
        names += [path.name for path in self.git.rglob("*.lock") if path.name != SWITCH_NAME]
        names += [path.name for path in self.git.glob("[CR]*_HEAD")]
        return names + [path.name for path in self.git.glob("nox-release-*") if path.is_dir()]

    def hook(self, text: str) -> None:
        path = self.git / "hooks/reference-transaction"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)


@pytest.fixture
def ready(tmp_path: Path) -> Ready:
    return Ready(tmp_path)


@contextmanager
def immutable(path: Path) -> Iterator[None]:
    done = subprocess.run(["chattr", "+i", str(path)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"chattr +i does not work here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", str(path)], check=True)


def test_refs_files_and_index_are_those_of_the_release(ready: Ready) -> None:
    assert ready.make() == ()
    ready.whole()
    assert not (ready.root / "old.txt").exists()


def test_a_release_that_is_taken_back_leaves_what_was_before(ready: Ready) -> None:
    ready.make()
    assert ready.take_back() == ()
    assert ready.state() == ready.before
    assert ready.left() == []


def test_refs_that_all_moved_although_git_failed_are_a_release_with_a_remark(ready: Ready) -> None:
    with immutable(ready.git / "logs/HEAD"):
        (said,) = ready.make()
    assert "every ref was moved nevertheless" in said
    assert "logs/HEAD" in said
    ready.whole()


IN_THE_WAY = f'[ "$1" != prepared ] || {{ mkdir -p .git/{TAG} && touch .git/{TAG}/junk; }}'


def test_a_branch_that_moved_without_its_tag_is_taken_back(ready: Ready) -> None:
    ready.hook(f'cd "{ready.root}"\n{IN_THE_WAY}')
    with pytest.raises(ReleaseError, match="could not be made visible: git update-ref") as caught:
        ready.make()
    assert TAG in str(caught.value)
    assert "every ref was looked at, and nothing was changed" in str(
        caught.value.problems[0].remedy
    )
    (ready.git / TAG / "junk").unlink()
    assert ready.state() == ready.before
    assert ready.left() == []
    (ready.git / "hooks/reference-transaction").unlink()
    ready.make()
    ready.whole()


def test_what_can_be_neither_finished_nor_undone_is_said_and_finished_later(ready: Ready) -> None:
    once = f"{ready.store}/once"
    refuse = f'[ "$1" != prepared ] || [ ! -e {once} ] || exit 1'
    ready.hook(f'cd "{ready.root}"\n{refuse}\n{IN_THE_WAY}\ntouch {once}')
    with pytest.raises(Unsettled, match=f"{MAIN} is moved, {TAG} is not moved") as caught:
        ready.make()
    assert "the next run looks at every ref again" in str(caught.value.problems[0].remedy)
    assert "You are currently cherry-picking" in git(ready.root, "status")
    with pytest.raises(Unsettled, match="is half done"):
        ready.settle()
    (ready.git / "hooks/reference-transaction").unlink()
    (ready.git / TAG / "junk").unlink()
    assert ready.settle() == [f"finished what a killed run left: {MESSAGE}"]
    ready.whole()


@pytest.mark.parametrize("place", ["index.lock", f"{MAIN}.lock", f"{TAG}.lock", "HEAD.lock"])
def test_a_lock_of_another_git_is_named_with_what_to_do(ready: Ready, place: str) -> None:
    lock = ready.git / place
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text("")
    os.utime(lock, (1, 1))
    with pytest.raises(ReleaseError) as caught:
        ready.make()
    assert f"rm -f '{lock}'" in str(caught.value.problems[0].remedy)
    assert lock.exists()
    lock.unlink()
    assert ready.state() == ready.before
    assert ready.left() == []


def killed_before(ready: Ready, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Everything dies where the switch would do this."""

    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    def keep(*_: object) -> None:
        pass

    def here(folder: Path) -> str:
        request = _switch.read_request(folder)
        _switch.Switch(folder, request, (), os.environ)._change()
        raise Killed

    owner = _switch.Transaction if name == "commit" else _switch.Switch
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, die)
        patch.setattr("release.change.switch._spawn", here)
        patch.setattr("release.change.switch._forget", keep)
        with pytest.raises(Killed):
            ready.make()


@pytest.mark.parametrize("step", ["_put_index", "_sync", "commit"])
def test_git_shows_a_release_that_is_under_way_and_the_next_run_takes_it_back(
    ready: Ready, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    killed_before(ready, monkeypatch, step)
    said = git(ready.root, "status")
    assert f"You are currently cherry-picking commit {ready.commit[:7]}" in said
    assert texts(ready.root) == texts(ready.source)
    assert git(ready.root, "rev-parse", "HEAD") == ready.base
    assert ready.settle() == [f"undone what a killed run left: {MESSAGE}"]
    assert ready.state() == ready.before
    assert ready.left() == []
    assert ready.settle() == []


@pytest.mark.parametrize("step", ["_put_index", "commit"])
def test_git_itself_can_give_up_a_release_that_is_under_way(
    ready: Ready, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    killed_before(ready, monkeypatch, step)
    (ready.git / "index.lock").unlink()  # git asks for that
    git(ready.root, "cherry-pick", "--abort")
    if step == "_put_index":  # what was not staged yet is left as the user's own changes
        git(ready.root, "checkout", "--quiet", "--", ".")
        (ready.root / "new.txt").unlink()
    assert ready.settle() == [f"undone what a killed run left: {MESSAGE}"]
    assert ready.state() == ready.before
    assert ready.left() == []


@pytest.mark.parametrize("step", ["_put_index", "_sync", "commit"])
def test_a_switch_that_is_killed_alone_is_done_by_the_process_that_waits_for_it(
    ready: Ready, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    owner = _switch.Transaction if step == "commit" else _switch.Switch

    def here(folder: Path) -> str:
        with monkeypatch.context() as patch:
            patch.setattr(owner, step, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                _switch.Switch(folder, _switch.read_request(folder), (), os.environ)._change()
        return "killed"

    monkeypatch.setattr("release.change.switch._spawn", here)
    assert ready.make() == ()
    ready.whole()


def test_what_somebody_edits_meanwhile_is_kept_and_named(
    ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_before(ready, monkeypatch, "commit")
    (ready.root / "README.md").write_text("mine\n")
    (told,) = ready.settle()
    assert told.endswith("README.md changed meanwhile, and was left alone")
    assert (ready.root / "README.md").read_text() == "mine\n"
    assert git(ready.root, "status", "--porcelain") == "M README.md"


def test_a_commit_that_somebody_makes_of_it_is_left_alone(
    ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_before(ready, monkeypatch, "commit")
    (ready.git / "index.lock").unlink()
    git(ready.root, "commit", "--quiet", "--message", "Mine")
    after = ready.state()
    assert ready.settle() == []
    assert ready.state() == after
    assert ready.left() == []


def test_a_release_whose_parts_somebody_removed_leaves_no_lock(
    ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_before(ready, monkeypatch, "commit")
    (folder,) = ready.store.glob("switch-*")
    subprocess.run(["rm", "-r", str(folder)], check=True)
    assert ready.settle() == []
    git(ready.root, "cherry-pick", "--abort")
    assert ready.state() == ready.before
    assert ready.left() == []


def test_a_request_that_was_killed_before_it_asked_leaves_nothing(ready: Ready) -> None:
    folder = ready.store / "switch-x"
    folder.mkdir()
    (folder / _switch.REQUEST).write_text("{")
    (ready.git / "nox-release-at-switch-x").write_text("")
    assert ready.settle() == []
    assert ready.left() == []


def test_an_answer_is_read_back_whole(tmp_path: Path) -> None:
    assert _switch.read_answer(tmp_path) is None
    _switch.answer(tmp_path, _switch.Result("old", "it broke"))
    assert _switch.read_answer(tmp_path) == _switch.Result("old", "it broke")
    (tmp_path / _switch.RESULT).write_text(json.dumps({"done": True}))
    assert _switch.read_answer(tmp_path) is None
