"""Conditions of workflows, evaluated as far as they can be."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from release.gates.workflows.expressions import UNKNOWN, StartsWith, Value, condition, overrides

KNOWN: dict[str, Value] = {
    "github.event_name": "push",
    "github.ref": StartsWith("refs/heads/"),
    "github.ref_name": StartsWith(""),
    "github.ref_type": "branch",
    "github.head_ref": "",
    "github.event.release.tag_name": None,
}


def context(name: str) -> Value:
    return KNOWN.get(name, UNKNOWN)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("true", True),
        ("false", False),
        ("null", False),
        ("''", False),
        ("'it''s' == 'IT''S'", True),
        ("0", False),
        ("1 < 2", None),
        ("inputs.x == 1", None),
        ("github.event.release.tag_name == true", False),
        ("github.event.release.tag_name == false", True),
        ("github.event_name == 'PUSH'", True),
        ("github['event_name'] == 'push'", True),
        ("github.event_name != 'push' || github.ref_type == 'tag'", False),
        ("!(github.ref_type == 'tag')", True),
        ("!!github.head_ref", False),
        ("startsWith(github.ref, 'refs/tags/')", False),
        ("startsWith(github.ref, 'refs/heads/')", True),
        ("startsWith(github.ref, 'refs/heads/release')", None),
        ("startsWith(github.ref_name, 'v')", None),
        ("contains(github.ref, 'heads')", True),
        ("contains(github.ref, 'x')", None),
        ("endsWith(github.ref, '1.0')", None),
        ("github.ref == 'refs/heads/main'", None),
        ("github.ref != 'refs/heads/main'", None),
        ("github.ref == 'refs/tags/v1'", False),
        ("'refs/tags/v1' != github.ref", True),
        ("github.ref", True),
        ("github.repository == 'a/b'", None),
        ("github.repository == 'a/b' && github.ref_type == 'tag'", False),
        ("github.repository == 'a/b' || github.ref_type == 'branch'", True),
        ("github.event.release.tag_name == ''", True),
        ("github.event.release.tag_name", False),
        ("always()", True),
        ("always() && github.ref_type == 'tag'", False),
        ("success()", None),
        ("contains(needs.*.result, 'failure')", None),
        ("fromJSON(inputs.x)[0].y == 1", None),
        ("contains('abc', 'B')", True),
        ("github.ref == format('refs/tags/{0}', github.ref_name)", None),
        ("success() || true", True),
        ("${{ github.ref_type == 'tag' }}", False),
        # Anything around it makes a text of it, which holds.
        ("${{ github.ref_type == 'tag' }}\n", True),
        ("${{ false }} && ${{ false }}", True),
        ("!${{ true }}", True),
        # What is malformed, GitHub refuses; nothing is concluded from it.
        ("github.ref ==", None),
        ("(true", None),
        ("a b", None),
        ("'open", None),
        ("f(,)", None),
        ("%", None),
    ],
)
def test_a_condition_holds_or_not_or_only_a_run_can_tell(text: str, holds: bool | None) -> None:
    assert condition(text, context) is holds


@pytest.mark.parametrize(
    ("text", "function"),
    [
        ("", ""),
        ("success()", ""),
        ("${{ success() }}", ""),
        ("github.ref_type == 'tag' && success ( ) && (inputs.a || inputs.b)", ""),
        ("github.actor != 'always()'", ""),
        ("success() || true", "success()"),
        ("(success() || true) && github.ref_type == 'tag'", "success()"),
        ("!success()", "!success()"),
        ("success() == true", "success()"),
        ("${{ success() }} && true", "success()"),
        ("Always() && true", "always()"),
        ("!cancelled()", "!cancelled()"),
        ("!(cancelled())", "!cancelled()"),
        ("cancelled() == false", "cancelled()"),
        ("failure ('", "failure()"),
    ],
)
def test_a_function_of_the_status_overrides_what_is_implied(text: str, function: str) -> None:
    assert overrides(text) == function


@pytest.mark.parametrize(
    ("text", "function"),
    [
        ("!failure() && !cancelled()", ""),
        ("${{ !failure() && github.ref_type == 'tag' }}", ""),
        ("!cancelled()", "!cancelled()"),
        ("!cancelled() && success()", ""),
        ("!failure() || true", "!failure()"),
        ("failure()", "failure()"),
    ],
)
def test_a_step_that_runs_unless_something_failed_overrides_nothing(
    text: str, function: str
) -> None:
    assert overrides(text, step=True) == function


@pytest.mark.parametrize("text", ["(" * 100_000, "!" * 20_000 + "true", "a." * 10_000, "f(" * 5000])
def test_hostile_conditions_end(text: str) -> None:
    assert condition(text, context) in (None, True, False)
    assert overrides(text) == ""


@given(st.text("ab'()[]!&|=<>.,*${} 0x1e-", max_size=40))
@settings(max_examples=200)
def test_any_condition_is_evaluated(text: str) -> None:
    assert condition(text, context) in (None, True, False)
