"""The only module that imports nox: registers sessions and hands their arguments on."""

from __future__ import annotations

import argparse
import inspect
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import nox

from release.errors import Problem, ReleaseError, UsageError
from release.model import Evidence, Gate, Level, Status
from release.registry import DISTRIBUTION, installed
from release.report.streams import shield
from release.run.processes import adopt_orphans, end_orphans
from release.text import toml

if TYPE_CHECKING:
    from release.change.situation import Request
    from release.run.checklist import Report
    from release.run.runner import Run

PROJECT_VARIABLE = "NOX_RELEASE_PROJECT"


class Sessions:
    """Registers a noxfile's sessions.

    `noxfile` is the path of the noxfile; the project it lies in is the default for `--project`.
    `gates` are gates written in Python there: each becomes a session and part of the checklist.
    No session that the noxfile has by then is replaced: ours of the same name is release_NAME.
    """

    def __init__(self, noxfile: Path, gates: Sequence[Gate] = ()) -> None:
        chosen = os.environ.get(PROJECT_VARIABLE)
        self.root = Path(chosen) if chosen else noxfile.resolve().parent
        self._extra = {gate.name: gate for gate in gates}
        # nox opens the root logger for everything, and HTTP libraries say much.
        for library in ("urllib3", "charset_normalizer"):
            logging.getLogger(library).setLevel(logging.WARNING)

    def all(self) -> None:
        """Register the whole checklist and every gate of it: all that a project's noxfile needs."""
        self.preflight("release_preflight")
        for name in ACTIONS:
            self.action(name)
        self.prove()
        for name, one in installed().items():
            if one.distribution == DISTRIBUTION:
                self.gate(name)
        self.own_gates()

    def gate(self, name: str) -> None:
        """Register the session of an installed gate."""
        self._register_gate(installed()[name].gate, installed()[name].text)

    def own_gates(self) -> None:
        """Register the gates of other distributions, of the settings, and those in Python."""
        for name, one in installed().items():
            if one.distribution != DISTRIBUTION:
                self.gate(name)
        for name, title in _own_gates(self.root).items():
            if name.isidentifier() and name not in installed():
                self._register(name, title, self._judge_one(name, title))
        for gate in self._extra.values():
            self._register_gate(gate, inspect.getdoc(gate.check) or gate.title)

    def preflight(self, name: str) -> None:
        """Register the session that judges the whole checklist."""

        def body(session: nox.Session) -> None:
            arguments = _parse(session, PREFLIGHT, _preflight_parser)
            if arguments is not None:
                with _reported(session):
                    self._preflight(session, arguments)

        self._register(name, PREFLIGHT, body)

    def action(self, name: str) -> None:
        """Register a session that changes something: bump, tag or cut."""
        text = ACTIONS[name]

        def body(session: nox.Session) -> None:
            arguments = _parse(session, text, _action_parser)
            if arguments is not None:
                with _reported(session):
                    self._act(session, name, arguments)

        self._register(name, text, body)

    def prove(self) -> None:
        """Register the session that shows of each gate that it can fail."""

        def body(session: nox.Session) -> None:
            arguments = _parse(session, PROVE, _prove_parser)
            if arguments is not None:
                with _reported(session):
                    self._prove(session, arguments)

        self._register("prove", PROVE, body)

    def _register_gate(self, gate: Gate, text: str) -> None:
        self._register(gate.name, text, self._judge_one(gate.name, text))

    def _register(self, name: str, text: str, body: Callable[[nox.Session], None]) -> None:
        if name in nox.registry.get():
            head, _, rest = text.partition("\n")
            text = f"{head.rstrip('.')} (beside {name}, which is this noxfile's own).\n{rest}"
            name = f"release_{name}"

        def shielded(session: nox.Session) -> None:
            shield()
            body(session)

        shielded.__doc__ = text
        # nox would keep environments in the repository; the runner keeps them in the user's cache.
        nox.session(name=name, venv_backend="none", default=False, allow_parallel=True)(shielded)

    def _judge_one(self, name: str, text: str = "") -> Callable[[nox.Session], None]:
        def body(session: nox.Session) -> None:
            arguments = _parse(session, text or f"Run the gate {name}.", _gate_parser)
            if arguments is not None:
                with _reported(session):
                    self._gate(session, name, arguments)

        return body

    def _gate(self, session: nox.Session, name: str, arguments: argparse.Namespace) -> None:
        from release.report.terminal import show_gate
        from release.run.checklist import checklist
        from release.run.runner import judge_with_needs

        run = self._run(session, arguments, echo=True)
        gates = checklist(run.project)
        with _interruptible(run):
            found = judge_with_needs(run, gates[name], gates)
        if run.cancelled:
            raise KeyboardInterrupt
        show_gate(found[name], [found[n] for n in found if n != name])
        status = found[name].outcome.status
        if status in {Status.FAILED, Status.UNCHECKED}:
            session.error(f"{name}: {status}")

    def _preflight(self, session: nox.Session, arguments: argparse.Namespace) -> None:
        from release.report.terminal import Progress, show_report
        from release.run.checklist import judges
        from release.run.preflight import collect, preflight

        run = self._run(session, arguments)
        print(_told(f"{run.project.name}: {judges(run.project, run.level)}"), flush=True)
        if arguments.collect is not None:
            report = collect(run, Path(session.invoked_from) / arguments.collect)
        else:
            with Progress(run.project) as progress, _interruptible(run):
                report = preflight(run, progress)
        show_report(report)
        if run.cancelled:
            raise KeyboardInterrupt
        if report.verdict != "ready":
            session.error(_told(f"{report.project} is {report.verdict}"))

    def _act(self, session: nox.Session, name: str, arguments: argparse.Namespace) -> None:
        from release.change.actions import bump, cut, tag
        from release.change.situation import Request
        from release.report.plan import remarks
        from release.report.terminal import Progress, show_report

        request = Request(
            step=arguments.step,
            subject=arguments.subject,
            notes=_text_of(getattr(arguments, "notes", None), Path(session.invoked_from)),
            push=getattr(arguments, "push", False),
        )
        if arguments.dry_run:
            self._show(session, name, arguments, request)
            return
        if getattr(arguments, "abandon", False):
            self._abandon(session, arguments)
            return
        run = self._run(session, arguments)
        reports: list[Report] = []
        try:
            with _interruptible(run):
                if name == "bump":
                    done = bump(run, request)
                elif name == "tag":
                    done = tag(run, request)
                else:
                    with Progress(run.project) as progress:
                        done = cut(run, request, progress, reports.append)
        finally:
            for report in reports:
                show_report(report)
        if run.cancelled:
            raise KeyboardInterrupt
        for line in remarks(done.remarks):
            print(_told(line))
        for line in done.said:
            print(_told(line))
        if done.report is not None and done.report.verdict != "ready":
            session.error(_told(f"{done.report.project} is {done.report.verdict}"))

    def _show(
        self, session: nox.Session, name: str, arguments: argparse.Namespace, request: Request
    ) -> None:
        """Show what an action would do."""
        from release.change.actions import dry_abandon, dry_bump, dry_cut, dry_tag
        from release.project import read_project
        from release.report.plan import render
        from release.run.cache import standing_cache

        root = _project_folder(arguments.project, Path(session.invoked_from), self.root)
        project = read_project(root, self._extra)
        tools = standing_cache()
        if getattr(arguments, "abandon", False):
            shown = "".join(f"{line}\n" for line in dry_abandon(project))
        elif name == "tag":
            shown = render(dry_tag(project, request, tools))
        else:
            shown = render((dry_cut if name == "cut" else dry_bump)(project, request, tools))
        print(_told(shown), end="")

    def _abandon(self, session: nox.Session, arguments: argparse.Namespace) -> None:
        from release.change.actions import take_back

        if arguments.step is not None:
            raise UsageError(
                Problem("--abandon takes back what is there", remedy="leave the step out")
            )
        run = self._run(session, arguments)
        with _interruptible(run):
            done = take_back(run)
        for line in done.said:
            print(_told(line))

    def _prove(self, session: nox.Session, arguments: argparse.Namespace) -> None:
        import shutil

        from release.prove.proof import Proof, Proved
        from release.prove.proving import Listener, prove
        from release.report.prove import clean_line, gate_lines, verdict_line

        width = shutil.get_terminal_size((120, 24)).columns if sys.stdout.isatty() else None
        shown: list[Proved] = []

        class Told(Listener):
            def judged(self, clean: Mapping[str, Evidence], seconds: float) -> None:
                print(_told(clean_line(clean, seconds)), flush=True)

            def shown(self, gate: Proved) -> None:
                shown.append(gate)
                for line in gate_lines(gate, width):
                    print(_told(line), flush=True)

        run = self._run(session, arguments)
        try:
            with _interruptible(run):
                proofs = prove(run, arguments.gates, Told())
        except KeyboardInterrupt:
            number = sum(gate.proof is Proof.PROVED for gate in shown)
            print(f"\ninterrupted: {number} of {len(shown)} gates shown are proved", flush=True)
            raise
        print(f"\n{_told(verdict_line(proofs))}", flush=True)
        if not proofs.whole:
            session.error("not every gate is proved")

    def _run(
        self, session: nox.Session, arguments: argparse.Namespace, *, echo: bool = False
    ) -> Run:
        from release.project import read_project
        from release.report import pages
        from release.run.cache import find_cache
        from release.run.runner import Run
        from release.run.store import Store

        root = _project_folder(arguments.project, Path(session.invoked_from), self.root)
        project = read_project(root, self._extra)
        store = Store(project.root)
        cache, remark = find_cache(project.git.top if project.git else project.root)
        if remark is not None:
            print(remark, file=sys.stderr)
        return Run(
            project=project,
            store=store,
            cache=cache,
            level=Level(arguments.level) if getattr(arguments, "level", None) else None,
            fresh=getattr(arguments, "fresh", False),
            echo=echo,
            pages=pages,
        )


