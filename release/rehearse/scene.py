"""The throwaway surroundings of a rehearsal: a clone, a remote, and an index beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from release.errors import ConfigurationError
from release.model import Gate
from release.project import Project, read_project
from release.project.git import GitFacts, git

# What a repository's own configuration says of people, signing and files. Its remotes, branches and
# addresses do not come along: nothing that a rehearsal pushes may leave its folder.
KEPT = (
    "user.",
    "author.",
    "committer.",
    "commit.",
    "tag.",
    "gpg.",
    "core.autocrlf",
    "core.eol",
    "filter.",
    "diff.",
)


@dataclass(frozen=True)
class Scene:
    """Where a rehearsal takes place.

    `top` is the clone's top folder, `root` that of the project in it, `remote` the bare repository
    that it pushes to, `index` the folder of a package index.
    """

    top: Path
    root: Path
    remote: Path
    index: Path

    def project(self, gates: Mapping[str, Gate], index: str | None = None) -> Project:
        """The project as the clone has it now; with `index`, as if it were published there."""
        found = read_project(self.root, gates)
        if index is None:
            return found
        return replace(found, settings=found.settings.model_copy(update={"index": index}))


def set_scene(project: Project, folder: Path) -> Scene:
    """Clone the commit that is checked out into `folder`, with a remote that is level with it.

    The remote has every tag, and of the branches the one that is checked out. Raises
    ConfigurationError where there is no branch with a commit, and CannotCheck where git fails.
    """
    facts = project.git
    if facts is None or facts.commit is None or facts.branch is None:
        why = "only a commit on a branch of a git repository can be rehearsed"
        raise ConfigurationError.of(why, remedy="git switch to the release branch first")
    name, branch = facts.top.name, facts.branch
    top, remote = folder / name, folder / f"{name}.git"
    bare = ("init", "--quiet", "--bare", "--template=", f"--initial-branch={branch}")
    git(folder, *bare, "--", str(remote))
    # Fetched and not pushed: a push may be led elsewhere by whoever configured git.
    refs = (f"refs/heads/{branch}:refs/heads/{branch}", "refs/tags/*:refs/tags/*")
    git(remote, "fetch", "--quiet", "--no-tags", "--", str(facts.top), *refs, timeout=600)
    origin = f"--origin={project.settings.remote}"
    clone = ("clone", "--quiet", "--template=", origin, "--", str(remote), str(top))
    git(folder, *clone, timeout=600)
    for key, value in _configuration(facts):
        git(top, "config", "--local", "--add", key, value)
    _judge_remote(top, project.settings.remote, remote)
    return Scene(top, top / project.root.relative_to(facts.top), remote, folder / "index")


def _configuration(facts: GitFacts) -> Iterator[tuple[str, str]]:
    """What the clone is configured with, as the repository is, and the repository's hooks."""
    listed = git(facts.top, "config", "--local", "--list", "-z", check=False).stdout
    for item in listed.split("\0"):
        key, _, value = item.partition("\n")
        if key.startswith(KEPT):
            yield key, value
    hooks = git(facts.top, "rev-parse", "--git-path", "hooks").stdout.strip()
    inside = (facts.top / hooks).resolve()
    tracked = inside.is_relative_to(facts.top) and not inside.is_relative_to(facts.directory)
    yield "core.hooksPath", str(inside.relative_to(facts.top)) if tracked else str(inside)


def _judge_remote(top: Path, name: str, remote: Path) -> None:
    """Nothing that anybody has configured leads pushes of the clone elsewhere."""
    for kind in ((), ("--push",)):
        said = git(top, "remote", "get-url", *kind, "--all", "--", name).stdout.split("\n")
        if [line for line in said if line] != [str(remote)]:
            raise ConfigurationError.of(
                f"git leads {remote} to {said[0]}: a rehearsal would push there",
                remedy="take url.*.insteadOf for it out of your git configuration",
            )
