"""Questions to git. Nothing here changes a repository."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from release.errors import CannotCheck, ConfigurationError

# A look must not start what the user's configuration names (a program that watches files, one that
# verifies signatures), and needs neither.
PLAIN = ("-c", "core.fsmonitor=false", "-c", "log.showSignature=false")
QUIET = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_PAGER": "cat", "LC_ALL": "C"}
# What `git rev-parse --local-env-vars` lists: set by git for its hooks, they point every git below
# at the repository, index and work tree of the command that is under way.
LOCAL_VARIABLES = frozenset(
    ("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_CONFIG", "GIT_CONFIG_COUNT",
     "GIT_CONFIG_PARAMETERS", "GIT_DIR", "GIT_GRAFT_FILE", "GIT_IMPLICIT_WORK_TREE",
     "GIT_INDEX_FILE", "GIT_INTERNAL_SUPER_PREFIX", "GIT_NO_REPLACE_OBJECTS",
     "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_REPLACE_REF_BASE", "GIT_SHALLOW_FILE",
     "GIT_WORK_TREE")
)  # fmt: skip
# For commands after which git would maintain the repository, under a lock that a kill leaves.
CALM = ("-c", "maintenance.auto=false", "-c", "gc.auto=0")
# In git's common directory while a release is made visible: a file that says where its parts are.
NOTE = "nox-release-at-"
DEEPEST = 200
HEAD = "HEAD^{commit}"
# How many fields stand before the path in a line of `git status --porcelain=v2`, by its kind.
BEFORE_PATH = {"1": 8, "2": 9, "u": 10}
SHOWN_PATH = 40
# Of `git ls-files -v -z`: small letters are assume-unchanged, S is skip-worktree.
UNSEEN = re.compile(r"(?:^|(?<=\0))[a-zS] ([^\0]*)")
BYTECODE = re.compile(r"(?:^|/)__pycache__/[^/]*\.py[co]$")


@dataclass(frozen=True, slots=True)
class GitFacts:
    """What git says about a repository, read once.

    `commit` and `tree` are object names, None before the first commit. `branch` is None when HEAD
    is detached. `changed` lists the paths, relative to the project, that differ from HEAD,
    `untracked` those that git neither tracks nor ignores, but for cached bytecode, `unseen` those
    that git was told not to look at (assume-unchanged, skip-worktree, sparse checkouts).
    `operation` names an unfinished merge, rebase or the like. `prefix` is the project's folder
    below the top level, "" or ending in "/". `remote_base` is where a remote's relative address
    starts.
    """

    top: Path
    directory: Path
    prefix: str
    commit: str | None
    tree: str | None
    branch: str | None
    changed: tuple[str, ...]
    untracked: tuple[str, ...]
    unseen: tuple[str, ...]
    shallow: bool
    operation: str | None
    remotes: tuple[str, ...]
    remote_base: Path

    @property
    def dirty(self) -> bool:
        return bool(self.changed or self.untracked)


def deepen(environ: Mapping[str, str] = os.environ) -> str:
    """What makes a shallow clone a whole one, where this is read: in a CI's log or elsewhere."""
    if environ.get("GITHUB_ACTIONS"):
        return "set fetch-depth: 0 where the workflow's job checks out the repository"
    if environ.get("GITLAB_CI"):
        return "set GIT_DEPTH to 0 in the variables of the pipeline's job"
    return "git fetch --unshallow --tags"


