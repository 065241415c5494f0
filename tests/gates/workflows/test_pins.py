"""The offline table of pins."""

from __future__ import annotations

import re

import pytest

from release.gates.workflows.pins import Pin, look_up, stated, table

PINS = {"a/b": {"1.2.3": "1" * 40, "1.3.0": "2" * 40}}


def test_the_table_holds_full_commits_of_full_versions() -> None:
    assert len(table()) >= 10
    for action, versions in table().items():
        assert re.fullmatch(r"[a-z0-9-]+/[a-z0-9-]+", action)
        assert versions
        for version, commit in versions.items():
            assert re.fullmatch(r"\d+\.\d+\.\d+", version)
            assert re.fullmatch(r"[0-9a-f]{40}", commit)
        assert len(set(versions.values())) == len(versions)


@pytest.mark.parametrize(
    ("comment", "version"),
    [
        ("v1.2.3", "v1.2.3"),
        ("1.2.3", "1.2.3"),
        ("tag=v1.2.3", "v1.2.3"),
        ("pin@v1", "v1"),
        ("v4.0.0-beta.1, needed", "v4.0.0-beta.1"),
        ("zizmor: ignore[x]", None),
        ("release/v1", "v1"),
        ("main", None),
        ("", None),
    ],
)
def test_a_comment_states_a_version_or_none(comment: str, version: str | None) -> None:
    assert stated(comment) == version


@pytest.mark.parametrize(
    ("repository", "commit", "comment", "pin"),
    [
        ("a/b", "1" * 40, "v1.2.3", Pin(True, "1.2.3")),
        ("a/b", "1" * 40, "v1", Pin(True, "1.2.3")),
        ("a/b", "1" * 40, "v1.3.0", Pin(True, "1.2.3", wrong=True)),
        ("a/b", "1" * 40, "v1.20", Pin(True, "1.2.3", wrong=True)),
        ("a/b", "1" * 40, "", Pin(True, "1.2.3")),
        ("a/b", "3" * 40, "v1.3.0", Pin(True, None, wrong=True)),
        ("a/b", "3" * 40, "v9.0.0", Pin(True)),
        ("c/d", "1" * 40, "v1.2.3", Pin(False)),
    ],
)
def test_a_pin_is_compared_with_the_table(
    repository: str, commit: str, comment: str, pin: Pin
) -> None:
    assert look_up(repository, commit, comment, PINS) == pin
