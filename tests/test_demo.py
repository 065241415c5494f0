"""What a newcomer runs first shows a release of a small project, and touches nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from docs.demo import LAST, NEXT, make
from release.change.releasing import dry_cut
from release.change.situation import Request
from release.project import read_project
from release.run.cache import standing_cache
from tests.support import git

ROOT = Path(__file__).parents[1]


def test_the_demonstration_has_a_release_to_make(tmp_path: Path) -> None:
    root = make(tmp_path)
    assert git(root, "status", "--porcelain", "--branch") == "## main...origin/main"
    assert git(root, "ls-remote", "--tags", "origin", LAST)
    assert git(root, "rev-parse", f"{LAST}^{{commit}}") != git(root, "rev-parse", "HEAD")

    step, _, subject = NEXT
    plan = dry_cut(read_project(root), Request(step, subject), standing_cache())
    assert (plan.previous, plan.version) == ("0.2.0", "0.3.0")
    assert {edit.path for edit in plan.edits} == {"pyproject.toml", "CHANGELOG.md", "SECURITY.md"}


def test_the_readme_runs_the_demonstration_first() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    first = next(line for line in text.splitlines() if "python3 -m venv" in line)
    assert first.startswith("echo ")  # what is installed says nothing for a while
    assert first.endswith("&& .venv/bin/nox -s demo")


@pytest.mark.network
@pytest.mark.slow
def test_the_demonstration_comes_to_its_verdict(tools_folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "demo.py"), str(tools_folder)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert ": ready" in done.stdout
    assert '+version = "0.3.0"' in done.stdout
    assert done.stdout.index("is copied to") < done.stdout.index("release_preflight")
