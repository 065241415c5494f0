"""Builds a project with pypa/build. Run by the Python of the gate's tools, never imported.

The first argument is the path of a JSON file: `python` is the interpreter of the environment to
build in, `install` the start of a command that installs into it, `builds` the clean copies to build
from (`source`, an empty folder `work`, and the variables `env` of its own). The second one is that
of the answer. Each copy becomes an sdist, and the unpacked sdist a wheel; the copies are built side
by side in the one environment, which the first of them fills. Of a further copy, a wheel is also
made of the copy itself; where it is the first one's to the byte, its sdist would give no other.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tarfile
import threading
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import build  # type: ignore[import-not-found]
import pyproject_hooks  # type: ignore[import-not-found]

KEPT_LINES = 40
# As what reads the sdist later has it.
RATIO, RATIO_FROM = 50, 64 << 20


class StepFailed(Exception):
    """A step that did not work: its name, the kind of failure, and what was said."""

    def __init__(self, step: str, kind: str, message: str, said: str = "") -> None:
        super().__init__(message)
        self.step, self.kind, self.message, self.said = step, kind, message, said

    def as_json(self) -> dict[str, str]:
        said = "\n".join(self.said.splitlines()[-KEPT_LINES:])
        return {"step": self.step, "kind": self.kind, "message": self.message, "said": said}


class Environment:
    """The environment to build in, and what was installed into it so far."""

    def __init__(self, python: str, install: Sequence[str]) -> None:
        self.python = python
        self._install = list(install)
        self._present: set[str] = set()
        self._printing = threading.Lock()

    def add(self, requirements: Iterable[str], step: str) -> None:
        wanted = sorted(set(requirements) - self._present)
        if not wanted:
            return
        done = self.run([*self._install, *wanted])
        if done.returncode != 0:
            raise StepFailed(step, "requirements", ", ".join(wanted), done.stdout)
        self._present.update(wanted)

    def run(
        self, command: Sequence[str], cwd: str | None = None, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            list(command),
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        with self._printing:
            print(done.stdout, end="", flush=True)
        return done


class Copy:
    """One clean copy on its way to an sdist and a wheel."""

    def __init__(self, request: Mapping[str, Any], environment: Environment) -> None:
        self._source = Path(request["source"])
        self._work = Path(request["work"])
        self._variables: Mapping[str, str] = request["env"]
        self._environment = environment
        self._said = ""

    def require(self) -> None:
        """Install what building both files requires; all copies require the same."""
        builder = self._builder(self._source)
        self._environment.add(builder.build_system_requires, "sdist")
        for kind in ("sdist", "wheel"):
            # Some backends write into the tree when they are asked this.
            wanted = self._step(kind, partial(builder.get_requires_for_build, kind))
            self._environment.add(wanted, kind)

    def make(self, first: Future[dict[str, Any]] | None = None) -> dict[str, str]:
        """Build both files; `first` is what the first copy makes, None for that one itself."""
        if first is not None:
            self.require()
        sdist = self._build(self._source, "sdist", "sdist")
        tree: dict[str, str] = {}
        if first is not None:
            with contextlib.suppress(StepFailed):
                tree["tree"] = self._build(self._source, "wheel", "tree")
                if _same(tree["tree"], first.result().get("wheel")):
                    return {"sdist": sdist, "wheel": tree["tree"], **tree}
        unpacked = self._unpack(Path(sdist))
        return {"sdist": sdist, "wheel": self._build(unpacked, "wheel", "wheel"), **tree}

    def _build(self, source: Path, kind: str, folder: str) -> str:
        builder = self._builder(source)
        return str(self._step(kind, partial(builder.build, kind, self._work / folder)))

    def _builder(self, source: Path) -> Any:
        def runner(
            command: Sequence[str],
            cwd: str | None = None,
            extra_environ: Mapping[str, str] | None = None,
        ) -> None:
            variables = {**self._variables, **(extra_environ or {})}
            done = self._environment.run(command, cwd, variables)
            self._said = done.stdout
            done.check_returncode()

        try:
            return build.ProjectBuilder(
                source, python_executable=self._environment.python, runner=runner
            )
        except build.BuildException as error:
            raise StepFailed("sdist", "configuration", str(error)) from None

    def _unpack(self, sdist: Path) -> Path:
        folder = self._work / "unpacked"
        try:
            with tarfile.open(sdist) as archive:
                extract(archive, folder, max(RATIO_FROM, RATIO * sdist.stat().st_size))
        except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
            message = f"{sdist.name} cannot be unpacked: {error}"
            raise StepFailed("sdist", "archive", message) from None
        found = list(folder.iterdir())
        if len(found) != 1 or not found[0].is_dir():
            raise StepFailed("sdist", "archive", "it does not hold exactly one top-level folder")
        return found[0]

    def _step(self, step: str, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except build.BuildBackendException as error:
            if isinstance(error.exception, pyproject_hooks.BackendUnavailable):
                said = error.exception.traceback
                raise StepFailed(step, "backend", str(error.exception), said) from None
            raise StepFailed(step, "hook", str(error), self._said) from None
        except build.BuildException as error:
            raise StepFailed(step, "configuration", str(error)) from None


def _same(one: str, other: str | None) -> bool:
    return other is not None and Path(one).read_bytes() == Path(other).read_bytes()


def extract(archive: tarfile.TarFile, folder: Path, most: int) -> None:
    """Unpack an archive into a folder and nowhere else.

    Raises tarfile.TarError for a member that would lie outside, and for more than `most` bytes.
    Python 3.11 before 3.11.4 has no filter for the former, and trusts the backend that made it.
    """
    if sum(member.size for member in archive.getmembers()) > most:
        raise tarfile.TarError("it unpacks to far more than its size; leave large files out")
    if hasattr(tarfile, "data_filter"):
        archive.extraction_filter = tarfile.data_filter
    archive.extractall(folder)  # noqa: S202


def main(request: Mapping[str, Any]) -> dict[str, Any]:
    environment = Environment(request["python"], request["install"])
    copies = [Copy(asked, environment) for asked in request["builds"]]
    required = tried(copies[0].require)
    if "error" in required:
        return {"builds": [required]}
    with ThreadPoolExecutor() as pool:
        first = pool.submit(tried, copies[0].make)
        others = [pool.submit(tried, partial(copy.make, first)) for copy in copies[1:]]
    return {"builds": [made.result() for made in (first, *others)]}


def tried(work: Callable[[], dict[str, Any] | None]) -> dict[str, Any]:
    """What it made, or the error that it ended with."""
    try:
        return work() or {}
    except StepFailed as failure:
        return {"error": failure.as_json()}
    # A thread swallows SystemExit without a word.
    except BaseException as error:
        broken = StepFailed("sdist", "driver", f"{type(error).__name__}: {error}")
        return {"error": broken.as_json()}


if __name__ == "__main__":
    os.umask(0o022)
    asked = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    answer = json.dumps(main(asked))
    Path(sys.argv[2]).write_text(answer, encoding="utf-8")
