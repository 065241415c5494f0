"""Whatever stands against a release: one clear error and nothing changed, or the release."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from release.change.lock import NAME as LOCK
from release.change.lock import locked
from release.change.releasing import Done, bump, cut, dry_bump, dry_cut, dry_tag, tag
from release.change.situation import Request
from release.errors import ReleaseError
from release.model import Finding, Gate, Outcome, Plan
from release.project import read_project
from release.registry import installed
from release.report.plan import render
from release.run.preflight import preflight
from tests.built import replace_tool
from tests.change.test_kills import HEAVY, judge_here
from tests.run.test_runner import Silent
from tests.support import PYPROJECT, Judge, commit, git, make_project, with_remote, write
from tests.test_sessions import ROOT, Nox, children

slow = pytest.mark.slow

SETTINGS = """
[tool.release]
publish = false
"""
BUMPVERSION = """
[tool.bumpversion]
current_version = "1.2.3"
[[tool.bumpversion.files]]
filename = "src/small_thing/__init__.py"
"""
PROJECT = PYPROJECT + SETTINGS + BUMPVERSION
CHANGELOG = """\
# Changelog

## [Unreleased]

### Added

- `double` takes fractions.

## [1.2.3] - 2026-01-02

### Fixed

- Halves are doubled.
"""
CITATION = """\
cff-version: 1.2.0
message: Please cite it.
title: Small thing
authors:
  - name: A Maintainer
version: 1.2.3
date-released: 2026-01-02
"""
DOCUMENTS = {"pyproject.toml": PROJECT, "CHANGELOG.md": CHANGELOG, "CITATION.cff": CITATION}
EDITED = ["CHANGELOG.md", "CITATION.cff", "pyproject.toml", "src/small_thing/__init__.py"]
# Gates that read text alone.
GATES = ("tree", "versions", "changelog", "documents", "schemas")
CHANGES = ("dry run", "bump", "cut")
ACTIONS = (*CHANGES, "tag")
State = dict[str, object]


@pytest.fixture(autouse=True)
def _gates_without_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    gates = {name: one for name, one in installed().items() if name in GATES}
    monkeypatch.setattr("release.registry.installed", lambda: gates)


@pytest.fixture(scope="module")
def quick_tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tools that find nothing wrong with CITATION.cff, and take no time for it."""
    tools = tmp_path_factory.mktemp("quick-tools")
    answer = 'print(\'{"status": "ok", "errors": []}\')'
    replace_tool(tools, "documents", "check-jsonschema", answer)
    return tools


@pytest.fixture
def judge(quick_tools: Path) -> Judge:
    return Judge(quick_tools)


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = os.environ.get("UV_CACHE_DIR") or str(Path("~/.cache/uv").expanduser())
    monkeypatch.setenv("UV_CACHE_DIR", cache)
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def files_of(folder: Path, *left_out: str) -> dict[str, object]:
    """Kind, permissions and content of everything below a folder."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name.split("/")[0] in left_out:
            continue
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_file():
            found[name] = (stat.S_IMODE(path.stat().st_mode), path.read_bytes())
        else:
            found[name] = "folder"
    return found


class World:
    """A project with a release to come, its remote, and a look at all of it."""

    def __init__(self, root: Path, judge: Judge, *, remote: Path | None = None) -> None:
        self.root = root
        self.judge = judge
        self.remote = remote or with_remote(root)
        self.home = Path(os.environ["HOME"])

    def state(self) -> State:
        """Files, index, refs, configuration and the remote: all that a refusal leaves as it was."""
        root = self.root
        git_folder = Path(git(root, "rev-parse", "--absolute-git-dir"))
        return {
            "files": files_of(root, ".git", ".release"),
            "index": git(root, "ls-files", "--stage", "-v"),
            "status": git(root, "status", "--porcelain", "--branch"),
            "refs": git(root, "for-each-ref"),
            "head": (git_folder / "HEAD").read_text(),
            "worktrees": git(root, "worktree", "list", "--porcelain").split("\n")[0],
            "configuration": git(root, "config", "--list"),
            "stash": git(root, "stash", "list"),
            "remote": git(self.remote, "for-each-ref"),
            "home": files_of(self.home),
        }

    def bump(
        self, step: str = "minor", *, subject: str | None = None, notes: str | None = None
    ) -> Done:
        return bump(self.judge.run(self.root), Request(step, subject, notes))

    def cut(self, step: str = "minor", *gates: Gate) -> Done:
        extra = {gate.name: gate for gate in gates}
        return cut(self.judge.run(self.root, gates=extra), Request(step), Silent())

    def tag(self) -> Done:
        return tag(self.judge.run(self.root), Request())

    def check(self) -> None:
        preflight(self.judge.run(self.root), Silent())

    def do(self, action: str) -> object:
        if action == "dry run":
            return dry_cut(read_project(self.root), Request("minor"), self.judge.tools)
        actions: dict[str, Callable[[], Done]] = {
            "bump": self.bump,
            "cut": self.cut,
            "tag": self.tag,
        }
        return actions[action]()

    def refuses(self, actions: Sequence[str], *said: str, problems: int | None = None) -> None:
        """Every one of the actions is refused like this; each leaves all as it was for the next."""
        for action in actions:
            print(action)
            with self.refused(*said, problems=problems):
                self.do(action)

    def leftovers(self) -> list[str]:
        """What a run should have removed, the lock's own file aside."""
        common = Path(git(self.root, "rev-parse", "--path-format=absolute", "--git-common-dir"))
        store = self.root / ".release"
        names = [entry.name for entry in common.iterdir() if entry.name.startswith("nox-release")]
        names += [entry.name for entry in store.glob("switch-*")]
        names += [entry.name for entry in common.rglob("*.lock")]
        return [name for name in names if name not in {LOCK, "nox-release-switch.lock"}]

    @contextlib.contextmanager
    def refused(self, *said: str, problems: int | None = None) -> Iterator[list[str]]:
        """Something is refused with one clear error that holds `said`, and changes nothing."""
        before = self.state()
        message: list[str] = []
        with pytest.raises(ReleaseError) as caught:
            yield message
        text = str(caught.value)
        message.append(text)
        print(text)
        for part in said:
            assert part in text
        assert any(problem.remedy for problem in caught.value.problems), "no remedy"
        assert problems is None or len(caught.value.problems) == problems
        assert "Traceback" not in text
        assert self.state() == before
        assert self.leftovers() == []

    def released(
        self,
        version: str = "1.3.0",
        *,
        files: list[str] | None = None,
        base: str = "HEAD~1",
        branch: str = "main",
    ) -> None:
        """The branch has one more commit that says the version in these files, and all is clean."""
        root = self.root
        changed = git(root, "-c", "core.quotePath=false", "diff", "--name-only", base, "HEAD")
        assert sorted(changed.split("\n")) == (EDITED if files is None else sorted(files))
        assert git(root, "rev-parse", "HEAD~1") == git(root, "rev-parse", base)
        assert git(root, "symbolic-ref", "HEAD") == f"refs/heads/{branch}"
        assert git(root, "status", "--porcelain") == ""
        assert read_project(root).version == version
        assert git(root, "worktree", "list").count("\n") == 0
        assert not (root / ".release/candidate").exists()
        assert self.leftovers() == []
        git(root, "fsck", "--strict", "--no-dangling")

    def pushed(self, version: str = "1.3.0") -> None:
        """The remote has the branch and an annotated tag on this very commit."""
        here = git(self.root, "rev-parse", "HEAD", f"refs/tags/v{version}")
        there = git(self.remote, "rev-parse", "refs/heads/main", f"refs/tags/v{version}")
        assert here == there
        assert git(self.root, "cat-file", "-t", f"refs/tags/v{version}") == "tag"
        assert git(self.root, "rev-parse", f"v{version}^{{commit}}") == git(
            self.root, "rev-parse", "HEAD"
        )

    def hook(self, name: str, text: str, *, there: bool = False) -> Path:
        """A hook of the project's user, or of the remote."""
        folder = self.remote / "hooks" if there else self.root / ".git/hooks"
        path = folder / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    def clone(self) -> Path:
        """Somebody else's clone, with a commit to push."""
        other = self.root.parent / "other"
        git(self.root.parent, "clone", "--quiet", str(self.remote), str(other))
        write(other, {"others.txt": "x"})
        commit(other, "Somebody else")
        return other

    def change(self, files: Mapping[str, str | bytes | None]) -> None:
        """Commit and push other files."""
        write(self.root, files)
        commit(self.root)
        git(self.root, "push", "--quiet", "origin", "main")


def refusal(action: Callable[[], object]) -> ReleaseError | None:
    """The error that an action ends with, if any."""
    try:
        done = action()
    except ReleaseError as error:
        print(error)
        return error
    if isinstance(done, Done):
        print(*done.remarks, sep="\n")
    return None


def push_from(other: Path) -> str:
    """A shell command that pushes from another clone, whatever git told the hook it runs in."""
    return (
        "unset GIT_DIR GIT_INDEX_FILE GIT_WORK_TREE GIT_PREFIX GIT_QUARANTINE_PATH\n"
        f"git -C '{other}' push --quiet origin HEAD:main"
    )


@pytest.fixture
def world(tmp_path: Path, judge: Judge) -> World:
    """A project whose version 1.2.3 is tagged, here and on the remote."""
    found = World(make_project(tmp_path / "thing", DOCUMENTS), judge)
    git(found.root, "tag", "--annotate", "--message", "small-thing 1.2.3", "v1.2.3")
    git(found.root, "push", "--quiet", "origin", "v1.2.3")
    return found


@pytest.fixture
def fresh(tmp_path: Path, judge: Judge) -> World:
    """A project that was never released."""
    return World(make_project(tmp_path / "thing", DOCUMENTS), judge)


# What it is when nothing is wrong.


