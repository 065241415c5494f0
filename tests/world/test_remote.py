"""What a git remote has, asked afresh."""

from __future__ import annotations

from pathlib import Path

import pytest

from release.errors import CannotCheck
from release.world import remote as remote_module
from release.world.remote import RemoteRefs, ask
from tests.support import commit, git, make_project, with_remote, write


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = make_project(tmp_path / "thing")
    with_remote(root)
    return root


def test_branches_and_tags_are_named_with_what_they_lead_to(root: Path) -> None:
    first = git(root, "rev-parse", "HEAD")
    git(root, "tag", "--annotate", "--message", "x", "v1.0")
    git(root, "tag", "light")
    git(root, "push", "--quiet", "origin", "main:fea/ture", "v1.0", "light")
    found = ask(root, "origin")
    assert found.default_branch == "main"
    assert found.branch("main") == found.branch("fea/ture") == first
    assert found.branch("none") is None
    assert set(found.tags) == {"v1.0", "light"}
    assert found.tag("v1.0") == found.tag("light") == found.tag_object("light") == first
    assert found.tag_object("v1.0") == git(root, "rev-parse", "refs/tags/v1.0")
    assert found.tag("none") is None is found.tag_object("none")


def test_the_remote_is_asked_and_not_what_was_fetched_last(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    git(tmp_path, "clone", "--quiet", str(tmp_path / "thing.git"), str(other))
    write(other, {"new.txt": "x"})
    moved = commit(other)
    git(other, "push", "--quiet")
    assert ask(root, "origin").branch("main") == moved != git(root, "rev-parse", "origin/main")


def test_an_annotated_tag_of_a_tag_leads_to_the_commit(root: Path) -> None:
    git(root, "tag", "--annotate", "--message", "x", "inner")
    git(root, "tag", "--annotate", "--message", "x", "v1.0", "inner")
    git(root, "push", "--quiet", "origin", "refs/tags/v1.0")
    assert ask(root, "origin").tag("v1.0") == git(root, "rev-parse", "HEAD")


def test_an_empty_remote_has_nothing(root: Path, tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--bare", "empty.git")
    git(root, "remote", "set-url", "origin", str(tmp_path / "empty.git"))
    assert ask(root, "origin") == RemoteRefs({}, None)


@pytest.mark.parametrize(("there", "wanted"), [("master", "master"), ("trunk", None)])
def test_a_head_that_names_no_branch_leaves_the_usual_names(
    root: Path, tmp_path: Path, there: str, wanted: str | None
) -> None:
    bare = tmp_path / "thing.git"
    git(root, "push", "--quiet", "origin", f"main:{there}")
    git(bare, "symbolic-ref", "HEAD", "refs/heads/gone")
    git(bare, "branch", "--quiet", "--delete", "--force", "main")
    assert ask(root, "origin").default_branch == wanted


def test_a_remote_that_is_not_there_cannot_be_asked(root: Path, tmp_path: Path) -> None:
    git(root, "remote", "set-url", "origin", str(tmp_path / "gone.git"))
    with pytest.raises(CannotCheck, match=r"origin cannot be asked: .*gone\.git") as caught:
        ask(root, "origin")
    assert caught.value.remedy == "see what `git ls-remote origin` says"


def test_a_remote_that_does_not_answer_is_given_up(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_module, "SECONDS", 0.3)
    program = root.parent / "ssh"
    program.write_text("#!/bin/sh\nsleep 2\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    monkeypatch.delenv("GIT_SSH_COMMAND", raising=False)
    git(root, "remote", "set-url", "origin", "ssh://git@host.invalid/thing.git")
    with pytest.raises(CannotCheck, match=r"did not answer within 0\.3 s"):
        ask(root, "origin")


def test_nobody_is_asked_for_a_password(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = root.parent / "seen"
    program = root.parent / "ssh"
    program.write_text(f'#!/bin/sh\necho "$@" >> {seen}\nexit 255\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    monkeypatch.delenv("GIT_SSH_COMMAND", raising=False)
    git(root, "remote", "set-url", "origin", "ssh://git@host.invalid/thing.git")
    with pytest.raises(CannotCheck):
        ask(root, "origin")
    assert "BatchMode=yes" in seen.read_text()


@pytest.mark.parametrize("how", ["core.sshCommand", "GIT_SSH_COMMAND", "GIT_SSH"])
def test_the_users_own_way_to_a_host_is_taken(
    root: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    seen = root.parent / "seen"
    program = root.parent / "own-ssh"
    program.write_text(f'#!/bin/sh\necho "$@" >> {seen}\nexit 255\n')
    program.chmod(0o755)
    for name in ("GIT_SSH", "GIT_SSH_COMMAND"):
        monkeypatch.delenv(name, raising=False)
    if how == "core.sshCommand":
        git(root, "config", how, str(program))
    else:
        monkeypatch.setenv(how, str(program))
    git(root, "remote", "set-url", "origin", "ssh://git@host.invalid/thing.git")
    with pytest.raises(CannotCheck):
        ask(root, "origin")
    assert "host.invalid" in seen.read_text()
    assert "BatchMode" not in seen.read_text()


def test_the_repository_that_is_pushed_to_is_asked(root: Path, tmp_path: Path) -> None:
    git(root, "remote", "set-url", "--push", "origin", f"file://{tmp_path}/thing.git")
    assert ask(root, "origin").branch("main") == git(root, "rev-parse", "HEAD")


def test_a_fetch_from_one_repository_and_a_push_to_another_is_refused(
    root: Path, tmp_path: Path
) -> None:
    git(tmp_path, "clone", "--quiet", "--bare", str(root), "fork.git")
    git(root, "remote", "set-url", "--push", "origin", str(tmp_path / "fork.git"))
    assert ask(root, "origin").branch("main") == git(root, "rev-parse", "HEAD")
    git(tmp_path / "fork.git", "tag", "v9.9.9")
    with pytest.raises(CannotCheck, match="pushed to another: their refs differ") as caught:
        ask(root, "origin")
    assert "git config --unset-all remote.origin.pushurl" in caught.value.remedy
    git(root, "config", "--unset-all", "remote.origin.pushurl")
    assert ask(root, "origin").tags == ()


def test_a_push_to_several_repositories_is_refused(root: Path, tmp_path: Path) -> None:
    git(root, "remote", "set-url", "--add", "--push", "origin", str(tmp_path / "thing.git"))
    git(root, "remote", "set-url", "--add", "--push", "origin", str(tmp_path / "more.git"))
    with pytest.raises(CannotCheck, match="goes to 2 repositories"):
        ask(root, "origin")


def test_an_address_to_push_to_that_does_not_answer_is_named(root: Path, tmp_path: Path) -> None:
    git(root, "remote", "set-url", "--push", "origin", str(tmp_path / "gone.git"))
    with pytest.raises(CannotCheck, match=r"origin cannot be asked: .*gone\.git") as caught:
        ask(root, "origin")
    assert "$(git remote get-url --push origin)" in caught.value.remedy


@pytest.mark.parametrize("name", ["--upload-pack=touch x", "-x", "a\nb"])
def test_the_name_of_a_remote_is_data_only(root: Path, name: str) -> None:
    with pytest.raises(CannotCheck):
        ask(root, name)
    assert git(root, "status", "--porcelain") == ""


def test_a_password_in_the_address_is_not_repeated(root: Path) -> None:
    git(root, "remote", "set-url", "origin", "http://me:hunter2-word@127.0.0.1:9/thing.git")
    with pytest.raises(CannotCheck, match="origin cannot be asked") as caught:
        ask(root, "origin")
    assert "hunter2-word" not in str(caught.value)


def test_names_that_are_not_utf_8_are_kept_apart(root: Path, tmp_path: Path) -> None:
    first = git(root, "rev-parse", "HEAD")
    with (tmp_path / "thing.git" / "packed-refs").open("ab") as file:
        file.write(f"{first} refs/tags/v1-caf".encode() + b"\xe9\n")
    assert ask(root, "origin").tags == ("v1-caf\udce9",)
