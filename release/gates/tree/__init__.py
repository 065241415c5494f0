"""The repository is ready to be released from: right branch, clean, up to date, tag still free.

Judges that the project is in a git repository with a commit; on the release branch; clean, without
untracked files; without an unfinished merge or rebase; not shallow; level with the remote's
branch, asked afresh; that no tag of the version to be released is on another commit, here or on
the remote, however it is spelled; that a tag on this commit is annotated; that the hooks are in
use when the project ships some; that git knows an identity; and that a key is there when tags are
to be signed. With a LEVEL the version is the next one of that kind; at a commit after a release no
tag is looked for, for the next version is not known.

All of it blocks: the release would be made of something else than what is judged, or the tag or its
push would fail (certain), and hooks that the project ships are its promise. Advice: commits that
the remote lacks, and a branch called like the tag.

In CI, HEAD may be detached on any commit that the remote's release branch holds, or on what a pull
request would make of it; and hooks, identity and key are not judged, for nobody commits there.

The release branch is `tool.release.branch`, else the remote's default one. The tag is
`tool.release.tag` with the version, else spelled like the tags that are there. A remote that
cannot be asked leaves the gate unchecked.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from release.errors import CannotCheck
from release.model import Finding, Gate, Judgement, Outcome
from release.project.git import GitFacts, contains, deepen, default_branch, git, object_of, tags
from release.text.escaping import counted, listing
from release.world.remote import USUAL_BRANCHES, RemoteRefs, ask

if TYPE_CHECKING:
    from packaging.version import Version

    from release.project import Project
    from release.run.processes import Completed
    from release.run.shell import Shell

Run = Callable[..., "Completed"]
OPENPGP = frozenset({"gpg", "gpg2"})
HOOK_FOLDERS = (".githooks", ".hooks", "githooks", ".git-hooks")
# The hooks that a clone runs by itself (githooks(5)).
HOOKS = frozenset(
    ["applypatch-msg", "commit-msg", "post-checkout", "post-commit", "post-merge", "pre-commit",
     "post-rewrite", "pre-merge-commit", "pre-push", "pre-rebase", "prepare-commit-msg"]
)  # fmt: skip
# Branch, operation, changes, untracked and unseen files, depth, level with the remote, tag here,
# tag there.
CHECKS = 9
# How git is told to look at all files again.
LOOK = (
    "git update-index --no-assume-unchanged --no-skip-worktree FILE, or git sparse-checkout disable"
)
# Hooks, identity, key.
MAINTAINER_CHECKS = 3


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag of the version to be released: its name, the commit it names, whether it is annotated.

    `commit` is None when it names something else than a commit; a remote does not tell.
    """

    name: str
    commit: str | None
    annotated: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """What is judged beside the project's own git facts.

    `branch` is the release branch, `asked` what the remote has, of which nothing counts where it
    was `unreachable`. `apart` is how many commits its branch and this commit have that the other
    lacks, None where they cannot be counted here; `ahead` those of this commit as last fetched, but
    for the release's own. `tag` is the tag to be made, `here` and `there` are those of its version.
    `proposed` says that CI judges a pull request as if it were merged.
    """

    branch: str
    in_ci: bool
    proposed: bool
    remote: str | None
    asked: RemoteRefs
    unreachable: CannotCheck | None
    apart: tuple[int, int] | None
    ahead: int
    tag: str | None
    here: tuple[Tag, ...]
    there: tuple[Tag, ...]

    @property
    def contained(self) -> bool:
        """Whether the remote's branch holds this commit."""
        return self.apart is not None and self.apart[1] == 0

    @property
    def behind(self) -> bool:
        """Whether the remote's branch has commits that are missing here."""
        return self.apart is None or self.apart[0] > 0


def check(project: Project, shell: Shell) -> Outcome:
    facts = project.git
    if facts is None:
        return Outcome.unchecked(
            "not in a git repository", "put the project under git: git init, git add, git commit"
        )
    if facts.commit is None:
        return Outcome.unchecked("no commit yet", "commit the project: git add --all && git commit")
    after = shell.level is None and project.after_release
    version = None if after else project.target_version(shell.level)
    return judge(project, facts, read(project, facts, version), shell.run)


