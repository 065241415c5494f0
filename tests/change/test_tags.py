"""Tag objects without a ref, and the push of branch and tag together."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest

from release.change.lock import run_git
from release.change.tags import Pushed, drop_leftovers, make_tag, push
from release.errors import CannotCheck, ReleaseError
from release.model import NewTag
from release.world.remote import ask
from tests.support import commit, git, make_project, with_remote, write


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_project(tmp_path / "thing")


def state(repository: Path) -> str:
    """Refs, configuration and the top of the git folder."""
    common = Path(git(repository, "rev-parse", "--path-format=absolute", "--git-common-dir"))
    listed = sorted(entry.name for entry in common.iterdir())
    return f"{git(repository, 'for-each-ref')}\n{(common / 'config').read_text()}\n{listed}"


def head(root: Path) -> str:
    return git(root, "rev-parse", "HEAD")


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


# Making the object.


def test_a_tag_object_is_made_and_no_ref(root: Path) -> None:
    before = state(root)
    made = make_tag(root, NewTag("v1.0", "small-thing 1.0"), head(root))
    assert git(root, "cat-file", "-t", made) == "tag"
    lines = git(root, "cat-file", "-p", made).split("\n")
    assert lines[:3] == [f"object {head(root)}", "type commit", "tag v1.0"]
    assert lines[3].startswith("tagger A Maintainer <maintainer@example.invalid>")
    assert lines[4:] == ["", "small-thing 1.0"]
    assert state(root) == before
    git(root, "fsck", "--strict")


@pytest.mark.parametrize(
    "message",
    [
        "# not a comment",
        "-leading dash",
        "two\n\n  indented\n# lines  ",
        "$(reboot) `id` \"'\\",
        "Gr\N{LATIN SMALL LETTER U WITH DIAERESIS}\N{LATIN SMALL LETTER SHARP S}e \N{ROCKET}",
    ],
)
def test_the_message_is_kept_as_it_is(root: Path, message: str) -> None:
    made = make_tag(root, NewTag("v1.0", message), head(root))
    raw = subprocess.run(
        ["git", "-C", str(root), "cat-file", "tag", made], check=True, capture_output=True
    ).stdout
    assert raw.decode().partition("\n\n")[2] == message + "\n"


@pytest.mark.parametrize(
    "name", ["v1.0", "thing/v1.0", "v1;touch$x", "v1-\N{GREEK SMALL LETTER MU}"]
)
def test_names_are_data_only(root: Path, name: str) -> None:
    made = make_tag(root, NewTag(name, "x"), head(root))
    assert f"tag {name}" in git(root, "cat-file", "-p", made).split("\n")


def test_the_users_hooks_and_templates_have_no_part_in_it(root: Path, tmp_path: Path) -> None:
    hook = script(root / ".git/hooks/reference-transaction", f"touch {tmp_path}/ran")
    make_tag(root, NewTag("v1.0", "x"), head(root))
    assert hook.exists()
    assert not (tmp_path / "ran").exists()


def test_a_tag_can_be_made_from_a_linked_worktree(root: Path, tmp_path: Path) -> None:
    linked = tmp_path / "sp ace \"quo'ted" / "linked"
    linked.parent.mkdir()
    git(root, "worktree", "add", "--quiet", "-b", "other", str(linked))
    before = state(root)
    made = make_tag(linked, NewTag("v1.0", "x"), head(linked))
    assert git(root, "cat-file", "-t", made) == "tag"
    assert state(root) == before


def test_a_tag_can_be_made_where_the_git_folder_is_elsewhere(root: Path, tmp_path: Path) -> None:
    git(root, "config", "core.worktree", str(root))
    shutil.move(root / ".git", tmp_path / 'q"uo\\te ä.git')
    (root / ".git").write_text(f'gitdir: {tmp_path}/q"uo\\te ä.git\n')
    before = state(root)
    made = make_tag(root, NewTag("v1.0", "x"), head(root))
    assert git(root, "cat-file", "-t", made) == "tag"
    assert state(root) == before


def test_the_identity_of_the_repository_is_used(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NAME", "EMAIL"):
        monkeypatch.delenv(f"GIT_COMMITTER_{name}")
    write(root, {".git/own": "[user]\n\tname = Included\n"})
    git(root, "config", "user.email", "own@example.invalid")
    git(root, "config", "include.path", "own")
    made = make_tag(root, NewTag("v1.0", "x"), head(root))
    assert "tagger Included <own@example.invalid>" in git(root, "cat-file", "-p", made)


def test_without_an_identity_there_is_one_clear_error(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NAME", "EMAIL"):
        monkeypatch.delenv(f"GIT_COMMITTER_{name}")
    git(root, "config", "user.useConfigOnly", "true")
    before = state(root)
    with pytest.raises(ReleaseError, match=r"^git tag: ") as caught:
        make_tag(root, NewTag("v1.0", "x"), head(root))
    assert "no email was given" in str(caught.value)
    assert state(root) == before


def test_signing_without_a_key_makes_nothing(root: Path, tmp_path: Path) -> None:
    git(root, "config", "gpg.format", "ssh")
    git(root, "config", "user.signingKey", str(tmp_path / "none.pub"))
    before = state(root)
    with pytest.raises(ReleaseError, match=r"^git tag: .+\n    nothing was changed") as caught:
        make_tag(root, NewTag("v1.0", "x", True), head(root))
    assert "Traceback" not in str(caught.value)
    assert state(root) == before


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no ssh-keygen to make a key with")
@pytest.mark.parametrize(
    ("configured", "wanted", "signed"),
    [("true", None, True), ("false", None, False), ("false", True, True), ("true", False, False)],
)
def test_a_tag_is_signed_as_settings_and_git_say(
    root: Path, tmp_path: Path, configured: str, wanted: bool | None, signed: bool
) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    git(root, "config", "gpg.format", "ssh")
    git(root, "config", "user.signingKey", f"{key}.pub")
    git(root, "config", "tag.gpgSign", configured)
    made = make_tag(root, NewTag("v1.0", "x", wanted), head(root))
    assert ("BEGIN SSH SIGNATURE" in git(root, "cat-file", "-p", made)) is signed
    if signed:
        allowed = tmp_path / "allowed"
        allowed.write_text(f"maintainer@example.invalid {Path(f'{key}.pub').read_text()}")
        git(root, "config", "gpg.ssh.allowedSignersFile", str(allowed))
        git(root, "verify-tag", made)


def test_no_room_for_a_tag_is_one_clear_error(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for name in ("mkdtemp", "mkstemp"):
        monkeypatch.setattr(f"tempfile.{name}", full)
    with pytest.raises(ReleaseError, match="no tag can be made: No space left") as caught:
        make_tag(root, NewTag("v1.0", "x"), "HEAD")
    assert "make room" in str(caught.value.problems[0].remedy)
    with pytest.raises(ReleaseError, match=r"git was not started.*No space left"):
        run_git(root / ".git", ["status"], [], os.environ)


def test_what_killed_runs_left_is_removed_and_nothing_else(root: Path) -> None:
    git_folder = root / ".git"
    for name in ("nox-release-tag-abc", "other"):
        (git_folder / name / "refs").mkdir(parents=True)
    drop_leftovers(git_folder)
    assert not (git_folder / "nox-release-tag-abc").exists()
    assert (git_folder / "other/refs").is_dir()


# The push.


class Pair:
    """A repository with a release that its remote does not have."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.remote = with_remote(root)
        self.before = git(self.remote, "for-each-ref")
        self.asked = ask(root, "origin")
        write(root, {"new.txt": "x"})
        self.commit = commit(root, "Release")
        self.tag = make_tag(root, NewTag("v1.0", "x"), self.commit)
        self.refs = [("refs/heads/main", self.commit), ("refs/tags/v1.0", self.tag)]

    def push(self) -> Pushed:
        return push(self.root, "origin", self.refs, self.asked)

    @property
    def untouched(self) -> bool:
        return git(self.remote, "for-each-ref") == self.before

    @property
    def arrived(self) -> bool:
        return git(self.remote, "rev-parse", *(name for name, _ in self.refs)) == "\n".join(
            found for _, found in self.refs
        )

    def hook(self, name: str, text: str) -> None:
        script(self.remote / "hooks" / name, text)

    def others(self) -> Path:
        other = self.root.parent / "other"
        git(self.root.parent, "clone", "--quiet", str(self.remote), str(other))
        write(other, {"others.txt": "x"})
        commit(other, "Somebody else")
        return other


