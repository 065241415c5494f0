"""What to do next in a repository that was set up: the most useful first."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from itertools import islice

from release.adopt.plan import NOXFILE, PYPROJECT
from release.model import Status, Verdict
from release.project import Project
from release.run.checklist import Report, checklist
from release.text.escaping import sentence

MOST = 3
FIRST = "0.1.0"  # of a project whose tags are its versions


def next_steps(project: Project, report: Report, written: Iterable[str] = ()) -> list[str]:
    """At most three sentences or commands; `written` are files that were just written."""
    return list(islice(dict.fromkeys(_steps(project, report, written)), MOST))


def _steps(project: Project, report: Report, written: Iterable[str]) -> Iterator[str]:
    nox = "nox -s" if (project.root / NOXFILE).is_file() else "nox-release"
    facts = project.git
    if facts is None:
        yield "git init && git add --all && git commit --message Start"
    else:
        ours = {NOXFILE, PYPROJECT, *written} & {*facts.changed, *facts.untracked}
        if ours:
            paths = shlex.join(sorted(ours))
            yield f'git add {paths} && git commit --message "Set up the release checklist"'
        dirty = {*facts.changed, *facts.untracked} - ours
        yield from _gates(project, report, {"tree"} if ours and not dirty else set())
    if report.verdict is not Verdict.READY:
        yield f"{nox} release_preflight"
    yield f"{nox} {_release(project, '-- ' if nox == 'nox -s' else '')} --dry-run"


def _release(project: Project, dashes: str) -> str:
    """The action that makes the release that is judged: the first one is what is there."""
    version = project.target_version(None)
    if project.released:
        return f"cut {dashes}{'final' if version and version.is_prerelease else 'minor'}"
    if version is None:
        return f"tag {dashes}{FIRST}"
    return f"cut {dashes}final" if version.is_prerelease else f"tag {dashes}".rstrip()


def _gates(project: Project, report: Report, skipped: set[str]) -> Iterator[str]:
    """The first finding of each gate that blocks by itself, those that failed first."""
    gates = checklist(project)
    failed, unchecked = report.of(Status.FAILED), report.of(Status.UNCHECKED)
    waiting = {evidence.gate for evidence in (*failed, *unchecked)}
    for evidence in (*failed, *unchecked):
        first = next(iter(evidence.outcome.blocking), None)
        skip = evidence.gate in (*report.left_to_ci, *skipped)
        skip = skip or not waiting.isdisjoint(gates[evidence.gate].needs)
        if first is not None and not skip and report.required[evidence.gate] != "never":
            where = f"{first.place}: " if first.path else ""
            yield sentence(f"{evidence.gate}: {where}{first.message} → {first.remedy}")
