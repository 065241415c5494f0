"""The offline table of pins."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from release.errors import ConfigurationError
from release.gates.workflows.pins import TABLE, Pin, look_up, refresh, stated, table

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


TEXT = '# What it is.\n\n["a/one"]\n"1.2.0" = "11"\n"1.10.0" = "22"\n\n["b/two"]\n"0.1.0" = "33"\n'


def listing(**tags: str) -> Callable[[str], str]:
    lines = "".join(f"{commit}\trefs/tags/{tag}\n" for tag, commit in tags.items())
    return lambda action: lines if action == "a/one" else "33\trefs/tags/v0.1.0\n"


def test_newer_releases_of_actions_are_added_by_their_commits(tmp_path: Path) -> None:
    path = tmp_path / "pins.toml"
    path.write_text(TEXT)
    tags = {"v1": "55", "v1.1.0": "00", "v1.10.0": "22", "v1.11.0": "44", "v1.11.0^{}": "55"}
    tags |= {"v2.0.0-beta": "66", "v1.9.9": "77"}
    assert refresh(listing(**tags), path) == ["a/one 1.11.0"]
    assert path.read_text() == TEXT.replace('"22"\n', '"22"\n"1.11.0" = "55"\n')


def test_a_release_whose_tag_was_moved_stops_the_refresh(tmp_path: Path) -> None:
    path = tmp_path / "pins.toml"
    path.write_text(TEXT)
    with pytest.raises(ConfigurationError, match=r"a/one 1\.2\.0 was 11, and its tag is now on 99"):
        refresh(listing(**{"v1.2.0": "99", "v3.0.0": "88"}), path)
    assert path.read_text() == TEXT


def test_the_table_is_as_a_refresh_leaves_it(tmp_path: Path) -> None:
    path = tmp_path / "pins.toml"
    path.write_text(TABLE.read_text())
    assert refresh(lambda _: "", path) == []
    assert path.read_text() == TABLE.read_text()