def test_a_release_is_one_commit_and_one_tag_and_both_arrive(world: World) -> None:
    done = world.cut()
    world.released()
    world.pushed()
    assert any(text.startswith("pushed main and v1.3.0 to origin") for text in done.said)
    log = git(world.root, "log", "-1", "--format=%B")
    assert log == "Release 1.3.0\n\n### Added\n\n- `double` takes fractions."
    before = world.state()
    again = world.cut()
    assert "is released" in " ".join(again.said)
    assert world.state() == before


def test_a_bump_pushes_nothing_and_makes_no_tag(world: World) -> None:
    there = git(world.remote, "for-each-ref")
    tags = git(world.root, "tag")
    world.bump()
    world.released()
    assert git(world.root, "tag") == tags
    assert git(world.remote, "for-each-ref") == there
    before = world.state()
    assert "1.3.0" in " ".join(world.bump().said)
    assert world.state() == before


def test_a_tag_follows_the_checklist_of_a_bump(world: World) -> None:
    world.bump()
    with world.refused("the evidence", "not complete", "nox -s release_preflight"):
        world.tag()
    world.check()
    world.tag()
    world.pushed()
    before = world.state()
    world.tag()
    assert world.state() == before


def test_evidence_of_another_commit_does_not_count(world: World) -> None:
    world.bump()
    world.check()
    write(world.root, {"README.md": "# Small thing\n\nIt is smaller.\n"})
    commit(world.root)
    with world.refused("the evidence", "not complete"):
        world.tag()


# The state of the repository.


def _dirty(world: World) -> None:
    write(world.root, {"README.md": "other"})


def _staged(world: World) -> None:
    write(world.root, {"README.md": "other"})
    git(world.root, "add", "README.md")


def _untracked(world: World) -> None:
    write(world.root, {"src/small_thing/extra.py": "x = 1\n"})


def _detached(world: World) -> None:
    git(world.root, "switch", "--quiet", "--detach")


def _other_branch(world: World) -> None:
    git(world.root, "switch", "--quiet", "-c", "topic")


def _behind(world: World) -> None:
    git(world.clone(), "push", "--quiet")


def _diverged(world: World) -> None:
    _diverged_unfetched(world)
    git(world.root, "fetch", "--quiet")


def _diverged_unfetched(world: World) -> None:
    _behind(world)
    write(world.root, {"mine.txt": "x"})
    commit(world.root)


def _conflicting(root: Path) -> None:
    git(root, "switch", "--quiet", "-c", "topic")
    write(root, {"README.md": "theirs\n"})
    commit(root)
    git(root, "switch", "--quiet", "main")
    write(root, {"README.md": "ours\n"})
    commit(root)


def _attempt(root: Path, *arguments: str) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        git(root, *arguments)


def _mid_merge(world: World) -> None:
    _conflicting(world.root)
    _attempt(world.root, "merge", "topic")


def _mid_rebase(world: World) -> None:
    _conflicting(world.root)
    _attempt(world.root, "rebase", "topic")


def _mid_pick(world: World) -> None:
    _conflicting(world.root)
    _attempt(world.root, "cherry-pick", "topic")


def _mid_bisect(world: World) -> None:
    git(world.root, "bisect", "start")


def _unseen(world: World) -> None:
    git(world.root, "update-index", "--assume-unchanged", "README.md")
    write(world.root, {"README.md": "other"})


def _gone_remote(world: World) -> None:
    git(world.root, "remote", "set-url", "origin", str(world.root.parent / "gone.git"))


def _hooks_not_in_use(world: World) -> None:
    world.change({".githooks/pre-commit": "#!/bin/sh\n"})


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_dirty, ["1 file changed and not committed: README.md", "commit or stash"]),
        pytest.param(_staged, ["1 file changed and not committed: README.md"], marks=slow),
        pytest.param(
            _untracked,
            ["1 untracked file: src/small_thing/extra.py", "add, ignore or remove"],
            marks=slow,
        ),
        (_detached, ["HEAD is detached", "git switch main"]),
        pytest.param(
            _other_branch,
            ["on branch topic, and releases are made from main", "git switch main"],
            marks=slow,
        ),
        (_behind, ["behind origin/main", "git pull --ff-only origin main"]),
        pytest.param(
            _diverged, ["diverged from origin/main", "git pull --rebase origin main"], marks=slow
        ),
        pytest.param(
            _diverged_unfetched, ["origin/main", "git pull --rebase origin main"], marks=slow
        ),
        (_mid_merge, ["a merge is not finished", "git merge --abort"]),
        pytest.param(_mid_rebase, ["a rebase is not finished", "git rebase --abort"], marks=slow),
        pytest.param(
            _mid_pick, ["a cherry-pick is not finished", "git cherry-pick --abort"], marks=slow
        ),
        pytest.param(_mid_bisect, ["a bisect is not finished", "git bisect reset"], marks=slow),
        (_unseen, ["git was told not to look at 1 file: README.md", "--no-assume-unchanged"]),
        pytest.param(
            _gone_remote, ["origin cannot be asked", "gone.git", "git ls-remote origin"], marks=slow
        ),
        (_hooks_not_in_use, ["hooks in .githooks/ are not in use", "git config core.hooksPath"]),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else "",
)
def test_no_release_is_made_from_such_a_state(
    fresh: World, spoil: Callable[[World], None], said: list[str]
) -> None:
    spoil(fresh)
    fresh.refuses(ACTIONS, *said)


def test_no_release_is_made_from_a_shallow_clone(fresh: World, judge: Judge) -> None:
    fresh.change({"more.txt": "x"})
    shallow = fresh.root.parent / "shallow"
    git(shallow.parent, "clone", "--quiet", "--depth=1", f"file://{fresh.remote}", str(shallow))
    World(shallow, judge, remote=fresh.remote).refuses(
        ACTIONS, "the clone is shallow", "git fetch --unshallow --tags"
    )


def test_everything_that_stands_against_it_is_said_at_once(fresh: World) -> None:
    _behind(fresh)
    _dirty(fresh)
    _untracked(fresh)
    fresh.refuses(ACTIONS, "README.md", "extra.py", "behind", problems=3)


@pytest.mark.parametrize("action", ["dry run", "bump", "cut", "tag"])
def test_a_folder_without_git_is_told_what_to_do(tmp_path: Path, judge: Judge, action: str) -> None:
    root = tmp_path / "plain"
    write(root, DOCUMENTS)
    write(root, {"src/small_thing/__init__.py": '__version__ = "1.2.3"\n'})
    before = files_of(root)
    world = World(root, judge, remote=tmp_path)
    with pytest.raises(ReleaseError, match="not in a git repository") as caught:
        world.do(action)
    assert "git init" in str(caught.value.problems[0].remedy)
    assert files_of(root, ".release") == before


@pytest.mark.parametrize("action", ["dry run", "bump", "cut", "tag"])
def test_a_repository_without_a_commit_is_told_what_to_do(
    tmp_path: Path, judge: Judge, action: str
) -> None:
    root = tmp_path / "new"
    write(root, DOCUMENTS)
    write(root, {"src/small_thing/__init__.py": '__version__ = "1.2.3"\n'})
    git(root, "init", "--quiet", "--initial-branch=main")
    before = files_of(root, ".git")
    with pytest.raises(ReleaseError, match="commit") as caught:
        World(root, judge, remote=tmp_path).do(action)
    assert "git commit" in str(caught.value.problems[0].remedy)
    assert files_of(root, ".git", ".release") == before


def test_a_file_that_git_locks_is_not_taken_away(world: World) -> None:
    lock = world.root / ".git/index.lock"
    lock.write_bytes(b"")
    before = world.state()
    with pytest.raises(ReleaseError, match=r"index\.lock exists: another git process") as caught:
        world.bump()
    assert caught.value.problems[0].remedy
    assert lock.read_bytes() == b""
    assert world.state() == before
    lock.unlink()
    world.bump()
    world.released()


def test_a_lock_on_the_branch_is_not_taken_away(world: World) -> None:
    lock = world.root / ".git/refs/heads/main.lock"
    lock.write_bytes(b"")
    before = world.state()
    with pytest.raises(ReleaseError, match=r"main\.lock"):
        world.bump()
    assert lock.exists()
    assert world.state() == before


# Tags that are there already.


@pytest.mark.parametrize("place", ["here", "there"])
@pytest.mark.parametrize("name", ["v1.3.0", "v1.3"])
def test_a_version_whose_tag_exists_is_not_released_again(
    world: World, place: str, name: str
) -> None:
    where = world.root if place == "here" else world.remote
    git(where, "tag", name, "main")
    write(world.root, {"more.txt": "x"})
    commit(world.root)
    world.refuses(CHANGES, f"the tag {name}", "release a higher version")


@pytest.mark.parametrize("place", ["here", pytest.param("there", marks=slow)])
def test_a_tag_on_another_commit_is_never_moved(world: World, place: str) -> None:
    world.bump()
    git(world.root, "push", "--quiet", "origin", "main")
    world.check()
    where = world.root if place == "here" else world.remote
    git(where, "tag", "--annotate", "--message", "other", "v1.3.0", "main~1")
    way = "nox -s cut -- --abandon" if place == "here" else "a published tag is never moved"
    with world.refused("v1.3.0", "another commit", way):
        world.tag()


def test_a_lightweight_tag_on_this_commit_is_reported(world: World) -> None:
    world.bump()
    world.check()
    git(world.root, "tag", "v1.3.0")
    with world.refused("v1.3.0 is lightweight", "--annotate"):
        world.tag()


@pytest.mark.slow
def test_a_tag_that_was_made_before_is_pushed_as_it_is(world: World) -> None:
    world.bump()
    git(world.root, "tag", "--annotate", "--message", "by hand", "v1.3.0")
    made = git(world.root, "rev-parse", "refs/tags/v1.3.0")
    judge_here(world.root, world.judge.tools)
    done = world.tag()
    assert "on this commit already" in " ".join(done.said)
    world.pushed()
    assert git(world.remote, "rev-parse", "refs/tags/v1.3.0") == made


