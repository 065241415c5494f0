"""What a gate may do to the outside: run tools in isolation, and write below `.release/`."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from release.errors import CannotCheck, ReleaseError
from release.model import Artifact, Evidence, Finding, Gate, Level
from release.run.environments import Environment, ensure_tools, seen, tools_name
from release.run.processes import PARSER_MEMORY, Completed, Log, Processes, locked
from release.run.store import artifact_of
from release.text import yaml

BYTECODE = "pycache"


@dataclass(eq=False, kw_only=True)
class Shell:
    """One gate's hands.

    `folder` is the project's `.release/`, `environments` the folder of those that hold its code,
    `cache` that of the tools that all projects share; `timeout` is in seconds; `needed` holds the
    evidence of the gates it needs; `level` is the kind of release. Everything it runs is recorded
    in `commands` and logged; relative paths are resolved against the project's root.
    """

    gate: Gate
    root: Path
    folder: Path
    environments: Path
    cache: Path
    timeout: float
    processes: Processes
    log: Log
    needed: Mapping[str, Evidence]
    level: Level | None
    now: datetime
    commands: list[tuple[str, ...]] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    _tools: Environment | None = None
    _work: Path | None = None

    def __post_init__(self) -> None:
        self._deadline = time.monotonic() + self.timeout

    @property
    def today(self) -> date:
        """The one date (in UTC) that the whole run goes by."""
        return self.now.astimezone(UTC).date()

    @property
    def tools(self) -> Environment:
        """The gate's isolated environment with its locked tools."""
        if self._tools is None:
            path = self.cache / "tools" / tools_name(self.gate)
            path.parent.mkdir(parents=True, exist_ok=True)
            with self.lock(path.with_name(f".{path.name}.lock")):
                self._tools = ensure_tools(self.gate, path, self.run_plain)
            self.versions |= self._tools.versions_of(self.gate.tools)
        return self._tools

    @property
    def work(self) -> Path:
        """A scratch folder outside the repository, removed when the gate ends."""
        if self._work is None:
            self._work = Path(tempfile.mkdtemp(prefix=f"nox-release-{self.gate.name}-")).resolve()
        return self._work

    def run(
        self,
        *command: str | Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        inside: Environment | None = None,
        timeout: float | None = None,
        memory: int | None = None,
    ) -> Completed:
        """Run a command, without a shell and without input.

        `inside` is the environment whose variables it sees (the gate's tools unless given), `env`
        is added to them, `timeout` is in seconds (the gate's own limit unless given), `memory` in
        bytes (most of the machine's unless given). Returns how it ended, whatever its status;
        raises CannotCheck when it cannot be started, or took too long or too much.
        """
        words = tuple(str(word) for word in command)
        variables = self._variables() if inside is None else self._inside(inside)
        self.commands.append(words)
        return self.processes.run(
            words,
            cwd=cwd or self.root,
            env={**variables, **(env or {})},
            timeout=min(timeout or self.timeout, self.remaining),
            limit=timeout or self.timeout,
            memory=memory,
            log=self.log,
        )

    def screen(self, path: Path) -> None:
        """Raises ReleaseError for a file of YAML that no tool should be given, or could read."""
        try:
            yaml.check(path.read_text(encoding="utf-8-sig"))
        except yaml.Malformed as error:
            problem = Finding(str(error), path.name, error.line, "correct it there")
            raise ReleaseError(problem) from None
        except OSError as error:
            raise CannotCheck(f"{path.name}: {error.strerror}", "make it readable") from None

    def answer(
        self,
        program: Path,
        *given: str | Path,
        asked: object = None,
        env: Mapping[str, str] | None = None,
        inside: Environment | None = None,
        timeout: float | None = None,
        memory: int | None = PARSER_MEMORY,
    ) -> tuple[Any, str]:
        """What a script of this package says, run by the Python of the gate's tools, and its last
        line.

        What it is `asked` is JSON in a file that is its first argument. It writes JSON to the file
        that is its last one: what it prints is kept in part only. The answer is None where it fails
        or writes something else.
        """
        if asked is not None:
            request = self.work / f"{program.stem}.request"
            request.write_text(json.dumps(asked), encoding="utf-8")
            given = (request, *given)
        file = self.work / f"{program.stem}.answer"
        file.unlink(missing_ok=True)
        done = self.run(
            *(self.tools.python, "-I", program, *given, file),
            cwd=self.work,
            env=env,
            inside=inside,
            timeout=timeout,
            memory=memory,
        )
        try:
            found = json.loads(file.read_text(encoding="utf-8")) if done.status == 0 else None
        except (OSError, ValueError, RecursionError):
            found = None
        return found, done.last_line

    def run_plain(self, command: Sequence[str], cwd: Path | None = None) -> Completed:
        """Run a command that prepares an environment: outside any environment, unrecorded.

        It runs in the scratch folder unless `cwd` is given: uv would take constraints and hash
        rules for a gate's tools from the [tool.uv] of the project whose folder it runs in.
        """
        return self.processes.run(
            tuple(command), cwd=cwd or self.work, env=seen(), timeout=self.remaining, log=self.log
        )

    @property
    def remaining(self) -> float:
        """The seconds left of the gate's time limit.

        Raises CannotCheck when there are none.
        """
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise CannotCheck(
                f"its time limit of {self.timeout:g} s was used up",
                f"raise tool.release.gates.{self.gate.name}.timeout, or make it faster",
            )
        return left

    def wait(self, seconds: float) -> None:
        """Let time pass, which the gate has a limit of its own for.

        Raises Interrupted as soon as the run is stopped.
        """
        self.processes.wait(seconds)

    def lock(self, path: Path) -> AbstractContextManager[None]:
        """Hold a lock file that other runs and gates heed as well."""
        return locked(path, lambda: self.processes.cancelled)

    def note(self, text: str) -> None:
        """Write a line to the gate's log."""
        self.log.write(text.rstrip("\n") + "\n")

    def folder_for(self, name: str) -> Path:
        """An empty folder below `.release/` for what the gate makes, one of `gate.writes`."""
        if name not in self.gate.writes:
            raise ValueError(f"{self.gate.name} does not declare that it writes {name}")
        path = self.folder / name
        if path.is_symlink():
            raise CannotCheck(f"{path} is a link", "remove it")
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        return path

    def artifact(self, path: Path) -> Artifact:
        """Name, size and sha256 of a file below `.release/`."""
        return artifact_of(self.folder, path)

    def needed_artifacts(self, gate: str, suffix: str = "") -> list[Path]:
        """The files that a needed gate made and whose names end in `suffix`.

        Raises CannotCheck when one is gone or has other bytes than its evidence says.
        """
        paths = []
        for artifact in self.needed[gate].outcome.artifacts:
            if not artifact.name.endswith(suffix):
                continue
            path = self.folder / artifact.path
            if not path.is_file() or self.artifact(path) != artifact:
                raise CannotCheck(
                    f"{artifact.path} is not what {gate} made",
                    f"run it again: nox -s {gate} -- --fresh",
                )
            paths.append(path)
        return paths

    def _inside(self, environment: Environment) -> dict[str, str]:
        """Variables for the project's code: no bytecode and no coverage data in its folders."""
        return {
            **environment.variables(),
            "PYTHONPYCACHEPREFIX": str(environment.path / BYTECODE),
            "COVERAGE_FILE": str(self.folder / "cache" / "coverage"),
        }

    def close(self) -> None:
        """Remove the scratch folder."""
        if self._work is not None:
            shutil.rmtree(self._work, ignore_errors=True)

    def _variables(self) -> dict[str, str]:
        return seen() if self._tools is None else self._tools.variables()
