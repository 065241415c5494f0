"""See whether what the world serves is what was built: a release from its users' side.

Looks at the index's simple page, downloads every file and compares its bytes with build's evidence;
verifies the attestations of all files (repository, workflow, ref and commit), and demands one for
each file where the publishing workflow promises them (or tool.release.attestations); installs the
release by its name into an empty environment and imports it; compares the forge's release and the
receipt in it, the image's revision (tool.release.image) and the archive's record. What is "not
there yet" is told apart from what is wrong; --wait lets it arrive.

With --name it looks at any project of the index, such as --name httpx 0.28.1; there is nothing then
to compare the bytes with, and --repository says who must have published it.

Ends with exit status 0 when everything that applies was looked at and nothing is wrong.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from release.actions import Call, Stopped, interruptible, told
from release.errors import UsageError
from release.model import Status
from release.observe.expected import Expected, expected
from release.observe.verify import TOOLS, await_release, named, verify
from release.report.released import by_hand, verified_lines
from release.run.installed import python_for
from release.run.runner import Run, open_shell
from release.text.versions import parse


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("version", nargs="?", metavar="VERSION", help="the last one unless given")
    parser.add_argument("--name", metavar="PROJECT", help="any project of the index")
    parser.add_argument(
        "--repository", metavar="OWNER/NAME", help="with --name: where it must be published from"
    )
    parser.add_argument(
        "--wait",
        type=float,
        default=0,
        metavar="MINUTES",
        help="how long to wait for what is not there yet",
    )


def run(call: Call) -> None:
    def say(line: str) -> None:
        print(told(line), flush=True)

    _judge_arguments(call)
    with _placed(call) as placed:
        runner = placed.runner()
        wanted = _wanted(placed, runner)
        project = runner.project
        python = project.settings.python if call.arguments.name else python_for(project)
        say(f"verifying {wanted.name} {wanted.version}")
        with interruptible(runner), open_shell(runner, TOOLS) as shell:
            if call.arguments.wait:
                await_release(wanted, call.arguments.wait, shell.wait, say)
            verified = verify(shell, wanted, python=python, say=say)
    for line in ("", *verified_lines(verified), "", *by_hand(verified)):
        say(call.typed(line))
    if verified.outcome().status is not Status.PASSED:
        raise Stopped(f"{wanted.name} {wanted.version} is not verified")


@contextmanager
def _placed(call: Call) -> Iterator[Call]:
    """The call; one by name needs no project, and gets one of its own where it is typed in none."""
    if call.arguments.name is None or (call.root / "pyproject.toml").is_file():
        yield call
        return
    with tempfile.TemporaryDirectory(prefix="nox-release-verify-") as folder:
        text = '[project]\nname = "of-nobody"\nversion = "0"\n'
        (Path(folder) / "pyproject.toml").write_text(text, encoding="utf-8")
        yield replace(call, root=Path(folder))


def _judge_arguments(call: Call) -> None:
    given = call.arguments
    if given.version is not None and parse(given.version) is None:
        message = f"{given.version!r} is not a version by PEP 440"
        raise UsageError.of(message, remedy="give one such as 1.2.3")
    if given.repository is not None and given.name is None:
        remedy = "leave it out: the project's own repository is compared"
        raise UsageError.of("--repository goes with --name", remedy=remedy)
    if not 0 <= given.wait <= 24 * 60:
        raise UsageError.of("--wait takes 0 to 1440 minutes", remedy="correct it")


def _wanted(call: Call, runner: Run) -> Expected:
    given = call.arguments
    if given.name is None:
        return expected(runner.project, given.version)
    return named(given.name, given.version, runner.project.settings.index, given.repository)
