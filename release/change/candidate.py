"""Makes a release's commit in a linked worktree, where nothing of the user's can be touched."""

from __future__ import annotations

import contextlib
import errno
import fnmatch
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from release.change.plan import with_entry
from release.change.switch import environment
from release.change.version_places import LOG_HINT
from release.errors import CannotCheck, ReleaseError
from release.model import Finding, Outcome, Plan, Status
from release.project import Project, read_project, read_text
from release.project.fragments import fragments
from release.project.git import (
    CALM,
    changed_between,
    contains,
    git,
    names,
    object_of,
    text_at,
    uncommitted,
)
from release.registry import installed
from release.run.processes import MARKER
from release.run.runner import Run, checked, does_not_apply, open_shell
from release.run.shell import Shell
from release.run.store import CANDIDATE, FOLDER
from release.text.changelog import entry
from release.text.escaping import listing
from release.text.masking import Mask, blanked
from release.text.versions import parse

NAME = CANDIDATE
# Judged on the new files before they are committed.
DOCUMENT_GATES = ("versions", "changelog", "documents", "schemas")
# Whose the candidate is: {"commit": null} is a run's, a commit was left for the user to look at.
RECORD = f"{NAME}.json"
LITTLE_SPACE = 1_000_000  # bytes
LINK = "120000 "  # how git says that an entry of its index is a link
# A template of a repository is a program: without this it could do what its user can.
SANDBOXED = """\
import runpy, sys
from jinja2 import Template
from jinja2.sandbox import SandboxedEnvironment
Template.environment_class = SandboxedEnvironment
del sys.argv[0]
runpy.run_module(sys.argv[0], run_name="__main__")
"""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A release's commit, checked out in the worktree `top`; `project` is the project in there.

    `remarks` is what the user should know of how it came about.
    """

    top: Path
    project: Project
    commit: str
    remarks: tuple[Finding, ...]


def make_candidate(run: Run, shell: Shell, plan: Plan, top: Path) -> Candidate:
    """Make the commit of a plan for the run's project in the fresh worktree `top`, which stays.

    Raises ReleaseError with what stands against it; nothing of the user's has changed then, and
    the worktree may be there for a look.
    """
    project = run.project
    facts = project.repository
    root = top / facts.prefix
    remarks: list[Finding] = []
    for edit in plan.edits:
        _write(root, edit.path, edit.after)
    # A link leads elsewhere in the worktree than at home.
    collected = fragments(read_project(root)) if plan.commands else None
    if collected and collected.commands:
        _judge_links(top, collected.tool)
    for command in plan.commands:
        _run_command(shell, root, command)
    if collected and collected.commands and (left := collected.there(root)):
        message = f"{collected.tool} did not take {listing(left)}"
        remedy = "look whether the name has a kind that it knows, and the place is where it looks"
        remarks.append(Finding(message, left[0], remedy=remedy))
    found = uncommitted(root, "--untracked-files=all", "--", ".")
    changed = {path.removeprefix(facts.prefix) for path in found}
    _judge_changes(root, plan, changed)
    _judge_secrets(run.mask, root, plan.base, changed)
    git(root, "add", "--all", "--", ".", env=environment())
    planned = with_plan(read_project(root, project.extra), plan, project)
    remarks += judge_documents(replace(run, project=planned))
    message = plan.commit_message or ""
    if plan.entry_from is not None:
        message = _with_entry(planned, plan, message)
    commit, tree = _commit(shell, top, plan, message)
    after = replace(planned.repository, commit=commit, tree=tree, changed=(), untracked=())
    return Candidate(top, replace(planned, git=after), commit, tuple(remarks))


def with_plan(project: Project, plan: Plan, home: Project) -> Project:
    """The project in the worktree as it will be in `home`, where the release is made.

    It is on the release branch, and has its tag where that is the version.
    """
    tag = project.tag_of(plan.version) if project.version is None else None
    base = home.repository.top
    there = replace(project.repository, branch=plan.release_branch, remote_base=base)
    return replace(project, git=there, planned_tag=tag)


def candidate_folder(project: Project) -> Path:
    """Where the candidate of a project lies."""
    return project.root / FOLDER / NAME


def standing_candidate(project: Project, plan: Plan) -> Candidate | None:
    """Take over the candidate that an earlier run left, if the plan would make the same again."""
    facts = project.git
    top = candidate_folder(project)
    if facts is None or not (top / ".git").exists() or not plan.edits or plan.commands:
        return None
    done = git(top, "rev-list", "--parents", "--max-count=1", "HEAD", check=False)
    commit, _, parent = done.stdout.strip().partition(" ")
    if done.returncode != 0 or parent != plan.base or _dirty(top):
        return None
    planned = {f"{facts.prefix}{edit.path}": edit.after.encode() for edit in plan.edits}
    there = {path: top / path for path in changed_between(top, parent, commit)}
    made = {path: file.read_bytes() if file.is_file() else None for path, file in there.items()}
    if made != planned:
        return None
    message = git(top, "show", "--no-patch", "--format=%B", commit).stdout
    if message.rstrip("\n") != (plan.commit_message or "").rstrip("\n"):
        return None
    with contextlib.suppress(OSError):
        _record(project, None)  # this run's again: gates write into it
    return Candidate(
        top, with_plan(read_project(top / facts.prefix, project.extra), plan, project), commit, ()
    )


def add_worktree(project: Project, commit: str) -> Path:
    """A fresh worktree of the repository at a commit, in place of the last one."""
    facts = project.repository
    top = candidate_folder(project)
    remove_worktree(project)
    try:
        _record(project, None)
        git(
            facts.top,
            *("-c", "core.hooksPath=/dev/null", "-c", "advice.detachedHead=false"),
            *("worktree", "add", "--quiet", "--detach", "--force", "--", str(top), commit),
            env=environment(),
            timeout=600,
        )
    except (CannotCheck, OSError) as error:
        # git names the files that it could not write, and not always why.
        free = shutil.disk_usage(project.root).free
        full = f"{os.strerror(errno.ENOSPC)}: " if free < LITTLE_SPACE else ""
        reason = error.reason if isinstance(error, CannotCheck) else error.strerror
        raise ReleaseError.of(
            f"no worktree can be made for the release: {full}{reason}",
            f"{FOLDER}/{NAME}",
            remedy="nothing was changed; make room, or fix that, and run this again",
        ) from None
    return top


def remove_worktree(project: Project) -> None:
    """Remove the candidate's worktree, unless somebody has changed files in it.

    Raises ReleaseError in that case.
    """
    facts = project.repository
    top = candidate_folder(project)
    if not top.exists() and not top.is_symlink():
        _forget(facts.directory, top)
        _drop_record(project)
        return
    judge_last_candidate(project)
    with contextlib.suppress(OSError):
        _record(project, None)
    _end_strays(top)
    git(
        facts.top,
        *("worktree", "remove", "--force", "--force", "--", str(top)),
        check=False,
        env=environment(),
    )
    if top.is_symlink():
        top.unlink()
    shutil.rmtree(top, ignore_errors=True)
    _forget(facts.directory, top)
    _drop_record(project)


def judge_last_candidate(project: Project) -> None:
    """Raise ReleaseError when somebody has changed files in the candidate's worktree."""
    top = candidate_folder(project)
    if changed := _edited_by_hand(project, top):
        raise ReleaseError.of(
            f"somebody worked in the last candidate: {changed}",
            f"{FOLDER}/{NAME}",
            remedy="it is only there to look at: bring that over to the release branch, then git"
            f" worktree remove --force {FOLDER}/{NAME}",
        )


