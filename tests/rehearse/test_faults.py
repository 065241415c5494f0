"""A rehearsal kills a release after each step, and says where that changes how it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from release.errors import ReleaseError
from release.model import NewTag
from release.project import read_project
from release.rehearse import faults
from release.rehearse.faults import Fault, finish, outcome, run_until
from release.rehearse.scene import Scene, set_scene
from release.text.commands import CALLER
from tests.support import git, write
from tests.test_sessions import snapshot

TAG = NewTag("v1.2.4", "small-thing 1.2.4")
MAKES_AND_WAITS = "import pathlib, time; pathlib.Path('made').touch(); time.sleep(600)"


@pytest.fixture
def scene(project: Path, tmp_path: Path) -> Scene:
    folder = tmp_path / "scene"
    folder.mkdir()
    return set_scene(read_project(project), folder)


def made(scene: Scene) -> bool:
    return (scene.root / "made").exists()


def test_a_session_is_killed_when_the_moment_has_come(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faults, "PROGRAM", MAKES_AND_WAITS)
    assert run_until([], {}, scene, Fault("it is made", made))


def test_a_session_that_ends_before_is_not_killed(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faults, "PROGRAM", "pass")
    assert not run_until([], {}, scene, Fault("it is made", made))


def test_a_moment_that_has_passed_starts_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(scene.root, {"made": ""})
    monkeypatch.setattr(faults, "PROGRAM", "open('started', 'w')")
    assert not run_until([], {}, scene, Fault("it is made", made))
    assert not (scene.root / "started").exists()


def test_each_moment_shows_in_the_repository(scene: Scene) -> None:
    moments = {fault.after: fault.reached for fault in faults.faults(TAG, with_commit=True)}
    assert not any(reached(scene) for reached in moments.values())
    write(scene.root, {".release/candidate/x": "", ".release/evidence/tree.json": "{}"})
    git(scene.top, "tag", "--annotate", "--message", "x", TAG.name)
    seen = [after for after, reached in moments.items() if reached(scene)]
    assert seen == ["the commit is made aside", "some gates are judged", "the tag is made"]
    git(scene.top, "push", "--quiet", "origin", TAG.name)
    assert all(reached(scene) for reached in moments.values())


def test_a_release_without_a_commit_is_not_killed_after_one() -> None:
    first = next(faults.faults(TAG, with_commit=False))
    assert first.after == "some gates are judged"


def test_a_session_that_does_not_finish_is_told_with_its_last_words(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faults, "PROGRAM", "import sys; sys.exit('it cannot go on')")
    with pytest.raises(ReleaseError, match="it cannot go on"):
        finish(["cut"], {}, scene)


@pytest.mark.slow
def test_what_is_run_in_the_clone_changes_nothing_else(
    scene: Scene, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = snapshot(project)
    monkeypatch.setattr(CALLER, "project", project)  # as the console script has it
    write(scene.root, {"nox/__init__.py": "raise SystemExit('of the project')\n"})
    git(scene.top, "add", "--all")
    git(scene.top, "commit", "--quiet", "--message", "Add a module")
    with monkeypatch.context() as hook:
        hook.setenv("GIT_DIR", str(project / ".git"))
        hook.setenv("GIT_WORK_TREE", str(project))
        finish(["bump", "--", "patch"], {}, scene)
    assert "1.2.4" in git(scene.top, "show", "HEAD:pyproject.toml")
    assert snapshot(project) == before


def test_releases_of_other_files_or_words_differ(
    scene: Scene, project: Path, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = set_scene(read_project(project), tmp_path / "other")
    for one in (scene, other):
        git(one.top, "commit", "--quiet", "--allow-empty", "--message", "Release")
        git(one.top, "tag", "--annotate", "--message", "x", TAG.name)
        git(one.top, "push", "--quiet", "origin", "main", TAG.name)
    assert outcome(scene, TAG.name) == outcome(other, TAG.name)
    write(other.root, {"more.txt": ""})
    assert outcome(other, TAG.name)["index"] == "?? more.txt\n"
    git(other.remote, "tag", "--delete", TAG.name)
    assert outcome(other, TAG.name)["remote"] == "False"
