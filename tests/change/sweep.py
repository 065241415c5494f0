"""Kills and breaks bump, tag and cut everywhere, for as long as it may: the slow tests' long form.

    python -m tests.change.sweep TOOLS --seconds 600 --seed 1

After each run the state must be the old or the new one, or one that git itself shows as under
way; and the next run must end in the new one, with no lock, worktree or record left. Prints the
number of runs of each kind, and every violation.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.change.killing import CALLS, MARK
from tests.change.test_kills import (
    HOW,
    STEPS,
    Killer,
    leftovers,
    prepared,
    settled,
    shown,
    state,
)
from tests.support import GIT_ENVIRONMENT, commit, git, write

# How many such calls git makes in each at most.
MADE = {"update-index": 90, "commit": 150, "worktree": 120, "add": 90}
PUSHED = {"update-ref": 120, "push": 110}
COMMANDS = {"bump": {**MADE, "update-ref": 120}, "tag": PUSHED, "cut": {**MADE, **PUSHED}}
SHIM = f"""\
#!{sys.executable} -IS
import json, os, subprocess, sys
sys.path.insert(0, {str(Path(__file__).resolve().parents[2])!r})
real, plan = {shutil.which("git")!r}, os.environ.get("SWEEP_PLAN", "")
command = [real, *sys.argv[1:]]
try:
    with open(plan) as file:
        asked = json.load(file)
    if asked["command"] not in sys.argv:
        raise OSError
    os.unlink(plan)
except (OSError, ValueError):
    os.execv(real, command)
fault = asked["fault"] if asked["fault"].startswith("error") else "signal=SIGKILL"
inject = f"inject={CALLS}:{{fault}}:when={{asked['at']}}"
words = ["strace", "-qq", "-o", "/dev/null", "-e", "trace={CALLS}", "-e", inject]
status = subprocess.call([*words, *command])
if status:
    open(plan + ".hit", "w").close()
if asked["fault"] == "everything" and status < 0 or status > 128:
    from pathlib import Path
    wanted = b"{MARK}=" + os.environ["{MARK}"].encode()
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and wanted in (entry / "environ").read_bytes().split(b"\\0"):
                if int(entry.name) != os.getpid():
                    os.kill(int(entry.name), 9)
        except OSError:
            pass
    os.kill(os.getppid(), 9)
if status < 0:
    os.kill(os.getpid(), -status)