def tidy(project: Project) -> None:
    """Remove a candidate that is of no more use: its commit is visible, or it never got one."""
    facts = project.git
    top = candidate_folder(project)
    if not (top.exists() or top.is_symlink()):
        _drop_record(project)
        return
    if facts is None or facts.commit is None:
        return
    head = object_of(top, "HEAD")
    if not head or contains(facts.top, facts.commit, head):
        with contextlib.suppress(ReleaseError):
            remove_worktree(project)


@contextlib.contextmanager
def removed_afterwards(project: Project) -> Iterator[None]:
    """Remove the candidate's worktree at the end, whatever happens."""
    try:
        yield
    finally:
        with contextlib.suppress(ReleaseError):
            remove_worktree(project)


def judge_documents(run: Run) -> list[Finding]:
    """Judge every document gate on the new files; what could not be judged, as remarks.

    Raises ReleaseError with what they found.
    """
    problems: list[Finding] = []
    remarks: list[Finding] = []
    for name in DOCUMENT_GATES:
        gate = installed()[name].gate
        never = run.project.settings.gates.of_gate(gate).required == "never"
        if never or does_not_apply(run, gate) is not None:
            continue
        try:
            with open_shell(run, gate) as shell:
                outcome = checked(run.project, gate, shell)
        except CannotCheck as error:
            outcome = Outcome.unchecked(error.reason, error.remedy)
        if outcome.status is Status.FAILED:
            problems += [replace(f, message=f"{name}: {f.message}") for f in outcome.blocking]
        elif outcome.status is Status.UNCHECKED:
            remarks += [
                replace(f, message=f"{name} is unchecked: {f.message}") for f in outcome.blocking
            ]
    if problems:
        raise ReleaseError(*problems)
    return remarks


