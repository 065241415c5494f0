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
    """Ask a remote of the repository in `root` for its branches and tags.

    Raises CannotCheck when it does not answer within half a minute.
    """
    env = {} if "GIT_SSH_COMMAND" in os.environ else {"GIT_SSH_COMMAND": "ssh -o BatchMode=yes"}
    done = git(
        root,
        "ls-remote",
        "--symref",
        *_plain_upload(root, remote),
        "--",
        remote,
        "HEAD",
        "refs/heads/*",
        "refs/tags/*",
        check=False,
        timeout=SECONDS,
        env=env,
    )
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["no answer"]
        raise CannotCheck(
            f"{remote} cannot be asked: {said[0]}", f"see what `git ls-remote {remote}` says"
        )
    lines = [line.split("\t", 1) for line in done.stdout.split("\n") if "\t" in line]
    refs = {name: found for found, name in lines if not found.startswith("ref: ")}
    heads = [found for found, name in lines if name == "HEAD" and found.startswith("ref: ")]
    wanted = [head.removeprefix("ref: refs/heads/") for head in heads] + list(USUAL_BRANCHES)
    default = next((name for name in wanted if f"refs/heads/{name}" in refs), None)
    return RemoteRefs(refs, default)


def _plain_upload(root: Path, remote: str) -> tuple[str, ...]:
    """Of a remote on this machine, git's own program serves, and not one that is configured."""
    url = git(root, "ls-remote", "--get-url", remote, check=False).stdout.strip()
    here = url.startswith("file://") or ":" not in url.partition("/")[0]
    return ("--upload-pack=git-upload-pack",) if here else ()
