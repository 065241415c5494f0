"""Show where a release stands, and the one next safe step.

Looks at the version files, the tag here and on the remote, the release branch, the checks of the
commit, the run of the publishing workflow, the index and the digests there, attestations, the
forge's release, the image and the archive. What cannot be looked at is never taken for absent.
VERSION is the one in the files unless given.

The step follows the project's recovery policy, [tool.release] recovery: "patch" leaves a pushed
tag where it is, whatever happened, and releases the next version; "retag" deletes it and tags
again, but only while nothing was published and no run may be publishing. A run is never repeated as
a whole, only its failed jobs; a version that must not be installed is yanked, not deleted.

With --do the step is taken, if it changes this repository alone and can be taken back. Ends with
exit status 0 when the release is finished, or a later one took its place.
"""

from __future__ import annotations

import argparse

from release.actions import Call, Stopped, interruptible, told
from release.change.releasing import take_step
from release.observe.housekeeping import look
from release.report.released import status_lines
from release.world.standing import Standing


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "version", nargs="?", metavar="VERSION", help="that of the files unless given"
    )
    parser.add_argument(
        "--do", action="store_true", help="take the step, if it is local and can be taken back"
    )


def run(call: Call) -> None:
    standing, rows = look(call.project(), call.arguments.version)
    for line in status_lines(standing, rows):
        print(told(call.typed(line)))
    if call.arguments.do and not standing.ended:
        _do(call, standing)
    elif not standing.ended:
        seen = standing.observation
        raise Stopped(f"{seen.project} {seen.version} is not finished")


def _do(call: Call, standing: Standing) -> None:
    """Take the step, and show where that led."""
    runner = call.runner()
    with interruptible(runner):
        lines = take_step(runner, standing)
    after, rows = look(call.project(), call.arguments.version)
    for line in ("", *lines, "", *status_lines(after, rows)):
        print(told(call.typed(line)))
