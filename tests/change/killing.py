"""Runs an action in a fork of a warm process, and kills it at the K-th thing that it does.

A line of JSON on standard input asks for one run: {"root": …, "action": "bump", "step": "minor",
"at": K}. `at` counts audit events (PEP 578) that touch the outside: files written, links,
processes, locks; at the K-th one the process kills itself with SIGKILL, before it does it. 0 never
does. `how` is what dies there: the "process", its "group" with what it started, or "everything"
that bears this run's mark. `switch_at` counts the same in the process that makes the release
visible instead, and with `both` its parent dies with it. The action "typed" is what "words" say, as
they are typed; "look" says how the release of "version" stands. The answer is a line {"status": …,
"events": …, "said": …}. `switch_fault` is what strace injects into that process and its git.

A run that is not killed also answers the "steps": the numbers of those events that find a file
written, made or gone since the one before. A kill at any other finds what an earlier one found.
With `switch_at` 0 it answers the "switch_steps" likewise.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import release.actions.adopt
import release.change.mentions
import release.change.other_lists
import release.change.own_entries
import release.change.releasing
import release.change.version_places
import release.change.version_table
import release.gates.documents.badges
import release.gates.documents.citation
import release.gates.documents.security_policy
import release.gates.documents.zenodo
import release.registry
import release.report.terminal
import release.run.installed
import release.text.changelog
from release import actions
from release.change import _switch
from release.change.releasing import Done, bump, cut, tag
from release.change.situation import Request
from release.errors import ReleaseError
from release.observe.housekeeping import look
from release.project import read_project
from release.run.preflight import preflight
from release.run.runner import Run
from release.run.store import Store
from tests import editor

# Processes started, files written, renamed, linked and removed, locks taken; not what only reads.
OUTSIDE = frozenset(
    ["subprocess.Popen", "os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "os.chmod",
     "os.utime", "os.symlink", "os.truncate", "os.kill", "os.killpg", "fcntl.flock"]
)  # fmt: skip
CALLS = "openat,rename,unlink,link,write,fsync,mkdir,rmdir"
MARK = "NOX_RELEASE_KILLED"
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
release.registry.installed()


class Silent:
    def started(self, gate: object) -> None: ...
    def ended(self, evidence: object) -> None: ...


class Counter:
    """Counts what this process does, and kills it when it is time."""

    def __init__(self, at: int, how: str, folder: Path) -> None:
        self.at = at
        self.how = how
        self.folder = folder
        self.seen = 0
        self.steps: list[int] = []
        self.switch_steps: list[int] = []
        self.active = False
        self._found: list[tuple[object, ...]] = []

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            flags = arguments[2]
            counts = isinstance(flags, int) and bool(flags & WRITING)
        else:
            counts = event in OUTSIDE
        if not self.active or not counts:
            return
        self.seen += 1
        if self.at == 0:
            self._compare()
        if self.seen == self.at:
            self.active = False
            if self.how == "everything":
                kill_marked(os.environ[MARK])
            if self.how == "group":
                os.killpg(os.getpgrp(), signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)

    def _compare(self) -> None:
        """Note this event if the folder is not as it was at the one before; logs decide nothing."""
        active, self.active = self.active, False
        found = list(entries(self.folder))
        if found != self._found:
            self.steps.append(self.seen)
        self._found, self.active = found, active

    def unseen(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function during which nothing counts: it stands in for a process of its own."""

        def called(*arguments: object) -> object:
            active, self.active = self.active, False
            try:
                return function(*arguments)
            finally:
                self.active = active

        return called


def entries(folder: Path) -> Iterator[tuple[object, ...]]:
    """Every file and folder below a folder, with what tells that it was changed."""
    for base, folders, files in os.walk(folder):
        if base.endswith("/.release"):
            folders[:] = [name for name in folders if name != "logs"]
        folders.sort()
        yield base, *folders
        for name in sorted(files):
            with contextlib.suppress(OSError):
                known = os.lstat(os.path.join(base, name))
                yield base, name, known.st_mode, known.st_ino, known.st_size, known.st_mtime_ns


def kill_marked(mark: str) -> None:
    """Kill every process that was started with the mark in its environment."""
    wanted = f"{MARK}={mark}".encode()
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and wanted in (entry / "environ").read_bytes().split(b"\0"):
                os.kill(int(entry.name), signal.SIGKILL)


