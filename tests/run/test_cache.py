"""Environments lie in the user's cache: shared, private, and never in the repository."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest

from release.errors import ConfigurationError
from release.registry import installed
from release.run.cache import VARIABLE, find_cache
from release.run.environments import tools_name
from tests.support import Judge, git, make_project
from tests.test_sessions import Nox

LINT = installed()["lint"].gate

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="its folders")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder, and a folder for temporary files, with nothing in them."""
    folder = tmp_path / "home"
    folder.mkdir()
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    for name in (VARIABLE, "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    return folder


def private(home: Path) -> Path:
    return home.parent / "temporary" / f"nox-release-{os.getuid()}"


def test_it_is_the_users_cache(home: Path, project: Path) -> None:
    assert find_cache(project) == (home / ".cache/nox-release", None)
    assert (home / ".cache/nox-release").stat().st_mode & 0o777 == 0o700


def test_it_goes_where_the_user_says(
    home: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "elsewhere"))
    assert find_cache(project) == (home / "elsewhere/nox-release", None)
    monkeypatch.setenv(VARIABLE, str(home / "there"))
    assert find_cache(project) == (home / "there", None)


@pytest.mark.parametrize("place", ["cache", ".release/tools"])
def test_a_cache_in_the_repository_is_not_used(
    home: Path, project: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    (project / place).mkdir(parents=True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(project / place))
    found, said = find_cache(project)
    assert found == private(home)
    assert said is not None
    assert "lies in the repository" in said
    monkeypatch.setenv(VARIABLE, str(project / place))
    with pytest.raises(ConfigurationError, match="lies in the repository"):
        find_cache(project)


def test_a_link_into_the_repository_is_seen(
    home: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "there").symlink_to(project)
    monkeypatch.setenv(VARIABLE, str(home / "there"))
    with pytest.raises(ConfigurationError, match="lies in the repository"):
        find_cache(project)


def test_without_a_home_a_private_temporary_folder_serves(home: Path, project: Path) -> None:
    home.rmdir()
    found, said = find_cache(project)
    assert found == private(home)
    assert "there is no such home folder" in (said or "")
    assert not home.exists()
    assert found.stat().st_mode & 0o777 == 0o700


def test_a_home_that_cannot_be_written_is_named(home: Path, project: Path) -> None:
    (home / ".cache").write_text("in the way")
    found, said = find_cache(project)
    assert found == private(home)
    assert f"because {home}/.cache/nox-release cannot be written" in (said or "")


def test_what_others_can_write_to_is_not_used(home: Path, project: Path) -> None:
    (home / ".cache/nox-release").mkdir(parents=True)
    (home / ".cache/nox-release").chmod(0o777)
    private(home).mkdir()
    private(home).chmod(0o777)
    with pytest.raises(ConfigurationError) as caught:
        find_cache(project)
    assert str(caught.value).count("others can write to it") == 2
    assert f"set {VARIABLE} to a folder" in str(caught.value)


def test_a_gate_keeps_nothing_to_run_in_the_repository(
    home: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = Nox(home / "cache")("-s", "tree", "--", "--project", str(project), cwd=project)
    assert "tree" in done.stdout
    assert not (project / ".nox").exists()
    assert {path.name for path in (project / ".release").iterdir()} == {
        ".gitignore", "cache", "evidence", "logs",
    }  # fmt: skip
    assert git(project, "status", "--porcelain") == ""


@pytest.mark.network
def test_two_projects_share_the_tools_and_not_their_own_environments(
    judge: Judge, tools_folder: Path, tmp_path: Path
) -> None:
    one, two = (make_project(tmp_path / name / "thing") for name in ("one", "two"))
    for root in (one, two):
        assert judge(root, "lint").tools
        assert not list((root / ".release").rglob("python*"))
    assert (tools_folder / "tools" / tools_name(LINT)).is_dir()
    assert judge.run(one).environments != judge.run(two).environments


@pytest.mark.parametrize("changed", ["lock", "version", "base_prefix"])
def test_other_pins_or_another_python_are_another_folder(
    changed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from release.run import environments

    before = tools_name(LINT)
    monkeypatch.setattr(sys, "executable", "/elsewhere/bin/python")
    assert tools_name(LINT) == before
    if changed == "lock":
        (tmp_path / "lock.txt").write_text("ruff==0\n")
        monkeypatch.setattr(environments, "lock_of", lambda _gate: tmp_path / "lock.txt")
    else:
        monkeypatch.setattr(sys, changed, "another")
    assert tools_name(LINT) != before
