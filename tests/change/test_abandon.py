"""Whatever state an interrupted push leaves, one way leads out of it; each is followed here."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from release.change.releasing import cut, dry_abandon, take_back
from release.change.situation import Request
from release.errors import ReleaseError
from release.project import read_project
from release.registry import installed
from tests.change.test_faults import DOCUMENTS, GATES, World, files_of
from tests.run.test_runner import Silent
from tests.support import Judge, commit, git, make_project, write
from tests.test_sessions import Nox


@pytest.fixture(autouse=True)
def _small_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gates without tools, and a home that can be looked at whole."""
    gates = {name: one for name, one in installed().items() if name in GATES}
    monkeypatch.setattr("release.registry.installed", lambda: gates)
    cache = os.environ.get("UV_CACHE_DIR") or str(Path("~/.cache/uv").expanduser())
    monkeypatch.setenv("UV_CACHE_DIR", cache)
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def world(tmp_path: Path, judge: Judge) -> World:
    """A project whose version 1.2.3 is released."""
    found = World(make_project(tmp_path / "thing", DOCUMENTS), judge)
    git(found.root, "tag", "--annotate", "--message", "small-thing 1.2.3", "v1.2.3")
    git(found.root, "push", "--quiet", "origin", "v1.2.3")
    return found


@pytest.fixture
def pending(world: World) -> World:
    """As `world`, with 1.3.0 made and tagged here, and its push refused."""
    hook = world.hook("pre-receive", "exit 1", there=True)
    with pytest.raises(ReleaseError, match="nox -s cut -- --abandon"):
        world.cut()
    hook.unlink()
    return world


def abandon(world: World) -> str:
    return "; ".join(take_back(world.judge.run(world.root)).said)


def others(world: World, name: str = "others.txt") -> Path:
    """Somebody else's commit on the remote."""
    other = world.clone()
    write(other, {name: "y"})
    commit(other, "More")
    git(other, "push", "--quiet", "origin", "HEAD:main")
    return other


def test_a_release_that_was_never_pushed_is_taken_back_whole(world: World) -> None:
    before = world.state()
    hook = world.hook("pre-receive", "exit 1", there=True)
    with pytest.raises(ReleaseError):
        world.cut()
    made = git(world.root, "rev-parse", "HEAD")
    untouched = world.state(), files_of(world.root, ".git", ".release")
    shown = dry_abandon(read_project(world.root))
    assert (world.state(), files_of(world.root, ".git", ".release")) == untouched
    hook.unlink()
    said = abandon(world)
    for line in shown[1:]:
        assert line in said
    assert world.state() == before
    assert world.leftovers() == []
    # It can be brought back, or made again.
    assert git(world.root, "cat-file", "-t", made) == "commit"
    world.cut()
    world.released()
    world.pushed()


def test_a_bump_that_was_never_pushed_is_taken_back(world: World) -> None:
    before = world.state()
    world.bump()
    assert "took back 1.3.0" in abandon(world)
    assert world.state() == before


def test_a_tag_of_a_commit_that_is_not_the_releases_own_goes_alone(world: World) -> None:
    world.bump()
    write(world.root, {"README.md": "# Small thing\n\nIt is smaller.\n"})
    commit(world.root, "Something else")
    before = world.state()
    git(world.root, "tag", "--annotate", "--message", "x", "v1.3.0")
    assert "the tag v1.3.0 is removed" in abandon(world)
    assert world.state() == before


def test_there_is_nothing_to_take_back_where_nothing_was_made(world: World) -> None:
    write(world.root, {"README.md": "# Small thing\n\nIt is smaller.\n"})
    commit(world.root, "Something else")
    with world.refused("v1.2.3", "never taken back"):
        abandon(world)
    git(world.root, "tag", "--delete", "v1.2.3")
    with world.refused("there is no release here that could be taken back"):
        abandon(world)


def test_what_a_remote_has_is_never_taken_back(pending: World) -> None:
    git(pending.root, "push", "--quiet", "origin", "v1.3.0")
    with pending.refused("origin has the tag v1.3.0", "finish it: git reset --keep v1.3.0"):
        abandon(pending)
    git(pending.root, "push", "--quiet", "--delete", "origin", "v1.3.0")
    git(pending.root, "push", "--quiet", "origin", "main")
    with pending.refused("origin has its commit"):
        abandon(pending)


@pytest.mark.slow
def test_another_remote_counts_as_well(pending: World) -> None:
    other = pending.root.parent / "fork.git"
    git(pending.root.parent, "init", "--quiet", "--bare", str(other))
    git(pending.root, "remote", "add", "fork", str(other))
    git(pending.root, "push", "--quiet", "fork", "main:backup")
    with pending.refused("fork has its commit"):
        abandon(pending)
    git(pending.root, "remote", "set-url", "fork", str(other / "nowhere"))
    with pending.refused("fork cannot be asked"):
        abandon(pending)


def test_a_commit_below_a_remotes_branch_is_found_though_it_is_not_known_here(
    pending: World,
) -> None:
    git(pending.root, "push", "--quiet", "origin", "main")
    others(pending)
    with pytest.raises(ReleaseError, match="git fetch origin, and run this again"):
        dry_abandon(read_project(pending.root))
    with pending.refused("origin has its commit", "on main"):
        abandon(pending)


