"""Regular expressions of others find what re finds, and can be stopped."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time

import pytest

from release.text import patterns


def test_matches_come_with_their_groups() -> None:
    text = "a-1 \ud800 b-22 \U0001f600"
    found = patterns.find(r"(?P<name>\w)-(?P<number>\d+)", text, re.A)
    assert [(text[m.start : m.end], m.named) for m in found] == [
        ("a-1", {"name": "a", "number": "1"}),
        ("b-22", {"name": "b", "number": "22"}),
    ]
    assert patterns.find("x", "abc") == []


@pytest.mark.parametrize("pattern", ["(", r"a\2"])
def test_what_cannot_be_used_says_why(pattern: str) -> None:
    with pytest.raises(patterns.Unusable, match=r"group|missing \)"):
        patterns.find(pattern, "a")


def test_a_pattern_that_backtracks_without_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "SECONDS", 0.5)
    with pytest.raises(patterns.TooSlow, match=r"more than 0\.5 s"):
        patterns.find("(a+)+$", "a" * 60 + "!")


@pytest.mark.skipif(sys.platform == "win32", reason="signals are a POSIX idea")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_search(number: int) -> None:
    program = (
        "from release.text import patterns\n"
        "print('x', flush=True)\n"
        "patterns.find('(a+)+$', 'a' * 60 + '!')"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    with process.stdout:
        process.stdout.read(1)
        time.sleep(0.3)
        process.send_signal(number)
        assert process.wait(8) != 0
