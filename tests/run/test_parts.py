"""How a checklist is shared among machines, on numbers alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.errors import UsageError
from release.model import Gate, Outcome
from release.registry import known
from release.run.parts import Sharing, as_matrix, part_of, share


def gates(**needs: str) -> dict[str, Gate]:
    """Gates by name, and those that each of them needs, with spaces between them."""
    return {
        name: Gate(name, name, lambda p, s: Outcome.passed(1, "x"), needs=tuple(needed.split()))
        for name, needed in needs.items()
    }


def took(sharing: Sharing, seconds: dict[str, float]) -> float:
    """How long all of it takes, were every part run by a machine that takes nothing else."""

    def longest(parts: tuple[tuple[str, ...], ...]) -> float:
        return max((sum(seconds[name] for name in part) for part in parts), default=0.0)

    return max(longest(sharing.first) + longest(sharing.then), longest(sharing.parts))


def test_eight_gates_of_a_minute_take_a_minute_on_eight_machines() -> None:
    eight = gates(**dict.fromkeys("abcdefgh", ""))
    minutes = dict.fromkeys(eight, 60.0)
    assert [took(share(eight, minutes, n), minutes) for n in (1, 2, 4, 8, 20)] == [
        480.0, 240.0, 120.0, 60.0, 60.0,
    ]  # fmt: skip
    assert share(eight, minutes, 8).parts == tuple((name,) for name in "abcdefgh")


def test_long_gates_are_started_on_machines_of_their_own() -> None:
    four = gates(test="", lint="", docs="", types="")
    sharing = share(four, {"test": 100.0, "lint": 5.0, "docs": 40.0, "types": 50.0}, 2)
    assert sharing.parts == (("test",), ("types", "docs", "lint"))


def test_what_is_built_travels_only_where_that_is_quicker() -> None:
    five = gates(build="", sbom="build", audit="build", test="", lint="")
    slow = dict.fromkeys(five, 60.0)
    assert share(five, slow, 4) == Sharing(
        (("build",),), (("test", "lint"),), (("sbom",), ("audit",)), 120.0
    )
    quick = slow | {"sbom": 1.0, "audit": 1.0, "test": 300.0}
    assert share(five, quick, 3) == Sharing(
        (), (("test",), ("build", "sbom", "audit"), ("lint",)), (), 300.0
    )


@given(st.lists(st.floats(0.1, 1000), min_size=6, max_size=6), st.integers(1, 9))
def test_every_gate_is_in_one_part_after_what_it_needs(times: list[float], runners: int) -> None:
    six = gates(build="", sbom="build", audit="build sbom", test="", lint="", docs="")
    seconds = dict(zip(six, times, strict=True))
    sharing = share(six, seconds, runners)
    assert sorted(name for part in sharing.every for name in part) == sorted(six)
    assert len(sharing.every) <= runners
    assert sharing.seconds == pytest.approx(took(sharing, seconds))
    for part in sharing.every:
        for name in part:
            given_on = {other for first in sharing.first for other in first}
            assert set(six[name].needs) <= {*part, *(given_on if part in sharing.then else ())}


def test_the_matrix_is_plain_json_with_a_name_for_each_job() -> None:
    three = gates(build="", sbom="build", test="")
    seconds = dict.fromkeys(three, 60.0)
    text = json.dumps(as_matrix(share(three, seconds, 3), seconds))
    assert json.loads(text) == {
        "first": [],
        "parts": [
            {"name": "1-of-2", "part": "build,sbom", "seconds": 120.0},
            {"name": "2-of-2", "part": "test", "seconds": 60.0},
        ],
        "then": [],
        "seconds": 120.0,
    }


def test_the_page_about_ci_shows_a_matrix_as_it_is() -> None:
    page = (Path(__file__).parents[2] / "docs/ci.md").read_text(encoding="utf-8")
    shown = json.loads(page.split("```json\n")[1].split("```")[0])
    two = gates(build="", sbom="build", test="")
    made = as_matrix(share(two, dict.fromkeys(two, 60.0), 3), dict.fromkeys(two, 60.0))
    assert list(shown) == list(made)
    jobs = [job for kind in ("first", "parts", "then") for job in (*shown[kind], *made[kind])]
    assert {tuple(job) for job in jobs} == {("name", "part", "seconds")}
    assert {name for job in shown["then"] for name in job["part"].split(",")} <= known().keys()


def test_the_real_checklist_can_be_shared() -> None:
    real = known()
    seconds = {name: gate.cost for name, gate in real.items()}
    times = [share(real, seconds, n).seconds for n in (1, 2, 3, 4, 8)]
    assert times == sorted(times, reverse=True)
    assert times[-1] < times[0] / 2


def test_a_part_is_named_by_its_gates_or_by_its_number() -> None:
    three = gates(build="", lint="", test="")
    seconds = {"build": 1.0, "lint": 2.0, "test": 3.0}
    assert part_of("build, lint", three, seconds) == ("build", "lint")
    assert [part_of(f"{k}/2", three, seconds) for k in (1, 2)] == [("test",), ("lint", "build")]


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("lnt", "'lnt' is not a gate"),
        ("lint,lnt,tset", "'tset' is not a gate"),
        ("", "'' is not a gate"),
        ("0/2", "the plan has no part 0/2"),
        ("4/8", "the plan has no part 4/8"),
        ("1/0", "'1/0' is not a gate"),
        ("1/2/3", "'1/2/3' is not a gate"),
    ],
)
def test_a_part_that_is_not_there_is_named(named: str, said: str) -> None:
    three = gates(build="", lint="", test="")
    with pytest.raises(UsageError, match=r"not|no part") as caught:
        part_of(named, three, dict.fromkeys(three, 1.0))
    assert said in str(caught.value)
