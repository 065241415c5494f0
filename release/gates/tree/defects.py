"""What `prove` plants for the gate tree."""

from __future__ import annotations

from release.run.planting import CannotPlant, Copy, Defect, append, git, write

UNTRACKED = "planted-by-nox-release"
BRANCH = "planted-branch"


def untracked_file(copy: Copy) -> None:
    write(copy, UNTRACKED, "planted\n")
    if not git(copy.root, "status", "--porcelain", "--", UNTRACKED):
        raise CannotPlant("git is told to ignore every new file")


def changed_file(copy: Copy) -> None:
    names = git(copy.root, "ls-files", "-z").split("\0")
    for name in names:
        if (copy.root / name).is_file() and not (copy.root / name).is_symlink():
            append(copy, name, "# planted")
            return
    raise CannotPlant("there is no file to change")


def another_branch(copy: Copy) -> None:
    git(copy.root, "checkout", "--quiet", "-b", BRANCH)


def taken_tag(copy: Copy) -> None:
    version = copy.project.target_version(None)
    if version is None:
        raise CannotPlant("no version is to be released, so no tag is to be made")
    tag = copy.project.tag_of(copy.project.spell(version))
    tree = git(copy.root, "mktree")  # of no files: the same ones would be the same release
    other = git(copy.root, "commit-tree", tree, "-m", "Planted")
    git(copy.root, "tag", "--force", "--annotate", "--message=Planted", "--", tag, other)


DEFECTS = (
    Defect("an untracked file", untracked_file, UNTRACKED, committed=False),
    Defect("a change that is not committed", changed_file, "not committed", committed=False),
    Defect("a branch that is not released from", another_branch, BRANCH, committed=False),
    Defect("a tag of the version on another commit", taken_tag, "exists here", committed=False),
)