@pytest.fixture
def pair(root: Path) -> Pair:
    return Pair(root)


def test_branch_and_tag_arrive_together(pair: Pair) -> None:
    assert pair.push() == Pushed(True)
    assert pair.arrived
    assert pair.push() == Pushed(True)


def test_a_branch_called_like_the_tag_is_no_obstacle(pair: Pair) -> None:
    git(pair.root, "branch", "v1.0", "HEAD~1")
    git(pair.root, "push", "--quiet", "origin", "refs/heads/v1.0")
    assert pair.push().done
    assert pair.arrived


@pytest.mark.parametrize("refused", ["refs/heads/main", "refs/tags/v1.0"])
@pytest.mark.parametrize("hook", ["update", "pre-receive"])
def test_a_hook_that_refuses_one_refuses_both_and_is_quoted(
    pair: Pair, hook: str, refused: str
) -> None:
    text = f'[ "$1" != {refused} ] || {{ echo "no: see the rules" >&2; exit 1; }}'
    pair.hook(hook, text if hook == "update" else 'echo "no: see the rules" >&2; exit 1')
    done = pair.push()
    assert not done.done
    assert not done.moved
    assert "no: see the rules" in done.why
    assert pair.untouched


def test_a_remote_that_moved_takes_nothing(pair: Pair) -> None:
    git(pair.others(), "push", "--quiet")
    pair.before = git(pair.remote, "for-each-ref")
    done = pair.push()
    assert done.moved
    assert not done.done
    assert done.why
    assert pair.untouched


