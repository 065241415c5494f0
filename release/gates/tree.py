"""The repository is ready to be released from: right branch, clean, up to date, tag still free.

Judges that the project is in a git repository with a commit; on the release branch (in CI a detached
HEAD is judged by whether the remote's release branch holds the commit); clean, without untracked
files; without an unfinished merge or rebase; not shallow; level with the remote's branch, asked
afresh; that the release tag is free here and on the remote, or already names this very commit; that
the hooks path is set when the project ships hooks; that git knows an identity; and that a key is
there when tags are to be signed.

The release branch is `tool.release.branch`, or the remote's default one, or main. The tag is
`tool.release.tag` with the version. A remote that cannot be asked leaves the gate unchecked.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from release.errors import CannotCheck
from release.git import GitFacts, git
from release.model import Finding, Gate, Level, Outcome

if TYPE_CHECKING:
    from release.project import Project
    from release.shell import Shell

HOOK_FOLDERS = (".githooks", ".hooks", "githooks")
SHOWN = 5
REMOTE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class TreeFacts:
    """What the judgement needs beyond the project's own git facts.

    `remote_branch` and `remote_tag` are the commits that the remote has there (None when it has
    none); `behind` says whether the remote's commit is unknown here or not among this commit's
    ancestors, `ahead` counts the commits that the remote lacks. `tag_commit` is what the local tag
    names. `signs` says whether tags are to be signed, `key` whether a key is set.
    """

    branch: str
    in_ci: bool
    tag: str | None
    tag_commit: str | None
    tag_annotated: bool
    remote: str | None
    remote_branch: str | None
    remote_tag: str | None
    contained: bool
    behind: bool
    ahead: int
    hooks: str | None
    hooks_path: str | None
    identity: bool
    signs: bool
    key: bool


def check(project: Project, shell: Shell) -> Outcome:
    facts = project.git
    if facts is None:
        return Outcome.unchecked(
            "not in a git repository", "put the project under git: git init, git add, git commit"
        )
    if facts.commit is None:
        return Outcome.unchecked("no commit yet", "commit the project: git add --all && git commit")
    return judge(facts, read(project, facts))


def read(project: Project, facts: GitFacts) -> TreeFacts:
    """Ask git and the remote. Raises CannotCheck when the remote cannot be asked."""
    from release.settings import environment_is_ci

    root, commit = project.root, facts.commit
    remote = project.settings.remote
    branch = project.settings.branch or _default_branch(root, remote) or "main"
    tag = project.tag
    has_remote = remote in facts.remotes
    remote_branch = remote_tag = None
    if has_remote:
        refs = _ask(root, remote, branch, tag)
        remote_branch = refs.get(f"refs/heads/{branch}")
        if tag:
            remote_tag = refs.get(f"refs/tags/{tag}^{{}}") or refs.get(f"refs/tags/{tag}")
    known = remote_branch is not None and _succeeds(
        root, "cat-file", "-e", f"{remote_branch}^{{commit}}"
    )
    ancestor = known and _succeeds(
        root, "merge-base", "--is-ancestor", str(remote_branch), str(commit)
    )
    contained = known and _succeeds(
        root, "merge-base", "--is-ancestor", str(commit), str(remote_branch)
    )
    ahead = git(root, "rev-list", "--count", f"{remote_branch}..{commit}") if known else None
    tag_ref = git(root, "for-each-ref", "--format=%(objecttype)", f"refs/tags/{tag}").stdout.strip()
    tag_commit = None
    if tag and tag_ref:
        tag_commit = git(
            root, "rev-parse", f"refs/tags/{tag}^{{commit}}", check=False
        ).stdout.strip()
    config = _config(root)
    return TreeFacts(
        branch=branch,
        in_ci=environment_is_ci(),
        tag=tag,
        tag_commit=tag_commit,
        tag_annotated=tag_ref == "tag",
        remote=remote if has_remote else None,
        remote_branch=remote_branch,
        remote_tag=remote_tag,
        contained=contained,
        behind=remote_branch is not None and not ancestor,
        ahead=int(ahead.stdout) if ahead else 0,
        hooks=next((name for name in HOOK_FOLDERS if (root / name).is_dir()), None),
        hooks_path=config.get("core.hookspath"),
        identity=_succeeds(root, "var", "GIT_COMMITTER_IDENT"),
        signs=config.get("tag.gpgsign", "").lower() in {"true", "1", "yes", "on"},
        key=bool(config.get("user.signingkey")) or bool(config.get("gpg.ssh.defaultkeycommand")),
    )


def judge(facts: GitFacts, seen: TreeFacts) -> Outcome:
    """The verdict on what was seen; every defect is named."""
    found: list[Finding] = []
    remarks: list[Finding] = []
    found += _branch(facts, seen)
    if facts.operation:
        found.append(
            Finding(
                f"a {facts.operation} is not finished",
                remedy=f"finish it, or give it up: git {facts.operation} --abort",
            )
        )
    if facts.changed:
        found.append(
            Finding(
                f"{_count(facts.changed, 'file')} changed and not committed: {_list(facts.changed)}",
                remedy="commit or stash: a release is made from a commit",
            )
        )
    if facts.untracked:
        found.append(
            Finding(
                f"{_count(facts.untracked, 'untracked file')}: {_list(facts.untracked)}",
                remedy="add, ignore or remove: an untracked file can get into a package",
            )
        )
    if facts.shallow:
        found.append(
            Finding(
                "the clone is shallow, so tags and history are missing",
                remedy="git fetch --unshallow --tags",
            )
        )
    if seen.behind:
        found.append(
            Finding(
                f"the branch is not level with {seen.remote}/{seen.branch}: commits are missing here",
                remedy=f"git pull --ff-only {seen.remote} {seen.branch}",
            )
        )
    elif seen.ahead:
        remarks.append(
            Finding(
                f"{seen.ahead} commit(s) ahead of {seen.remote}/{seen.branch}",
                remedy=f"git push {seen.remote} {seen.branch}, unless the release is to push them",
            )
        )
    if seen.remote and seen.remote_branch is None:
        found.append(
            Finding(
                f"{seen.remote} has no branch {seen.branch}",
                remedy="push it, or set tool.release.branch",
            )
        )
    found += _tag(facts, seen)
    if seen.hooks and seen.hooks_path is None:
        found.append(
            Finding(
                f"the project's hooks in {seen.hooks}/ are not in use",
                remedy=f"git config core.hooksPath {seen.hooks}",
            )
        )
    if not seen.identity:
        found.append(
            Finding(
                "git knows no identity to commit with",
                remedy='git config user.name "…" && git config user.email "…"',
            )
        )
    if seen.signs and not seen.key:
        found.append(
            Finding(
                "tags are to be signed (tag.gpgSign) and no key is set",
                remedy="git config user.signingKey …",
            )
        )
    if found:
        return Outcome.failed(tuple(found), checked=CHECKS)
    if seen.remote is None:
        return Outcome.unchecked(
            "no remote to be level with and to hold the tag",
            "git remote add origin URL, or set tool.release.remote",
        )
    where = f"{facts.branch or 'detached'} at {(facts.commit or '')[:12]}"
    free = f", {seen.tag} is free" if seen.tag and not seen.tag_commit else ""
    return Outcome.passed(CHECKS, f"{where}, clean, level{free}", remarks=tuple(remarks))


# Branch, operation, changes, untracked files, depth, remote branch, tag here, tag there, hooks,
# identity, key.
CHECKS = 11


def _branch(facts: GitFacts, seen: TreeFacts) -> list[Finding]:
    if facts.branch == seen.branch:
        return []
    if facts.branch is None:
        if seen.in_ci and seen.contained:
            return []
        what = "HEAD is detached"
        if seen.in_ci:
            what += f" and {seen.remote or 'the remote'}/{seen.branch} does not hold this commit"
        return [Finding(what, remedy=f"git switch {seen.branch}")]
    return [
        Finding(
            f"on branch {facts.branch}, and releases are made from {seen.branch}",
            remedy=f"git switch {seen.branch}, or set tool.release.branch",
        )
    ]


def _tag(facts: GitFacts, seen: TreeFacts) -> list[Finding]:
    found = []
    for place, commit in (("here", seen.tag_commit), (f"on {seen.remote}", seen.remote_tag)):
        if commit and commit != facts.commit:
            found.append(
                Finding(
                    f"the tag {seen.tag} exists {place}, on another commit ({commit[:12]})",
                    remedy="release the next version: a tag that was published is never moved",
                )
            )
    if seen.tag_commit == facts.commit and not seen.tag_annotated and seen.tag_commit:
        found.append(
            Finding(
                f"the tag {seen.tag} is lightweight, which `git push --follow-tags` leaves behind",
                remedy=f"git tag --delete {seen.tag}, then tag again with --annotate",
            )
        )
    return found


def _ask(root: Path, remote: str, branch: str, tag: str | None) -> dict[str, str]:
    patterns = [f"refs/heads/{branch}"]
    if tag:
        patterns += [f"refs/tags/{tag}", f"refs/tags/{tag}^{{}}"]
    env = {} if "GIT_SSH_COMMAND" in os.environ else {"GIT_SSH_COMMAND": "ssh -o BatchMode=yes"}
    done = git(
        root, "ls-remote", "--", remote, *patterns, check=False, timeout=REMOTE_SECONDS, env=env
    )
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["no answer"]
        raise CannotCheck(
            f"{remote} cannot be asked: {said[0]}", f"see what `git ls-remote {remote}` says"
        )
    pairs = (line.split("\t", 1) for line in done.stdout.splitlines() if "\t" in line)
    return {name: commit for commit, name in pairs}


def _default_branch(root: Path, remote: str) -> str | None:
    done = git(root, "symbolic-ref", "--quiet", f"refs/remotes/{remote}/HEAD", check=False)
    prefix = f"refs/remotes/{remote}/"
    name = done.stdout.strip()
    return name.removeprefix(prefix) if name.startswith(prefix) else None


def _config(root: Path) -> dict[str, str]:
    out = git(root, "config", "--list", "-z", check=False).stdout
    pairs = (item.split("\n", 1) for item in out.split("\0") if "\n" in item)
    return dict(pairs)


def _succeeds(root: Path, *arguments: str) -> bool:
    return git(root, *arguments, check=False).returncode == 0


def _count(items: Sequence[str], noun: str) -> str:
    return f"{len(items)} {noun}{'' if len(items) == 1 else 's'}"


def _list(items: Sequence[str]) -> str:
    more = f" and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
    return ", ".join(items[:SHOWN]) + more


GATE = Gate(
    name="tree",
    title="on the release branch, clean, level with the remote, tag free",
    check=check,
    valid=None,
    cost=0.1,
)
