"""Takes back a release that was made here and that no remote has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from release.change.candidate import add_worktree, removed_afterwards
from release.change.situation import ABANDON, Situation, commit_of, made_here
from release.change.switch import Move, switch
from release.errors import CannotCheck, ReleaseError
from release.project.git import changed_between, contains, git, object_of, uncommitted
from release.run.runner import Run
from release.text.escaping import listing
from release.text.versions import parse
from release.world.remote import RemoteRefs, ask


@dataclass(frozen=True, slots=True)
class Abandoned:
    """What is to be taken back: a tag, the release's own commit on a branch, or both.

    `commit` is None where only the tag goes: it is on a commit that is not the release's own, or
    not on the branch. `parent` is where the branch then is.
    """

    version: str
    branch: str
    tag: str | None
    tag_object: str | None
    commit: str | None
    parent: str | None

    def said(self) -> tuple[str, ...]:
        """What is taken back, a sentence each."""
        kept = self.commit or f"{self.tag_object}"
        commit = f"{self.branch} goes back from {str(self.commit)[:12]} to {str(self.parent)[:12]}"
        return (
            *((f"the tag {self.tag} is removed",) if self.tag else ()),
            *((commit,) if self.commit else ()),
            f"git still knows it as {kept[:12]}, for a while",
        )


def find_abandoned(situation: Situation, *, dry: bool = False) -> Abandoned:
    """The release that can be taken back; a `dry` look fetches nothing.

    Raises ReleaseError when there is none, when a remote has a part of it or cannot be asked, when
    something was committed on top of it, and when its files have changes that are not committed.
    """
    tag = _tag(situation)
    version = situation.project.released[tag] if tag else parse(situation.project.version or "")
    if version is None or not (tag or made_here(situation, version)):
        raise ReleaseError.of(
            "there is no release here that could be taken back: no tag that was not pushed, and"
            " the last commit is not that of a release",
            remedy="nothing is to be done; git log shows what is there",
        )
    commit = (tag and commit_of(situation, tag)) or situation.commit
    own = made_here(situation, version, commit)
    _judge_unpublished(situation, tag, commit if own else None, dry=dry)
    if own and commit != situation.commit and contains(situation.project.root, "HEAD", commit):
        raise ReleaseError.of(
            f"something was committed on top of {version} ({commit[:12]})",
            remedy=f"git rebase --onto {commit[:12]}^ {commit[:12]} takes it out from below;"
            f" then {ABANDON} removes the tag",
        )
    whole = own and commit == situation.commit
    found = Abandoned(
        version=str(version),
        branch=situation.facts.branch or "",
        tag=tag,
        tag_object=object_of(situation.project.root, f"refs/tags/{tag}") if tag else None,
        commit=commit if whole else None,
        parent=_parent(situation, commit) if whole else None,
    )
    _judge_clean(situation, found)
    return found


def abandon(run: Run, situation: Situation, found: Abandoned) -> tuple[str, ...]:
    """Take it back in one step: refs, index and files."""
    moves = []
    if found.commit and found.parent:
        moves.append(Move(f"refs/heads/{found.branch}", found.parent, found.commit))
    if found.tag and found.tag_object:
        zeros = "0" * len(found.tag_object)
        moves.append(Move(f"refs/tags/{found.tag}", zeros, found.tag_object))
    message = f"nox-release: {situation.project.name} {found.version} is taken back"
    go_back(run, moves, message)
    return (f"took back {found.version}", *found.said())


def go_back(run: Run, moves: Sequence[Move], message: str) -> None:
    """Move refs back in one step, with index and files where the first is a branch."""
    project, first = run.project, moves[0]
    with removed_afterwards(project):
        branch = first.ref.startswith("refs/heads/")
        source = add_worktree(project, first.new) if branch else None
        switch(project.repository.top, run.store.folder, moves, message, source)


def _tag(situation: Situation) -> str | None:
    """The tag of the release that is meant; None where its commit has none.

    That is the one on this commit, else the one of the version in the files, else the last one that
    was made here; one that the remote has only where there is no other.
    """
    known = situation.project.released
    stated = parse(situation.project.version or "")
    unpushed = [name for name in known if situation.asked.tag_object(name) is None]
    here = [name for name in known if commit_of(situation, name) == situation.commit]
    named = [name for name, version in known.items() if version == stated]
    if not here and not named and stated is not None and made_here(situation, stated):
        return None
    own = [
        name
        for name in unpushed
        if made_here(situation, known[name], commit_of(situation, name) or "HEAD")
    ]
    for names in (set(here) & set(unpushed), set(named) & set(unpushed), own, here, named):
        if names:
            return max(names, key=lambda name: known[name])
    return None


def _judge_unpublished(
    situation: Situation, tag: str | None, commit: str | None, *, dry: bool
) -> None:
    """Raise ReleaseError for a release of which a remote has a part, or cannot be asked."""
    facts = situation.facts
    for remote in facts.remotes:
        known = remote == situation.remote
        asked = situation.asked if known else ask(facts.remote_base, remote)
        part = _part_of(situation, remote, asked, tag, commit, dry=dry)
        if part:
            finish = f"git reset --keep {tag}, nox -s tag" if tag else "nox -s tag"
            remedy = f"finish it: {finish}; or release a higher version"
            head = asked.branch(situation.branch)
            if tag and head and contains(situation.project.root, head, f"refs/tags/{tag}"):
                remedy = f"nothing is to be done: {remote}/{situation.branch} holds it, too"
            raise ReleaseError.of(
                f"{remote} has {part}, and what is published is never taken back", remedy=remedy
            )


def _part_of(
    situation: Situation,
    remote: str,
    asked: RemoteRefs,
    tag: str | None,
    commit: str | None,
    *,
    dry: bool,
) -> str:
    """What of a release a remote has; "" for nothing."""
    if tag and asked.tag_object(tag) is not None:
        return f"the tag {tag}"
    if commit is None:
        return ""
    if commit in asked.refs.values():
        return f"its commit {commit[:12]}"
    root = situation.project.root
    heads = {name: at for name, at in asked.refs.items() if name.startswith("refs/heads/")}
    unknown = [
        name
        for name, at in heads.items()
        if not object_of(situation.project.root, f"{at}^{{commit}}")
    ]
    if unknown and dry:
        raise CannotCheck(
            f"{remote} has commits that are not here, so nobody can tell whether it has this one",
            f"git fetch {remote}, and run this again",
        )
    if unknown:
        quiet = ("--quiet", "--no-tags", "--no-write-fetch-head", "--refmap=")
        git(situation.facts.remote_base, "fetch", *quiet, "--", remote, *unknown)
    found = [name for name, at in heads.items() if contains(root, at, commit)]
    where = found[0].removeprefix("refs/heads/") if found else ""
    return f"its commit {commit[:12]} on {where}" if found else ""


def _judge_clean(situation: Situation, found: Abandoned) -> None:
    """Raise ReleaseError where files of the release have changes that would be lost."""
    if found.commit is None or found.parent is None:
        return
    if not found.branch:
        raise ReleaseError.of(
            "HEAD is detached", remedy=f"git switch {situation.branch}, and run this again"
        )
    top = situation.facts.top
    if dirty := uncommitted(top, "--", *changed_between(top, found.parent, found.commit)):
        raise ReleaseError.of(
            f"files of the release were changed and not committed: {listing(dirty)}",
            remedy="nothing was changed; git stash keeps your edits, then run this again",
        )


def _parent(situation: Situation, commit: str) -> str:
    """The one parent of a commit."""
    root = situation.project.root
    parents = git(root, "rev-list", "--parents", "--max-count=1", commit).stdout.split()[1:]
    if len(parents) != 1:
        raise ReleaseError.of(
            f"{commit[:12]} has {len(parents)} parents, so it is not one that was made here",
            remedy="git tag --delete and git reset take it back by hand",
        )
    return parents[0]