def _write(root: Path, path: str, text: str) -> None:
    target = root / path
    if target.is_symlink() or not target.resolve().is_relative_to(root.resolve()):
        raise ReleaseError.of(
            "leads out of the repository", path, remedy="keep it inside as a regular file"
        )
    target.write_bytes(text.encode())


def _judge_links(top: Path, tool: str) -> None:
    """Raise ReleaseError where a link of the worktree leads out of it, or to what git keeps.

    A tool writes and removes through it what the settings do not name.
    """
    told = names(git(top, "ls-files", "--stage", "-z").stdout)
    links = [entry.partition("\t")[2] for entry in told if entry.startswith(LINK)]
    inside, kept = os.path.join(os.path.realpath(top), ""), (top / ".git").resolve()
    targets = {link: Path(os.path.realpath(top / link)) for link in links}
    problems = [
        Finding(
            f"the link leads out of the repository, to {target}, and {tool} may write there",
            link,
            remedy="put what it leads to into the repository, with a relative link, or remove it",
        )
        for link, target in targets.items()
        if not os.path.join(target, "").startswith(inside) or target.is_relative_to(kept)
    ]
    if problems:
        raise ReleaseError(*problems)


def _run_command(shell: Shell, root: Path, command: Sequence[str]) -> None:
    words: tuple[str, ...] = tuple(command)
    kept = blanked() if command[0] in {"towncrier", "scriv", "changie"} else {}
    if command[0] in {"towncrier", "scriv"}:
        words = (shell.tools.python, "-I", "-c", SANDBOXED, *command)
    try:
        # One day for all: scriv reads the clock itself, and in local time.
        done = shell.run(*words, cwd=root, env={"TZ": "UTC", **kept})
    except CannotCheck as error:
        raise ReleaseError.of(
            f"{error.reason}, and the release runs it",
            "pyproject.toml",
            remedy=f"nothing was changed; install {command[0]}, or correct tool.release.bump.run",
        ) from None
    if done.status != 0:
        raise ReleaseError.of(
            f"{' '.join(command)}: exit status {done.status}: {done.last_line}",
            remedy=f"nothing was changed; settle what it says, and run this again{LOG_HINT}",
        )


def _judge_changes(root: Path, plan: Plan, changed: set[str]) -> None:
    """Raise ReleaseError when something else changed than the plan says."""
    edited = {edit.path for edit in plan.edits}
    others = sorted(
        path
        for path in changed - edited
        if not any(fnmatch.fnmatchcase(path, glob) for glob in plan.writes)
    )
    if others:
        raise ReleaseError.of(
            f"the commands of the release changed {listing(others)}, and nothing says they may",
            remedy="list such files in tool.release.bump.writes, or ignore them in git",
        )
    for edit in plan.edits:
        allowed = any(fnmatch.fnmatchcase(edit.path, glob) for glob in plan.writes)
        file = root / edit.path
        same = file.is_file() and file.read_bytes() == edit.after.encode()
        if not allowed and not same:
            raise ReleaseError.of(
                "was changed by a command of the release after its edit",
                edit.path,
                remedy="list it in tool.release.bump.writes if that is meant",
            )


def _judge_secrets(mask: Mask, root: Path, base: str, changed: Iterable[str]) -> None:
    """Raise ReleaseError where a change brings in a secret of the environment.

    What one of the changed files held before is none: a fragment, for one, goes into the changelog.
    """
    texts = {
        path: (root / path).read_text(encoding="utf-8", errors="replace")
        for path in sorted(changed)
        if (root / path).is_file()
    }
    found = {path: secrets for path, text in texts.items() if (secrets := mask.found(text))}
    before = [text_at(root, base, f"./{path}") or "" for path in changed] if found else []
    known = mask.found("\n".join(before))
    problems = [
        Finding(
            "the release would write a secret of the environment into it",
            path,
            remedy="nothing was changed; keep the variable out of the templates and commands",
        )
        for path, secrets in found.items()
        if secrets - known
    ]
    if problems:
        raise ReleaseError(*problems)


def _with_entry(project: Project, plan: Plan, message: str) -> str:
    version = parse(plan.version)
    path = plan.entry_from
    assert version is not None
    assert path is not None
    text = entry(read_text(project.root, path), path, version)
    return with_entry(message, text) if text else message


