"""The console script: the packaged noxfile on the current directory."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import pytest

from release import cli, sessions
from release.text.commands import CALLER, as_called


@pytest.mark.parametrize("rest", [["--fresh", "lint"], ["--", "--fresh", "lint"]])
def test_arguments_reach_the_session_with_dashes_before_them_or_without(
    rest: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[Sequence[str]] = []

    def run_nox(arguments: Sequence[str]) -> int:
        asked.append(arguments)
        return 7

    before = dict(os.environ)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(CALLER, "project", None)
    monkeypatch.setattr(sessions, "run_nox", run_nox)
    monkeypatch.setattr(sys, "argv", ["nox-release", "prove", *rest])
    assert cli.main() == 7
    assert dict(os.environ) == before  # what other processes inherit names no project
    assert list(asked[0][-5:]) == ["-s", "prove", "--", "--fresh", "lint"]
    assert tmp_path == CALLER.project


def test_without_a_session_it_says_how_it_is_called(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["nox-release"])
    assert cli.main() == 2
    assert "usage: nox-release SESSION" in capsys.readouterr().out


def test_it_says_its_own_version(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["nox-release", "--version"])
    assert cli.main() == 0
    assert capsys.readouterr().out == f"nox-release {version('nox-release')}\n"


def test_a_folder_within_a_project_finds_the_project(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    inner = tmp_path / "thing/src/thing"
    inner.mkdir(parents=True)
    assert cli.find_root(inner) == tmp_path
    (tmp_path / "thing/.git").touch()  # another repository, whose project is not the outer one
    assert cli.find_root(inner) == inner
    (tmp_path / "thing/pyproject.toml").touch()
    assert cli.find_root(inner) == tmp_path / "thing"


def test_commands_are_told_as_they_are_typed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = "run it again: nox -s cut -- minor"
    assert as_called(text) == text
    monkeypatch.setattr(CALLER, "project", tmp_path)
    assert as_called(text) == "run it again: nox-release cut minor"


@pytest.mark.parametrize("met_by", ["us", "nox, which says nothing"])
def test_an_interruption_while_it_starts_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    met_by: str,
) -> None:
    def run_nox(_arguments: Sequence[str]) -> int:
        if met_by == "us":
            raise KeyboardInterrupt
        return 130

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(CALLER, "project", None)
    monkeypatch.setattr(CALLER, "began", False)
    monkeypatch.setattr(sessions, "run_nox", run_nox)
    monkeypatch.setattr(sys, "argv", ["nox-release", "tree"])
    assert cli.main() == 130
    assert capsys.readouterr() == ("", "interrupted\n")