@pytest.mark.slow
def test_a_tag_that_only_the_remote_has_on_this_commit_is_seen(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.cut()
    git(world.root, "tag", "--delete", "v1.3.0")
    there = world.state()["remote"]
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-01-03T03:04:05Z")
    done = world.tag()
    assert "1.3.0 is released" in " ".join(done.said)
    assert world.state()["remote"] == there
    world.pushed()


@pytest.mark.slow
def test_two_tags_of_one_commit_are_never_made_one_by_force(world: World) -> None:
    world.cut()
    git(world.root, "tag", "--delete", "v1.3.0")
    git(world.root, "tag", "--annotate", "--message", "another", "v1.3.0")
    with world.refused("v1.3.0"):
        world.tag()


@pytest.mark.slow
def test_an_address_that_is_relative_is_understood(world: World) -> None:
    git(world.root, "remote", "set-url", "origin", "../thing.git")
    world.cut()
    world.pushed()


@pytest.mark.parametrize("there", [False, True], ids=["here", "there"])
def test_a_pull_requests_branch_of_something_else_is_not_taken(world: World, there: bool) -> None:
    branch = "release-1.3.0"
    table = PROJECT.replace(
        "publish = false", 'publish = false\npull-request-branch = "release-{version}"'
    )
    other = world.clone()
    world.change({"pyproject.toml": table})
    if there:
        git(other, "push", "--quiet", "origin", f"HEAD:refs/heads/{branch}")
    else:
        git(world.root, "fetch", "--quiet", str(other), f"HEAD:refs/heads/{branch}")
    with world.refused(f"the branch {branch} is there already"):
        world.bump()
    with world.refused(f"the branch {branch} is there already"):
        world.cut()


def test_a_checklist_that_is_not_ready_stops_the_release_and_goes_on_later(world: World) -> None:
    failing = Gate("failing", "f", lambda project, shell: Outcome.failed((Finding("it fails"),)))
    before = world.state()
    done = world.cut("minor", failing)
    assert done.report is not None
    assert done.report.verdict != "ready"
    assert "nothing was changed" in " ".join(done.said)
    assert ".release/candidate" in " ".join(done.said)
    assert world.state() == before
    world.cut()
    world.released()
    world.pushed()


def test_what_somebody_wrote_into_the_candidate_is_not_thrown_away(world: World) -> None:
    failing = Gate("failing", "f", lambda project, shell: Outcome.failed((Finding("it fails"),)))
    world.cut("minor", failing)
    edited = world.root / ".release/candidate/README.md"
    edited.write_text("mine\n")
    with world.refused("README.md", "git worktree remove --force .release/candidate"):
        world.cut()
    assert edited.read_text() == "mine\n"


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param("in git commit", marks=slow),
        "in the removal",
        pytest.param("in the record", marks=slow),
    ],
)
def test_a_candidate_that_a_killed_run_left_is_recognised(world: World, moment: str) -> None:
    failing = Gate("failing", "f", lambda project, shell: Outcome.failed((Finding("it fails"),)))
    world.cut("minor", failing)
    candidate, record = world.root / ".release/candidate", world.root / ".release/candidate.json"
    assert json.loads(record.read_text())["commit"] == git(candidate, "rev-parse", "HEAD")
    seen: list[str] = []

    def look(_project: object, _shell: object) -> Outcome:
        seen.append(record.read_text())
        return Outcome.failed((Finding("it fails"),))

    world.cut("minor", Gate("looking", "l", look))
    assert seen == ['{"commit": null}']
    record.write_text("" if moment == "in the record" else '{"commit": null}')
    if moment == "in git commit":  # its reflog has one more entry than HEAD
        git(candidate, "commit", "--quiet", "--allow-empty", "--message", "x")
        git(candidate, "update-ref", "--no-deref", "HEAD", "HEAD~1")
    else:
        (candidate / "README.md").unlink()
        (candidate / "LICENSE").unlink()
    world.cut()
    world.released()
    world.pushed()
    assert not record.exists()


@pytest.mark.slow
def test_the_record_of_a_candidate_that_is_gone_goes_with_the_next_run(world: World) -> None:
    record = world.root / ".release/candidate.json"
    record.parent.mkdir(exist_ok=True)
    record.write_text('{"commit": null}')
    world.cut()
    assert not record.exists()
    record.write_text('{"commit": null}')
    world.tag()
    assert not record.exists()


@pytest.mark.slow
def test_a_commit_that_somebody_made_in_the_candidate_is_not_thrown_away(world: World) -> None:
    failing = Gate("failing", "f", lambda project, shell: Outcome.failed((Finding("it fails"),)))
    world.cut("minor", failing)
    git(
        world.root / ".release/candidate",
        *("commit", "--quiet", "--allow-empty", "--message", "Mine"),
    )
    made = git(world.root / ".release/candidate", "rev-parse", "HEAD")
    with world.refused(f"the commit {made[:12]}", "git worktree remove --force"):
        world.cut()


@pytest.mark.slow
@pytest.mark.parametrize("there", [False, True])
def test_a_branch_called_like_the_tag_is_no_obstacle(world: World, there: bool) -> None:
    git(world.root, "branch", "v1.3.0")
    if there:
        git(world.root, "push", "--quiet", "origin", "refs/heads/v1.3.0")
    world.cut()
    world.pushed()


# The push.


@pytest.mark.parametrize("hook", ["pre-receive", pytest.param("update", marks=slow)])
def test_a_push_that_a_hook_refuses_leaves_the_remote_and_is_finished_later(
    world: World, hook: str
) -> None:
    refusing = world.hook(hook, 'echo "main is protected until Monday" >&2; exit 1', there=True)
    there = git(world.remote, "for-each-ref")
    with pytest.raises(ReleaseError) as caught:
        world.cut()
    text = str(caught.value)
    assert "main is protected until Monday" in text
    assert "neither branch nor tag" in text
    assert "run this again" in text
    assert git(world.remote, "for-each-ref") == there
    world.released()
    made = git(world.root, "for-each-ref")
    with pytest.raises(ReleaseError, match="main is protected until Monday"):
        world.cut()
    assert git(world.root, "for-each-ref") == made
    refusing.unlink()
    world.cut()
    world.pushed()
    assert git(world.root, "rev-parse", "HEAD", "v1.3.0").split()[0] in made


@pytest.mark.slow
def test_a_remote_that_took_the_branch_alone_is_told_and_gets_the_tag_later(world: World) -> None:
    take = f"git update-ref refs/heads/main $(git --git-dir='{world.root}/.git' rev-parse main)"
    refuse = f'[ "$1" != refs/tags/v1.3.0 ] || {{ {take}; echo "no tags today" >&2; exit 1; }}'
    refusing = world.hook("update", refuse, there=True)
    with pytest.raises(ReleaseError) as caught:
        world.cut()
    text = str(caught.value)
    assert "origin took refs/heads/main, and refused the rest: no tags today" in text
    assert "run this again" in text
    world.released()
    refusing.unlink()
    world.cut()
    world.pushed()


@pytest.mark.slow
def test_a_server_without_atomic_pushes_takes_neither(world: World) -> None:
    git(world.remote, "config", "receive.advertiseAtomic", "false")
    there = git(world.remote, "for-each-ref")
    with pytest.raises(ReleaseError, match="atomic") as caught:
        world.cut()
    assert caught.value.problems[0].remedy
    assert git(world.remote, "for-each-ref") == there


def test_a_remote_that_moves_during_the_checklist_is_noticed(world: World) -> None:
    other = world.clone()
    moving = Gate(
        "moving",
        "m",
        lambda project, shell: (git(other, "push", "--quiet"), Outcome.passed(1, "moved"))[1],
        needs=("tree",),
    )
    before = world.state()
    with pytest.raises(ReleaseError, match="moved on meanwhile") as caught:
        world.cut("minor", moving)
    assert "git pull --ff-only" in str(caught.value.problems[0].remedy)
    after = world.state()
    assert git(other, "rev-parse", "HEAD") in str(after.pop("remote"))
    before.pop("remote")
    assert after == before


@pytest.mark.slow
def test_a_tag_that_somebody_pushes_during_the_checklist_is_noticed(world: World) -> None:
    def push_tag(project: object, shell: object) -> Outcome:
        git(world.remote, "tag", "--annotate", "--message", "theirs", "v1.3.0", "main")
        return Outcome.passed(1, "moved")

    before = world.state()
    with pytest.raises(ReleaseError, match=r"v1\.3\.0") as caught:
        world.cut("minor", Gate("moving", "m", push_tag, needs=("tree",)))
    assert "neither" not in str(caught.value)
    after = world.state()
    before.pop("remote")
    after.pop("remote")
    assert after == before


def test_a_remote_that_moves_during_the_push_undoes_what_was_made(world: World) -> None:
    other = world.clone()
    world.hook("pre-push", push_from(other))
    before = world.state()
    with pytest.raises(ReleaseError, match="moved on meanwhile") as caught:
        world.cut()
    assert "nothing was changed here" in str(caught.value.problems[0].remedy)
    after = world.state()
    assert git(other, "rev-parse", "HEAD") in str(after["remote"])
    assert "v1.3.0" not in str(after["remote"])
    before.pop("remote")
    after.pop("remote")
    assert after == before
    assert world.leftovers() == []
    (world.root / ".git/hooks/pre-push").unlink()
    git(world.root, "pull", "--quiet", "--ff-only", "origin", "main")
    world.cut()
    world.pushed()


@pytest.mark.slow
def test_a_tag_of_a_bump_is_taken_back_when_the_remote_moves_during_the_push(
    world: World,
) -> None:
    world.bump()
    world.check()
    world.hook("pre-push", push_from(world.clone()))
    before = world.state()
    with pytest.raises(ReleaseError, match="moved on meanwhile"):
        world.tag()
    after = world.state()
    before.pop("remote")
    after.pop("remote")
    assert after == before


@pytest.mark.slow
def test_a_connection_that_breaks_after_the_server_accepted_is_a_success(world: World) -> None:
    world.hook("reference-transaction", '[ "$1" != committed ] || kill -9 $PPID', there=True)
    world.hook("post-receive", "kill -9 $PPID", there=True)
    world.cut()
    world.pushed()


