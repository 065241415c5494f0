"""What bandit reports, on saved output of a real run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from release.gates.static_analysis.static_findings import read_report

DATA = Path(__file__).parents[2] / "data" / "static_analysis"


def saved(name: str) -> str:
    return (DATA / f"{name}.json").read_text(encoding="utf-8")


def test_findings_of_medium_rating_and_above_count_and_the_rest_is_a_number() -> None:
    found = read_report(saved("report"))
    assert [(f.path, f.line) for f in found.findings] == [("pkg/a.py", 3)]
    (finding,) = found.findings
    assert finding.message.startswith("B602: subprocess call with shell=True identified")
    assert finding.message.endswith("(high severity, high confidence)")
    assert "# nosec B602" in (finding.remedy or "")
    assert (found.lesser, found.nosec) == (3, 2)


def test_a_file_that_was_not_judged_is_an_error_and_does_not_count_as_read() -> None:
    found = read_report(saved("report"))
    assert [(f.path, f.message) for f in found.errors] == [
        ("pkg/bad.py", "bandit could not judge it: syntax error while parsing AST from file")
    ]
    assert found.files == 2


def test_nothing_read_is_not_mistaken_for_files() -> None:
    found = read_report(saved("nothing"))
    assert found.files <= 0
    assert found.errors


@pytest.mark.parametrize(
    ("severity", "confidence", "counts"),
    [
        ("HIGH", "HIGH", True), ("MEDIUM", "MEDIUM", True), ("HIGH", "LOW", False),
        ("LOW", "HIGH", False), ("UNDEFINED", "HIGH", False),
    ],
)  # fmt: skip
def test_severity_and_confidence_are_both_judged(
    severity: str, confidence: str, counts: bool
) -> None:
    data = json.loads(saved("report"))
    data["results"] = data["results"][:1]
    data["results"][0] |= {"issue_severity": severity, "issue_confidence": confidence}
    assert bool(read_report(json.dumps(data)).findings) is counts


def test_a_password_that_bandit_quotes_is_not_shown() -> None:
    assert "correct-horse" in saved("report")
    data = json.loads(saved("report"))
    for item in data["results"]:
        item |= {"issue_severity": "HIGH", "issue_confidence": "HIGH"}
    found = read_report(json.dumps(data))
    assert "correct-horse" not in repr(found)
    assert any("hardcoded password: ***" in f.message for f in found.findings)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "{}", '{"results": [{}], "errors": [], "metrics": {}}']
)
def test_a_damaged_report_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="its report is damaged"):
        read_report(text)