@pytest.mark.slow
def test_a_file_of_the_release_that_was_edited_since_is_kept(pending: World) -> None:
    write(pending.root, {"CHANGELOG.md": "mine\n", "README.md": "mine, too\n"})
    with pending.refused("changed and not committed: CHANGELOG.md", "git stash"):
        abandon(pending)
    git(pending.root, "checkout", "--quiet", "CHANGELOG.md")
    abandon(pending)
    assert (pending.root / "README.md").read_text() == "mine, too\n"


@pytest.mark.slow
def test_a_commit_on_top_is_kept_and_the_advice_leads_out(pending: World) -> None:
    write(pending.root, {"mine.txt": "x"})
    commit(pending.root, "Mine")
    release = git(pending.root, "rev-parse", "v1.3.0^{commit}")[:12]
    with pending.refused(f"committed on top of 1.3.0 ({release})", f"git rebase --onto {release}^"):
        abandon(pending)
    git(pending.root, "rebase", "--quiet", "--onto", f"{release}^", release)
    assert "took back 1.3.0" in abandon(pending)
    assert git(pending.root, "tag") == "v1.2.3"
    assert (pending.root / "mine.txt").is_file()
    git(pending.root, "push", "--quiet", "origin", "main")
    pending.cut()
    pending.pushed()


@pytest.mark.slow
def test_a_release_below_a_commit_of_ones_own_is_finished_as_it_is_advised(pending: World) -> None:
    write(pending.root, {"mine.txt": "x"})
    commit(pending.root, "Mine")
    with pending.refused("v1.3.0 is below this commit, and origin does not have it"):
        cut(pending.judge.run(pending.root), Request("patch"), Silent())
    git(pending.root, "branch", "later")
    git(pending.root, "reset", "--quiet", "--keep", "v1.3.0")
    pending.check()
    pending.tag()
    git(pending.root, "merge", "--quiet", "--ff-only", "later")
    git(pending.root, "push", "--quiet", "origin", "main")
    assert "v1.3.0" in git(pending.remote, "tag")


@pytest.mark.slow
@pytest.mark.parametrize("action", ["cut", "tag"])
def test_a_remote_that_moved_on_is_followed_after_taking_back(pending: World, action: str) -> None:
    others(pending)
    with pending.refused("moved on, and v1.3.0", "was never pushed", "nox -s cut -- --abandon"):
        pending.do(action)
    abandon(pending)
    git(pending.root, "pull", "--quiet", "--ff-only", "origin", "main")
    pending.cut()
    pending.released()
    pending.pushed()


@pytest.mark.slow
def test_a_release_that_was_rebased_loses_its_old_tag_and_goes_on(pending: World) -> None:
    others(pending)
    git(pending.root, "pull", "--quiet", "--rebase", "origin", "main")
    with pending.refused("v1.3.0 exists here, on another commit", "nox -s cut -- --abandon"):
        pending.tag()
    assert "the tag v1.3.0 is removed" in abandon(pending)
    assert read_project(pending.root).version == "1.3.0"
    pending.check()
    pending.tag()
    pending.pushed()


@pytest.mark.slow
def test_a_tag_is_pushed_alone_where_the_branch_arrived_and_moved_on(pending: World) -> None:
    git(pending.root, "push", "--quiet", "origin", "main")
    others(pending)
    git(pending.root, "fetch", "--quiet", "origin")
    there = git(pending.remote, "rev-parse", "main")
    done = pending.cut()
    assert "pushed v1.3.0 to origin" in done.said
    assert git(pending.remote, "rev-parse", "main") == there
    assert git(pending.remote, "rev-parse", "v1.3.0") == git(pending.root, "rev-parse", "v1.3.0")
    git(pending.root, "pull", "--quiet", "--ff-only", "origin", "main")


@pytest.mark.slow
def test_a_tag_that_arrived_without_its_branch_is_merged_as_it_is_advised(pending: World) -> None:
    git(pending.root, "push", "--quiet", "origin", "v1.3.0")
    others(pending)
    advice = "git pull --no-rebase origin main && git push origin main"
    with pending.refused("v1.3.0 on this commit is not part of it", advice):
        pending.cut()
    git(pending.root, "pull", "--quiet", "--no-rebase", "--no-edit", "origin", "main")
    git(pending.root, "push", "--quiet", "origin", "main")
    assert git(pending.remote, "merge-base", "v1.3.0", "main") == git(
        pending.root, "rev-parse", "v1.3.0^{commit}"
    )


@pytest.mark.slow
def test_nox_shows_what_would_be_taken_back_and_takes_it_back(
    pending: World, tools_folder: Path
) -> None:
    nox = Nox(tools_folder)
    there = ("--project", str(pending.root))
    wrong = nox("-s", "cut", "--", "minor", "--abandon", *there)
    assert wrong.returncode == 1
    assert "leave the step out" in wrong.stderr
    shown = nox("-s", "cut", "--", "--abandon", "--dry-run", *there)
    assert shown.returncode == 0, shown.stderr
    assert "1.3.0 would be taken back\nthe tag v1.3.0 is removed\n" in shown.stdout
    assert git(pending.root, "tag").split() == ["v1.2.3", "v1.3.0"]
    done = nox("-s", "cut", "--", "--abandon", *there)
    assert done.returncode == 0, done.stderr
    assert "took back 1.3.0\nthe tag v1.3.0 is removed\n" in done.stdout
    assert git(pending.root, "tag") == "v1.2.3"