def test_a_project_without_a_remote_is_told_so(tmp_path: Path, judge: Judge) -> None:
    root = make_project(tmp_path / "thing", DOCUMENTS)
    git(tmp_path, "init", "--quiet", "--bare", "none.git")
    world = World(root, judge, remote=tmp_path / "none.git")
    world.bump()
    world.released()


# Two at once.


def test_a_second_run_is_refused_while_the_first_one_works(world: World) -> None:
    common = world.root / ".git"
    program = (
        "import sys, time; from pathlib import Path; from release.change.lock import locked\n"
        f"with locked(Path({str(common)!r}), 'cut minor'):\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == b"held\n"
        said = f"another run is changing this repository: cut minor, process {process.pid}"
        with world.refused(said, "wait until it ends"):
            world.bump()
        process.stdin.close()
    world.bump()
    world.released()


@pytest.mark.slow
def test_of_two_runs_at_once_one_wins(world: World, tools_folder: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from release.change.releasing import Request, bump\n"
        "from release.errors import ReleaseError; from tests.support import Judge\n"
        "sys.stdin.readline()\n"
        "try:\n"
        f"    run = Judge(Path({str(tools_folder)!r})).run(Path({str(world.root)!r}))\n"
        "    print(*bump(run, Request('minor')).said, sep='; ')\n"
        "except ReleaseError as error:\n"
        "    print('refused', error)\n"
    )
    world.judge.run(world.root)
    base = git(world.root, "rev-parse", "HEAD")
    running = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for _ in range(2)
    ]
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=60) for process in running]
    assert not any(error for _, error in answers), answers
    said = sorted(out for out, _ in answers)
    assert sum("1.2.3 → 1.3.0" in text for text in said) == 1
    assert any("already" in text or "another run is changing" in text for text in said)
    world.released(base=base)


@pytest.mark.parametrize(
    "content", ['{"pid": 1, "action": "cut", "since": 1}', "{", "\0\xff", "[]"]
)
def test_the_lock_of_a_dead_process_is_taken_over(world: World, content: str) -> None:
    (world.root / ".git" / LOCK).write_text(content)
    world.bump()
    world.released()


def test_a_lock_can_be_taken_again_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="x"), locked(tmp_path, "bump"):
        raise ValueError("x")
    with locked(tmp_path, "tag"):
        assert json.loads((tmp_path / LOCK).read_text())["action"] == "tag"


def test_a_lock_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / LOCK).mkdir()
    with pytest.raises(ReleaseError, match="cannot be locked"), locked(tmp_path, "bump"):
        pass


# What the user does meanwhile: a commit hook stands for any moment of it.


def test_a_file_that_is_edited_meanwhile_is_kept(world: World) -> None:
    edited = world.root / "src/small_thing/__init__.py"
    world.hook("pre-commit", f"echo 'mine = 1' >> '{edited}'")
    refs = git(world.root, "for-each-ref")
    text = edited.read_text()
    with pytest.raises(ReleaseError, match="changed while the release was being") as e:
        world.bump()
    assert "src/small_thing/__init__.py" in str(e.value)
    assert edited.read_text() == text + "mine = 1\n"
    assert git(world.root, "for-each-ref") == refs
    assert git(world.root, "status", "--porcelain") == "M src/small_thing/__init__.py"
    assert world.leftovers() == []


def test_a_file_outside_of_the_release_may_change_meanwhile(world: World) -> None:
    world.hook("pre-commit", f"echo more >> '{world.root}/README.md'; echo x > '{world.root}/new'")
    world.bump()
    assert git(world.root, "status", "--porcelain") == "M README.md\n?? new"
    assert (world.root / "README.md").read_text().endswith("more\n")
    assert git(world.root, "diff", "--name-only", "HEAD~1", "HEAD").split("\n") == EDITED


def test_what_is_staged_meanwhile_is_neither_lost_nor_released(world: World) -> None:
    steps = (
        "unset GIT_DIR GIT_INDEX_FILE GIT_WORK_TREE GIT_PREFIX\n"
        f"cd '{world.root}' && echo x > new && git add new"
    )
    world.hook("pre-commit", steps)
    world.bump()
    assert git(world.root, "status", "--porcelain") == "A  new"
    assert git(world.root, "diff", "--name-only", "HEAD~1", "HEAD").split("\n") == EDITED


def test_a_commit_that_is_made_meanwhile_is_not_overwritten(world: World) -> None:
    steps = (
        "unset GIT_DIR GIT_INDEX_FILE GIT_WORK_TREE GIT_PREFIX\n"
        f"cd '{world.root}' && git commit --quiet --no-verify --allow-empty -m Mine"
    )
    world.hook("pre-commit", steps)
    before = world.state()
    with pytest.raises(ReleaseError, match="could not be made visible") as caught:
        world.bump()
    assert caught.value.problems[0].remedy
    assert git(world.root, "log", "-1", "--format=%s") == "Mine"
    after = world.state()
    assert after["files"] == before["files"]
    assert git(world.root, "status", "--porcelain") == ""


def test_another_branch_that_is_checked_out_meanwhile_is_left_alone(world: World) -> None:
    steps = (
        "unset GIT_DIR GIT_INDEX_FILE GIT_WORK_TREE GIT_PREFIX\n"
        f"git -C '{world.root}' switch --quiet -c topic"
    )
    world.hook("pre-commit", steps)
    before = world.state()
    with pytest.raises(ReleaseError, match=r"branch|HEAD"):
        world.bump()
    after = world.state()
    assert after["files"] == before["files"]
    assert git(world.root, "status", "--porcelain", "--branch") == "## topic"
    assert git(world.root, "rev-parse", "main") == git(world.root, "rev-parse", "topic")


# Text and files.


def test_line_ends_marks_and_missing_ends_stay_as_they_are(world: World) -> None:
    crlf = PROJECT.replace("\n", "\r\n").replace('"MIT"\r\n', '"MIT"\n', 1)
    module = '\ufeff"""A small thing."""\r\n__version__ = "1.2.3"  # here\r\nx = "1.2.3.4"'
    world.change(
        {
            "pyproject.toml": crlf.encode(),
            "src/small_thing/__init__.py": module.encode(),
            "CHANGELOG.md": CHANGELOG.replace("\n", "\r\n").rstrip().encode(),
        }
    )
    world.bump()
    day = datetime.now(UTC).date().isoformat()
    wanted = {
        "pyproject.toml": crlf.replace('version = "1.2.3"', 'version = "1.3.0"'),
        "src/small_thing/__init__.py": module.replace('"1.2.3"', '"1.3.0"'),
        "CHANGELOG.md": CHANGELOG.replace(
            "## [Unreleased]\n\n", f"## [Unreleased]\n\n## [1.3.0] - {day}\n\n"
        )
        .replace("\n", "\r\n")
        .rstrip(),
    }
    for name, text in wanted.items():
        assert (world.root / name).read_bytes().decode() == text, name
    world.released()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ('__version__ = "1.2.3"\n'.encode("utf-16"), ["is UTF-16", "save it as UTF-8"]),
        ('__version__ = "1.2.3"\n'.encode("utf-16-be"), ["UTF-16", "save it as UTF-8"]),
        (b'# caf\xe9\n__version__ = "1.2.3"\n', ["is not UTF-8", "save it as UTF-8"]),
    ],
    ids=["UTF-16", "UTF-16 without a mark", "Latin-1"],
)
def test_a_file_that_is_no_utf_8_is_named(world: World, data: bytes, said: list[str]) -> None:
    extra = '\n[[tool.bumpversion.files]]\nfilename = "docs/conf.py"\n'
    world.change({"pyproject.toml": PROJECT + extra, "docs/conf.py": data})
    world.refuses(CHANGES, "docs/conf.py", *said)


@pytest.mark.parametrize("name", ["CHANGELOG.md", "CITATION.cff"])
def test_a_document_that_is_no_utf_8_is_named(world: World, name: str) -> None:
    text = DOCUMENTS[name].encode().replace(b"Please", b"Pl\xe9ase").replace(b"Halves", b"H\xe4l")
    world.change({name: text})
    with world.refused(name, "UTF-8"):
        world.bump()


def test_the_target_of_a_link_inside_the_repository_is_edited(world: World) -> None:
    extra = '\n[[tool.bumpversion.files]]\nfilename = "VERSION"\n'
    write(world.root, {"data/version.txt": "1.2.3\n"})
    (world.root / "VERSION").symlink_to("data/version.txt")
    world.change({"pyproject.toml": PROJECT + extra})
    world.bump()
    assert (world.root / "VERSION").readlink() == Path("data/version.txt")
    assert (world.root / "data/version.txt").read_text() == "1.3.0\n"
    world.released(files=[*EDITED, "data/version.txt"])


@pytest.mark.parametrize("kind", ["link", "path", "loop", "dangling"])
def test_nothing_outside_of_the_repository_is_touched(world: World, kind: str) -> None:
    outside = world.root.parent / "outside.txt"
    outside.write_text("1.2.3\n")
    name = "../outside.txt" if kind == "path" else "VERSION"
    targets = {"link": "../outside.txt", "loop": "VERSION", "dangling": "nowhere"}
    if kind in targets:
        (world.root / "VERSION").symlink_to(targets[kind])
    extra = f'\n[[tool.bumpversion.files]]\nfilename = "{name}"\n'
    world.change({"pyproject.toml": PROJECT + extra})
    world.refuses(CHANGES, name)
    assert outside.read_text() == "1.2.3\n"


@pytest.mark.parametrize(
    "name", ["src/small_thing/__init__.py", pytest.param("CHANGELOG.md", marks=slow)]
)
def test_a_read_only_file_is_named_and_nothing_is_changed(world: World, name: str) -> None:
    (world.root / name).chmod(0o444)
    with world.refused(name, "read-only", f"chmod u+w {name}"):
        world.bump()


