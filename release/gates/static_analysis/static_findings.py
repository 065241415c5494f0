"""What bandit reports about a package: the findings that count, the lesser ones, and its errors."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from release.model import Finding

LEVELS = ("UNDEFINED", "LOW", "MEDIUM", "HIGH")
LEAST_CONFIDENCE = LEVELS.index("MEDIUM")
# Of bandit's texts, those on passwords quote what they found.
QUOTED = re.compile(r"(hardcoded password: ).*", re.I | re.S)


@dataclass(frozen=True, slots=True)
class Analysis:
    """One run of bandit.

    `findings` are of at least the severity asked for and medium confidence, `lesser` is how many
    others there are, `errors` are files that it could not judge. `files` were read and `nosec` is
    how many lines and tests comments have left out.
    """

    findings: tuple[Finding, ...]
    lesser: int
    errors: tuple[Finding, ...]
    files: int
    nosec: int


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
                remedy="fix it, or exclude it in bandit's configuration",
            )
            for item in data["errors"]
        )
        return Analysis(
            tuple(map(_finding, counting)),
            len(results) - len(counting),
            errors,
            len(data["metrics"]) - 1 - len(errors),
            int(totals["nosec"]) + int(totals["skipped_tests"]),
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError("its report is damaged") from error


def _counts(item: Mapping[str, Any], least: int) -> bool:
    """Whether a finding is of a severity and of medium confidence, or above."""
    return (
        LEVELS.index(item["issue_severity"]) >= least
        and LEVELS.index(item["issue_confidence"]) >= LEAST_CONFIDENCE
    )


def _finding(item: Mapping[str, Any]) -> Finding:
    rule, text = str(item["test_id"]), QUOTED.sub(r"\1***", str(item["issue_text"]))
    rating = f"{item['issue_severity']} severity, {item['issue_confidence']} confidence".lower()
    return Finding(
        f"{rule}: {' '.join(text.split())} ({rating})",
        _path(item["filename"]),
        int(item["line_number"]),
        f"fix it; where it is safe, say why and add `# nosec {rule}`",
    )


def _path(name: object) -> str:
    return str(name).replace("\\", "/").removeprefix("./")
