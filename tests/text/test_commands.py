"""Remedies name sessions as the reader types them."""

from __future__ import annotations

from release.text.commands import as_typed


def test_by_nox_they_stay_and_by_the_console_script_they_change() -> None:
    text = "run nox -s cut -- patch, or nox -s tag"
    assert as_typed(text, console=False) == text
    assert as_typed(text, console=True) == "run nox-release cut patch, or nox-release tag"


def test_a_chosen_project_goes_along() -> None:
    text = "nox -s tag, nox -s cut -- patch"
    assert as_typed(text, console=False, project="a b") == (
        "nox -s tag -- --project 'a b', nox -s cut -- --project 'a b' patch"
    )
    assert as_typed("nox -s tag", console=True, project="x") == "nox-release tag --project x"
