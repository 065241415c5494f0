"""What publish, verify and status print and refuse, as a person calls them."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from release.actions import Call, Stopped, find
from release.errors import ReleaseError, UsageError
from tests.index_server import IndexServer
from tests.support import git, make_project, with_remote


def call(root: Path, name: str, *words: str, console: bool = False) -> None:
    """Do an action as it is called by a session."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--project", type=Path)
    action = find(name)
    action.arguments(parser)
    action.run(Call(name, parser.parse_args(words), root, root, console=console))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NOX_RELEASE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    found = make_project(tmp_path / "small-thing")
    with_remote(found)
    return found


def test_status_says_what_to_type_in_the_form_that_was_used(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with IndexServer() as index:
        monkeypatch.setenv("UV_DEFAULT_INDEX", index.simple)
        for console, typed in ((False, "nox -s cut -- 1.2.3"), (True, "nox-release cut 1.2.3")):
            with pytest.raises(Stopped, match=r"small-thing 1\.2\.3"):
                call(root, "status", console=console)
            said = capsys.readouterr().out
            assert f"  $ {typed}\n" in said
            assert "– files at the tag" in said  # there is no tag
            assert "small-thing 1.2.3" in said.splitlines()[0]


def test_status_does_a_local_step_and_shows_where_it_led(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    git(root, "tag", "--annotate", "--message", "1.2.3", "v1.2.3")
    git(root, "push", "--quiet", "origin", "v1.2.3")
    git(root, "tag", "--delete", "v1.2.3")
    with IndexServer() as index:
        monkeypatch.setenv("UV_DEFAULT_INDEX", index.simple)
        call(root, "status", "--do")
    assert git(root, "tag") == "v1.2.3"
    assert "nox -s publish" in capsys.readouterr().out  # no workflow publishes here


@pytest.mark.parametrize(
    ("name", "words", "said"),
    [
        ("publish", (), "no index is given"),
        ("publish", ("--index", "https://me:word@index.example/"), "credentials"),
        ("publish", ("--index", "https://index.example/"), "no evidence"),
        ("verify", ("not-a-version",), "not a version"),
        ("verify", ("--repository", "o/x"), "goes with --name"),
        ("verify", ("--wait", "-1"), "--wait takes"),
        ("status", ("not-a-version",), "not a version"),
    ],
)
def test_a_mistake_is_said_and_changes_nothing(
    root: Path, name: str, words: tuple[str, ...], said: str
) -> None:
    with pytest.raises((UsageError, ReleaseError), match=said) as caught:
        call(root, name, *words)
    assert all(problem.remedy for problem in caught.value.problems)
    assert "word@" not in str(caught.value)


def test_a_project_of_the_index_is_verified_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NOX_RELEASE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    folder = tmp_path / "anywhere"
    folder.mkdir()
    with IndexServer() as index:
        monkeypatch.setenv("UV_DEFAULT_INDEX", index.simple)
        index.files = {"small_thing-1.2.3.tar.gz": b"x"}
        with pytest.raises(Stopped, match="is not verified"):
            call(folder, "verify", "--name", "small-thing", "9.9.9")
    assert "the index has no small-thing 9.9.9" in capsys.readouterr().out
    assert list(folder.iterdir()) == []
