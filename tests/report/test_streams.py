"""What a session does and how it ends never depends on who reads its output."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support import PYPROJECT, git, make_project, with_remote
from tests.test_sessions import Nox

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX streams")
FULL = Path("/dev/full")
UNBUFFERED = "PYTHONUNBUFFERED"


@contextlib.contextmanager
def nobody_reads() -> Iterator[int]:
    """The writing end of a pipe whose reader is gone."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        yield writing
    finally:
        os.close(writing)


@contextlib.contextmanager
def no_space() -> Iterator[int]:
    descriptor = os.open(FULL, os.O_WRONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


SINKS = {"pipe": nobody_reads, "full": no_space}
# The console script meets both ways to lose the output in the fast suite, nox one of them.
BOTH = ["full", pytest.param("pipe", marks=pytest.mark.slow)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    files = {
        "CHANGELOG.md": "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- It is there.\n",
        "pyproject.toml": f"{PYPROJECT}\n[tool.release]\npublish = false\n",
    }
    root = make_project(tmp_path / "thing", files)
    git(root, "tag", "--annotate", "--message", "small-thing 1.2.3", "v1.2.3")
    with_remote(root)
    git(root, "push", "--quiet", "origin", "v1.2.3")
    return root


@pytest.fixture
def nox(tools_folder: Path) -> Nox:
    return Nox(tools_folder)


def environment(nox: Nox, **more: str) -> Mapping[str, str]:
    known = nox.environment(**more)
    return {name: value for name, value in known.items() if name in more or name != UNBUFFERED}


@pytest.mark.parametrize(
    ("arguments", "status"),
    [(("tree", "--"), 0), (("bump", "--", "9.0.0"), 1)],
    ids=["gate", "refusal"],
)
@pytest.mark.parametrize("sink", BOTH)
def test_output_that_nobody_takes_changes_no_exit_status(
    nox: Nox, root: Path, arguments: tuple[str, ...], status: int, sink: str
) -> None:
    command = nox.command("-s", *arguments, "--project", str(root))
    with SINKS[sink]() as lost:
        done = subprocess.run(command, stdout=lost, stderr=subprocess.PIPE, env=environment(nox))
    assert done.returncode == status, done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr


@pytest.mark.parametrize("sink", BOTH)
def test_a_release_that_nobody_reads_of_is_made_all_the_same(
    nox: Nox, root: Path, sink: str
) -> None:
    before = git(root, "rev-parse", "HEAD")
    command = nox.command("-s", "bump", "--", "patch", "--project", str(root))
    with SINKS[sink]() as lost:
        done = subprocess.run(command, stdout=lost, stderr=lost, env=environment(nox))
    assert done.returncode == 0
    assert git(root, "rev-parse", "HEAD~1") == before
    assert git(root, "status", "--porcelain") == ""


@pytest.mark.parametrize(
    "encoding", ["ascii", pytest.param("ascii:strict", marks=pytest.mark.slow)]
)
def test_what_the_output_cannot_encode_is_a_question_mark(
    nox: Nox, root: Path, encoding: str
) -> None:
    for arguments, said in (
        (("bump", "--", "patch", "--dry-run"), b"small-thing 1.2.3 ? 1.2.4"),
        (("tree", "--"), b"? tree: main at"),
    ):
        done = subprocess.run(
            nox.command("-s", *arguments, "--project", str(root)),
            capture_output=True,
            env=environment(nox, PYTHONIOENCODING=encoding),
        )
        assert done.returncode == 0, done.stderr
        assert said in done.stdout
        assert b"Traceback" not in done.stderr


def test_unbuffered_output_arrives(nox: Nox, root: Path) -> None:
    done = subprocess.run(
        nox.command("-s", "tree", "--", "--project", str(root)),
        capture_output=True,
        env=environment(nox, PYTHONUNBUFFERED="1", PYTHONIOENCODING="ascii"),
    )
    assert done.returncode == 0, done.stderr
    assert b"? tree: main at" in done.stdout
    assert b"Session tree was successful" in done.stderr


def test_closed_streams_are_no_reason_to_fail(nox: Nox, root: Path) -> None:
    command = nox.command("-s", "tree", "--", "--project", str(root))
    done = subprocess.run(["sh", "-c", 'exec "$@" >&- 2>&-', "sh", *command], env=environment(nox))
    assert done.returncode == 0


@pytest.mark.parametrize("arguments", [["--list"], ["--help"], ["tree"]])
@pytest.mark.parametrize("sink", SINKS)
def test_the_console_script_does_not_mind_either(
    nox: Nox, root: Path, arguments: list[str], sink: str
) -> None:
    program = "import sys; from release.cli import main; sys.exit(main())"
    with SINKS[sink]() as lost:
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            stdout=lost,
            stderr=subprocess.PIPE,
            cwd=root,
            env=environment(nox),
        )
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
