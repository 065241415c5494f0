"""Times the tests that read hostile or large texts: none may take long on a quiet machine.

What takes time in proportion to a text is done within a second or two; what does not takes minutes.
"""

from __future__ import annotations

import sys

import pytest

SECONDS = 10.0
TESTS = "in_proportion or hostile or linear_time or takes_no_time or cut_short"


class Clock:
    """Prints how long each test took, and notes those that took too long."""

    def __init__(self) -> None:
        self.slow: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            print(f"{report.duration:8.2f} s  {report.nodeid[:120]!r}")
            if report.duration > SECONDS:
                self.slow.append(report.nodeid)


def main() -> int:
    """Run the tests one after the other; the exit status tells whether all were fast enough."""
    clock = Clock()
    status = pytest.main(["-q", "-n0", "-k", TESTS, *sys.argv[1:]], plugins=[clock])
    for name in clock.slow:
        print(f"took more than {SECONDS:g} s: {name[:120]!r}")
    return int(status) or int(bool(clock.slow))


if __name__ == "__main__":
    sys.exit(main())