def _commit(shell: Shell, top: Path, plan: Plan, message: str) -> tuple[str, str]:
    """Commit what is staged, with the project's hooks and signing; returns commit and tree."""
    if git(top, "rev-parse", "HEAD").stdout.strip() != plan.base:
        raise ReleaseError.of(
            "a command of the release made a commit of its own",
            remedy="let the commands of tool.release.bump.run, and bump-my-version, only edit"
            " files: commit = false",
        )
    tree = git(top, "write-tree", env=environment()).stdout.strip()
    file = shell.work / "message"
    file.write_text(message, encoding="utf-8", newline="\n")
    sign = {None: (), True: ("--gpg-sign",), False: ("--no-gpg-sign",)}[plan.sign_commit]
    words = ("commit", "--quiet", "--cleanup=verbatim", *sign, "-F", str(file))
    done = shell.run_plain(["git", "-C", str(top), *CALM, *words], cwd=top)
    if done.status != 0:
        raise ReleaseError.of(
            f"git commit: {done.last_line}",
            remedy="nothing was changed: fix what git or the project's hook names, and run"
            f" this again{LOG_HINT}",
        )
    said = git(top, "rev-parse", "HEAD", "HEAD^", "HEAD^{tree}", check=False).stdout.split()
    if len(said) != 3 or said[1] != plan.base:
        raise ReleaseError.of(
            "a hook moved the commit elsewhere", remedy="look at the project's hooks"
        )
    if said[2] != tree:
        names = listing(changed_between(top, tree, said[2]))
        raise ReleaseError.of(
            f"a hook changed what was to be committed: {names}",
            remedy="run the hook on these files and commit that first, then run this again",
        )
    if dirty := _dirty(top):
        raise ReleaseError.of(
            f"a hook left files behind: {dirty}", remedy="look at the project's hooks"
        )
    return said[0], tree


def _dirty(top: Path) -> str:
    """The files in a worktree that differ from its commit, as a list to read; "" for none."""
    return listing(uncommitted(top, "--untracked-files=all"))


def _record_of(project: Project) -> Path:
    return project.root / FOLDER / RECORD


def _drop_record(project: Project) -> None:
    with contextlib.suppress(OSError):
        _record_of(project).unlink(missing_ok=True)


def _record(project: Project, commit: str | None) -> None:
    """Record whose the candidate is: a run's own, or, with a commit, the user's to look at."""
    _record_of(project).write_text(json.dumps({"commit": commit}), encoding="utf-8")


def _edited_by_hand(project: Project, top: Path) -> str:
    """What somebody changed or committed in a candidate that was left for a look; "" for nothing.

    Any other is the work of a killed run, in whatever state it is.
    """
    try:
        text = _record_of(project).read_text(encoding="utf-8")
    except OSError:  # it was made by hand
        return _dirty(top) if (top / ".git").exists() else ""
    try:
        left = json.loads(text)["commit"]
    except (ValueError, KeyError, TypeError):  # killed while it wrote
        left = None
    if left is None:
        return ""
    head = object_of(top, "HEAD")
    return f"the commit {head[:12]}" if head != left else _dirty(top)


def leave(project: Project, candidate: Candidate) -> None:
    """Leave a candidate for a look, without what the gates left in it.

    Whatever is there later is somebody's.
    """
    top = candidate.top
    git(top, "clean", "--quiet", "-d", "--force", check=False, env=environment())
    git(top, "checkout", "--quiet", "--", ".", check=False, env=environment())
    try:
        _record(project, candidate.commit)
    except OSError as error:
        raise ReleaseError.of(
            f"the candidate cannot be left to look at: {error.strerror}",
            f"{FOLDER}/{NAME}",
            remedy="nothing was changed; make room, and run this again",
        ) from None


def _end_strays(top: Path) -> None:
    """End what a killed run started in the worktree: it would write into the next one."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if Path(process.cwd()).is_relative_to(top) and MARKER in process.environ():
                process.kill()
                process.wait(2)


def _forget(directory: Path, top: Path) -> None:
    """Remove what git remembers of this worktree, which is gone; never of another one."""
    common = directory
    if (directory / "commondir").is_file():
        common = (directory / (directory / "commondir").read_text().strip()).resolve()
    folder = common / "worktrees"
    for known in folder.iterdir() if folder.is_dir() else ():
        with contextlib.suppress(OSError):
            if Path((known / "gitdir").read_text().strip()) == top / ".git":
                shutil.rmtree(known, ignore_errors=True)
