"""Makes a planned commit in a throwaway copy, so that a dry run meets what the real run would."""

from __future__ import annotations

import contextlib
import shlex
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from release.change.candidate import DOCUMENT_GATES, judge_last_candidate, make_candidate
from release.change.switch import check_writable, environment
from release.change.tags import quoted
from release.change.version_places import LOG_HINT
from release.errors import ReleaseError
from release.model import Gate, Plan
from release.project import Project
from release.project.git import git
from release.registry import installed
from release.run.environments import Environment, digest_of_tools, is_intact, tools_name
from release.run.runner import Run, open_shell
from release.run.shell import Shell
from release.run.store import Store

# The hooks that can refuse a commit; those that only hear of one are not run.
HOOKS = ("pre-commit", "prepare-commit-msg", "commit-msg")


@contextlib.contextmanager
def aside(project: Project, tools: Gate, cache: Path) -> Iterator[tuple[Run, Shell]]:
    """A run and a shell whose scratch lies outside of the repository.

    Tools that are installed in `cache` serve, others are installed into the scratch folder.
    """
    with tempfile.TemporaryDirectory(prefix="nox-release-dry-run-") as name:
        scratch = Path(name).resolve()
        gates = [tools, *(installed()[name].gate for name in DOCUMENT_GATES)]
        _lend_tools(cache, scratch / "cache", gates)
        run = Run(project, Store(_folder(scratch / "project")), scratch / "cache")
        try:
            with open_shell(run, tools) as shell:
                yield run, shell
        except ReleaseError as error:
            problems = [
                replace(problem, remedy=(problem.remedy or "").replace(LOG_HINT, ""))
                for problem in error.problems  # only the real run keeps a log
            ]
            raise ReleaseError(*problems) from None


def try_out(run: Run, shell: Shell, plan: Plan) -> Plan:
    """Make a plan's commit aside, as the real run does; the plan with what that says and remarks.

    Raises ReleaseError with whatever stands against it. The copy borrows the repository's objects.
    """
    judge_last_candidate(run.project)
    for edit in plan.edits:
        check_writable(run.project.root / edit.path, edit.path)
    top = _copy(run.project, run.cache.parent, plan.base)
    made = make_candidate(run, shell, replace(plan, sign_commit=False), top)
    plan = replace(plan, notes=(*plan.notes, *made.remarks))
    return _told(plan, made.project.root) if plan.commands else plan


def _told(plan: Plan, root: Path) -> Plan:
    """The plan with what its commands wrote and its commit says, as they stand in the copy."""
    edits = tuple(
        replace(edit, after=(root / edit.path).read_bytes().decode()) for edit in plan.edits
    )
    others = [f":(exclude,literal){edit.path}" for edit in edits]
    calm = ("--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--relative")
    made = git(root, "diff", *calm, plan.base, "HEAD", "--", ".", *others).stdout
    message = git(root, "log", "-1", "--format=%B").stdout
    return replace(plan, edits=edits, made=made, commit_message=message.rstrip("\n") + "\n")


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def _lend_tools(cache: Path, lent: Path, gates: Iterable[Gate]) -> None:
    tools = lent / "tools"
    tools.mkdir(parents=True)
    for gate in gates:
        there = cache / "tools" / tools_name(gate)
        # What is not whole would be installed through the link, into programs that name it.
        if is_intact(Environment(there), digest_of_tools(gate)):
            (tools / there.name).symlink_to(there, target_is_directory=True)


def _copy(project: Project, scratch: Path, commit: str) -> Path:
    """A repository with the objects, refs, configuration and hooks of the project's."""
    facts = project.repository
    top = scratch / "tree"
    said = git(facts.top, "rev-parse", "--git-common-dir", "--show-object-format").stdout
    common_dir, object_format = said.split("\n")[:2]
    common = (facts.top / common_dir).resolve()
    git(
        scratch,
        *("init", "--quiet", "--template=", f"--object-format={object_format}", "--", str(top)),
        env=environment(),
    )
    folder = top / ".git"
    alternates = folder / "objects/info/alternates"
    alternates.parent.mkdir(exist_ok=True)
    alternates.write_text(f"{common / 'objects'}\n", encoding="utf-8")
    refs = git(facts.top, "for-each-ref", "--format=%(objectname) %(refname)").stdout
    (folder / "packed-refs").write_text(refs, encoding="utf-8")
    _configure(facts.directory, common, folder, top)
    _lend_hooks(facts.top, common, folder)
    git(
        top,
        *("-c", "core.hooksPath=/dev/null", "-c", "advice.detachedHead=false"),
        *("checkout", "--quiet", "--detach", commit),
        env=environment(),
        timeout=600,
    )
    return top


def _configure(directory: Path, common: Path, folder: Path, top: Path) -> None:
    """Let the copy be configured as the repository is, but for its place and its hooks."""
    config = folder / "config"
    text = config.read_text(encoding="utf-8")
    for own in (common / "config", directory / "config.worktree"):
        text += f"[include]\n\tpath = {quoted(own)}\n"
    text += f"[core]\n\tbare = false\n\tworktree = {quoted(top)}\n"
    text += f"\thooksPath = {quoted(folder / 'hooks')}\n"
    config.write_text(text, encoding="utf-8")


def _lend_hooks(top: Path, common: Path, folder: Path) -> None:
    """Let the hooks that may refuse a commit run in the copy."""
    set_path = git(top, "config", "--type=path", "--get", "core.hooksPath", check=False).stdout
    hooks = top / set_path.rstrip("\n") if set_path else common / "hooks"
    _folder(folder / "hooks")
    for name in HOOKS:
        if (hooks / name).is_file() and (hooks / name).stat().st_mode & 0o100:
            shim = folder / "hooks" / name
            shim.write_text(f'#!/bin/sh\nexec {shlex.quote(str(hooks / name))} "$@"\n')
            shim.chmod(0o755)