def test_an_immutable_file_is_named_and_nothing_is_changed(world: World) -> None:
    path = world.root / "CITATION.cff"
    done = subprocess.run(["chattr", "+i", str(path)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"chattr +i does not work here: {done.stderr.strip()}")
    try:
        with world.refused("CITATION.cff", "cannot be changed"):
            world.bump()
    finally:
        subprocess.run(["chattr", "-i", str(path)], check=True)


@pytest.mark.parametrize("name", ["CITATION.cff", "src/small_thing/__init__.py"])
def test_versions_that_disagree_are_named(world: World, name: str) -> None:
    text = (world.root / name).read_text()
    world.change({name: text.replace("1.2.3", "1.2.2")})
    with world.refused(name, "1.2.2", "1.2.3"):
        world.bump()


def test_only_the_declared_places_change(world: World) -> None:
    citation = CITATION.replace("1.2.3", "1.2.0").replace("1.2.0\nmessage", "1.2.3\nmessage")
    citation = (
        "cff-version: 1.2.0\nmessage: Please cite it.\ntitle: Small thing\nauthors:\n"
        "  - name: A Maintainer\nversion: 1.2.0\ndate-released: 2026-01-02\nreferences:\n"
        "  - type: software\n    title: Other\n    version: 1.2.0\n    authors:\n"
        "      - name: Another\n"
    )
    pyproject = PROJECT.replace("1.2.3", "1.2.0").replace(
        "[project.scripts]", 'dependencies = ["other==1.2.0"]\n\n[project.scripts]'
    )
    world.change(
        {
            "CITATION.cff": citation,
            "pyproject.toml": pyproject,
            "src/small_thing/__init__.py": '__version__ = "1.2.0"\nPORT = "11.2.0"\n',
            "CHANGELOG.md": CHANGELOG.replace("1.2.3", "1.2.0"),
        }
    )
    git(world.root, "tag", "--delete", "v1.2.3")
    git(world.root, "push", "--quiet", "origin", ":refs/tags/v1.2.3")
    world.bump("patch")
    day = datetime.now(UTC).date().isoformat()
    assert (world.root / "CITATION.cff").read_text() == citation.replace(
        "\nversion: 1.2.0", "\nversion: 1.2.1"
    ).replace("2026-01-02", day)
    assert 'dependencies = ["other==1.2.0"]' in (world.root / "pyproject.toml").read_text()
    assert 'PORT = "11.2.0"' in (world.root / "src/small_thing/__init__.py").read_text()


# No room.


def limited(world: World, action: str) -> subprocess.CompletedProcess[str]:
    """An action in a process that can write no file larger than a few kilobytes."""
    program = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from release.change.releasing import Request, bump\n"
        "from release.errors import ReleaseError; from tests.support import Judge\n"
        f"run = Judge(Path({str(world.judge.tools)!r})).run(Path({str(world.root)!r}))\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))\n"
        "try:\n"
        f"    {action}(run, Request('minor'))\n"
        "except ReleaseError as error:\n"
        "    print(error)\n"
        "    sys.exit(1)\n"
    )
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )


@pytest.mark.parametrize(
    "name", ["src/small_thing/__init__.py", pytest.param("CHANGELOG.md", marks=slow)]
)
def test_a_file_that_cannot_be_written_whole_changes_nothing(world: World, name: str) -> None:
    world.bump("1.2.4")
    git(world.root, "reset", "--quiet", "--hard", "HEAD~1")
    with (world.root / name).open("a") as file:
        file.write("\n# more\n" * 8_000)
    world.change({})
    before = world.state()
    done = limited(world, "bump")
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout.strip()
    assert world.state() == before
    assert world.leftovers() == []
    world.bump()
    world.released()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("no mount here")
    if done.returncode != 0:
        pytest.skip(f"no tmpfs can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize(
    "left",
    [0, 32, *(pytest.param(left, marks=pytest.mark.slow) for left in (4, 8, 16, 64, 96, 128))],
)
def test_a_full_disk_changes_nothing(small_disk: Path, judge: Judge, left: int) -> None:
    world = World(make_project(small_disk / "thing", DOCUMENTS), judge)
    for name in ("evidence", "logs", "cache"):
        (world.root / ".release" / name).mkdir(parents=True)
    (world.root / ".release/.gitignore").write_text("*\n")
    before = world.state()
    filler = small_disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    with filler.open("rb+") as file:
        file.truncate(max(0, filler.stat().st_size - left * 1024))
    if (error := refusal(world.bump)) is not None:
        assert "No space left on device" in str(error) or "make room" in str(error)
        assert "git -c" not in str(error)
        assert any(problem.remedy for problem in error.problems)
        filler.unlink()
        assert world.state() == before
        assert world.leftovers() == []
        world.bump()
    world.released()


# Who signs and who commits.


