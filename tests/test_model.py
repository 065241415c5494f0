"""The types keep their promises whatever they are given."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.model import Artifact, Evidence, Finding, Judgement, Outcome, Status

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
DAY = timedelta(days=1)


def evidence(**changes: Any) -> Evidence:
    values: dict[str, Any] = {
        "gate": "build",
        "outcome": Outcome.passed(3, "fine"),
        "commit": "c" * 40,
        "tree": "t" * 40,
        "dirty": False,
        "key": "k",
        "key_after": "k",
        "level": None,
        "tools": {"build": "1.0"},
        "commands": (("python", "-m", "build"),),
        "started": NOW,
        "seconds": 1.5,
        "log": "logs/build.log",
    }
    return Evidence(**values | changes)


def test_a_pass_that_checked_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="checked nothing"):
        Outcome.passed(0, "all good")


def test_a_failure_without_a_finding_is_an_error() -> None:
    with pytest.raises(ValueError, match="summary"):
        Outcome.failed(())
    with pytest.raises(ValueError, match="finding"):
        Outcome.failed((), "bad")


def test_an_unchecked_outcome_without_a_remedy_is_an_error() -> None:
    with pytest.raises(ValueError, match="possible"):
        Outcome.unchecked("no network", "")


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome.passed(1, "fine"),
        Outcome.failed((Finding("bad"),)),
        Outcome.unchecked("no network", "connect"),
        Outcome.not_applicable("no Dockerfile"),
    ],
)
def test_an_outcome_has_no_truth_value(outcome: Outcome) -> None:
    with pytest.raises(TypeError, match="status"):
        bool(outcome)


def test_outcomes_and_evidence_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Outcome.passed(1, "fine").status = Status.FAILED  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        evidence().commit = "other"  # type: ignore[misc]


def test_a_failure_sums_up_its_findings() -> None:
    outcome = Outcome.failed((Finding("first"), Finding("second"), Finding("third")))
    assert outcome.summary == "first (and 2 more)"


DEFECT, ADVICE = Finding("bad"), Finding("odd", remedy="tidy it")
GAP, NOTE = Finding("no network", remedy="connect"), Finding("accepted: why")
ARTIFACT = Artifact("dist/x.whl", 3, "d")


@pytest.mark.parametrize(
    ("judgement", "status", "said"),
    [
        (Judgement(2), Status.PASSED, []),
        (Judgement(2, advice=(ADVICE,), notes=(NOTE,)), Status.PASSED, ["odd!"]),
        (Judgement(2, (DEFECT,), (ADVICE,)), Status.FAILED, ["bad", "odd!"]),
        (Judgement(2, unchecked=(GAP,)), Status.UNCHECKED, ["no network"]),
        (
            Judgement(2, (DEFECT,), (ADVICE,), (GAP,)),
            Status.FAILED,
            ["bad", "not checked: no network", "odd!"],
        ),
        (Judgement(2, (DEFECT, DEFECT), (DEFECT,)), Status.FAILED, ["bad"]),
    ],
    ids=["nothing", "advice", "a defect", "a gap", "all", "twice"],
)
def test_a_judgement_settles_by_what_blocks(
    judgement: Judgement, status: Status, said: list[str]
) -> None:
    outcome = judgement.settle("fine", artifacts=(ARTIFACT,))
    assert outcome.status is status
    assert [f.message + "!" * f.advice for f in outcome.findings] == said
    assert (outcome.artifacts, outcome.notes) == ((ARTIFACT,), judgement.notes)


def test_judgements_add_up() -> None:
    parts = [Judgement.one(DEFECT), Judgement.one(ADVICE, advice=True), Judgement(5)]
    whole = sum(parts, Judgement(notes=(NOTE,)) + Judgement(unchecked=(GAP,)))
    assert whole == Judgement(7, (DEFECT,), (ADVICE,), (GAP,), (NOTE,))


def test_a_judgement_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="checked nothing"):
        Judgement(advice=(ADVICE,)).settle("fine")


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Outcome.passed(1, "fine"), Status.PASSED),
        (Outcome.passed(1, "fine", remarks=(ADVICE,)), Status.FAILED),
        (Judgement(1, notes=(NOTE,)).settle("fine"), Status.PASSED),
        (Judgement(1, advice=(ADVICE,), unchecked=(GAP,)).settle("fine"), Status.FAILED),
        (Outcome.unchecked("why", "how"), Status.UNCHECKED),
    ],
    ids=["nothing", "advice", "notes", "advice and a gap", "a gap"],
)
def test_strictly_advice_blocks_and_notes_do_not(outcome: Outcome, status: Status) -> None:
    strict = outcome.strictly()
    assert (strict.status, strict.advice) == (status, ())
    assert len(strict.findings) == len(outcome.findings)


def test_a_gate_that_passed_holds_nothing_but_advice() -> None:
    with pytest.raises(ValueError, match="advice"):
        Outcome(Status.PASSED, "fine", 1, (DEFECT,))
    with pytest.raises(ValueError, match="not advice"):
        Outcome(Status.FAILED, "bad", 1, (Finding("odd", advice=True),))


def test_fresh_evidence_is_a_stable_recent_pass_with_the_same_key() -> None:
    assert evidence().fresh("k", DAY, NOW + DAY)
    assert evidence(outcome=Outcome.failed((Finding("bad"),))).fresh("k", DAY, NOW)


@pytest.mark.parametrize(
    ("changes", "key", "valid", "now"),
    [
        ({}, "other", DAY, NOW),
        ({}, "k", None, NOW),
        ({}, "k", DAY, NOW + DAY + timedelta(seconds=1)),
        ({}, "k", DAY, NOW - timedelta(hours=1)),
        ({"key_after": "moved"}, "k", DAY, NOW),
        ({"key": "", "key_after": ""}, "", DAY, NOW),
        ({"outcome": Outcome.unchecked("why", "how")}, "k", DAY, NOW),
    ],
    ids=["other inputs", "never reused", "too old", "from the future", "inputs moved", "no key",
         "unchecked"],
)  # fmt: skip
def test_other_evidence_is_not_fresh(
    changes: dict[str, Any], key: str, valid: timedelta | None, now: datetime
) -> None:
    assert not evidence(**changes).fresh(key, valid, now)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)


@given(
    message=TEXT,
    path=st.none() | TEXT,
    line=st.none() | st.integers(1, 10**6),
    digest=TEXT,
    checked=st.integers(1, 10**6),
    seconds=st.floats(0, 1e5).map(lambda value: round(value, 3)),
)
def test_evidence_survives_being_kept(
    message: str, path: str | None, line: int | None, digest: str, checked: int, seconds: float
) -> None:
    outcome = Outcome.passed(
        checked,
        message,
        remarks=(Finding(message, path, line, "remedy"),),
        artifacts=(Artifact("dist/x.whl", 3, digest),),
        facts={message: digest},
    )
    outcome = dataclasses.replace(outcome, notes=(Finding(message, path, line),))
    before = evidence(outcome=outcome, seconds=seconds)
    assert Evidence.from_json(json.loads(json.dumps(before.as_json()))) == before


@given(data=st.data())
def test_damaged_evidence_is_refused_not_believed(data: st.DataObject) -> None:
    kept = evidence(outcome=Outcome.failed((Finding("bad"),))).as_json()
    field = data.draw(st.sampled_from(sorted(kept)))
    del kept[field]
    with pytest.raises(ValueError, match="evidence"):
        Evidence.from_json(kept)


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 2},
        {"status": "great"},
        {"status": "passed", "checked": 0},
        {"started": "2026-03-04T05:06:07"},
        {"started": 5},
        {"seconds": -1},
        {"seconds": float("nan")},
        {"commit": None},
        {"findings": [{"nonsense": 1}]},
        {
            "findings": [
                {"message": "odd", "path": None, "line": None, "remedy": None, "advice": "no"}
            ]
        },
        {"artifacts": [{}]},
        {"tools": []},
    ],
)
def test_forged_evidence_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any reason will do
        Evidence.from_json(evidence().as_json() | change)


@pytest.mark.parametrize("data", [None, [], "passed", 3, {}])
def test_what_is_no_evidence_at_all_is_refused(data: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any reason will do
        Evidence.from_json(data)
