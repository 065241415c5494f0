"""The console script: the packaged noxfile on the current directory."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from release import cli, sessions


@pytest.mark.parametrize("rest", [["--fresh", "lint"], ["--", "--fresh", "lint"]])
def test_arguments_reach_the_session_with_dashes_before_them_or_without(
    rest: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[Sequence[str]] = []

    def run_nox(arguments: Sequence[str]) -> int:
        asked.append(arguments)
        return 7

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(sessions.PROJECT_VARIABLE, "somewhere")
    monkeypatch.setattr(sessions, "run_nox", run_nox)
    monkeypatch.setattr(sys, "argv", ["nox-release", "prove", *rest])
    assert cli.main() == 7
    assert list(asked[0][-5:]) == ["-s", "prove", "--", "--fresh", "lint"]
    assert os.environ[sessions.PROJECT_VARIABLE] == "somewhere"


def test_without_a_session_it_says_how_it_is_called(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["nox-release"])
    assert cli.main() == 2
    assert "usage: nox-release SESSION" in capsys.readouterr().out