sys.exit(status)
"""


class Sweep:
    def __init__(self, tools: Path, folder: Path, seed: int) -> None:
        self.folder = folder
        self.random = random.Random(seed)  # noqa: S311
        self.plan = folder / "plan.json"
        shim = folder / "bin/git"
        shim.parent.mkdir()
        shim.write_text(SHIM)
        shim.chmod(0o755)
        # One environment for all of it: evidence counts only where it was gathered.
        os.environ["SWEEP_PLAN"] = str(self.plan)
        os.environ["PATH"] = f"{shim.parent}{os.pathsep}{os.environ['PATH']}"
        self.killer = Killer(tools)
        self.start: dict[str, Path] = {}
        self.old: dict[str, dict[str, Any]] = {}
        self.new: dict[str, dict[str, Any]] = {}
        self.events: dict[str, int] = {}
        self.runs: collections.Counter[str] = collections.Counter()
        self.violations: list[str] = []
        for action in STEPS:
            start = prepared(self.killer, folder / f"start-{action}", action)
            self.start[action], self.old[action] = start, state(start)
            root = self.copy(action)
            whole = self.killer(root, action)
            assert whole["status"] == 0, whole
            self.new[action], self.events[action] = state(root), whole["events"]
            assert not leftovers(root), leftovers(root)

    def copy(self, action: str) -> Path:
        place = self.folder / "run"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self.start[action].parent, place, symlinks=True)
        return place / "thing"

    def judge(self, kind: str, what: str, action: str, root: Path, first: dict[str, Any]) -> None:
        self.runs[kind] += 1
        old, new = self.old[action], self.new[action]
        now = state(root)
        between = {**new, "remote": old["remote"]}
        if now not in (old, between, new) and not shown(root, old, new):
            self.violation(f"{what}: mixed: {git(root, 'status')}")
        if first["status"] == 2:
            self.violation(f"{what}: traceback: {first['said']}")
        again = self.killer(root, action)
        if again["status"] != 0:
            self.violation(f"{what}: the next run: {again['said']}; first {first}")
        elif state(root) != new:
            self.violation(f"{what}: the next run ended elsewhere")
        elif left := leftovers(root):
            self.violation(f"{what}: left {left}")

    def violation(self, text: str) -> None:
        self.violations.append(text)
        print("VIOLATION", text, flush=True)

    def event(self, action: str, at: int, how: str) -> None:
        root = self.copy(action)
        first = self.killer(root, action, at, how=how)
        if how != "everything":
            settled(root)
        self.judge(f"event {how}", f"{action} event {at} {how}", action, root, first)

    def switching(self, action: str, at: int, how: str) -> None:
        root = self.copy(action)
        both = how != "process"
        first = self.killer(root, action, switch_at=at, both=both, how=how)
        self.judge(f"switch {how}", f"{action} switch {at} {how}", action, root, first)

    def call(self, action: str, command: str, at: int, fault: str) -> bool:
        root = self.copy(action)
        self.plan.write_text(json.dumps({"command": command, "at": at, "fault": fault}))
        first = self.killer(root, action)
        used = not self.plan.exists()
        self.plan.unlink(missing_ok=True)
        if used:
            hit = Path(f"{self.plan}.hit")
            fault = fault if hit.exists() else f"{fault} without effect"
            hit.unlink(missing_ok=True)
            what = f"{action} git {command} call {at} {fault}"
            self.judge(f"git {fault}", what, action, root, first)
        return used

    def failing(self, action: str, fault: str) -> None:
        """The process that makes the release visible meets errors, once or from there on."""
        root = self.copy(action)
        first = self.killer(root, action, switch_fault=fault)
        kind = f"switch {fault.partition(':')[0]}"
        self.judge(kind, f"{action} switch {fault}", action, root, first)

    def timed(self, action: str, seconds: float) -> None:
        root = self.copy(action)
        asked = {"root": str(root), "tools": str(self.killer.tools), "action": action, "at": 0}
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.change.killing"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env={**os.environ, **GIT_ENVIRONMENT, MARK: f"timed-{time.time_ns()}"},
        )
        assert process.stdin is not None
        process.stdin.write((json.dumps(asked | {"step": STEPS[action]}) + "\n").encode())
        process.stdin.flush()
        time.sleep(seconds)
        for child in subprocess.run(
            ["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=False
        ).stdout.split():
            os.killpg(int(child), signal.SIGKILL)
        process.kill()
        process.communicate()
        settled(root)
        self.judge("random", f"{action} killed after {seconds:.3f} s", action, root, {"status": 0})

    def moving(self, at: int) -> None:
        """The remote moves during the push, and the run is killed."""
        root = self.copy("cut")
        other = root.parent / "other"
        git(root.parent, "clone", "--quiet", str(root.parent / "thing.git"), str(other))
        write(other, {"others.txt": "x"})
        commit(other, "Somebody else")
        hook = root / ".git/hooks/pre-push"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(
            f"#!/bin/sh\nenv -i PATH=\"$PATH\" git -C '{other}' push -q origin HEAD:main\n"
        )
        hook.chmod(0o755)
        self.killer(root, "cut", at, how="everything")
        hook.unlink()
        self.runs["a remote that moves"] += 1
        there = git(root, "ls-remote", "origin")
        if "v1.3.0" in there and git(other, "rev-parse", "HEAD") in there:
            self.violation(f"moving {at}: the remote has half of it: {there}")
        again = self.killer(root, "cut")
        words = ("behind", "diverged", "moved on", "does not have it", "released")
        if again["status"] != 0 and not any(word in again["said"] for word in words):
            self.violation(f"moving {at}: {again}")

    def cases(self) -> Iterator[None]:
        pick = self.random
        kinds: list[Callable[[str], None]]
        kinds = [self._events, self._switches, self._calls, self._failing]
        kinds += [self._timed, self._moving]
        weights = [4, 3, 6, 4, 1, 1]
        while True:
            action = pick.choice(list(STEPS))
            pick.choices(kinds, weights)[0](action)
            yield

    def _events(self, action: str) -> None:
        self.event(action, self.random.randint(1, self.events[action]), self.random.choice(HOW))

    def _switches(self, action: str) -> None:
        self.switching(action, self.random.randint(1, 34), self.random.choice(HOW))

    def _calls(self, action: str) -> None:
        faults = ("alone", "everything", "error=EIO", "error=ENOSPC")
        command, most = self.random.choice(list(COMMANDS[action].items()))
        self.call(action, command, self.random.randint(1, most), self.random.choice(faults))

    def _failing(self, action: str) -> None:
        error, more = self.random.choice(("EIO", "ENOSPC")), self.random.choice(("", "+"))
        self.failing(action, f"error={error}:when={self.random.randint(40, 240)}{more}")

    def _timed(self, action: str) -> None:
        self.timed(action, self.random.uniform(0.5, 4.0))

    def _moving(self, _action: str) -> None:
        self.moving(self.random.randint(self.events["cut"] * 2 // 3, self.events["cut"] + 1))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("tools", type=Path)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sweep = Sweep(asked.tools, Path(folder), asked.seed)
        deadline = time.monotonic() + asked.seconds
        for _ in sweep.cases():
            if time.monotonic() > deadline:
                break
        print(json.dumps(sweep.runs), sum(sweep.runs.values()), len(sweep.violations), "violations")
    sys.exit(bool(sweep.violations))


if __name__ == "__main__":
    main()
