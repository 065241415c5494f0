"""The only module that imports nox: registers sessions and hands their arguments on."""

from __future__ import annotations

import argparse
import inspect
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import nox

from release import actions
from release.actions import Call, Stopped, told
from release.errors import ReleaseError, UsageError
from release.model import Gate
from release.registry import ACTIONS, installed
from release.report.streams import shield
from release.text import toml
from release.text.commands import CALLER, as_called


class Sessions:
    """Registers a noxfile's sessions.

    `noxfile` is the path of the noxfile; the project it lies in is the default for `--project`.
    `gates` are gates written in Python there: each becomes a session and part of the checklist.
    No session that the noxfile has by then is replaced: ours of the same name is release_NAME.
    """

    def __init__(self, noxfile: Path | str, gates: Sequence[Gate] = ()) -> None:
        self.root = CALLER.project or Path(noxfile).resolve().parent
        self._extra = {gate.name: gate for gate in gates}
        self._gates: set[str] = set()
        # nox opens the root logger for everything, and libraries say much.
        for library in ("urllib3", "charset_normalizer", "markdown_it"):
            logging.getLogger(library).setLevel(logging.WARNING)

    def all(self, *, default: str | None = None) -> None:
        """Register the whole checklist and every gate of it: all that a project's noxfile needs.

        `default` is the session that nox runs where none is named.
        """
        if default is not None:
            nox.options.sessions = [default]
        for name in ACTIONS:
            self.action(name)
        self.own_gates()

    def gate(self, name: str) -> None:
        """Register the session of an installed gate."""
        self._gates.add(name)
        self._register_gate(installed()[name].gate, installed()[name].text)

    def own_gates(self) -> None:
        """Register each installed gate that has no session yet, and those of the project."""
        for name in [name for name in installed() if name not in self._gates]:
            self.gate(name)
        for name, title in _own_gates(self.root).items():
            if name.isidentifier() and name not in installed():
                self._register(name, title, "one_gate")
        for gate in self._extra.values():
            self._register_gate(gate, inspect.getdoc(gate.check) or gate.title)

    def action(self, name: str) -> None:
        """Register the session of an action: release_preflight, bump, tag, cut, prove."""
        text = actions.text_of(name)
        self._register(name, text, name)

    def _register_gate(self, gate: Gate, text: str) -> None:
        self._register(gate.name, text, "one_gate")

    def _register(self, name: str, text: str, action: str) -> None:
        """The session NAME, which does an action; that is imported only then."""
        called, told = name, text
        if name in nox.registry.get():
            head, _, rest = text.partition("\n")
            told = f"{head.rstrip('.')} (beside {name}, which is this noxfile's own).\n{rest}"
            called = f"release_{name}"

        def body(session: nox.Session) -> None:
            shield()
            CALLER.began = True
            found = actions.find(action)
            call = self._call(session, name, text, found.arguments)
            if call is not None:
                with _reported(session):
                    found.run(call)

        body.__doc__ = told
        # nox would keep environments in the repository; the runner keeps them in the user's cache.
        nox.session(name=called, venv_backend="none", default=False, allow_parallel=True)(body)

    def _call(
        self,
        session: nox.Session,
        name: str,
        text: str,
        arguments: Callable[[argparse.ArgumentParser], None],
    ) -> Call | None:
        """What was typed after `--`; None when help was asked for and shown."""
        parser = _parser(session.name, text)
        arguments(parser)
        try:
            parsed = parser.parse_args(session.posargs)
        except UsageError as error:
            _complain(session, error)
        if parsed.help:
            print(parser.format_help(), end="")
            return None
        folder = Path(session.invoked_from)
        root = folder / parsed.project if parsed.project is not None else self.root
        return Call(name, parsed, root, folder, self._extra, CALLER.project is not None)


def run_nox(arguments: Sequence[str]) -> int:
    """Run nox with a command line in this process; returns its exit status."""
    sys.argv = ["nox", *arguments]
    try:
        nox.main()
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else int(done.code is not None)
    return 0


def _own_gates(root: Path) -> dict[str, str]:
    """The names of the gates in a project's settings, and what to say of each."""
    try:
        data = toml.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
        gates = data["tool"]["release"]["gates"]
        return {
            name: str(table.get("title") or f"Run the project's own gate {name}.")
            for name, table in gates.items()
            if isinstance(table, dict) and "run" in table
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}  # read_project names the fault when a session runs


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError.of(message, remedy=self.format_usage().strip())


def _parser(name: str, text: str) -> argparse.ArgumentParser:
    """What every session takes."""
    parser = _Parser(
        prog=as_called(f"nox -s {name} --"),
        description=text,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
        allow_abbrev=False,
    )
    parser.add_argument("--help", "-h", action="store_true", help="show this and do nothing")
    parser.add_argument(
        "--project", type=Path, metavar="PATH", help="take that repository instead of this one"
    )
    return parser


@contextmanager
def _reported(session: nox.Session) -> Iterator[None]:
    """Turn a user's mistake into a message; anything else keeps its traceback."""
    try:
        yield
    except ReleaseError as error:
        _complain(session, error)
    except Stopped as stopped:
        session.error(told(as_called(str(stopped))))


def _complain(session: nox.Session, error: ReleaseError) -> NoReturn:
    print(told(as_called(str(error))), file=sys.stderr)
    count = len(error.problems)
    session.error("1 problem" if count == 1 else f"{count} problems")
