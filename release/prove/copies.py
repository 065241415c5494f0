"""Throwaway copies of a repository: clones in a scratch folder that borrow its objects.

Their remote is a bare clone beside them. No hook of the project runs there, and nothing is signed.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from release.errors import ReleaseError
from release.model import Gate
from release.project import Project
from release.project.git import GitFacts, default_branch
from release.project.git import git as ask
from release.run.planting import git
from release.run.store import Store

# Of the repository's configuration: what the copies need to be judged alike.
CONFIGURATION = (
    r"^(user|gpg|tag|commit)\.|^core\.(hookspath|autocrlf|eol|filemode|symlinks|ignorecase)$"
)
PARTIAL = r"^(extensions\.partialclone|remote\..*\.promisor)$"


def changes(root: Path, since: str) -> str:
    """What differs in a copy from a commit, new files included, as a unified diff."""
    git(root, "add", "--all", "--intent-to-add")
    words = ("--no-color", "--no-ext-diff", "--no-textconv", "--src-prefix=a/", "--dst-prefix=b/")
    return git(root, "diff", *words, since)


def require_whole(facts: GitFacts) -> None:
    """Raise ReleaseError for a partial clone that lacks objects: copies cannot ask for them."""
    if not ask(facts.top, "config", "--get-regexp", PARTIAL, check=False).stdout:
        return
    words = ("rev-list", "--objects", "--all", "--missing=print")
    listed = ask(facts.top, *words, timeout=600).stdout
    missing = sum(line.startswith("?") for line in listed.split("\n"))
    if missing:
        remedy = "git fetch --refetch --no-filter gets them, or use a full clone"
        raise ReleaseError.of(
            f"cannot be copied: a partial clone, without {missing} objects", remedy=remedy
        )


def release_branch(project: Project, facts: GitFacts) -> str:
    """The branch that the copies are on: the one that releases are made from."""
    known = default_branch(facts.top, project.settings.remote)
    return project.settings.branch or known or facts.branch or "main"


def make_remote(facts: GitFacts, branch: str, scratch: Path) -> Path:
    """A bare clone, which is the remote of all copies: its branch is at the commit to judge."""
    remote = scratch / "remote.git"
    _clone(facts.top, remote, "--bare")
    git(remote, "update-ref", f"refs/heads/{branch}", str(facts.commit))
    git(remote, "symbolic-ref", "HEAD", f"refs/heads/{branch}")
    git(remote, "config", "--remove-section", "remote.origin")
    return remote


def make_copy(project: Project, remote: Path, branch: str, folder: Path) -> Path:
    """A copy in `folder`: a working tree of the commit, clean and level; the project's folder."""
    facts = project.repository
    top = folder / facts.top.name
    top.parent.mkdir(parents=True, exist_ok=True)
    origin = project.settings.remote
    _clone(remote, top, "--no-checkout", f"--origin={origin}")
    _configure(facts, top)
    git(top, "checkout", "--quiet", "-B", branch, f"refs/remotes/{origin}/{branch}")
    _fill_submodules(facts.top, top)
    return top / facts.prefix


def _clone(source: Path, target: Path, *options: str) -> None:
    words = ("clone", "--quiet", "--shared", "--template=", *options, "--")
    git(target.parent, *words, str(source), str(target))


def _configure(facts: GitFacts, top: Path) -> None:
    """Give a copy what the repository's configuration says of hooks, identity and signing."""
    listed = ask(facts.top, "config", "-z", "--get-regexp", CONFIGURATION, check=False).stdout
    values = dict(item.partition("\n")[::2] for item in listed.split("\0") if "\n" in item)
    for name, value in values.items():
        path = Path(value)
        if name == "core.hookspath" and path.is_absolute() and path.is_relative_to(facts.top):
            value = path.relative_to(facts.top).as_posix()
        git(top, "config", name, value)


def _fill_submodules(source: Path, target: Path) -> None:
    """Put clones of the submodules that are there into a copy, at the commits that it names."""
    for line in git(target, "ls-files", "--stage", "-z").split("\0"):
        mode, _, rest = line.partition(" ")
        if mode != "160000":
            continue
        made, _, name = rest.partition("\t")
        if not (source / name / ".git").exists():
            continue
        _clone(source / name, target / name, "--no-checkout")
        git(target / name, "checkout", "--quiet", "--detach", made.partition(" ")[0])
        _fill_submodules(source / name, target / name)


def take_evidence(own: Store, copy: Store, gates: Mapping[str, Gate]) -> None:
    """Give the clean copy the evidence of `gates`: what still counts need not be judged again.

    What cannot be copied is judged anew.
    """
    for gate in gates.values():
        path = own.folder / "evidence" / f"{gate.name}.json"
        if not path.is_file() or path.is_symlink():
            continue
        try:
            for name in gate.writes:
                if (own.folder / name).is_dir() and not (own.folder / name).is_symlink():
                    shutil.copytree(own.folder / name, copy.folder / name, symlinks=True)
            shutil.copy(path, copy.folder / "evidence")
        except OSError:
            for name in gate.writes:
                shutil.rmtree(copy.folder / name, ignore_errors=True)


def share_environments(clean: Path, folder: Path, gate: Gate) -> None:
    """Let a planted copy use the environments of the clean one.

    One that no longer fits is made anew, in place of the link.
    """
    folder.mkdir(parents=True)
    for name in {gate.name, "runtime", *gate.needs}:
        if (clean / name).is_dir():
            (folder / name).symlink_to(clean / name, target_is_directory=True)


def share(clean: Store, store: Store, gate: Gate, gates: Mapping[str, Gate]) -> None:
    """Give a planted copy the files that the clean one built."""
    for name in {name for need in gate.needs for name in gates[need].writes}:
        if (clean.folder / name).is_dir():
            shutil.copytree(clean.folder / name, store.folder / name)