PREFLIGHT = """Judge the whole checklist, in parallel, and say whether this commit can be released.

Every gate leaves its evidence in .release/; a pass is reused while nothing that the gate reads has
changed. Writes .release/preflight.json, .md and .html.
"""


PROVE = """Show of each gate that it can fail: plant its defects in throwaway copies.

The commit is cloned into a scratch folder and judged as it is; evidence that still counts stands in
for that. Then each gate's defects are planted in copies of their own, in a commit like the last
one, and the gate must fail and name them, with a finding that the clean copy does not have. GATE
chooses some gates. Of the repository only .release/ is written; uncommitted changes are left out.

Of a gate made of the project's own commands one defect that it sees is enough, and a copy with a
harmless commit must pass it. What it must see nobody else knows: say it by commands that break a
copy, as broken = ["..."] in [tool.release.gates.NAME].

Shows a line for each defect: proved; CANNOT FAIL, where the gate passes all the same; NOT SHOWN,
where it fails already, fails for another reason or cannot be judged; and not applicable, such as
where there is nothing to plant it in. What was planted and run without a proof is kept in
.release/logs/prove-GATE.log. Gates that ask the outside are led to stand-ins on this machine.

Ends with exit status 0 when every gate that applies was proved; one that is required only in CI may
be left to CI, as in release_preflight, and those with required = "never" do not count.
"""

