"""Judge the whole checklist, in parallel, and say whether this commit can be released.

Every gate leaves its evidence in .release/; a pass is reused while nothing that the gate reads has
changed. Writes .release/preflight.json, .md and .html.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from release.actions import Call, Stopped, interruptible, told
from release.model import Level


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--fresh", action="store_true", help="judge anew even where evidence is still fresh"
    )
    parser.add_argument(
        "level",
        nargs="?",
        metavar="LEVEL",
        choices=[level.value for level in Level],
        help="the kind of release to prepare: patch, minor, major or rc",
    )
    parser.add_argument(
        "--collect",
        type=Path,
        metavar="DIR",
        help="judge the evidence that other machines left below DIR, and run nothing",
    )


def run(call: Call) -> None:
    from release.report.terminal import Progress, show_report
    from release.run.checklist import judges
    from release.run.preflight import collect, preflight

    runner = call.runner()
    print(told(f"{runner.project.name}: {judges(runner.project, runner.level)}"), flush=True)
    if call.arguments.collect is not None:
        report = collect(runner, call.folder / call.arguments.collect)
    else:
        with Progress(runner.project) as progress, interruptible(runner):
            report = preflight(runner, progress)
    show_report(report)
    if runner.cancelled:
        raise KeyboardInterrupt
    if report.verdict != "ready":
        raise Stopped(f"{report.project} is {report.verdict}")
