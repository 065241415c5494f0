"""Nothing of the repository's, and nothing outside, is behind what lies in `.release/`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from release.errors import ConfigurationError
from release.run.processes import Log
from release.run.store import Store
from release.text.masking import Mask
from tests.support import Judge, git, write
from tests.test_sessions import Nox

VICTIM = "precious\n"


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A file outside the project, which nothing may touch."""
    path = tmp_path / "outside" / "tree.log"
    path.parent.mkdir()
    path.write_text(VICTIM)
    return path


def refusal(root: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        Store(root)
    return str(caught.value)


@pytest.mark.parametrize(
    "name",
    [".release/tools/documents/bin/python", ".release/logs/tree.log", ".RELEASE/evidence/x.json"],
)
def test_a_repository_that_tracks_something_there_is_refused_by_name(
    project: Path, name: str
) -> None:
    write(project, {name: "#!/bin/sh\ntouch pwned\n"})
    git(project, "add", "--force", name)
    text = refusal(project)
    assert text.startswith(".release: git tracks what only this machine may write")
    assert name in text
    git(project, "commit", "--quiet", "--message", "Hostile")
    assert name in refusal(project)
    if name.startswith(".release"):
        git(project, "rm", "-r", "--quiet", ".release")  # as it says
        Store(project)


def test_a_submodule_in_its_place_is_refused(project: Path) -> None:
    commit = git(project, "rev-parse", "HEAD")
    git(project, "update-index", "--add", "--cacheinfo", f"160000,{commit},.release")
    assert "git tracks what only this machine may write: .release\n" in refusal(project)


def test_what_git_is_told_of_paths_hides_nothing(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project, {".release/logs/tree.log": "x"})
    git(project, "add", "--force", ".release")
    monkeypatch.setenv("GIT_LITERAL_PATHSPECS", "1")
    assert "logs/tree.log" in refusal(project)


@pytest.mark.parametrize("session", ["release_preflight", "bump", "prove", "documents"])
def test_no_session_runs_what_the_repository_keeps_there(
    nox: Nox, project: Path, session: str
) -> None:
    program = project / ".release/tools" / session / "bin/python"
    write(project, {program.relative_to(project).as_posix(): "#!/bin/sh\ntouch pwned\n"})
    program.chmod(0o755)
    git(project, "add", "--force", ".release")
    git(project, "commit", "--quiet", "--message", "Hostile")
    step = ["patch"] if session == "bump" else []
    done = nox("-s", session, "--", *step, "--project", str(project))
    assert done.returncode == 1
    assert f".release/tools/{session}/bin/python" in done.stderr
    assert git(project, "status", "--porcelain") == ""


def _file(link: Path, victim: Path) -> None:
    link.symlink_to(victim)


def _folder(link: Path, victim: Path) -> None:
    link.parent.rmdir()
    link.parent.symlink_to(victim.parent, target_is_directory=True)


def _pipe(link: Path, _victim: Path) -> None:
    os.mkfifo(link)


@pytest.mark.skipif(os.name == "nt", reason="POSIX files")
@pytest.mark.parametrize("plant", [_file, _folder, _pipe])
@pytest.mark.parametrize(
    "name", ["logs/tree.log", "evidence/.tree.lock", "cache/mypy/3.11/x.json", "dist/x.whl"]
)
def test_a_link_there_is_refused_before_anything_is_written(
    project: Path, victim: Path, name: str, plant: Callable[[Path, Path], None]
) -> None:
    link = project / ".release" / name
    link.parent.mkdir(parents=True)
    plant(link, victim)
    before = sorted((project / ".release").rglob("*"))
    shown = link if plant is not _folder else link.parent
    assert shown.relative_to(project).as_posix() in refusal(project)
    assert sorted((project / ".release").rglob("*")) == before
    assert victim.read_text() == VICTIM
    assert sorted(path.name for path in victim.parent.iterdir()) == [victim.name]


def test_a_candidate_may_hold_links_of_the_projects_own(project: Path, victim: Path) -> None:
    folder = project / ".release/candidate/docs"
    folder.mkdir(parents=True)
    (folder / "link").symlink_to(victim)
    Store(project)


@pytest.mark.parametrize("make", [Path.symlink_to, Path.hardlink_to])
def test_a_log_takes_the_place_of_a_link_and_writes_nothing_through_it(
    tmp_path: Path, victim: Path, make: Callable[[Path, Path], None]
) -> None:
    path = tmp_path / "tree.log"
    make(path, victim)
    log = Log(path, Mask({}))
    log.write("said\n")
    log.close()
    assert path.read_text() == "said\n"
    assert not path.is_symlink()
    assert victim.read_text() == VICTIM
    assert not list(tmp_path.glob(".tree.log-*"))


def test_a_look_leaves_the_target_of_a_link_alone(
    judge: Judge, project: Path, victim: Path
) -> None:
    judge(project, "documents")
    log = project / ".release/logs/documents.log"
    log.unlink()
    log.symlink_to(victim)
    with pytest.raises(ConfigurationError, match=r"logs/documents\.log"):
        judge(project, "documents", fresh=True)
    assert victim.read_text() == VICTIM


@pytest.fixture
def nox(tools_folder: Path) -> Nox:
    return Nox(tools_folder)
