"""Make the whole release for real, in a throwaway clone with a remote and an index of its own.

The commit that is checked out is cloned into a scratch folder, beside a bare remote with its branch
and tags and a package index on loopback that refuses what PyPI refuses. There the release is cut
with the full checklist, pushed, uploaded, installed by name into a clean environment, imported and
verified. A workflow that `render` wrote is run for the tag by act, where that program is here.
Nothing outside of that folder changes, but for the cache of environments; gates that ask the
outside ask it as always. STEP is patch, minor, major, rc, final, or a version.

Whatever stands against the release in this repository (uncommitted files, a remote that moved)
stops the rehearsal first, as it would stop the release.
"""

from __future__ import annotations

import argparse
import shlex

from release.actions import Call, interruptible, releases, told
from release.errors import UsageError
from release.model import Evidence, Gate
from release.rehearse.rehearsal import Rehearsal, Step
from release.report.terminal import show_report
from release.run.checklist import Report
from release.run.scratch import remove_left, scratch


def arguments(parser: argparse.ArgumentParser) -> None:
    releases.step_arguments(parser)
    releases.notes_argument(parser)
    parser.add_argument(
        "--faults",
        action="store_true",
        help="make it once more, kill it after each step, and see that it ends the same",
    )
    parser.add_argument(
        "--keep", action="store_true", help="leave the scratch folder for a look, and name it"
    )


def run(call: Call) -> None:
    if call.arguments.step is None:
        remedy = "say which release: patch, minor, major, rc, final or a version"
        raise UsageError.of("no STEP is given", remedy=remedy)
    runner = call.runner()
    print(told(f"rehearsing {runner.project.name}: {call.arguments.step}"), flush=True)
    with scratch("rehearsal", keep=call.arguments.keep) as folder, interruptible(runner):
        if call.arguments.keep:
            print(told(f"everything is kept in {folder}"), flush=True)
        for left in remove_left(folder):
            print(told(f"removed {left}, which a killed rehearsal left"), flush=True)
        rehearsal = Rehearsal(runner, releases.request(call), folder, Told())
        rehearsal.whole(with_faults=call.arguments.faults)
    seconds = sum(step.seconds for step in rehearsal.steps)
    unmade = ", ".join(step.name for step in rehearsal.steps if not step.made)
    but = f" but {unmade}" if unmade else ""
    print(f"\nThe release can be made: every step of it was{but}, in {seconds:.0f} s.")
    words = [call.arguments.step]
    for option in ("subject", "notes"):
        if (given := getattr(call.arguments, option)) is not None:
            words += [f"--{option}", str(given)]
    print(told(call.typed(f"next: nox -s cut -- {shlex.join(words)}")))


class Told:
    """Prints each step as it goes."""

    def begun(self, step: str) -> None:
        print(f"… {step}", flush=True)

    def done(self, step: Step) -> None:
        print(f"{'✓' if step.made else '?'} {step.name}  {step.seconds:.1f} s", flush=True)
        for line in step.said:
            print(f"  {told(line)}", flush=True)

    def started(self, gate: Gate) -> None:
        pass

    def ended(self, evidence: Evidence) -> None:
        print(f"  {evidence.gate}: {evidence.outcome.status}  {evidence.seconds:.1f} s", flush=True)

    def judged(self, report: Report) -> None:
        show_report(report)
