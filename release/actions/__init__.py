"""What nox-release does beside judging: one module an action, named in registry.ACTIONS.

Such a module has a docstring, which is the session's text; `arguments(parser)`, which adds what the
action takes; and `run(call)`, which does it. `run` prints what it has to say, raises ReleaseError
for a mistake of the user's, and Stopped where the exit status is to be 1. It is imported only when
its session runs: a listing of the sessions reads its docstring alone.
"""

from __future__ import annotations

import argparse
import ast
import signal
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Protocol, cast

from release.errors import UsageError
from release.model import Gate, Level
from release.project import Project, read_project
from release.report import pages
from release.run.processes import adopt_orphans, end_orphans
from release.text.commands import as_typed
from release.text.escaping import terminal
from release.text.masking import Mask

if TYPE_CHECKING:
    from release.report.terminal import Progress
    from release.run.runner import Run


class Stopped(Exception):
    """An action that did what it could and must not count as done; the message says why."""


class Action(Protocol):
    """What a module of this package defines."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add what the action takes."""

    def run(self, call: Call) -> None:
        """Do it. Raises ReleaseError, Stopped."""


@dataclass(frozen=True)
class Call:
    """One call of an action: what was typed, and where."""

    name: str
    arguments: argparse.Namespace
    root: Path  # of the project
    folder: Path  # the one it was typed in
    gates: Mapping[str, Gate] = field(default_factory=dict)  # those written in the noxfile
    console: bool = False  # whether it was called by nox-release, not by nox

    def project(self) -> Project:
        """The project, read anew."""
        return read_project(self.root, self.gates)

    def runner(self, *, echo: bool = False) -> Run:
        """What judges and changes the project; `echo` shows the output of commands."""
        from release.run.cache import find_cache
        from release.run.runner import Run
        from release.run.store import FOLDER, Store

        if (self.root / FOLDER).is_dir():  # brought from another machine, it may not ignore itself
            Store(self.root)
        project = self.project()
        cache, remark = find_cache(project.top)
        if remark is not None:
            print(remark, file=sys.stderr)
        level = getattr(self.arguments, "level", None)
        return Run(
            project=project,
            store=Store(project.root),
            cache=cache,
            level=Level(level) if level else None,
            fresh=getattr(self.arguments, "fresh", False),
            echo=echo,
            pages=pages,
        )

    def typed(self, text: str) -> str:
        """Text with the names of sessions as the reader would type them."""
        project = self.arguments.project
        return as_typed(text, console=self.console, project=str(project) if project else None)

    def text_of(self, path: Path | None) -> str | None:
        """The text of a file that was named on the command line. Raises UsageError."""
        if path is None:
            return None
        try:
            return (self.folder / path).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            remedy = "give a Markdown file in UTF-8"
            raise UsageError.of(f"cannot be read: {error}", str(path), remedy=remedy) from None


def text_of(name: str) -> str:
    """The docstring of an action's module, which is not imported for it."""
    source = Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
    return ast.get_docstring(ast.parse(source)) or name


def find(name: str) -> Action:
    """The module of an action."""
    return cast("Action", import_module(f"{__name__}.{name}"))


def told(text: str) -> str:
    """Text as a terminal may show it: without secrets and control characters."""
    return terminal(Mask()(text))


def board(run: Run, names: Iterable[str] | None = None) -> Progress:
    """What shows how far a run is with these gates, the whole checklist unless they are given."""
    from release.report.terminal import Progress
    from release.run.checklist import checklist

    chosen = checklist(run.project) if names is None else names
    return Progress(chosen, run.store.folder / "logs")


@contextmanager
def interruptible(run: Run) -> Iterator[None]:
    """Let SIGTERM stop the run as Ctrl-C does, and stop every command on the way out."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    adopt_orphans()
    previous = signal.signal(signal.SIGTERM, stop)
    try:
        yield
        end_orphans()
    except BaseException:
        run.cancel()
        end_orphans()
        raise
    finally:
        signal.signal(signal.SIGTERM, previous)