def _no_identity(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.delenv(f"GIT_{role}_NAME")
        monkeypatch.delenv(f"GIT_{role}_EMAIL")
    monkeypatch.delenv("EMAIL", raising=False)
    git(world.root, "config", "user.useConfigOnly", "true")


def _key_that_is_gone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    git(world.root, "config", "gpg.format", "ssh")
    git(world.root, "config", "user.signingKey", str(world.home / "key.pub"))
    git(world.root, "config", "tag.gpgSign", "true")


def _no_key(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    git(world.root, "config", "commit.gpgSign", "true")
    git(world.root, "config", "gpg.format", "ssh")


def _no_program(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    git(world.root, "config", "tag.gpgSign", "true")
    git(world.root, "config", "gpg.program", str(world.home / "gpg"))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_no_identity, ["no identity to commit with", "git config user.name"]),
        (_key_that_is_gone, ["key file", "key.pub is not there"]),
        (_no_key, ["no key is set", "git config user.signingKey"]),
        (_no_program, ["gpg is not there"]),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else "",
)
def test_who_commits_and_signs_is_settled_before_anything_is_written(
    fresh: World,
    spoil: Callable[[World, pytest.MonkeyPatch], None],
    said: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spoil(fresh, monkeypatch)
    fresh.refuses(ACTIONS, *said)


@pytest.mark.slow
def test_a_key_that_cannot_be_used_makes_no_tag_without_a_signature(world: World) -> None:
    key = world.root.parent / "key.pub"
    key.write_text("no key at all\n")
    world.bump()
    world.check()
    git(world.root, "config", "gpg.format", "ssh")
    git(world.root, "config", "user.signingKey", str(key))
    git(world.root, "config", "tag.gpgSign", "true")
    world.check()
    with world.refused("git tag", "nothing was changed"):
        world.tag()


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no ssh-keygen to make a key with")
def test_commit_and_tag_are_signed_where_git_says_so(world: World) -> None:
    key = world.root.parent / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    git(world.root, "config", "gpg.format", "ssh")
    git(world.root, "config", "user.signingKey", f"{key}.pub")
    git(world.root, "config", "tag.gpgSign", "true")
    git(world.root, "config", "commit.gpgSign", "true")
    world.cut()
    world.pushed()
    assert "BEGIN SSH SIGNATURE" in git(world.root, "cat-file", "-p", "HEAD")
    assert "BEGIN SSH SIGNATURE" in git(world.root, "cat-file", "-p", "v1.3.0")


def _no_home(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")


def _home_is_no_folder(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/dev/null")


def _plain_locale(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.delenv("LANG", raising=False)


def _inside_of_a_hook(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", str(world.home / "other.git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(world.home / "index"))
    monkeypatch.setenv("GIT_WORK_TREE", str(world.home))


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(_no_home, marks=slow),
        pytest.param(_home_is_no_folder, marks=slow),
        pytest.param(_plain_locale, marks=slow),
        _inside_of_a_hook,
    ],
    ids=lambda f: f.__name__,
)
def test_a_strange_environment_is_no_obstacle(
    world: World,
    spoil: Callable[[World, pytest.MonkeyPatch], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(
        world.root,
        {
            "CHANGELOG.md": CHANGELOG.replace(
                "fractions", "br\N{LATIN SMALL LETTER U WITH DIAERESIS}che"
            )
        },
    )
    world.change({})
    with monkeypatch.context() as patch:
        spoil(world, patch)
        world.cut()
    world.released()
    world.pushed()
    assert "br\N{LATIN SMALL LETTER U WITH DIAERESIS}che" in git(
        world.root, "log", "-1", "--format=%B"
    )
    assert files_of(world.home) == {}


# The project's own hooks and filters.


@pytest.mark.parametrize("action", ["bump", pytest.param("cut", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("pre-commit", "echo 'line 3 is too long'; exit 1", ["line 3 is too long"]),
        ("pre-commit", "echo x >> README.md; git add README.md", ["README.md", "run the hook"]),
        pytest.param(
            "pre-commit",
            "sed -i 's/1.3.0/9.9.9/' pyproject.toml; git add pyproject.toml",
            ["a hook changed what was to be committed: pyproject.toml"], marks=slow),
        pytest.param(
            "pre-commit", "echo x > left.txt", ["a hook left files behind: left.txt"],
            marks=slow,
        ),
        pytest.param(
            "pre-commit", "echo x >> README.md", ["a hook left files behind: README.md"], marks=slow
        ),
        pytest.param(
            "pre-commit", "rm README.md", ["a hook left files behind: README.md"], marks=slow
        ),
        pytest.param(
            "commit-msg",
            "echo 'no ticket is named' >&2; exit 1",
            ["no ticket is named"],
            marks=slow,
        ),
        pytest.param("prepare-commit-msg", ': > "$1"', ["git commit"], marks=slow),
        (
            "post-commit",
            'rm "$0"; git commit --quiet --allow-empty -m More',
            ["a hook moved the commit elsewhere"],
        ),
        pytest.param("pre-commit", "exec sh -c 'kill -9 $$'", ["git commit"], marks=slow),
    ],
    ids=[
        "refuses", "adds", "rewrites", "leaves a file", "leaves a change", "removes", "wants words",
        "empties the words", "commits", "is killed",
    ],
)  # fmt: skip
def test_a_hook_that_interferes_is_named_and_nothing_is_changed(
    world: World, action: str, name: str, text: str, said: list[str]
) -> None:
    world.hook(name, text)
    with world.refused(*said):
        world.do(action)


def test_a_hook_of_the_project_runs_on_the_release(world: World) -> None:
    world.change({".githooks/pre-commit": "#!/bin/sh\ngrep -q 1.3.0 pyproject.toml && exit 3\n"})
    (world.root / ".githooks/pre-commit").chmod(0o755)
    commit(world.root)
    git(world.root, "config", "core.hooksPath", ".githooks")
    with world.refused("git commit"):
        world.bump()


@pytest.mark.slow
def test_a_hook_may_add_a_trailer(world: World) -> None:
    world.hook("commit-msg", 'echo "Change-Id: I1234" >> "$1"')
    world.cut()
    world.released()
    world.pushed()
    assert git(world.root, "log", "-1", "--format=%B").endswith("\nChange-Id: I1234")


def test_a_secret_that_a_hook_prints_gets_into_no_file(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPLOY_TOKEN", "hunter2-word")
    world.hook("pre-commit", 'echo "token is $DEPLOY_TOKEN"; exit 1')
    with world.refused("git commit"):
        world.bump()
    for path in (world.root / ".release").rglob("*"):
        assert not path.is_file() or b"hunter2-word" not in path.read_bytes(), path


@pytest.mark.parametrize("how", [pytest.param("autocrlf", marks=slow), "attributes"])
def test_line_ends_that_git_translates_stay_translated(world: World, how: str) -> None:
    root = world.root
    if how == "autocrlf":
        git(root, "config", "core.autocrlf", "true")
    else:
        world.change({".gitattributes": "* text=auto eol=crlf\n"})
    for entry in git(root, "ls-files").split("\n"):
        (root / entry).unlink()
    git(root, "checkout", "--quiet", "--", ".")
    assert b"\r\n" in (root / "pyproject.toml").read_bytes()
    world.bump()
    world.released()
    for name in EDITED:
        data = (root / name).read_bytes()
        assert data.count(b"\r\n") == data.count(b"\n") > 0, name
        assert "\r" not in git(root, "cat-file", "-p", f"HEAD:{name}"), name
    assert len(git(root, "diff", "HEAD~1", "--numstat", "--", "pyproject.toml").split("\t")) == 3
    assert git(root, "diff", "HEAD~1", "--numstat", "--", "pyproject.toml").startswith("2\t2\t")


@pytest.mark.slow
def test_a_filter_stands_between_files_and_commits(world: World) -> None:
    root = world.root
    git(root, "config", "filter.shout.clean", "sed s/SMALL/small/")
    git(root, "config", "filter.shout.smudge", "sed s/small/SMALL/")
    world.change({".gitattributes": "CITATION.cff filter=shout\n"})
    write(root, {"CITATION.cff": CITATION.replace("Small", "small")})
    world.change({})
    (root / "CITATION.cff").unlink()
    git(root, "checkout", "--quiet", "--", "CITATION.cff")
    assert "SMALL" in (root / "CITATION.cff").read_text()
    world.bump()
    world.released()
    assert "SMALL" in (root / "CITATION.cff").read_text()
    assert "title: small thing" in git(root, "cat-file", "-p", "HEAD:CITATION.cff")


# Commands of the project.


def with_commands(world: World, *lines: str, writes: str = "") -> None:
    """Let the project run commands after the edits."""
    commands = ", ".join(json.dumps([sys.executable, "-c", line]) for line in lines)
    listed = f"writes = {writes}\n" if writes else ""
    table = f"\n[tool.release.bump]\nrun = [{commands}]\n{listed}"
    world.change({"pyproject.toml": PROJECT + table})


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("open('other.txt', 'w').write('x')", ["other.txt", "tool.release.bump.writes"]),
        pytest.param(
            "open('README.md', 'a').write('x')",
            ["README.md", "tool.release.bump.writes"],
            marks=slow,
        ),
        ("import os; os.remove('README.md')", ["README.md", "tool.release.bump.writes"]),
        pytest.param(
            "open('pyproject.toml', 'a').write('x=1')", ["pyproject.toml", "after its edit"],
            marks=slow,
        ),
        pytest.param("import os; os.remove('CITATION.cff')", ["CITATION.cff"], marks=slow),
        pytest.param("import os; os.chmod('README.md', 0o755)", ["README.md"], marks=slow),
        ("import sys; print('no lock file', file=sys.stderr); sys.exit(3)", ["3", "no lock file"]),
        pytest.param(
            "import os; os.symlink('/etc', 'etc')", ["etc", "tool.release.bump.writes"], marks=slow
        ),
        pytest.param(
            "import os; open('x', 'w').close(); os.system('git add x')",
            ["x", "tool.release.bump.writes"], marks=slow),
        pytest.param(
            "import os; open('x', 'w').close(); os.system('git add x && git commit -qm x')",
            ["commit"], marks=slow),
    ],
    ids=[
        "a new file", "another file", "removes one", "an edited file", "removes an edited one",
        "a mode", "fails", "a link", "stages", "commits",
    ],
)  # fmt: skip
def test_a_command_that_does_more_than_it_may_is_named(
    world: World, program: str, said: list[str]
) -> None:
    with_commands(world, program)
    with world.refused(*said):
        world.bump()


def test_a_command_may_write_what_is_declared_and_what_git_ignores(world: World) -> None:
    with_commands(
        world,
        "import tomllib; v = tomllib.load(open('pyproject.toml', 'rb'))['project']['version'];"
        "open('locked.txt', 'w').write(v);"
        "import os; os.mkdir('dist'); open('dist/x', 'w').close()",
        writes='["locked.txt"]',
    )
    world.bump()
    world.released(files=[*EDITED, "locked.txt"])
    assert (world.root / "locked.txt").read_text() == "1.3.0"
    assert not (world.root / "dist").exists()


def test_a_program_that_is_not_there_is_named(world: World) -> None:
    world.change(
        {"pyproject.toml": PROJECT + '\n[tool.release.bump]\nrun = ["no-such-program --x"]\n'}
    )
    with world.refused("no-such-program"):
        world.bump()


# bump-my-version, and what it may do.


STAND_IN = """\
import os, pathlib, signal, sys

class ConfiguredFile:
    def __init__(self, change, versions):
        self.file_change, self.version_config = change, versions

def modify_files(files, *_):
    path = pathlib.Path(files[0].file_change.filename)
    {program}
"""


@pytest.mark.parametrize(
    "program",
    [
        pytest.param("sys.exit('it broke')", marks=slow),
        pytest.param("raise ValueError('a defect')", marks=slow),
        pytest.param("os.kill(os.getpid(), signal.SIGKILL)", marks=slow),
        pytest.param("path.unlink()", marks=slow),
        pytest.param("path.write_bytes(b'\\xff\\r\\n')", marks=slow),
        "path.write_text(path.read_text() + 'damage')",
        pytest.param("sys.stdout.write('x' * 5_000_000)", marks=slow),
    ],
    ids=["fails", "crashes", "is killed", "removes its file", "no UTF-8", "damages", "floods"],
)
def test_a_tool_that_crashes_or_damages_gets_nothing_into_the_release(
    world: World, program: str, stand_ins: Path
) -> None:
    (package,) = stand_ins.glob("tools/bump-*/lib/python*/site-packages/bumpversion")
    (package / "files.py").unlink()  # installers link files with their cache
    (package / "files.py").write_text(STAND_IN.replace("{program}", program))
    world.judge = Judge(stand_ins)
    before = world.state()
    error = refusal(world.bump)
    assert error is not None
    assert any(problem.remedy for problem in error.problems)
    assert "Traceback" not in str(error)
    assert world.state() == before


EVERY_KIND = """
[[tool.bumpversion.files]]
filename = "docs/windows.md"
[[tool.bumpversion.files]]
filename = "docs/marked.txt"
search = "{{thing}} v{current_version}"
replace = "{{thing}} v{new_version}"
[[tool.bumpversion.files]]
filename = "docs/conf.py"
search = "version = '{current_version}'"
replace = "version = '{new_version}'"
serialize = ["{major}.{minor}"]
[[tool.bumpversion.files]]
filename = "version.h"
search = "MAJOR {current_major}\\nMINOR {current_minor}"
replace = "MAJOR {new_major}\\nMINOR {new_minor}"
[[tool.bumpversion.files]]
filename = "docs/quoted.py"
regex = true
search = '(?i)(RELEASE) = (["\\x27]){current_version}\\2'
replace = '\\1 = \\g<2>{new_version}\\2'
[[tool.bumpversion.files]]
filename = "NEWS"
search = "Unreleased"
replace = "Unreleased\\n\\n{new_version} ({now:%Y})"
[[tool.bumpversion.files]]
glob = "data/**/*.toml"
key_path = "tool.image"
"""
KINDS = {
    "docs/windows.md": ("a 11.2.30\r\nb 1.2.3\r\nc\n", "a 11.2.30\r\nb 1.3.0\r\nc\n"),
    "docs/marked.txt": ("\ufeff{thing} v1.2.3\r\n", "\ufeff{thing} v1.3.0\r\n"),
    "docs/conf.py": ("version = '1.2'\n", "version = '1.3'\n"),
    "version.h": ("MAJOR 1\r\nMINOR 2\r\n", "MAJOR 1\r\nMINOR 3\r\n"),
    "docs/quoted.py": ('release = "1.2.3"\n', 'release = "1.3.0"\n'),
    "data/a/b.toml": (
        '# 1.2.3\r\n[tool]\r\nother = "1.2.3"\r\nimage = "1.2.3"\r\n',
        '# 1.2.3\r\n[tool]\r\nother = "1.2.3"\r\nimage = "1.3.0"\r\n',
    ),
}


@pytest.mark.usefixtures("real_editor")
def test_bump_my_version_writes_every_kind_of_place_and_nothing_else(world: World) -> None:
    write(world.root, {name: before.encode() for name, (before, _) in KINDS.items()})
    world.change({"pyproject.toml": PROJECT + EVERY_KIND, "NEWS": b"Unreleased\r\n\r\nNothing\r\n"})
    planned = dry_bump(read_project(world.root), Request("minor"), world.judge.tools)
    world.bump()
    for name, (_, after) in KINDS.items():
        assert (world.root / name).read_bytes() == after.encode(), name
    news = f"Unreleased\r\n\r\n1.3.0 ({planned.day:%Y})\r\n\r\nNothing\r\n"
    assert (world.root / "NEWS").read_bytes() == news.encode()
    for edit in planned.edits:
        assert (world.root / edit.path).read_bytes() == edit.after.encode()


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of tools whose bump-my-version each test writes anew."""
    tools = tmp_path_factory.mktemp("stand-ins")
    replace_tool(tools, "bump", "bump-my-version", "")
    return tools


@pytest.mark.usefixtures("real_editor")
def test_a_tool_that_is_not_installed_is_named(world: World, tmp_path: Path) -> None:
    replace_tool(tmp_path / "tools", "bump", "bump-my-version", None)
    world.judge = Judge(tmp_path / "tools")
    with world.refused("bump-my-version"):
        world.bump()


# Changelogs from fragments.

TOWNCRIER = """
[tool.towncrier]
name = "small-thing"
filename = "CHANGELOG.md"
directory = "changes"
title_format = "## {version} - {project_date}"
start_string = "<!-- news -->\\n"
"""


def test_towncrier_writes_the_changelog_and_removes_its_fragments(world: World) -> None:
    head, _, rest = CHANGELOG.partition("## [Unreleased]")
    released = rest[rest.index("## [1.2.3]") :].replace("[1.2.3]", "1.2.3")
    world.change(
        {
            "pyproject.toml": PROJECT + TOWNCRIER,
            "CHANGELOG.md": f"{head}<!-- news -->\n\n{released}",
            "changes/12.feature.md": "Takes fr\N{LATIN SMALL LETTER E WITH ACUTE}e ones.\n",
            "changes/.gitkeep": "",
        }
    )
    world.bump()
    world.released(files=[*EDITED, "changes/12.feature.md"])
    text = (world.root / "CHANGELOG.md").read_text(encoding="utf-8")
    day = datetime.now(UTC).date().isoformat()
    assert f"## 1.3.0 - {day}" in text or f"## small-thing 1.3.0 - {day}" in text
    assert "Takes fr\N{LATIN SMALL LETTER E WITH ACUTE}e ones" in text
    assert text.endswith(released)
    assert "Takes fr" in git(world.root, "log", "-1", "--format=%B")
    assert not (world.root / "changes/12.feature.md").exists()


@pytest.mark.parametrize("action", ["bump", "cut", "dry run"])
def test_towncrier_writes_nothing_outside_the_repository(world: World, action: str) -> None:
    victim = world.root.parent / "victim.md"
    victim.write_text("precious\n")
    # From the worktree it leads to the victim, and at home further out.
    elsewhere = TOWNCRIER.replace('"CHANGELOG.md"', '"../../../victim.md"')
    world.change({"pyproject.toml": PROJECT + elsewhere, "changes/12.feature.md": "New.\n"})
    with world.refused("filename = '../../../victim.md' leads out of the repository"):
        world.do(action)
    assert victim.read_text() == "precious\n"


@pytest.mark.slow
def test_towncrier_without_a_fragment_releases_nothing(world: World) -> None:
    head, _, rest = CHANGELOG.partition("## [Unreleased]")
    released = rest[rest.index("## [1.2.3]") :].replace("[1.2.3]", "1.2.3")
    world.change(
        {
            "pyproject.toml": PROJECT + TOWNCRIER,
            "CHANGELOG.md": f"{head}<!-- news -->\n\n{released}",
            "changes/.gitkeep": "",
        }
    )
    with world.refused("changelog"):
        world.bump()


def test_settings_of_a_fragment_tool_that_are_broken_are_named(world: World) -> None:
    world.change({"towncrier.toml": "[tool.towncrier\n"})
    with world.refused("towncrier.toml", "is not valid TOML"):
        world.bump()


# Names.


def test_words_of_the_user_are_data_only(world: World) -> None:
    settings = PROJECT.replace(
        "publish = false",
        'publish = false\ntag-message = "{name} {version}: {subject}"\n'
        '[tool.release.commit]\nmessage = "Release {version}: {subject}"',
    )
    world.change({"pyproject.toml": settings})
    subject = (
        "-x $(touch pwned) `touch pwned` {version} {nothing} %s\nCo-Authored-By: \x1b[31m; # '\""
    )
    with world.refused("{subject}", "--subject"):
        world.bump()
    world.bump(subject=subject)
    world.released()
    first = git(world.root, "log", "-1", "--format=%s")
    assert first == "Release 1.3.0: " + " ".join(subject.split())
    assert not list(world.root.rglob("pwned"))
    world.check()
    plan = dry_tag(read_project(world.root), Request(subject=subject), world.judge.tools)
    assert plan.tag is not None
    assert plan.tag.message == "small-thing 1.3.0: " + " ".join(subject.split())
    assert "\x1b" not in render(plan)


@pytest.mark.parametrize(
    "branch",
    [
        "fea$(touch${IFS}pwned)ture",
        pytest.param("it;touch${IFS}pwned", marks=slow),
        pytest.param("`touch${IFS}pwned`", marks=slow),
        pytest.param("a'b\"c", marks=slow),
        pytest.param("-x", marks=slow),
        pytest.param("\N{GREEK SMALL LETTER BETA}/x", marks=slow),
    ],
)
def test_the_name_of_the_branch_is_data_only(world: World, branch: str) -> None:
    root = world.root
    git(root, "update-ref", f"refs/heads/{branch}", "HEAD")
    git(root, "symbolic-ref", "HEAD", f"refs/heads/{branch}")
    git(world.remote, "symbolic-ref", "HEAD", f"refs/heads/{branch}")
    git(root, "push", "--quiet", "origin", f"refs/heads/{branch}:refs/heads/{branch}")
    world.cut()
    world.released(branch=branch)
    there = git(world.remote, "rev-parse", f"refs/heads/{branch}", "refs/tags/v1.3.0")
    assert there == git(root, "rev-parse", "HEAD", "refs/tags/v1.3.0")
    assert not list(root.rglob("pwned"))


def test_the_name_of_a_file_is_data_only(world: World) -> None:
    names = [
        "-x.txt",
        "sp ace $(touch pwned).txt",
        "\N{GREEK SMALL LETTER MU}/\N{CYRILLIC SMALL LETTER ZHE}.txt",
        "new\nline.txt",
        "quo'te\".txt",
        "back\\slash.txt",
        ":(top)x.txt",
        "[a]*.txt",
    ]
    extra = "".join(
        f"\n[[tool.bumpversion.files]]\nfilename = {json.dumps(name)}\n" for name in names
    )
    write(world.root, dict.fromkeys(names, "version 1.2.3\n"))
    world.change({"pyproject.toml": PROJECT + extra})
    plan = dry_cut(read_project(world.root), Request("minor"), world.judge.tools)
    world.bump()
    for name in names:
        assert (world.root / name).read_text() == "version 1.3.0\n"
    assert render(plan).count("version 1.3.0") >= len(names)
    assert not list(world.root.rglob("pwned"))
    assert git(world.root, "status", "--porcelain") == ""


@pytest.mark.slow
def test_the_diff_of_a_dry_run_can_be_applied(world: World) -> None:
    plan = dry_bump(read_project(world.root), Request("minor"), world.judge.tools)
    (world.root.parent / "plan.diff").write_text(render(plan))
    git(world.root, "apply", "--index", str(world.root.parent / "plan.diff"))
    applied = git(world.root, "write-tree")
    git(world.root, "reset", "--quiet", "--hard")
    world.bump()
    assert git(world.root, "rev-parse", "HEAD^{tree}") == applied


# Where projects lie.


@pytest.mark.slow
def test_a_project_in_a_folder_of_a_repository_is_released(tmp_path: Path, judge: Judge) -> None:
    top = tmp_path / "t\N{LATIN SMALL LETTER O WITH DIAERESIS}p of it"
    root = top / "lib s" / "thing"
    make_project(top, {"pyproject.toml": None, "src/small_thing/__init__.py": None})
    write(root, {**DOCUMENTS, "README.md": "# x\n", "LICENSE": "MIT\n"})
    write(root, {"src/small_thing/__init__.py": '__version__ = "1.2.3"\n'})
    commit(top)
    world = World(root, judge, remote=with_remote(top))
    git(top, "tag", "--annotate", "--message", "x", "v1.2.3")
    git(top, "push", "--quiet", "origin", "v1.2.3")
    world.cut()
    world.released(files=[f"lib s/thing/{name}" for name in EDITED])
    world.pushed()
    write(top, {"elsewhere.txt": "x"})
    git(top, "add", "elsewhere.txt")
    world.bump("patch", notes="### Fixed\n\n- One thing.\n")
    assert git(top, "status", "--porcelain") == "A  elsewhere.txt"
    assert "elsewhere.txt" not in git(top, "ls-tree", "-r", "--name-only", "HEAD")


def test_a_linked_worktree_is_released_like_any_other(world: World) -> None:
    linked = world.root.parent / "linked tree"
    git(world.root, "switch", "--quiet", "-c", "topic")
    git(world.root, "worktree", "add", "--quiet", str(linked), "main")
    before = files_of(world.root, ".git")
    there = World(linked, world.judge, remote=world.remote)
    done = there.cut()
    assert "pushed" in " ".join(done.said)
    assert git(linked, "status", "--porcelain") == ""
    assert read_project(linked).version == "1.3.0"
    there.pushed()
    assert files_of(world.root, ".git") == before
    assert git(world.root, "status", "--porcelain") == ""
    assert git(linked, "worktree", "list").count("\n") == 1


def test_a_release_branch_that_another_worktree_has_is_not_moved(world: World) -> None:
    linked = world.root.parent / "linked"
    git(world.root, "worktree", "add", "--quiet", "-b", "topic", str(linked))
    with World(linked, world.judge, remote=world.remote).refused("on branch topic"):
        World(linked, world.judge, remote=world.remote).bump()


@pytest.mark.slow
def test_a_project_with_submodules_and_links_is_released(world: World) -> None:
    library = make_project(world.root.parent / "library")
    git(
        world.root,
        *("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library), "lib"),
    )
    (world.root / "latest").symlink_to("README.md")
    world.change({})
    world.cut()
    world.released()
    world.pushed()


# Dates.


def test_a_last_release_in_the_future_is_told(world: World) -> None:
    world.change({"CHANGELOG.md": CHANGELOG.replace("2026-01-02", "2199-01-02")})
    done: list[Done] = []
    error = refusal(lambda: done.append(world.bump()))
    told = str(error) if error else " ".join(found.message for found in done[0].remarks)
    assert "2199-01-02" in told


# Dry runs.


def everything(*folders: Path) -> dict[str, object]:
    """As `files_of`, with every time, of all that is there."""
    found: dict[str, object] = {}
    for folder in folders:
        found |= {f"{folder}/{name}": what for name, what in files_of(folder).items()}
        for path in [folder, *folder.rglob("*")]:
            # git touches objects that it would have written anew, for its clean-up to spare them.
            if ".git/objects" not in path.as_posix():
                found[f"time {path}"] = path.lstat().st_mtime_ns
    return found


@pytest.mark.parametrize("action", ["bump", "cut", "tag"])
@pytest.mark.parametrize(
    "spoil", [None, pytest.param(_dirty, marks=slow), pytest.param(_behind, marks=slow)]
)
def test_a_dry_run_writes_nothing_anywhere(
    fresh: World,
    action: str,
    spoil: Callable[[World], None] | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scratch = fresh.root.parent / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    if action == "tag":
        fresh.check()
    if spoil:
        spoil(fresh)
    # git's own look at a file that was just written refreshes its index.
    git(fresh.root, "status")
    left_out = f"time {scratch}"
    before = everything(fresh.root.parent)
    del before[left_out]
    plan: Plan | None = None
    with contextlib.nullcontext() if spoil is None else pytest.raises(ReleaseError):
        project = read_project(fresh.root)
        if action == "tag":
            plan = dry_tag(project, Request(), fresh.judge.tools)
        else:
            dry = dry_cut if action == "cut" else dry_bump
            plan = dry(project, Request("minor"), fresh.judge.tools)
    assert (plan is not None) is (spoil is None)
    after = everything(fresh.root.parent)
    del after[left_out]
    assert after == before


def _amend_a_released_section(world: World) -> None:
    changelog = CHANGELOG.replace("Halves are doubled", "Thirds are doubled")
    strict = "[tool.release.gates.changelog]\nstrict = true\n"
    world.change({"CHANGELOG.md": changelog, "pyproject.toml": PROJECT + strict})


def _fail_in_a_command(world: World) -> None:
    world.change({"pyproject.toml": PROJECT + '[tool.release.bump]\nrun = ["git frobnicate"]\n'})


def _write_what_is_not_declared(world: World) -> None:
    run = '[tool.release.bump]\nrun = ["git config --file surprise.txt a.b c"]\n'
    world.change({"pyproject.toml": PROJECT + run})


def _refuse_in_a_hook(world: World) -> None:
    world.hook("pre-commit", 'echo "not on a Monday" >&2; exit 1')


def _refuse_in_a_hook_of_the_project(world: World) -> None:
    world.change({".githooks/commit-msg": "#!/bin/sh\necho too short >&2\nexit 1\n"})
    git(world.root, "update-index", "--chmod=+x", ".githooks/commit-msg")
    (world.root / ".githooks/commit-msg").chmod(0o755)
    git(world.root, "config", "core.hooksPath", ".githooks")
    git(world.root, "commit", "--quiet", "--no-verify", "--message", "Let it run")
    git(world.root, "push", "--quiet", "origin", "main")


def _protect_a_file(world: World) -> None:
    (world.root / "CITATION.cff").chmod(0o444)


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(_amend_a_released_section, marks=slow),
        pytest.param(_fail_in_a_command, marks=slow),
        pytest.param(_write_what_is_not_declared, marks=slow),
        _refuse_in_a_hook,
        pytest.param(_refuse_in_a_hook_of_the_project, marks=slow),
        pytest.param(_protect_a_file, marks=slow),
    ],
)
def test_the_dry_run_refuses_what_the_real_run_refuses(
    world: World, spoil: Callable[[World], None]
) -> None:
    spoil(world)
    project, request = read_project(world.root), Request("minor")
    before = world.state()
    shown = [
        refusal(lambda: dry_bump(project, request, world.judge.tools)),
        refusal(lambda: dry_cut(project, request, world.judge.tools)),
    ]
    assert world.state() == before
    met = refusal(world.bump)
    assert met is not None
    said = [str(problem).partition("; .release/logs")[0] for problem in met.problems]
    for error in shown:
        assert error is not None
        assert [str(problem) for problem in error.problems] == said
    assert world.state() == before


@pytest.mark.slow
def test_a_dry_run_makes_no_hook_run_that_only_hears_of_a_commit(world: World) -> None:
    heard = world.root.parent / "heard.txt"
    world.hook("post-commit", f"touch '{heard}'")
    dry_bump(read_project(world.root), Request("minor"), world.judge.tools)
    assert not heard.exists()


def test_the_dry_run_shows_what_is_then_done(world: World) -> None:
    plan = dry_cut(read_project(world.root), Request("minor"), world.judge.tools)
    done = world.cut()
    assert done.plan == plan
    for edit in plan.edits:
        assert (world.root / edit.path).read_bytes().decode() == edit.after
    assert git(world.root, "log", "-1", "--format=%B") == (plan.commit_message or "").strip()


# What people see.


@pytest.fixture
def nox(tools_folder: Path) -> Nox:
    return Nox(tools_folder)


def test_nox_shows_the_plan_and_writes_nothing(nox: Nox, world: World) -> None:
    git(world.root, "status")
    before = everything(world.root, world.remote, world.home)
    done = nox("-s", "cut", "--", "minor", "--dry-run", "--project", str(world.root))
    assert done.returncode == 0, done.stderr
    assert "small-thing 1.2.3 \N{RIGHTWARDS ARROW} 1.3.0" in done.stdout
    assert '+version = "1.3.0"' in done.stdout
    assert "$ git push --atomic --no-follow-tags origin" in done.stdout
    assert everything(world.root, world.remote, world.home) == before


@pytest.mark.slow
def test_nox_ends_with_one_and_a_clear_message(nox: Nox, world: World) -> None:
    _dirty(world)
    before = world.state()
    done = nox("-s", "bump", "--", "minor", "--project", str(world.root))
    assert done.returncode == 1
    assert "1 file changed and not committed: README.md\n    commit or stash" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert world.state() == before
    git(world.root, "checkout", "--quiet", "--", ".")
    for arguments, said in (
        ([], "no kind of release is given"),
        (["$(id)"], "'$(id)' is neither a kind"),
    ):
        done = nox("-s", "bump", "--", *arguments, "--project", str(world.root))
        assert done.returncode == 1
        assert said in done.stderr
        assert "Traceback" not in done.stderr + done.stdout
    done = nox("-s", "bump", "--", "minor", "--project", str(world.root))
    assert done.returncode == 0, done.stderr
    assert "1.2.3 \N{RIGHTWARDS ARROW} 1.3.0 in" in done.stdout
    assert "next: nox -s release_preflight, then nox -s tag" in done.stdout
    world.released()


@pytest.mark.slow
def test_nox_masks_the_credentials_of_the_remote(
    nox: Nox, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORGE_TOKEN", "s3cret-of-the-forge")
    address = "http://me:hunter2-word@127.0.0.1:9/thing.git"
    git(world.root, "remote", "set-url", "origin", address)
    for action in ("bump", "cut", "tag"):
        step = [] if action == "tag" else ["minor"]
        for dry in ([], ["--dry-run"]):
            done = nox("-s", action, "--", *step, *dry, "--project", str(world.root))
            assert done.returncode == 1
            assert "origin cannot be asked" in done.stderr
            assert "hunter2-word" not in done.stdout + done.stderr
    git(world.root, "remote", "set-url", "origin", str(world.remote))
    world.hook("pre-commit", 'echo "token $FORGE_TOKEN for http://me:hunter2-word@x/"; exit 1')
    done = nox("-s", "bump", "--", "minor", "--project", str(world.root))
    assert done.returncode == 1
    assert "git commit: token ***" in done.stderr
    for path in (world.root / ".release").rglob("*"):
        assert not path.is_file() or b"hunter2-word" not in path.read_bytes(), path
        assert not path.is_file() or b"s3cret-of-the-forge" not in path.read_bytes(), path


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=slow)])
def test_an_interrupted_checklist_changes_nothing_and_is_taken_up_again(
    nox: Nox, world: World, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("release.registry.installed", installed)  # as the other process has them
    started = world.root.parent / "started"
    program = f"import time; open({str(started)!r}, 'w').close(); time.sleep(120)"
    table = (
        f"[tool.release.gates.slow]\nrun = [{json.dumps([sys.executable, '-c', program])}]\n"
        "project = false\n"
    )
    away = "".join(f'[tool.release.gates.{name}]\nlevels = ["major"]\n' for name in HEAVY)
    world.change({"pyproject.toml": f"{PROJECT}\n{table}{away}"})
    before = world.state()
    marker = f"cut-{number}-{os.getpid()}"
    process = subprocess.Popen(
        nox.command("-s", "cut", "--", "minor", "--project", str(world.root)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=world.root,
        env=nox.environment(TEST_RUN=marker),
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not started.exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
    assert started.exists(), process.communicate()
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert "Traceback" not in out + err
    assert not children(marker)
    assert world.state() == before
    assert world.leftovers() == []
    assert process.returncode == 130, out + err
    assert world.bump().said
    world.released()
