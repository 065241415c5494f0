"""What a git remote has, asked afresh."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from release.errors import CannotCheck
from release.project.git import git

USUAL_BRANCHES = ("main", "master")
SECONDS = 30
# The name under which git is given the address that is pushed to.
PUSHED_TO = "nox-release-pushed-to"


@dataclass(frozen=True, slots=True)
class RemoteRefs:
    """Branches and tags of a remote, and its default branch if it tells.

    `refs` maps full names (refs/heads/…, refs/tags/…, and refs/tags/…^{} for what an annotated tag
    names) to object names.
    """

    refs: Mapping[str, str]
    default_branch: str | None

    def branch(self, name: str) -> str | None:
        """The commit that a branch names there, None if it has none."""
        return self.refs.get(f"refs/heads/{name}")

    def tag(self, name: str) -> str | None:
        """What a tag names there in the end, usually a commit; None if there is no such tag."""
        ref = f"refs/tags/{name}"
        return self.refs.get(f"{ref}^{{}}") or self.refs.get(ref)

    def tag_object(self, name: str) -> str | None:
        """The object that a tag is there: a tag object, or a lightweight one's commit."""
        return self.refs.get(f"refs/tags/{name}")

    @property
    def tags(self) -> tuple[str, ...]:
        """The names of its tags."""
        return tuple(
            name.removeprefix("refs/tags/")
            for name in self.refs
            if name.startswith("refs/tags/") and not name.endswith("^{}")
        )


def ask(root: Path, remote: str) -> RemoteRefs:
    """Ask the repository that a push to a remote of `root` goes to for its branches and tags.

    Raises CannotCheck when it does not answer within half a minute, and when a push would go to
    more repositories than one, or to another than a fetch comes from.
    """
    fetched, pushed = _addresses(root, remote), _addresses(root, remote, "--push")
    if len(pushed) > 1:
        raise CannotCheck(
            f"a push to {remote} goes to {len(pushed)} repositories, which is never one step",
            "set tool.release.remote to a remote with one address",
        )
    url = fetched[0] if fetched else remote
    if pushed == fetched[:1]:
        return _ask(root, remote, remote, url)
    env = {
        "GIT_CONFIG_COUNT": "1",  # not on the command line, which others can read
        "GIT_CONFIG_KEY_0": f"remote.{PUSHED_TO}.url",
        "GIT_CONFIG_VALUE_0": pushed[0],
    }
    for _ in range(2):  # it may move between the two questions
        found = _ask(root, PUSHED_TO, remote, pushed[0], env)
        if found == _ask(root, remote, remote, url):
            return found
    raise CannotCheck(
        f"{remote} is fetched from one repository and pushed to another: their refs differ",
        f"git config --unset-all remote.{remote}.pushurl, or set tool.release.remote to a remote"
        " with one address",
    )


def _addresses(root: Path, remote: str, *kind: str) -> list[str]:
    """Where a remote is fetched from or, with --push, pushed to."""
    done = git(root, "remote", "get-url", *kind, "--all", "--", remote, check=False)
    return done.stdout.splitlines()


def _transport(root: Path) -> Mapping[str, str]:
    """The user's own way to reach a host; else ssh that asks for no password."""
    own = not {"GIT_SSH", "GIT_SSH_COMMAND"}.isdisjoint(os.environ)
    if own or git(root, "config", "--get", "core.sshCommand", check=False).stdout.strip():
        return {}
    return {"GIT_SSH_COMMAND": "ssh -o BatchMode=yes"}


def _ask(
    root: Path, address: str, remote: str, url: str, env: Mapping[str, str] | None = None
) -> RemoteRefs:
    command = ("ls-remote", "--symref", *_plain_upload(url), "--", address)
    wanted = ("HEAD", "refs/heads/*", "refs/tags/*")
    surroundings = {**_transport(root), **(env or {})}
    done = git(root, *command, *wanted, check=False, timeout=SECONDS, env=surroundings)
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["no answer"]
        where = remote if address == remote else f'"$(git remote get-url --push {remote})"'
        raise CannotCheck(
            f"{remote} cannot be asked: {said[0]}", f"see what `git ls-remote {where}` says"
        )
    lines = [line.split("\t", 1) for line in done.stdout.split("\n") if "\t" in line]
    refs = {name: found for found, name in lines if not found.startswith("ref: ")}
    heads = [found for found, name in lines if name == "HEAD" and found.startswith("ref: ")]
    likely = [head.removeprefix("ref: refs/heads/") for head in heads] + list(USUAL_BRANCHES)
    default = next((name for name in likely if f"refs/heads/{name}" in refs), None)
    return RemoteRefs(refs, default)


def _plain_upload(url: str) -> tuple[str, ...]:
    """Of a remote on this machine, git's own program serves, and not one that is configured."""
    here = url.startswith("file://") or ":" not in url.partition("/")[0]
    return ("--upload-pack=git-upload-pack",) if here else ()
