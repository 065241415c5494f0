"""Write the workflows, the pre-push hook and RELEASING.md, as [tool.release] has them.

All files are written or none. One that somebody wrote or edited is never overwritten without
--force: what would change is shown, and nothing is written. Newer pins of actions are kept, and so
are comments. A file that was rendered once and that the settings no longer ask for is removed, and
stays where somebody edited it; both are named. With --check nothing is written: it ends with exit
status 1 where a file is missing, says something else than the settings, or is left of others. The
gate `workflows` judges the first two as well if there is a table [tool.release.workflows].
Workflows are written for GitHub; a remote on GitLab gets a .gitlab-ci.yml that runs the same
sessions.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

from release import render
from release.actions import Call, Stopped, told
from release.project import Project
from release.render import write
from release.render.write import Found
from release.run.store import Store
from release.run.writing import write as write_files
from release.text.commands import as_called

CHANGED = (
    "nothing was written, because somebody changed {}: move the change into [tool.release], or"
    " leave that file to yourself (ci, hook, document in [tool.release.workflows]), or overwrite it"
    " with --force"
)
NOT_SO = "not as the settings have it: {}; to write it: nox -s render"
LEFT = (
    "rendered once, and not by these settings: {}; nox -s render removes what nobody edited; remove"
    " the rest, or its line `Written by nox-release` if it is to stay"
)


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="only show what writing would change")
    parser.add_argument(
        "--force", action="store_true", help="take back what others changed in these files"
    )


def run(call: Call) -> None:
    project = call.project()
    found = write.look(project.root, render.files(project))
    pending = [one for one in found if one.state != "current"]
    changed = [one for one in found if one.state == "changed"]
    left = write.left(project.root, found)
    if call.arguments.check:
        _refuse((pending, NOT_SO), (left, LEFT))
    elif not call.arguments.force:
        _refuse((changed, CHANGED))
    pending += [one for one in left if one.state == "unwanted"]
    if pending:
        write_files(project.root, [one.new for one in pending], Store(project.root).folder)
    for line in (*write.told((*found, *left)), *_next_steps(project, pending)):
        print(told(as_called(line)))


def _refuse(*reasons: tuple[Sequence[Found], str]) -> None:
    """Show what writing these files would change. Raises Stopped unless there are none."""
    said = []
    for found, why in reasons:
        for one in found:
            print(told(one.difference), end="")
        if found:
            said.append(why.format(", ".join(one.rendered.path for one in found)))
    if said:
        raise Stopped("\n".join(said))


def _next_steps(project: Project, written: Sequence[Found]) -> Iterator[str]:
    """What rendering leaves to a person."""
    if any(one.rendered.path.startswith(".githooks/") and one.rendered.text for one in written):
        yield "next: git config core.hooksPath .githooks"
    if project.settings.workflows is None:
        yield "next: add [tool.release.workflows] so that nox -s workflows compares them"