def read(
    project: Project, facts: GitFacts, version: Version | None, asked: RemoteRefs | None = None
) -> Seen:
    """Ask git and the remote.

    `version` is the one to be released, `asked` the remote's answer where it was asked already.
    """
    from release.settings import environment_is_ci, environment_is_of_pull_request
    from release.text.versions import spelled

    root, commit = project.root, facts.commit
    remote = project.settings.remote if project.settings.remote in facts.remotes else None
    unreachable = None
    try:
        if remote and asked is None:
            asked = ask(facts.remote_base, remote)
    except CannotCheck as error:
        unreachable = error
    asked = asked or RemoteRefs({}, None)
    branch = release_branch(project, asked)
    there = asked.branch(branch)
    apart = _apart(root, there, commit) if there else None
    # What is not known here cannot be counted from; what was last fetched can.
    _, ahead = apart or _apart(root, f"refs/remotes/{remote}/{branch}", commit) or (0, 0)
    named, known = (
        [name for name in names if version and spelled(name, project.tag_template, version)]
        for names in (tags(root), asked.tags)
    )
    return Seen(
        branch=branch,
        in_ci=environment_is_ci(),
        proposed=environment_is_of_pull_request(),
        remote=remote,
        asked=asked,
        unreachable=unreachable,
        apart=apart,
        ahead=max(0, ahead - _planned(root, facts)) if there else 0,
        tag=project.tag_of(project.spell(version)) if version else None,
        here=_local_tags(root, named),
        there=tuple(Tag(name, asked.tag(name), True) for name in known),
    )


def _planned(root: Path, facts: GitFacts) -> int:
    """How many commits are the release's own, made aside for this branch: one, or none."""
    here = contains(root, f"refs/heads/{facts.branch}", str(facts.commit))
    return int(facts.branch is not None and not here)


def _apart(root: Path, there: str, commit: str | None) -> tuple[int, int] | None:
    """How many commits each side has that the other lacks; None where one is not known here."""
    sides = ("rev-list", "--count", "--left-right", f"{there}...{commit}", "--")
    done = git(root, *sides, check=False)
    left, _, right = done.stdout.strip().partition("\t")
    return (int(left), int(right)) if done.returncode == 0 else None


def release_branch(project: Project, asked: RemoteRefs) -> str:
    """The branch that releases are made from: as set, else the remote's default one."""
    return (
        project.settings.branch
        or asked.default_branch
        or default_branch(project.root, project.settings.remote)
        or next((b for b in USUAL_BRANCHES if object_of(project.root, f"refs/heads/{b}")), "main")
    )


def judge(project: Project, facts: GitFacts, seen: Seen, run: Run) -> Outcome:
    """The verdict on what was seen, every defect named; `run` runs a command that lists keys."""
    by_ci = seen.in_ci and facts.branch is None
    branch, state = _branch(facts, seen), _state(facts)
    found = [*branch, *state, *_level(facts, seen, by_ci), *_tags(facts, seen)]
    if not by_ci:
        found += _maintainer(project, run)
    checked = CHECKS + (0 if by_ci else MAINTAINER_CHECKS)
    advice, gaps = tuple(_advice(project, seen)), tuple(_gaps(facts, seen))
    judged = Judgement(checked, tuple(found), advice, gaps)
    where = f"{facts.branch or 'detached'} at {(facts.commit or '')[:12]}"
    tag = f", {seen.tag} is free" if seen.tag is not None else ""
    if seen.tag is not None and (there := seen.here or seen.there):
        tag = f", {there[0].name} is on this commit"
    return judged.settle(f"{where}, clean, level{tag}")


def _gaps(facts: GitFacts, seen: Seen) -> Iterator[Finding]:
    if seen.unreachable:
        yield from seen.unreachable.problems
    elif seen.remote is None:
        named = f"; there is {', '.join(facts.remotes)}" if facts.remotes else ""
        yield Finding(
            f"no remote to be level with and to hold the tag{named}",
            remedy="git remote add origin URL, or set tool.release.remote",
        )


def _branch(facts: GitFacts, seen: Seen) -> list[Finding]:
    if facts.branch == seen.branch:
        return []
    remedy = f"git switch {seen.branch}"
    if facts.branch is not None:
        what = f"on branch {facts.branch}, and releases are made from {seen.branch}"
        return [Finding(what, remedy=f"{remedy}, or set tool.release.branch")]
    if seen.proposed or (seen.in_ci and seen.contained):
        return []
    what = "HEAD is detached"
    if seen.in_ci:
        what += f", and {seen.remote or 'no remote'}/{seen.branch} does not hold this commit"
    return [Finding(what, remedy=remedy)]


