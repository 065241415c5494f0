"""What bandit reports about a package: the findings that count, the lesser ones, and its errors."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from release.model import Finding

LEVELS = ("UNDEFINED", "LOW", "MEDIUM", "HIGH")
LEAST_CONFIDENCE = LEVELS.index("MEDIUM")
# Of bandit's texts, those on passwords quote what they found.
QUOTED = re.compile(r"(hardcoded password: ).*", re.I | re.S)


@dataclass(frozen=True, slots=True)
class Found:
    """A finding, and a digest of the line of code that it is on, which may hold a password."""

    finding: Finding
    line: str


@dataclass(frozen=True, slots=True)
class Analysis:
    """One run of bandit.

    `found` is of at least the severity asked for and medium confidence, `lesser` is how many others
    there are, `errors` are files that it could not judge. `files` were read and `nosec` is how
    many lines and tests comments have left out.
    """

    found: tuple[Found, ...]
    lesser: int
    errors: tuple[Finding, ...]
    files: int
    nosec: int

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(found.finding for found in self.found)


def read_report(text: str, severity: str = "medium") -> Analysis:
    """Read bandit's JSON report (`-f json`, with or without a baseline).

    `severity` is the least one that counts. Raises ValueError when the report is damaged.
    """
    least = LEVELS.index(severity.upper())
    try:
        data = json.loads(text)
        results, totals = list(data["results"]), data["metrics"]["_totals"]
        counting = [item for item in results if _counts(item, least)]
        errors = tuple(
            Finding(
                f"bandit could not judge it: {item['reason']}",
                _path(item["filename"]),
                remedy="mend it, or exclude it in bandit's configuration",
            )
            for item in data["errors"]
        )
        return Analysis(
            tuple(Found(_finding(item), _line(item)) for item in counting),
            len(results) - len(counting),
            errors,
            len(data["metrics"]) - 1 - len(errors),
            int(totals["nosec"]) + int(totals["skipped_tests"]),
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError("its report is damaged") from error


def split(now: Analysis, before: Analysis) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """What is new in an analysis, and what the earlier one has found as well.

    Each earlier finding makes one known, wherever in its file it is now: first those on the same
    line of code, then those of the same rule, then those that moved to another file with their
    line. Bandit's own baseline would let any number of findings of a known kind into a file.
    """
    keys: tuple[Callable[[Found], tuple[str | None, ...]], ...] = (
        lambda one: (one.finding.path, one.finding.message, one.line),
        lambda one: (one.finding.path, one.finding.message),
        lambda one: (one.finding.message, one.line),
    )
    rest, open_ones = list(before.found), list(now.found)
    for key in keys:
        there = Counter(map(key, rest))
        unmatched = []
        for one in open_ones:
            if there[key(one)]:
                there[key(one)] -= 1
            else:
                unmatched.append(one)
        left = []
        for one in reversed(rest):
            if there[key(one)]:
                there[key(one)] -= 1
                left.append(one)
        rest, open_ones = left, unmatched
    fresh = {id(one) for one in open_ones}
    new = tuple(one.finding for one in now.found if id(one) in fresh)
    return new, tuple(one.finding for one in now.found if id(one) not in fresh)


def _counts(item: Mapping[str, Any], least: int) -> bool:
    """Whether a finding is of a severity and of medium confidence, or above."""
    return (
        LEVELS.index(item["issue_severity"]) >= least
        and LEVELS.index(item["issue_confidence"]) >= LEAST_CONFIDENCE
    )


def _line(item: Mapping[str, Any]) -> str:
    """A digest of the line that a finding is on, of the numbered ones that bandit quotes."""
    number = str(int(item["line_number"]))
    for line in str(item.get("code", "")).split("\n"):
        first, _, rest = line.partition(" ")
        if first == number:
            return hashlib.sha256(rest.strip().encode("utf-8", "surrogatepass")).hexdigest()
    return ""


def _finding(item: Mapping[str, Any]) -> Finding:
    rule, text = str(item["test_id"]), QUOTED.sub(r"\1***", str(item["issue_text"]))
    rating = f"{item['issue_severity']} severity, {item['issue_confidence']} confidence".lower()
    return Finding(
        f"{rule}: {' '.join(text.split())} ({rating})",
        _path(item["filename"]),
        int(item["line_number"]),
        f"mend it; where it is safe, say why and add `# nosec {rule}`",
    )


def _path(name: object) -> str:
    return str(name).replace("\\", "/").removeprefix("./")
