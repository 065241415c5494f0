"""Whole adoptions in temporary repositories."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from release.actions import Call, adopt
from release.adopt.steps import next_steps
from release.errors import ConfigurationError, ReleaseError, UsageError
from release.model import Evidence, Outcome
from release.project import read_project
from release.run.checklist import Report, checklist, make_report
from tests.support import commit, git, make_project, with_remote, write

ROOT = Path(__file__).parent.parent.parent
FRESH = json.loads((ROOT / "tests/data/adopt/fresh.json").read_text(encoding="utf-8"))

Adopt = Callable[..., str]


@pytest.fixture
def adopted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Adopt:
    """Adopts a repository without judging it, and returns what was said."""
    monkeypatch.setattr(adopt, "_judge", lambda call, written: print("judged"))

    def run(root: Path, *, dry_run: bool = False, workflows: bool = False) -> str:
        arguments = argparse.Namespace(
            path=root, project=None, dry_run=dry_run, like=None, workflows=workflows
        )
        adopt.run(Call("adopt", arguments, root.parent, root.parent))
        return capsys.readouterr().out

    return run


def files(root: Path) -> dict[str, bytes]:
    paths = [p for p in root.rglob("*") if p.is_file() and not {".git", ".release"} & set(p.parts)]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


def test_a_dry_run_shows_the_diff_that_git_applies_and_writes_nothing(
    project: Path, adopted: Adopt
) -> None:
    before = files(project)
    said = adopted(project, dry_run=True)
    assert files(project) == before
    assert not (project / ".release").exists()
    assert "judged" not in said
    subprocess.run(
        ["git", "apply", "-"], input=said[said.index("diff --git") :], text=True, check=True,
        cwd=project,
    )  # fmt: skip
    applied = files(project)
    git(project, "checkout", "--quiet", ".")
    (project / "noxfile.py").unlink()
    adopted(project)
    assert files(project) == applied


def test_it_says_what_it_found_and_wrote_and_the_second_time_nothing(
    project: Path, adopted: Adopt
) -> None:
    said = adopted(project).splitlines()
    assert said[0] == "  release    judges 1.2.3, which no tag marks as released"
    assert said[-2:] == ["wrote pyproject.toml, noxfile.py", "judged"]
    before = files(project)
    for dry_run in (True, False):
        assert "nothing is to do: it is set up" in adopted(project, dry_run=dry_run)
    assert files(project) == before


def test_line_ends_of_windows_stay(tmp_path: Path, adopted: Adopt) -> None:
    root = make_project(tmp_path / "small-thing")
    text = (root / "pyproject.toml").read_bytes().replace(b"\n", b"\r\n")
    write(root, {"pyproject.toml": text})
    adopted(root)
    after = (root / "pyproject.toml").read_bytes()
    assert after.startswith(text)
    assert after.count(b"\n") == after.count(b"\r\n")


@pytest.mark.parametrize(
    "noxfile", ["import nox\ndef f(:\n", "import nox\nimport nothing_like_this\n"]
)
def test_nothing_is_written_beside_a_noxfile_that_is_broken(
    project: Path, adopted: Adopt, noxfile: str
) -> None:
    write(project, {"noxfile.py": noxfile})
    before = files(project)
    with pytest.raises(ConfigurationError, match=r"noxfile\.py"):
        adopted(project)
    assert files(project) == before


def test_nothing_is_written_where_one_file_cannot_be(
    project: Path, adopted: Adopt, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files(project)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(ReleaseError, match="Permission denied"):
        adopted(project)
    assert files(project) == before


def test_a_project_in_a_folder_of_a_repository_is_set_up_there(
    tmp_path: Path, adopted: Adopt
) -> None:
    root = make_project(tmp_path / "small-thing")
    inner = root / "packages" / "inner"
    write(inner, {"pyproject.toml": '[project]\nname = "inner"\nversion = "1"\n', "inner.py": ""})
    outer = files(root)
    adopted(inner)
    assert {path for path in files(root) if path not in outer} == {"packages/inner/noxfile.py"}


def test_a_repository_inside_of_another_is_its_own(tmp_path: Path, adopted: Adopt) -> None:
    root = make_project(tmp_path / "outer")
    inner = make_project(root / "vendor" / "inner")
    git(inner, "branch", "--move", "trunk")
    outer = (root / "pyproject.toml").read_bytes()
    adopted(inner)
    assert 'branch = "trunk"' in (inner / "pyproject.toml").read_text()
    assert (root / "pyproject.toml").read_bytes() == outer


class TestWorkflows:
    @pytest.fixture
    def root(self, project: Path) -> Path:
        git(project, "remote", "add", "origin", "https://github.com/somebody/small-thing.git")
        git(project, "remote", "set-url", "--push", "origin", "/nowhere")
        return project

    def test_they_are_written_beside_the_old_ones_once(self, root: Path, adopted: Adopt) -> None:
        write(root, {".github/workflows/old.yml": "on: push\njobs: {}\n"})
        shown = adopted(root, dry_run=True, workflows=True)
        said = adopted(root, workflows=True)
        assert ".github/workflows/old.yml: stays beside the new workflows" in said
        assert ".github/workflows/release.yml" in said
        new = (root / ".github/workflows/release.yml").read_text()
        assert all(f"+{line}" in shown for line in new.splitlines())
        assert (root / ".github/workflows/old.yml").read_text() == "on: push\njobs: {}\n"
        assert "nothing is to do" in adopted(root, workflows=True)

    def test_one_of_the_same_name_stays(self, root: Path, adopted: Adopt) -> None:
        write(root, {".github/workflows/release.yml": "on: push\njobs: {}\n"})
        said = adopted(root, workflows=True)
        assert "release.yml: is not as the settings have it, and stays as it is" in said
        assert (root / ".github/workflows/release.yml").read_text() == "on: push\njobs: {}\n"

    def test_nothing_is_written_where_they_cannot_be(self, root: Path, adopted: Adopt) -> None:
        (root / "elsewhere").mkdir()
        (root / ".github").symlink_to("elsewhere")
        before = files(root)
        with pytest.raises(ReleaseError, match="is a symbolic link"):
            adopted(root, workflows=True)
        assert files(root) == before


def test_a_folder_that_is_no_project_is_named(tmp_path: Path, adopted: Adopt) -> None:
    with pytest.raises(ConfigurationError, match=r"no pyproject\.toml in"):
        adopted(tmp_path)


def test_a_repository_is_named_once(project: Path) -> None:
    arguments = argparse.Namespace(path=project, project=project)
    with pytest.raises(UsageError, match="name a repository each"):
        adopt.run(Call("adopt", arguments, project, project))


class TestNextSteps:
    def report(self, root: Path, *written: str, **outcomes: Outcome) -> list[str]:
        project = read_project(root)
        gates = checklist(project)
        fine = Outcome.passed(1, "fine")
        evidence = {
            name: self.evidence(name, outcomes.get(name, fine)) for name in gates
        }  # fmt: skip
        report: Report = make_report(
            project, gates, evidence, level=None, in_ci=False, seconds=0.0
        )  # fmt: skip
        return next_steps(project, report, written)

    def evidence(self, name: str, outcome: Outcome) -> Evidence:
        from datetime import UTC, datetime

        return Evidence(
            gate=name, outcome=outcome, commit="", tree="", dirty=False, key="", key_after="",
            level=None, tools={}, commands=(), started=datetime.now(UTC), seconds=0.0, log=None,
        )  # fmt: skip

    def test_what_was_written_is_committed_first(self, project: Path, adopted: Adopt) -> None:
        adopted(project)
        dirty = Outcome.unchecked("2 files are not committed", "commit them")
        first, *rest = self.report(project, tree=dirty)
        assert first.startswith("git add noxfile.py pyproject.toml && git commit --message ")
        assert rest == ["nox -s release_preflight", "nox -s tag -- --dry-run"]

    def test_all_that_was_written_is_committed(self, project: Path) -> None:
        write(project, {"RELEASING.md": "", "noxfile.py": ""})
        assert self.report(project, "RELEASING.md")[0].startswith("git add RELEASING.md noxfile.py")

    def test_then_what_failed_and_never_what_only_waits_for_it(self, project: Path) -> None:
        bad = Outcome.unchecked("it is odd", "look at it")
        said = self.report(project, build=bad, sbom=Outcome.unchecked("needs build", "fix build"))
        assert said[0] == "build: it is odd → look at it"
        assert not [step for step in said if "sbom" in step]

    def test_what_is_ready_is_released(self, project: Path) -> None:
        assert self.report(project) == ["nox-release tag --dry-run"]
        git(project, "tag", "v1.2.2")
        assert self.report(project) == ["nox-release cut minor --dry-run"]


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.parametrize("name", FRESH)
def test_a_fresh_project_is_ready_without_an_edit_by_hand(name: str, tmp_path: Path) -> None:
    root = tmp_path / name
    write(root, FRESH[name]["files"])
    git(root.parent, "init", "--quiet", "--initial-branch=main", str(root))
    commit(root, "Start")
    with_remote(root)

    def nox(noxfile: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "nox", "--noxfile", str(noxfile), "-s", *arguments]
        return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)

    done = nox(ROOT / "noxfile.py", "adopt", "--", str(root))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1. git add noxfile.py pyproject.toml && git commit" in done.stdout
    assert git(root, "status", "--porcelain").split() == ["M", "pyproject.toml", "??", "noxfile.py"]
    commit(root, "Set up the release checklist")
    git(root, "push", "--quiet")
    done = nox(root / "noxfile.py", "release_preflight")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((root / ".release/preflight.json").read_text())["verdict"] == "ready"
    done = nox(root / "noxfile.py", "adopt", "--", "--dry-run")
    assert "nothing is to do: it is set up" in done.stdout
