"""Imports what a wheel installed. Run by the Python that has the wheel, never imported.

It runs on whatever Python the project supports, with the standard library alone. Arguments: the
file to write, the seconds that one import may take, and JSON with `modules` to import, the
`distribution`, and the `main` module whose version is asked for. What happens is written as one
JSON object a line, before and after each step, so that a crash shows where it was.
"""

from __future__ import annotations

import faulthandler
import importlib
import importlib.metadata
import json
import os
import socket
import sys
import traceback
from collections.abc import Callable, Iterable
from types import FrameType

HERE = {"localhost", "127.0.0.1", "::1", "0.0.0.0", "", "None", socket.gethostname()}  # noqa: S104
NAMING = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}
SENDING = {"socket.connect", "socket.sendto"}


class Probe:
    """Does steps one after the other, writes down how each went, and refuses the network."""

    def __init__(self, path: str, limit: float) -> None:
        self.file = open(path, "w", encoding="utf-8")  # noqa: SIM115
        self.limit = limit
        self.step = ""

    def say(self, event: str, **details: object) -> None:
        self.file.write(json.dumps({"step": self.step, "event": event, **details}) + "\n")
        self.file.flush()

    def run(self, step: str, work: Callable[[], object]) -> None:
        """Do one step, ended by force when it takes too long."""
        self.step = step
        self.say("begin")
        faulthandler.dump_traceback_later(self.limit, exit=True)
        try:
            value = work()
        except BaseException as error:
            traceback.print_exc()
            self.say("error", **explain(error))
        else:
            self.say("end", value=value if isinstance(value, str) else None)
        finally:
            faulthandler.cancel_dump_traceback_later()

    def hear(self, event: str, arguments: tuple[object, ...]) -> None:
        """An audit hook: refuse what would leave this machine, and note who tried."""
        if event in NAMING:
            host = arguments[0]
        elif event in SENDING and isinstance(arguments[1], tuple):
            host = arguments[1][0]
        else:
            return
        name = host.decode("utf-8", "replace") if isinstance(host, bytes) else str(host)
        if name in HERE:
            return
        self.say("network", value=name, place=place(traceback.walk_stack(sys._getframe(1))))  # noqa: SLF001
        raise OSError("there is no network while a wheel's import is checked")


def explain(error: BaseException) -> dict[str, object]:
    """What an exception says, the module that was missing, and the last installed line of it."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ModuleNotFoundError):
        cause = cause.__cause__ or cause.__context__
    frames = list(traceback.walk_tb(error.__traceback__))
    return {
        "type": type(error).__name__,
        "message": str(error)[:500],
        "missing": cause.name if isinstance(cause, ModuleNotFoundError) else None,
        "place": place(reversed(frames)),
    }


def place(frames: Iterable[tuple[FrameType, int]]) -> str:
    """The first line, innermost first, of something installed: FILE:LINE below site-packages."""
    for frame, line in frames:
        parts = frame.f_code.co_filename.replace("\\", "/").rpartition("/site-packages/")
        if parts[1]:
            return f"{parts[2]}:{line}"
    return ""


def main(path: str, limit: str, request: str) -> None:
    probe = Probe(path, float(limit))
    asked = json.loads(request)
    found = importlib.metadata.distribution(asked["distribution"])
    probe.run("metadata", lambda: found.version)
    sys.addaudithook(probe.hear)
    for name in asked["modules"]:
        probe.run(f"import {name}", lambda name=name: importlib.import_module(name))  # type: ignore[misc]
    module = sys.modules.get(asked["main"])
    if module is not None:
        probe.run("version", lambda: getattr(module, "__version__", None))
    for entry in found.entry_points:
        command = entry.group in ("console_scripts", "gui_scripts")
        probe.step = f"script {entry.name}" if command else f"entry {entry.name} of {entry.group}"
        if getattr(entry, "extras", None):
            probe.say("extras", value=", ".join(entry.extras))
        else:
            probe.run(probe.step, entry.load)
    probe.step = "all"
    probe.say("end")


if __name__ == "__main__":
    main(*sys.argv[1:])
    # Threads that an import started must not keep the answer waiting.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