ACTIONS = {
    "bump": """Change every file of a release in one commit, all of it or nothing.

Edits the version places, the changelog, CITATION.cff, .zenodo.json, SECURITY.md and README badges
in a linked worktree, lets bump-my-version and the project's own commands (tool.release.bump.run)
work there, judges the documents there and commits there, with the project's hooks and signing. Only
then the branch, the index and the files change, in one step that a kill cannot halve. Nothing is
pushed. STEP is patch, minor, major, rc (the first or next candidate), final, or a version.
""",
    "tag": """Tag this commit as a release, and push branch and tag together.

Makes an annotated tag (signed where settings or git say so), only on a commit whose evidence from
release_preflight is complete for exactly its tree, and pushes it together with the branch by git
push --atomic. If the remote moved, nothing changes. Run again, it goes on where it was cut short.
STEP is the version, only where the files do not say it.
""",
    "cut": """Make a whole release: bump, the checklist on exactly that commit, tag, push.

The commit is made and judged in a linked worktree; branch, tag and files change in one step when
the checklist is ready, and are pushed together. It stops at the first thing that is not ready and
leaves the commit in .release/candidate for a look. Run again, it goes on from what the repository
shows. A release that was made here and that no remote has is taken back by --abandon: tag, commit
and edits. STEP is patch, minor, major, rc, final, or a version.
""",
}


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
        raise UsageError(Problem(message, remedy=self.format_usage().strip()))


