"""Make a whole release: bump, the checklist on exactly that commit, tag, push.

The commit is made and judged in a linked worktree; branch, tag and files change in one step when
the checklist is ready, and are pushed together. It stops at the first thing that is not ready and
leaves the commit in .release/candidate for a look. Run again, it goes on from what the repository
shows. A release that was made here and that no remote has is taken back by --abandon: tag, commit
and edits. STEP is patch, minor, major, rc, final, or a version.
"""

from __future__ import annotations

import argparse

from release.actions import Call, board, interruptible, releases, told
from release.change.releasing import cut, dry_abandon, dry_cut, take_back
from release.errors import UsageError
from release.report.terminal import show_report
from release.run.checklist import Report
from release.text.commands import as_called


def arguments(parser: argparse.ArgumentParser) -> None:
    releases.arguments(parser)
    releases.notes_argument(parser)
    parser.add_argument(
        "--abandon",
        action="store_true",
        help="take back a release that was made here and that no remote has",
    )


def run(call: Call) -> None:
    if call.arguments.abandon:
        _abandon(call)
        return
    request = releases.request(call)
    if call.arguments.dry_run:
        releases.show(call, dry_cut)
        return
    runner = call.runner()
    reports: list[Report] = []
    try:
        with interruptible(runner), board(runner) as progress:
            done = cut(runner, request, progress, reports.append)
    finally:
        for report in reports:
            show_report(report)
    releases.tell(done, runner)


def _abandon(call: Call) -> None:
    if call.arguments.step is not None:
        remedy = "leave the step out"
        raise UsageError.of("--abandon takes back what is there", remedy=remedy)
    if call.arguments.dry_run:
        for line in dry_abandon(call.project()):
            print(told(as_called(line)))
        return
    runner = call.runner()
    with interruptible(runner):
        done = take_back(runner)
    releases.tell(done, runner)
