"""Judge the whole checklist, in parallel, and say whether this commit can be released.

Every gate leaves its evidence in .release/; a pass is reused while nothing that the gate reads has
changed, and so is a failure that nothing outside can end. Writes .release/preflight.json, .md and
.html. In a job of GitHub Actions the summary gets the Markdown, and findings are shown on their
lines. --plan, --part and --collect share the gates among the machines of a CI's matrix.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from release.actions import Call, Stopped, board, interruptible, told
from release.model import Gate, Level
from release.project import Project
from release.report import github
from release.report.markdown import render
from release.report.terminal import show_report
from release.run.checklist import Report, checklist, judges
from release.run.collecting import collect
from release.run.parts import as_matrix, part_of, share
from release.run.preflight import judge_part, preflight
from release.run.runner import Run, does_not_apply, durations


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
        "--ci", action="store_true", help="judge as in CI: what is required there is required here"
    )
    parser.add_argument(
        "--runners",
        type=_number,
        default=4,
        metavar="N",
        help="how many machines --plan is for (4 unless given)",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--plan", action="store_true", help="print a CI's matrix as JSON, and run nothing"
    )
    which.add_argument(
        "--part",
        metavar="GATES",
        help="judge these gates alone, names with commas between them, or K/N of the plan",
    )
    which.add_argument(
        "--collect",
        type=Path,
        metavar="DIR",
        help="judge the evidence that other machines left below DIR, and run nothing",
    )


def _number(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


_number.__name__ = "number of machines"  # argparse says: invalid number of machines value


def run(call: Call) -> None:
    runner = call.runner()
    runner.in_ci = runner.in_ci or call.arguments.ci
    if call.arguments.plan:
        _print_plan(runner, call.arguments.runners)
        return
    print(told(f"{runner.project.name}: {judges(runner.project, runner.level)}"), flush=True)
    report = _judged(call, runner)
    show_report(report)
    _tell_forge(call, runner, report)
    if runner.cancelled:
        raise KeyboardInterrupt
    if report.verdict != "ready":
        raise Stopped(f"{report.project} is {report.verdict}")


def _print_plan(runner: Run, runners: int) -> None:
    gates = checklist(runner.project)
    seconds = _seconds(runner, gates)
    print(json.dumps(as_matrix(share(gates, seconds, runners), seconds)))


def _seconds(runner: Run, gates: Mapping[str, Gate]) -> dict[str, float]:
    """How long each gate will take; no time, where it does not apply."""
    return {
        name: 0.0 if does_not_apply(runner, gates[name]) else seconds
        for name, seconds in durations(runner, gates).items()
    }


def _judged(call: Call, runner: Run) -> Report:
    if call.arguments.collect is not None:
        return collect(runner, call.folder / call.arguments.collect)
    part = call.arguments.part
    names = None if part is None else _chosen(runner, part)
    with board(runner, names) as progress, interruptible(runner):
        return preflight(runner, progress) if names is None else judge_part(runner, progress, names)


def _chosen(runner: Run, part: str) -> tuple[str, ...]:
    """The gates of a part, by their names or by its number in the plan."""
    gates = checklist(runner.project)
    return part_of(part, gates, _seconds(runner, gates))


def _tell_forge(call: Call, runner: Run, report: Report) -> None:
    """Show the report where GitHub Actions shows it, if this is a job of its.

    Each part annotates its own findings, and the job that collects them writes the summary.
    """
    if os.environ.get("GITHUB_ACTIONS") == "true" and call.arguments.collect is None:
        print(github.render(report, partial(_located, runner.project)), end="", flush=True)
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary and call.arguments.part is None:
        try:
            with open(summary, "a", encoding="utf-8", errors="replace") as file:
                file.write(github.summary(render(report)))
        except OSError as error:
            print(told(f"the job's summary was not written: {error}"), file=sys.stderr)


def _located(project: Project, path: str) -> str:
    """The path of a file from the top of the repository, which the project may be a part of."""
    prefix = project.git.prefix if project.git else ""
    return f"{prefix}{path}" if (project.root / path).exists() else path