def git(
    root: Path,
    *arguments: str,
    check: bool = True,
    timeout: float | None = 60,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run git in `root` and return its output as text (undecodable bytes kept as surrogates).

    Raises CannotCheck when git is missing, takes longer than `timeout` seconds, or, with `check`,
    exits with anything but 0.
    """
    command = ["git", *PLAIN, "-C", str(root), *arguments]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            stdin=subprocess.DEVNULL,
            timeout=timeout,
            env={
                **{k: v for k, v in os.environ.items() if k not in LOCAL_VARIABLES},
                **QUIET,
                **(env or {}),
            },
        )
    except FileNotFoundError:
        raise CannotCheck("git is not installed", "install git and run this again") from None
    except subprocess.TimeoutExpired:
        raise CannotCheck(
            f"git {_subcommand(arguments)} did not answer within {timeout:g} s",
            "look at the remote or the file system it waits for",
        ) from None
    if check and done.returncode != 0:
        raise CannotCheck(
            f"git {_subcommand(arguments)}: {complaint(done.stderr, done.returncode)}",
            "run the same command by hand to see more",
        )
    return done


def names(output: str) -> list[str]:
    """What a command of git's printed with -z."""
    return [name for name in output.split("\0") if name]


def object_of(root: Path, name: str) -> str:
    """The object that a name stands for; "" where there is none."""
    done = git(root, "rev-parse", "--verify", "--quiet", name, check=False)
    return done.stdout.strip()


def default_branch(root: Path, remote: str) -> str:
    """The default branch of a remote as this clone knows it, "" for none; nobody is asked."""
    start = f"refs/remotes/{remote}/"
    said = git(root, "symbolic-ref", "--quiet", f"{start}HEAD", check=False).stdout
    return said.strip().removeprefix(start)


def contains(root: Path, branch: str, commit: str) -> bool:
    """Whether a commit is in the history of a branch, or of another commit."""
    done = git(root, "merge-base", "--is-ancestor", commit, branch, check=False)
    return done.returncode == 0


def text_at(root: Path, commit: str, path: str, *, timeout: float | None = 60) -> str | None:
    """The text of a file, by its path from the top, in a commit; None where it is not there.

    Unlike `git show` this runs no filter that the machine may have configured. Raises CannotCheck
    where git cannot read it.
    """
    done = git(root, "cat-file", "blob", f"{commit}:{path}", check=False, timeout=timeout)
    if done.returncode == 0:
        return done.stdout
    if "does not exist in" in done.stderr or "but not in" in done.stderr:
        return None
    said = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
    raise CannotCheck(
        f"git cannot read {path} at {commit.removeprefix('refs/tags/')}: {said[-1]}",
        "repair the repository, or clone it anew",
    )


def directories(top: Path) -> tuple[Path, Path]:
    """The directory of git of this working tree, and the one that all working trees share."""
    said = git(top, "rev-parse", "--absolute-git-dir", "--git-common-dir").stdout
    own, common = said.split("\n")[:2]
    return Path(own), (top / common).resolve()


def uncommitted(top: Path, *options: str) -> list[str]:
    """The files that differ from HEAD and the index, or are not tracked, relative to the top."""
    arguments = ("--literal-pathspecs", "status", "--porcelain", "-z", "--no-renames")
    return [entry[3:] for entry in names(git(top, *arguments, *options).stdout)]


def changed_between(top: Path, old: str, new: str) -> list[str]:
    """The files that differ between two commits or trees, relative to the top."""
    return names(git(top, "diff-tree", "-r", "-z", "--name-only", "--no-renames", old, new).stdout)


def complaint(stderr: str, status: int) -> str:
    """What git complains of: its lines that name an error, else the last one."""
    lines = [line.strip() for line in stderr.split("\n") if line.strip()]
    named = [line for line in lines if line.startswith(("fatal: ", "error: "))]
    return "; ".join(dict.fromkeys(named[:3] or lines[-1:])) or f"exit status {status}"


def _subcommand(arguments: Sequence[str]) -> str:
    words = iter(arguments)
    for word in words:
        if word == "-c":
            next(words, None)
        elif not word.startswith("-"):
            return word
    return ""


def read_facts(root: Path) -> GitFacts | None:
    """Everything the gates want to know of git about the project in `root`.

    Returns None when `root` is in no git repository, or in one that ignores it. Raises CannotCheck
    when git cannot tell: it is not installed, does not trust the folder's owner, or finds a
    repository that is broken or without a working tree.
    """
    found = _where(root)
    if found is None:
        return None
    top, directory, shallow, prefix, there, tree = found
    if prefix and git(root, "check-ignore", "--quiet", ".", check=False).returncode == 0:
        return None
    how = ("--porcelain=v2", "--branch", "-z", "--untracked-files=all", "--ignore-submodules=none")
    head, changed, untracked = _read_status(git(root, "status", *how, "--", ".").stdout, prefix)
    listed = git(root, "ls-files", "-v", "-z", "--", ".").stdout
    _judge_depth([*(entry[2:] for entry in listed.split("\0")), *untracked])
    commit = head.get("branch.oid")
    if commit and commit != there:  # moved meanwhile, or not to be read
        tree = git(root, "rev-parse", f"{commit}^{{tree}}").stdout.strip()
    return GitFacts(
        top=Path(top),
        directory=Path(directory),
        prefix=prefix,
        commit=commit,
        tree=tree if commit else None,
        branch=head.get("branch.head"),
        changed=tuple(changed),
        untracked=tuple(untracked),
        unseen=tuple(UNSEEN.findall(listed)),
        shallow=shallow == "true",
        operation=_operation(Path(directory)),
        remotes=tuple(git(root, "remote").stdout.split()),
        remote_base=Path(top),
    )


def _where(root: Path) -> Sequence[str] | None:
    """Top level, git's directory, whether it is shallow, prefix, commit and tree ("" for none)."""
    asked = ("--show-toplevel", "--absolute-git-dir", "--is-shallow-repository", "--show-prefix")
    done = git(root, "rev-parse", *asked, HEAD, "HEAD^{tree}", check=False)
    told, _, _ = done.stdout.partition(HEAD)  # said again where there is no commit yet
    if done.returncode != 0 and not told:
        # Only so does git say that it looked everywhere. Of a lost worktree it says "not a git
        # repository: PATH".
        if "not a git repository (or any" in done.stderr:
            return None
        said = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        remedy = said[-1].strip() if len(said) > 1 else "fix it until `git status` works in it"
        raise CannotCheck(f"git cannot read this repository: {said[0]}", remedy)
    answers = told.split("\n")[:-1]
    if len(answers) not in {4, 6}:
        raise CannotCheck("the path of this repository holds a line end", "rename the folder")
    return (*answers, "", "")[:6]


def _read_status(text: str, prefix: str) -> tuple[dict[str, str], list[str], list[str]]:
    """What `git status --porcelain=v2 --branch -z` says: of HEAD, and what is changed or untracked.

    Paths are relative to `prefix`; of HEAD, what is not there is left out. So is the bytecode that
    Python caches wherever it imports from: nox writes some beside the noxfile.
    """
    head: dict[str, str] = {}
    changed: list[str] = []
    untracked: list[str] = []
    fields = iter(text.split("\0"))
    for field in fields:
        kind, _, rest = field.partition(" ")
        if kind == "#":
            key, _, value = rest.partition(" ")
            head |= {} if value in {"(initial)", "(detached)"} else {key: value}
        elif kind == "?" and not BYTECODE.search(rest):
            untracked.append(rest.removeprefix(prefix))
        elif kind in BEFORE_PATH:
            changed.append(field.split(" ", BEFORE_PATH[kind])[-1].removeprefix(prefix))
            if kind == "2":
                next(fields, None)  # what it was renamed from
    return head, changed, untracked


def _judge_depth(paths: Sequence[str]) -> None:
    """Raise ConfigurationError where a file lies so deep that Python's own tools give up."""
    path = max(paths, key=lambda path: path.count("/"))
    if (depth := path.count("/")) > DEEPEST:
        raise ConfigurationError.of(
            f"a file lies {depth:,} folders deep; Python's own tools cannot copy that",
            f"{path[:SHOWN_PATH]}…",
            remedy=f"keep at most {DEEPEST} folders in one another",
        )


def _operation(directory: Path) -> str | None:
    common = directory
    if (directory / "commondir").is_file():
        common = directory / (directory / "commondir").read_text().strip()
    if any(common.glob(f"{NOTE}*")):
        return "release"
    for marker, name in (
        ("MERGE_HEAD", "merge"),
        ("rebase-merge", "rebase"),
        ("rebase-apply", "rebase"),
        ("CHERRY_PICK_HEAD", "cherry-pick"),
        ("REVERT_HEAD", "revert"),
        ("BISECT_LOG", "bisect"),
    ):
        if (directory / marker).exists():
            return name
    return None


def listed_files(root: Path) -> tuple[str, ...]:
    """The files below `root` that git tracks or would add, relative to it, that exist."""
    out = git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard").stdout
    return tuple(name for name in dict.fromkeys(names(out)) if os.path.lexists(root / name))


def tags(root: Path) -> tuple[str, ...]:
    """The names of all local tags."""
    return tuple(git(root, "tag", "--list").stdout.split())