def test_a_remote_that_moves_during_the_push_takes_nothing(pair: Pair) -> None:
    other = pair.others()
    hook = f"env -i PATH=\"$PATH\" git -C '{other}' push --quiet"
    script(pair.root / ".git/hooks/pre-push", hook)
    done = pair.push()
    pair.before = git(pair.remote, "for-each-ref")
    assert done.moved
    assert "v1.0" not in pair.before
    assert git(other, "rev-parse", "HEAD") in pair.before


def test_a_tag_that_is_there_already_is_never_forced(pair: Pair) -> None:
    git(pair.root, "push", "--quiet", "origin", "HEAD~1:refs/tags/v1.0")
    pair.before = git(pair.remote, "for-each-ref")
    done = pair.push()
    assert not done.done
    assert "already exists" in done.why
    assert pair.untouched


def test_a_server_without_atomic_pushes_takes_neither(pair: Pair) -> None:
    git(pair.remote, "config", "receive.advertiseAtomic", "false")
    done = pair.push()
    assert not done.done
    assert not done.moved
    assert "atomic" in done.why
    assert pair.untouched


def test_a_connection_that_breaks_after_the_server_accepted_is_a_success(pair: Pair) -> None:
    pair.hook("reference-transaction", '[ "$1" != committed ] || kill -9 $PPID')
    pair.hook("post-receive", "kill -9 $PPID")
    done = pair.push()
    assert done == Pushed(True)
    assert pair.arrived


def test_a_remote_that_is_gone_during_the_push_leaves_it_open(pair: Pair, tmp_path: Path) -> None:
    script(pair.root / ".git/hooks/pre-push", f"mv '{pair.remote}' '{tmp_path}/away.git'; exit 1")
    with pytest.raises(CannotCheck, match="the push to origin broke off") as caught:
        pair.push()
    assert "run this again" in caught.value.remedy


def test_a_remote_that_took_one_and_refused_the_other_is_not_said_to_have_neither(
    pair: Pair,
) -> None:
    take = f"git update-ref refs/heads/main {pair.commit}"
    pair.hook("update", f'[ "$1" != refs/tags/v1.0 ] || {{ {take}; echo "no tags" >&2; exit 1; }}')
    done = pair.push()
    assert not done.done
    assert not done.moved
    assert done.arrived == ("refs/heads/main",)
    assert "no tags" in done.why


def test_nothing_is_pushed_that_the_configuration_would_add(pair: Pair) -> None:
    git(pair.root, "tag", "--annotate", "--message", "x", "other", "HEAD~1")
    git(pair.root, "config", "push.followTags", "true")
    assert pair.push().done
    assert pair.arrived
    assert "other" not in git(pair.remote, "for-each-ref")


def test_the_commit_of_a_submodule_that_nobody_has_is_not_released(
    pair: Pair, tmp_path: Path
) -> None:
    library = make_project(tmp_path / "library")
    add = ("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library), "lib")
    git(pair.root, *add)
    write(pair.root / "lib", {"new.txt": "x"})
    commit(pair.root / "lib")
    git(pair.root, "config", "push.recurseSubmodules", "on-demand")
    pair.commit = commit(pair.root, "Release")
    pair.refs[0] = ("refs/heads/main", pair.commit)
    done = pair.push()
    assert not done.done
    assert "lib" in done.why
    assert pair.untouched
    assert "new.txt" not in git(library, "ls-tree", "--name-only", "main")


def test_a_lock_that_a_killed_push_leaves_is_taken_back(pair: Pair) -> None:
    lock = pair.root / ".git/refs/remotes/origin/main.lock"
    text = f"touch '{lock}'; kill -9 $PPID"
    script(pair.root / ".git/hooks/pre-push", text)
    assert not pair.push().done
    assert not lock.exists()
    assert not list((pair.root / ".git").glob("nox-release-locks-*"))


def test_the_users_own_hook_can_refuse(pair: Pair) -> None:
    script(pair.root / ".git/hooks/pre-push", 'echo "not on a Friday" >&2; exit 1')
    done = pair.push()
    assert not done.done
    assert not done.moved
    assert "not on a Friday" in done.why
    assert pair.untouched


def test_a_password_in_the_address_is_masked(pair: Pair) -> None:
    git(pair.root, "remote", "set-url", "origin", "http://me:hunter2-word@127.0.0.1:9/t.git")
    with pytest.raises(CannotCheck) as caught:
        pair.push()
    assert "hunter2-word" not in str(caught.value)


def test_a_push_inside_of_a_hook_heeds_its_own_repository(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "none"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    assert pair.push().done
    for name in ("GIT_DIR", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name)
    assert pair.arrived
    assert not os.path.lexists(tmp_path / "index")


def test_no_space_for_a_tag_is_an_error_of_its_own(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    commit_name = head(root)
    monkeypatch.setattr(tempfile, "mkdtemp", full)
    with pytest.raises(ReleaseError, match="No space left"):
        make_tag(root, NewTag("v1.0", "x"), commit_name)