def _parser(name: str, text: str, verb: str) -> argparse.ArgumentParser:
    """What every session takes; `verb` is what it does to the project."""
    parser = _Parser(
        prog=f"nox -s {name} --",
        description=text,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
        allow_abbrev=False,
    )
    parser.add_argument("--help", "-h", action="store_true", help="show this and do nothing")
    parser.add_argument(
        "--project", type=Path, metavar="PATH", help=f"{verb} that repository instead of this one"
    )
    return parser


def _gate_parser(name: str, text: str) -> argparse.ArgumentParser:
    parser = _parser(name, text, "judge")
    parser.add_argument(
        "--fresh", action="store_true", help="judge anew even where evidence is still fresh"
    )
    return parser


def _action_parser(name: str, text: str) -> argparse.ArgumentParser:
    parser = _parser(name, text, "change")
    steps = "patch, minor, major, rc, final or a version"
    parser.add_argument("step", nargs="?", metavar="STEP", help=steps)
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="show the plan, diff and commands, tried out in a throwaway copy; change nothing",
    )
    parser.add_argument(
        "--subject", metavar="TEXT", help="what the release is, for {subject} in its texts"
    )
    if name != "tag":
        parser.add_argument(
            "--notes",
            type=Path,
            metavar="FILE",
            help="Markdown for the changelog's section: bullets below ### Added, ### Fixed, …",
        )
    if name == "cut":
        parser.add_argument(
            "--abandon",
            action="store_true",
            help="take back a release that was made here and that no remote has",
        )
    if name == "bump":
        parser.add_argument("--push", action="store_true", help="push the pull request's branch")
    return parser


def _prove_parser(name: str, text: str) -> argparse.ArgumentParser:
    parser = _parser(name, text, "prove")
    parser.add_argument(
        "gates", nargs="*", metavar="GATE", help="the gates to prove; all unless given"
    )
    return parser


def _text_of(path: Path | None, invoked_from: Path) -> str | None:
    """The text of a file that was named on the command line."""
    if path is None:
        return None
    try:
        return (invoked_from / path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            Problem(f"cannot be read: {error}", str(path), remedy="give a Markdown file in UTF-8")
        ) from None


def _told(text: str) -> str:
    from release.text.escaping import terminal
    from release.text.masking import Mask

    return terminal(Mask()(text))


def _preflight_parser(name: str, text: str) -> argparse.ArgumentParser:
    parser = _gate_parser(name, text)
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
    return parser


def _parse(
    session: nox.Session,
    text: str,
    make: Callable[[str, str], argparse.ArgumentParser],
) -> argparse.Namespace | None:
    """The session's arguments; None when help was asked for and shown."""
    parser = make(session.name, text)
    try:
        arguments = parser.parse_args(session.posargs)
    except UsageError as error:
        _complain(session, error)
    if arguments.help:
        print(parser.format_help(), end="")
        return None
    return arguments


def _project_folder(given: Path | None, invoked_from: Path, default: Path) -> Path:
    return (invoked_from / given) if given is not None else default


@contextmanager
def _reported(session: nox.Session) -> Iterator[None]:
    """Turn a user's mistake into a message; anything else keeps its traceback."""
    try:
        yield
    except ReleaseError as error:
        _complain(session, error)


def _complain(session: nox.Session, error: ReleaseError) -> NoReturn:
    print(_told(str(error)), file=sys.stderr)
    count = len(error.problems)
    session.error("1 problem" if count == 1 else f"{count} problems")


@contextmanager
def _interruptible(run: Run) -> Iterator[None]:
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
