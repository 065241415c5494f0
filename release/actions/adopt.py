"""Set this up in a repository: show what is found there, and write what is missing.

Shows what the repository is found to be, and where that stands; a run without settings goes by the
same. Writes noxfile.py, or adds the checklist at the end of the one that is there; and to
[tool.release] what a clone might not show: the branch and the spelling of tags that are there. A
version that no file states in a way that is read gets [tool.bumpversion], where one line alone
assigns it. What is there stays byte for byte; all files are written, or none. A second run finds
nothing to do.

--workflows writes what `render` renders, too, by the settings as they then are. A file of the same
name that somebody wrote stays, and so do other workflows; they are named.

Then the checklist is judged, and at most three next steps are told. --like NAME adds the settings
of a known procedure, but for what its project alone has; with --workflows, the shape of its
workflows is among them. PATH is the repository; this one unless given. The exit status is 0
whatever the verdict.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from release.actions import Call, board, interruptible, told
from release.adopt import facts, plan, workflows
from release.adopt.loading import require_loading
from release.adopt.plan import Adoption
from release.adopt.steps import next_steps
from release.adopt.templates import like, noxfile
from release.errors import UsageError
from release.project import Project
from release.project.diff import diff
from release.render.write import Found
from release.report.plan import remarks
from release.report.terminal import show_report
from release.run.preflight import preflight
from release.run.store import Store
from release.run.writing import write
from release.text.commands import as_called
from release.text.escaping import sentence

PROCEDURES = ("ophamin", "ajolopy", "chap-checker", "aksara", "openmed")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", nargs="?", type=Path, metavar="PATH", help="the repository")
    parser.add_argument(
        "--dry-run", action="store_true", help="show the diff, and neither write nor judge"
    )
    parser.add_argument(
        "--workflows", action="store_true", help="write the workflows, hook and document, too"
    )
    parser.add_argument(
        "--like", choices=PROCEDURES, help="add the settings of that project's procedure"
    )


def run(call: Call) -> None:
    call = _placed(call)
    project = call.project()
    found = facts.facts(project)
    for fact in found:
        where = f"  ({fact.origin})" if fact.origin else ""
        print(told(f"  {fact.of:<10} {sentence(fact.says + where)}"))
    name, with_workflows = call.arguments.like, call.arguments.workflows
    settings = like(project, name, workflows=with_workflows) if name else ""
    adoption = plan.plan(project, found, noxfile(), settings)
    rendered = workflows.rendered(project, adoption) if with_workflows else ()
    pending = [one for one in rendered if one.state in ("missing", "outdated")]
    beside = tuple(workflows.remarks(project, rendered)) if with_workflows else ()
    for line in remarks(adoption.remarks + beside):
        print(told(line))
    if call.arguments.dry_run:
        _show(adoption, pending)
    else:
        _judge(call, _write(project, adoption, pending))


def _write(project: Project, adoption: Adoption, pending: Sequence[Found]) -> list[str]:
    """Write all files or none, and say which."""
    for change in adoption.changes:
        if change.before is not None and change.path.endswith(".py"):
            require_loading(project.root, change.path)
    files = [change.new for change in adoption.changes] + [one.new for one in pending]
    write(project.root, files, Store(project.root).folder)
    paths = [file.path for file in files]
    said = f"wrote {', '.join(paths)}" if paths else "nothing is to do: it is set up"
    print(told(said), flush=True)
    return paths


def _placed(call: Call) -> Call:
    """The call with PATH as its project's folder."""
    path, project = call.arguments.path, call.arguments.project
    if path is None:
        return call
    if project is not None:
        message = "PATH and --project name a repository each"
        raise UsageError.of(message, remedy="name the repository once")
    return replace(call, root=call.folder / path)


def _show(adoption: Adoption, pending: Sequence[Found]) -> None:
    """Print what would be written."""
    for change in adoption.changes:
        print(told("\n".join(diff(change.path, change.before, change.after))))
    for one in pending:
        print(told(one.difference), end="")
    if not adoption.changes and not pending:
        print("nothing is to do: it is set up")


def _judge(call: Call, written: Sequence[str]) -> None:
    """Judge the checklist as release_preflight does, and tell the next steps."""
    runner = call.runner()
    with board(runner) as progress, interruptible(runner):
        report = preflight(runner, progress)
    show_report(report)
    if runner.cancelled:
        raise KeyboardInterrupt
    print("\nNext:")
    for number, step in enumerate(next_steps(runner.project, report, written), 1):
        print(told(as_called(f"{number}. {step}")))
