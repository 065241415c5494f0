"""What a terminal shows while gates run, and of failures that need nobody to do anything."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from release.model import Evidence, Finding, Gate, Outcome
from release.report import terminal
from release.report.terminal import Progress, progress_of, show_report
from tests.report.test_formats import report
from tests.test_model import evidence


def gate(name: str) -> Gate:
    return Gate(name, name, lambda project, shell: Outcome.passed(1, "fine"))


def printed(monkeypatch: pytest.MonkeyPatch, term: str) -> tuple[Console, io.StringIO]:
    """A terminal of that kind, and what it was sent."""
    sent = io.StringIO()
    monkeypatch.setenv("TERM", term)
    found = Console(file=sent, force_terminal=True, width=100, height=30, color_system=None)
    monkeypatch.setattr(terminal, "console", lambda: found)
    return found, sent


def test_the_board_counts_and_names_what_waits(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    out, sent = printed(monkeypatch, "xterm")
    (tmp_path / "test.log").write_text("......... [ 42%]\n...", encoding="utf-8")
    with Progress(["lint", "test", "sbom", "audit"], tmp_path) as progress:
        progress.started(gate("lint"))
        progress.ended(evidence(gate="lint"))
        progress.started(gate("test"))
        sent.truncate(0)
        out.print(progress._render())  # what the live display draws eight times a second
    text = sent.getvalue()
    assert "1 of 4 gates; waiting: sbom, audit" in text
    assert "✓ lint  1.5 s" in text
    assert "test  0 s, 42 %" in text


def test_a_terminal_that_cannot_move_its_cursor_gets_a_line_a_gate(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _, sent = printed(monkeypatch, "dumb")
    with Progress(["lint", "test"], tmp_path) as progress:
        for name in ("lint", "test"):
            progress.started(gate(name))
            progress.ended(evidence(gate=name))
    assert sent.getvalue() == "✓ lint  1.5 s\n✓ test  1.5 s\n"


@pytest.mark.parametrize(
    ("log", "told"),
    [
        ("tests/test_a.py ....   [  7%]\ntests/test_b.py ..   [ 50%]\n..", "50 %"),
        ("....... [100%]", "100 %"),
        ("reading sources... [ 33%] index", "33 %"),
        ("no percentage: 50%", ""),
        ("[ 12%]" + "x" * 5000, ""),
        ("", ""),
    ],
)
def test_how_far_a_tool_is_stands_at_the_end_of_its_log(
    tmp_path: Path, log: str, told: str
) -> None:
    (tmp_path / "test.log").write_text(log, encoding="utf-8")
    assert progress_of(tmp_path / "test.log") == told
    assert progress_of(tmp_path / "none.log") == ""


def shown(*gates: Evidence, **required: str) -> str:
    out = Console(width=120, file=io.StringIO(), highlight=False, emoji=False, markup=False)
    asked = {one.gate: "always" for one in gates} | required
    show_report(replace(report("x"), gates=gates, required=asked), out)  # type: ignore[arg-type]
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()


def test_a_failure_that_was_not_judged_anew_says_so() -> None:
    failed = evidence(gate="lint", outcome=Outcome.failed((Finding("bad"),)))
    assert "as before" not in shown(failed)
    text = shown(replace(failed, reused=True))
    assert "log: .release/logs/build.log (as before; --fresh to run again)" in text


def test_what_is_not_required_is_said_in_its_row() -> None:
    failed = evidence(gate="docker", outcome=Outcome.failed((Finding("bad"),)))
    assert "not required: bad" in shown(failed, docker="never")
    assert "not required" not in shown(failed)