def _state(facts: GitFacts) -> Iterator[Finding]:
    changed, untracked, unseen = facts.changed, facts.untracked, facts.unseen
    told = (
        (facts.operation, f"a {facts.operation} is not finished", _finish(str(facts.operation))),
        (
            changed,
            f"{counted(len(changed), 'file')} changed and not committed: {listing(changed)}",
            "commit or stash: a release is made from a commit",
        ),
        (
            untracked,
            f"{counted(len(untracked), 'untracked file')}: {listing(untracked)}",
            "add, ignore or remove: an untracked file can get into a package",
        ),
        (
            unseen,
            f"git was told not to look at {counted(len(unseen), 'file')}: {listing(unseen)}",
            f"{LOOK}: what is built must be what is committed",
        ),
        (facts.shallow, "the clone is shallow, so tags and history are missing", deepen()),
    )
    yield from (Finding(message, remedy=remedy) for there, message, remedy in told if there)


def _finish(operation: str) -> str:
    if operation == "release":
        return (
            "wait for it; if it was killed, run it again: it finishes, or takes back, what it left"
        )
    stop = "git bisect reset" if operation == "bisect" else f"git {operation} --abort"
    return f"finish it, or give it up: {stop}"


def _level(facts: GitFacts, seen: Seen, by_ci: bool) -> Iterator[Finding]:
    # What came after a tagged commit on the branch is of no concern to its release.
    tagged = any(tag.commit == facts.commit for tag in seen.here)
    if seen.remote is None or seen.unreachable or ((by_ci or tagged) and seen.contained):
        return
    there = f"{seen.remote}/{seen.branch}"
    if seen.asked.branch(seen.branch) is None:
        remedy = f"git push {seen.remote} {seen.branch}, or set tool.release.branch"
        yield Finding(f"{seen.remote} has no branch {seen.branch}", remedy=remedy)
        return
    if not seen.behind or by_ci:
        return
    message, how = f"behind {there}: it has commits that are missing here", "--ff-only"
    if seen.ahead:
        lacks = f"{counted(seen.ahead, 'commit')} here that it lacks"
        message = f"diverged from {there}: {lacks}, and others that are missing here"
        how = "--rebase"
    yield Finding(message, remedy=f"git pull {how} {seen.remote} {seen.branch}")


def _tags(facts: GitFacts, seen: Seen) -> list[Finding]:
    found = []
    pushed = {tag.name for tag in seen.there}
    known = [*((tag, "here") for tag in seen.here), *((t, f"on {seen.remote}") for t in seen.there)]
    for tag, place in known:
        if tag.commit != facts.commit:
            where = f"another commit ({tag.commit[:12]})" if tag.commit else "no commit at all"
            remedy = "release the next version: a published tag is never moved"
            if seen.remote is not None and tag.name not in pushed:
                remedy = f"{seen.remote} never had it: nox -s cut -- --abandon removes it here"
            found.append(Finding(f"the tag {tag.name} exists {place}, on {where}", remedy=remedy))
    for tag in seen.here:
        if tag.commit == facts.commit and not tag.annotated and tag.name not in pushed:
            left = "lightweight, which `git push --follow-tags` leaves behind"
            remedy = f"git tag --delete {tag.name}, then tag again with --annotate"
            found.append(Finding(f"the tag {tag.name} is {left}", remedy=remedy))
    return found


def _maintainer(project: Project, run: Run) -> Iterator[Finding]:
    root = project.root
    hooks, path = hooks_folder(root), hooks_path(root)
    if hooks and path != hooks:
        yield unused(hooks, path)
    if git(root, "var", "GIT_COMMITTER_IDENT", check=False).returncode != 0:
        remedy = 'git config user.name "…" && git config user.email "…"'
        yield Finding("git knows no identity to commit with", remedy=remedy)
    if problem := _key_problem(root, run) if _signs(project) else None:
        remedy = "git config user.signingKey …, or unset tag.gpgSign and commit.gpgSign and"
        remedy += " tool.release's sign-tags and commit.sign"
        yield Finding(f"tags or commits are to be signed and {problem}", remedy=remedy)


