"""What bump, tag and cut have in common."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from release.actions import Call, Stopped, interruptible, told
from release.change.releasing import Done
from release.change.situation import Request
from release.model import Plan
from release.project import Project
from release.report.plan import remarks, render
from release.run.cache import standing_cache
from release.run.runner import Run
from release.text.commands import as_called


def arguments(parser: argparse.ArgumentParser) -> None:
    step_arguments(parser)
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="show the plan, diff and commands, tried out in a throwaway copy; change nothing",
    )


def step_arguments(parser: argparse.ArgumentParser) -> None:
    steps = "patch, minor, major, rc, final or a version"
    parser.add_argument("step", nargs="?", metavar="STEP", help=steps)
    parser.add_argument(
        "--subject", metavar="TEXT", help="what the release is, for {subject} in its texts"
    )


def notes_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--notes",
        type=Path,
        metavar="FILE",
        help="Markdown for the changelog's section: bullets below ### Added, ### Fixed, …",
    )


def request(call: Call) -> Request:
    """What is asked for. Raises UsageError where a named file cannot be read."""
    return Request(
        step=call.arguments.step,
        subject=call.arguments.subject,
        notes=call.text_of(getattr(call.arguments, "notes", None)),
        push=getattr(call.arguments, "push", False),
    )


def show(call: Call, plan: Callable[[Project, Request, Path], Plan]) -> None:
    """Print what an action would do."""
    print(told(render(plan(call.project(), request(call), standing_cache()))), end="")


def change(
    call: Call,
    plan: Callable[[Project, Request, Path], Plan],
    make: Callable[[Run, Request], Done],
) -> None:
    """Make what is asked for, or show it where that is asked for."""
    wanted = request(call)
    if call.arguments.dry_run:
        show(call, plan)
        return
    runner = call.runner()
    with interruptible(runner):
        done = make(runner, wanted)
    tell(done, runner)


def tell(done: Done, runner: Run) -> None:
    """Print what was done. Raises Stopped where the checklist was not ready."""
    if runner.cancelled:
        raise KeyboardInterrupt
    for line in (*remarks(done.remarks), *done.said):
        print(told(as_called(line)))
    if done.report is not None and done.report.verdict != "ready":
        raise Stopped(f"{done.report.project} is {done.report.verdict}")
