"""A whole release is made in a rehearsal, and nothing of it in the repository."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from docs.demo import NEXT, make
from release.rehearse.faults import PROGRAM
from tests.change.test_kills import state
from tests.support import git, write
from tests.test_sessions import Nox


@pytest.fixture
def nox(tools_folder: Path) -> Nox:
    return Nox(tools_folder)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make(tmp_path)


@pytest.mark.slow
@pytest.mark.network
def test_a_release_is_made_from_plan_to_install_and_survives_kills(nox: Nox, root: Path) -> None:
    before = state(root)
    program = [sys.executable, "-c", PROGRAM, "rehearse", *NEXT, "--faults"]
    done = subprocess.run(
        program, cwd=root, env=nox.environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "✓ cut" in done.stdout
    assert "tags v0.3.0" in done.stdout
    assert "it ended in the same files, commit, tag and remote" in done.stdout
    assert done.stdout.count("killed when") >= 3
    assert "uploaded again: 2 there already, 0 sent" in done.stdout
    assert "installation: 2 checked" in done.stdout
    assert "next: nox-release cut minor --subject " in done.stdout
    assert state(root) == before


def test_what_stands_against_the_release_stops_the_rehearsal_first(nox: Nox, root: Path) -> None:
    write(root, {"README.md": "changed\n"})
    done = nox("-s", "rehearse", "--", *NEXT, "--project", str(root))
    assert done.returncode == 1
    assert "README.md" in done.stderr
    assert "… copy" not in done.stdout
    assert git(root, "tag") == "v0.2.0"