def _advice(project: Project, seen: Seen) -> Iterator[Finding]:
    if seen.ahead and not seen.proposed:
        message = f"{counted(seen.ahead, 'commit')} ahead of {seen.remote}/{seen.branch}"
        remedy = f"git push {seen.remote} {seen.branch}, unless the release is to push them"
        yield Finding(message, remedy=remedy)
    here = seen.tag and object_of(project.root, f"refs/heads/{seen.tag}")
    if seen.tag and (here or seen.asked.branch(seen.tag)):
        where = "" if here else f" (on {seen.remote})"
        remedy = f"rename it, or push the tag as refs/tags/{seen.tag}"
        yield Finding(f"a branch is called {seen.tag} like the tag{where}", remedy=remedy)


def _local_tags(root: Path, names: Sequence[str]) -> tuple[Tag, ...]:
    def read(name: str) -> Tag:
        ref = f"refs/tags/{name}"
        annotated = git(root, "cat-file", "-t", ref).stdout.strip() == "tag"
        return Tag(name, object_of(root, f"{ref}^{{commit}}") or None, annotated)

    return tuple(map(read, names))


def hooks_folder(root: Path) -> str | None:
    """The project's folder of hooks that a clone is to run; None when it ships none."""
    for name in HOOK_FOLDERS:
        folder = root / name
        if folder.is_dir() and any(entry.stem in HOOKS for entry in folder.iterdir()):
            return name
    return None


def hooks_path(root: Path) -> str | None:
    """Where git looks for hooks if it is told where: relative to the project if below it.

    One of the usual folders is called by its name, whatever it links to.
    """
    told = _config(root, "core.hooksPath", "--type=path")
    if not told:
        return None
    # git takes a relative path from the top level of the working tree.
    top = Path(git(root, "rev-parse", "--show-toplevel").stdout.rstrip("\n"))
    path = (top / told).resolve()
    for name in HOOK_FOLDERS:
        if path == (root / name).resolve():
            return name
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def unused(hooks: str, path: str | None) -> Finding:
    """What there is to say of a folder of hooks that is not the one that git uses."""
    instead = f"; git uses {path}" if path else ""
    message = f"the project's hooks in {hooks}/ are not in use{instead}"
    return Finding(message, remedy=f"git config core.hooksPath {hooks}")


def _signs(project: Project) -> bool:
    """Whether a release's tag or commit is to be signed."""
    root, settings = project.root, project.settings
    wanted = ((settings.sign_tags, "tag.gpgSign"), (settings.commit.sign, "commit.gpgSign"))
    return any(
        _config(root, name, "--type=bool") == "true" if chosen is None else chosen
        for chosen, name in wanted
    )


def _key_problem(root: Path, run: Run) -> str | None:
    """What is wrong with the key that git would sign tags with; None when it is there."""
    kind = _config(root, "gpg.format") or "openpgp"
    key = _config(root, "user.signingKey")
    if kind == "ssh":
        if not key:
            return None if _config(root, "gpg.ssh.defaultKeyCommand") else "no key is set"
        if key.startswith(("key::", "ssh-", "ecdsa-", "sk-")):
            return None
        path = Path(key).expanduser()
        return None if path.is_file() else f"the key file {key} is not there"
    if not key and kind == "openpgp":
        identity = git(root, "var", "GIT_COMMITTER_IDENT", check=False).stdout
        key = identity.partition("<")[2].partition(">")[0]
    if not key:
        return "no key is set"
    return _openpgp_problem(root, key, run) if kind == "openpgp" else None


def _openpgp_problem(root: Path, key: str, run: Run) -> str | None:
    named = _config(root, "gpg.openpgp.program") or _config(root, "gpg.program") or "gpg"
    if shutil.which(named) is None:
        return f"{named} is not there"
    program = Path(named).stem
    if program not in OPENPGP:
        return None  # whose keys it knows is not asked: a look does not start it
    home = Path(os.environ.get("GNUPGHOME") or Path.home() / ".gnupg")
    if program == "gpg" and not home.is_dir():
        return f"there is no keyring in {home}"  # and asking gpg would make one
    try:
        done = run(program, "--batch", "--trust-model=always", "--list-secret-keys", "--", key)
    except CannotCheck:
        return f"{program} is not there to sign them"
    return None if done.status == 0 else f"{program} has no secret key for {key}"


def _config(root: Path, name: str, *options: str) -> str:
    return git(root, "config", *options, "--get", name, check=False).stdout.rstrip("\n")


GATE = Gate(
    name="tree",
    title="on the release branch, clean, level with the remote, tag free",
    check=check,
    valid=None,
    cost=0.1,
    order=10,
    defects="release.gates.tree.defects:DEFECTS",
)