def killed_switch(asked: dict[str, Any], events: Counter) -> Callable[[Path], str]:
    """In place of the process that makes a release visible: a fork that is killed on its way."""

    def spawn(folder: Path) -> str:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            events.at, events.seen, events.steps = asked["switch_at"], 0, []
            events.active = True
            _switch.main(folder)
            events.active = False
            os.write(writing, json.dumps(events.steps).encode())
            os._exit(0)
        os.close(writing)
        _, status = os.waitpid(child, 0)
        with os.fdopen(reading, "rb") as answer:
            events.switch_steps = json.loads(answer.read() or b"[]")
        if os.waitstatus_to_exitcode(status) < 0 and asked["both"]:
            if events.how == "everything":
                kill_marked(os.environ[MARK])
            os.kill(os.getpid(), signal.SIGKILL)
        return "killed"

    return spawn


def broken_switch(fault: str) -> Callable[[Path], str]:
    """In place of the process that makes a release visible: one whose system calls fail."""

    def spawn(folder: Path) -> str:
        words = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={CALLS}"]
        words += ["-e", f"inject={CALLS}:{fault}"]
        program = [sys.executable, "-I", "-S", "-B", str(_switch.__file__), str(folder)]
        done = subprocess.run([*words, *program], capture_output=True, check=False)
        return f"exit status {done.returncode}"

    return spawn


def do(asked: dict[str, Any], counter: Counter) -> Done:
    """What was asked; the counter counts from when the project is read."""
    root = Path(asked["root"])
    if asked["action"] == "typed":
        return typed(root, asked, counter)
    project = read_project(root)
    if asked["action"] == "look":
        standing, _ = look(project, asked["version"])
        states = asdict(standing.observation.states())
        return Done((json.dumps({name: str(said) for name, said in states.items()}),))
    run = Run(project, Store(root), Path(asked["tools"]))
    request = Request(asked["step"])
    counter.active = True
    if asked["action"] == "bump":
        return bump(run, request)
    if asked["action"] == "tag":
        return tag(run, request)
    if asked["action"] == "judge":
        return Done((), report=preflight(run, Silent()))
    return cut(run, request, Silent())


def typed(root: Path, asked: dict[str, Any], counter: Counter) -> Done:
    """Run an action as a session does; adoption judges nothing afterwards."""
    name, *words = asked["words"]
    parser = argparse.ArgumentParser()
    action = actions.find(name)
    action.arguments(parser)
    parser.set_defaults(project=None)
    os.environ.update(asked.get("environ", {}), NOX_RELEASE_CACHE=asked["tools"])
    vars(actions.adopt)["_judge"] = lambda *_: None
    call = actions.Call(name, parser.parse_args(words), root, root)
    with contextlib.redirect_stdout(io.StringIO()) as said:
        counter.active = True
        try:
            action.run(call)
        finally:
            counter.active = False
    return Done((said.getvalue(),))


def run_once(asked: dict[str, Any], report: int) -> None:
    """Do what was asked, in a child of this process, and report what came of it."""
    counter = Counter(asked["at"], asked.get("how", "process"), Path(asked["root"]).parent)
    os.environ[MARK] = f"{os.getpid()}-{time.time_ns()}"
    sys.addaudithook(counter)
    said, status = "", 0
    vars(release.change.releasing)["bump_my_version"] = lambda _shell: counter.unseen(editor.edit)
    if "switch_at" in asked:
        vars(release.change.switch)["_spawn"] = killed_switch(asked, counter)
    if asked.get("switch_fault"):
        vars(release.change.switch)["_spawn"] = broken_switch(asked["switch_fault"])
    try:
        done = do(asked, counter)
        counter.active = False
        said = "; ".join(done.said)
        status = int(done.report is not None and done.report.verdict != "ready")
    except ReleaseError as error:
        counter.active = False
        said, status = str(error), 1
    except BaseException:
        counter.active = False
        said, status = traceback.format_exc(), 2
    told = {"said": said, "events": counter.seen, "steps": counter.steps}
    told["switch_steps"] = counter.switch_steps
    os.write(report, json.dumps(told).encode())
    os._exit(status)


def main() -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            with contextlib.suppress(OSError):
                os.setsid()
            run_once(asked, writing)
        os.close(writing)
        with os.fdopen(reading, "rb") as answer:
            found = answer.read()
        _, status = os.waitpid(child, 0)
        result = json.loads(found) if found else {"said": "", "events": 0}
        result["status"] = os.waitstatus_to_exitcode(status)
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
