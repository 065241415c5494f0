"""What is rehearsed happens in a clone whose remote is its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from release.errors import ConfigurationError
from release.project import read_project
from release.rehearse.scene import Scene, set_scene
from tests.support import commit, git, with_remote, write


@pytest.fixture
def scene_of(tmp_path: Path) -> Path:
    folder = tmp_path / "scene"
    folder.mkdir()
    return folder


def made(root: Path, folder: Path) -> Scene:
    return set_scene(read_project(root), folder)


def test_the_clone_is_level_with_a_remote_beside_it(project: Path, scene_of: Path) -> None:
    with_remote(project)
    git(project, "tag", "--annotate", "--message", "x", "v1.2.3")
    scene = made(project, scene_of)
    assert git(scene.top, "rev-parse", "HEAD") == git(project, "rev-parse", "HEAD")
    assert git(scene.top, "status", "--porcelain", "--branch") == "## main...origin/main"
    assert git(scene.remote, "tag") == git(scene.top, "tag") == "v1.2.3"
    assert git(scene.top, "remote", "get-url", "--push", "origin") == str(scene.remote)


def test_what_is_pushed_there_reaches_no_remote_of_the_project(
    project: Path, scene_of: Path
) -> None:
    remote = with_remote(project)
    before = git(remote, "for-each-ref")
    scene = made(project, scene_of)
    write(scene.root, {"new.txt": "x"})
    commit(scene.top)
    git(scene.top, "push", "--quiet", "--all")
    assert git(remote, "for-each-ref") == before
    assert git(project, "status", "--porcelain") == ""


def test_people_and_signing_are_configured_as_in_the_project(project: Path, scene_of: Path) -> None:
    git(project, "config", "user.signingKey", "a key")
    git(project, "config", "remote.other.url", "https://example.invalid/other.git")
    scene = made(project, scene_of)
    assert git(scene.top, "config", "user.signingKey") == "a key"
    assert git(scene.top, "remote") == "origin"


def test_the_hooks_of_the_project_run(project: Path, scene_of: Path) -> None:
    hook = project / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\ntouch ran\n")
    hook.chmod(0o755)
    scene = made(project, scene_of)
    write(scene.root, {"new.txt": "x"})
    commit(scene.top)
    assert (scene.top / "ran").exists()


def test_a_project_in_a_folder_of_its_repository_is_found_there(
    project: Path, scene_of: Path
) -> None:
    write(project, {"inner/pyproject.toml": '[project]\nname = "inner"\nversion = "1"\n'})
    commit(project)
    scene = made(project / "inner", scene_of)
    assert scene.root == scene.top / "inner"
    assert scene.project({}).name == "inner"


def test_a_detached_head_is_refused(project: Path, scene_of: Path) -> None:
    git(project, "checkout", "--quiet", "--detach")
    with pytest.raises(ConfigurationError, match="only a commit on a branch"):
        made(project, scene_of)


def test_a_configuration_that_leads_pushes_elsewhere_is_refused(
    project: Path, scene_of: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "gitconfig"
    config.write_text(f'[url "{tmp_path}/elsewhere/"]\n\tpushInsteadOf = {scene_of}/\n')
    monkeypatch.setitem(os.environ, "GIT_CONFIG_GLOBAL", str(config))
    with pytest.raises(ConfigurationError, match="a rehearsal would push there"):
        made(project, scene_of)
