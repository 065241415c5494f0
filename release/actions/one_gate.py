"""Judge one gate, and those whose results it needs."""

from __future__ import annotations

import argparse

from release.actions import Call, Stopped, interruptible
from release.model import Status
from release.report.terminal import show_gate
from release.run.checklist import checklist
from release.run.runner import judge_with_needs


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--fresh", action="store_true", help="judge anew even where evidence is still fresh"
    )


def run(call: Call) -> None:
    runner = call.runner(echo=True)
    gates = checklist(runner.project)
    with interruptible(runner):
        found = judge_with_needs(runner, gates[call.name], gates)
    if runner.cancelled:
        raise KeyboardInterrupt
    show_gate(found[call.name], [found[name] for name in found if name != call.name])
    status = found[call.name].outcome.status
    if status in {Status.FAILED, Status.UNCHECKED}:
        raise Stopped(f"{call.name}: {status}")
