"""The flows of bump, tag and cut, where nothing stands against them."""

from __future__ import annotations

import os
import subprocess
import venv
from pathlib import Path
from typing import Any

import pytest

from release.change.releasing import TOOLS, after_push, bump, cut, dry_cut, tag
from release.change.situation import Request
from release.change.tryout import aside
from release.errors import CannotCheck, ReleaseError
from release.project import read_project
from release.registry import installed
from release.run.checklist import Report
from release.run.environments import Environment, tools_name
from release.text import sections
from tests.change.test_faults import GATES
from tests.change.test_kills import judge_here
from tests.support import PYPROJECT, Judge, commit, git, make_project, with_remote, write

SETTINGS = "[tool.release]\npublish = false\n"


class Silent:
    def started(self, gate: object) -> None: ...
    def ended(self, evidence: object) -> None: ...


@pytest.fixture(autouse=True)
def _gates_without_tools(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.node.get_closest_marker("slow") is None:
        gates = {name: one for name, one in installed().items() if name in GATES}
        monkeypatch.setattr("release.registry.installed", lambda: gates)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project that was never released and has no changelog."""
    root = make_project(tmp_path / "thing", {"pyproject.toml": PYPROJECT + SETTINGS})
    with_remote(root)
    return root


def test_a_first_release_that_is_asked_for_twice_is_made_once(root: Path, judge: Judge) -> None:
    assert "1.2.3 → 1.3.0" in bump(judge.run(root), Request("minor")).said[0]
    head = git(root, "rev-parse", "HEAD")
    assert "the files say 1.3.0 already" in bump(judge.run(root), Request("minor")).said[0]
    write(root, {"README.md": "# Small thing\n\nIt is still small.\n"})
    commit(root)
    assert "the files say 1.3.0 already" in bump(judge.run(root), Request("minor")).said[0]
    with pytest.raises(ReleaseError, match=r"1\.3\.0 is in the files and was never released"):
        bump(judge.run(root), Request("patch"))
    assert git(root, "rev-parse", "HEAD^") == head


def test_a_first_release_is_cut_once(root: Path, judge: Judge) -> None:
    cut(judge.run(root), Request("minor"), Silent())
    done = cut(judge.run(root), Request("minor"), Silent())
    assert "1.3.0 is released: origin has v1.3.0 on this commit" in done.said
    assert git(root, "tag").split() == ["v1.3.0"]


@pytest.mark.network
@pytest.mark.slow
def test_a_first_release_is_cut_behind_the_whole_checklist(root: Path, judge: Judge) -> None:
    done = cut(judge.run(root), Request("minor"), Silent())
    assert done.report is not None
    assert {gate.gate for gate in done.report.gates} == {*installed()}
    assert git(root, "tag").split() == ["v1.3.0"]


def test_the_version_in_the_files_is_released_as_it_is(root: Path, judge: Judge) -> None:
    judge_here(root, judge.tools)
    done = tag(judge.run(root), Request())
    assert "pushed main and v1.2.3 to origin" in done.said
    assert git(root, "ls-remote", "origin", "refs/tags/v1.2.3^{}").startswith(
        git(root, "rev-parse", "HEAD")
    )


def test_the_hooks_of_bump_my_version_are_not_run(root: Path, judge: Judge) -> None:
    table = '[tool.bumpversion]\ncurrent_version = "1.2.3"\ncommit = true\ntag = true\n'
    hooks = 'setup_hooks = ["touch here"]\npost_commit_hooks = ["git tag hooked"]\n'
    files = '[[tool.bumpversion.files]]\nfilename = "src/small_thing/__init__.py"\n'
    write(root, {"pyproject.toml": PYPROJECT + SETTINGS + table + hooks + files})
    commit(root)
    git(root, "push", "--quiet")
    done = bump(judge.run(root), Request("minor"))
    notes = [finding.message for finding in done.remarks]
    assert "setup_hooks and post_commit_hooks of [tool.bumpversion] are not run" in notes
    assert git(root, "tag") == ""
    assert '__version__ = "1.3.0"' in (root / "src/small_thing/__init__.py").read_text()


def test_a_dry_run_repairs_no_tools_in_the_cache(root: Path, tmp_path: Path) -> None:
    # What is installed through a link names the folder of the link, which is gone afterwards.
    there = Environment(tmp_path / "cache/tools" / tools_name(TOOLS))
    venv.create(there.path, symlinks=True)
    with aside(read_project(root), TOOLS, tmp_path / "cache") as (_, shell):
        assert shell.tools.find("bump-my-version")
    assert there.find("bump-my-version") is None


def test_a_dry_run_without_its_tools_says_why(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ReleaseError) as caught, aside(read_project(root), TOOLS, tmp_path):
        raise CannotCheck("the tools of bump were not installed", "reach a package index")
    (problem,) = caught.value.problems
    assert problem.message == "the tools of bump were not installed"
    assert problem.remedy == "reach a package index"


def test_a_dry_run_of_cut_shows_the_tag_and_the_push(root: Path, judge: Judge) -> None:
    plan = dry_cut(read_project(root), Request("minor"), judge.tools)
    assert plan.tag is not None
    assert plan.tag.name == "v1.3.0"
    assert plan.pushes == ("refs/heads/main:refs/heads/main", "refs/tags/v1.3.0:refs/tags/v1.3.0")


def test_a_tag_made_by_hand_is_not_pushed_without_evidence(root: Path, judge: Judge) -> None:
    git(root, "tag", "--annotate", "--message", "by hand", "v1.2.3")
    with pytest.raises(ReleaseError, match=r"the evidence for \w+ is not complete"):
        tag(judge.run(root), Request())
    assert "v1.2.3" not in git(root, "ls-remote", "origin")
    judge_here(root, judge.tools)
    assert "v1.2.3 was on this commit already" in tag(judge.run(root), Request()).said


@pytest.mark.skipif(os.name == "nt", reason="a shell script")
def test_a_release_starts_nothing_that_watches_files(
    root: Path, judge: Judge, tmp_path: Path
) -> None:
    watcher, mark = tmp_path / "watcher", tmp_path / "mark"
    watcher.write_text(f"#!/bin/sh\necho x >> '{mark}'\nexit 1\n")
    watcher.chmod(0o755)
    git(root, "config", "core.fsmonitor", str(watcher))
    git(root, "status")
    assert mark.exists()
    mark.unlink()
    cut(judge.run(root), Request("minor"), Silent())
    assert not mark.exists()


def test_another_worktree_that_is_away_for_now_is_not_forgotten(
    root: Path, judge: Judge, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    git(root, "worktree", "add", "--quiet", "--detach", str(other))
    other.rename(tmp_path / "away")
    bump(judge.run(root), Request("minor"))
    (tmp_path / "away").rename(other)
    assert git(other, "rev-parse", "HEAD") == git(root, "rev-parse", "HEAD^")


def test_more_files_and_commits_cost_no_more_processes(
    root: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []

    class Counted(subprocess.Popen[str]):
        def __init__(self, command: list[str], *more: Any, **options: Any) -> None:
            started.append(" ".join(map(str, command)))
            super().__init__(command, *more, **options)

    def bumped() -> list[str]:
        started.clear()
        with monkeypatch.context() as watched:
            watched.setattr(subprocess, "Popen", Counted)
            bump(judge.run(root), Request("minor"))
        return [command for command in started if command.startswith("git ")]

    few = len(bumped())
    git(root, "reset", "--quiet", "--hard", "HEAD^")
    for number in range(3):
        write(root, {f"data/{number}-{n}.txt": f"{n}\n" for n in range(100)})
        commit(root)
    git(root, "push", "--quiet")
    assert few > 10
    assert len(bumped()) <= few


CHANGELOG = """\
# Changelog

## [Unreleased]

### Added

- A second thing.

## [1.2.3] - 2026-01-01

### Added

- A thing.
"""


def test_a_changelog_is_read_once_as_it_is_and_once_as_it_will_be(root: Path, judge: Judge) -> None:
    write(root, {"CHANGELOG.md": CHANGELOG})
    commit(root)
    git(root, "push", "--quiet", "origin", "main")
    sections.read.cache_clear()
    bump(judge.run(root), Request("minor"))
    assert sections.read.cache_info().misses == 2


def test_a_final_release_says_what_its_candidates_said(root: Path, judge: Judge) -> None:
    write(root, {"CHANGELOG.md": CHANGELOG})
    commit(root)
    git(root, "tag", "--annotate", "--message", "x", "v1.2.3")
    git(root, "push", "--quiet", "origin", "main", "v1.2.3")
    cut(judge.run(root), Request("rc"), Silent())
    cut(judge.run(root), Request("final"), Silent())
    text = (root / "CHANGELOG.md").read_text()
    assert text.count("- A second thing.") == 2
    final = text.index("## [1.3.0] - ")
    assert final < text.index("- A second thing.") < text.index("## [1.3.0rc1] - ")
    assert "v1.3.0" in git(root, "tag")


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (Request("minor", notes="- a\n"), "--notes are for a changelog, and there is none"),
        (Request("minor", push=True), "--push is for the branch of a pull request"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(
    root: Path, judge: Judge, request_: Request, said: str
) -> None:
    with pytest.raises(ReleaseError, match=said):
        bump(judge.run(root), request_)


def test_the_checklist_is_told_even_where_the_push_is_refused(root: Path, judge: Judge) -> None:
    hook = root.parent / "thing.git/hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho not today\nexit 1\n")
    hook.chmod(0o755)
    told: list[Report] = []
    with pytest.raises(ReleaseError, match=r"origin refused the push.*not today"):
        cut(judge.run(root), Request("minor"), Silent(), told.append)
    assert [report.verdict for report in told] == ["ready"]
    hook.unlink()
    assert "pushed main and v1.3.0 to origin" in tag(judge.run(root), Request()).said


@pytest.mark.parametrize(
    ("settings", "files", "said"),
    [
        ("publish = false", {}, "goes to no index"),
        ('publish = "by hand"', {".github/workflows/ci.yml": ""}, "by hand: nox -s publish"),
        ('publishing = "manual"', {}, "its push triggers nothing"),
        ("", {}, "no workflow is here that its push could start"),
        ("", {".gitlab-ci.yml": ""}, "watch the workflow that the push of v1.0 started"),
    ],
)
def test_what_follows_the_push_of_a_tag_is_said_as_it_is_here(
    tmp_path: Path, settings: str, files: dict[str, str], said: str
) -> None:
    write(tmp_path, {"pyproject.toml": f"{PYPROJECT}\n[tool.release]\n{settings}\n", **files})
    assert said in after_push(read_project(tmp_path), "v1.0")
