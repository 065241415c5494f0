"""Kills a rehearsed release after each of its steps, and runs it again until it is whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from release.errors import ReleaseError
from release.model import NewTag
from release.project.git import LOCAL_VARIABLES, git
from release.rehearse.scene import Scene

# Nothing of the project is imported in place of this program, which need not be installed.
PROGRAM = (
    f"import sys; sys.path.append({str(Path(__file__).resolve().parents[2])!r});"
    " from release.cli import main; sys.exit(main())"
)
POLL_SECONDS = 0.01
REPORT = "report this with what stands above: it is a defect of nox-release"


@dataclass(frozen=True)
class Fault:
    """A moment at which the release is killed: what has just been done, and how that shows."""

    after: str
    reached: Callable[[Scene], bool]


def faults(tag: NewTag, *, with_commit: bool) -> Iterator[Fault]:
    """The steps of `cut`, in their order; `with_commit` says whether it edits and commits files."""
    if with_commit:
        yield Fault("the commit is made aside", lambda s: (s.root / ".release/candidate").exists())
    yield Fault("some gates are judged", lambda s: _judged(s.root / ".release/evidence"))
    yield Fault("the tag is made", lambda s: _has(s.top, tag.name))
    yield Fault("the remote has it", lambda s: _has(s.remote, tag.name))


def _judged(evidence: Path) -> bool:
    return any(evidence.glob("*.json"))


def _has(repository: Path, tag: str) -> bool:
    """Whether a repository has a tag that was made just now: asked often, so a file's existence."""
    folder = repository / ".git" if (repository / ".git").is_dir() else repository
    if (folder / "reftable").exists():
        return bool(_refs(repository, tag))
    return (folder / "refs/tags" / tag).exists()


def _refs(repository: Path, tag: str) -> str:
    found = git(repository, "for-each-ref", "--format=%(objectname)", f"refs/tags/{tag}")
    return found.stdout.strip()


def run_until(
    command: Sequence[str], environ: Mapping[str, str], scene: Scene, fault: Fault
) -> bool:
    """Run a session of ours in the clone, and kill it when the moment has come.

    Returns whether it was killed: not where the moment has passed already, and not where the
    session ended before anybody saw it.
    """
    if fault.reached(scene):
        return False
    with (scene.top.parent / "killed.log").open("ab") as log:
        process = subprocess.Popen(
            _typed(command, scene),
            cwd=scene.root,
            env=_surroundings(environ),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            while process.poll() is None:
                if fault.reached(scene):
                    return True
                time.sleep(POLL_SECONDS)
            return False
        finally:
            _kill(process)


def _typed(command: Sequence[str], scene: Scene) -> list[str]:
    return [sys.executable, "-P", "-c", PROGRAM, *command, "--project", str(scene.root)]


def _surroundings(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of what works in the clone: nothing in it names another repository."""
    own = {name: value for name, value in os.environ.items() if name not in LOCAL_VARIABLES}
    return {**own, **environ}


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.wait()


def finish(command: Sequence[str], environ: Mapping[str, str], scene: Scene) -> None:
    """Run it once more, to its end. Raises ReleaseError where it does not come to one."""
    done = subprocess.run(
        _typed(command, scene),
        cwd=scene.root,
        env=_surroundings(environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode != 0:
        said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        why = f"killed and run again, {command[0]} ends with: {'; '.join(said[-3:])}"
        raise ReleaseError.of(why, remedy=REPORT)


def outcome(scene: Scene, tag: str) -> Mapping[str, str]:
    """What is left of a release that must not depend on how often it was run."""
    asked = {
        "files": ("rev-parse", f"{tag}^{{tree}}"),
        "parent": ("rev-parse", f"{tag}^{{commit}}^"),
        "message": ("log", "-1", "--format=%B", tag),
        "tag": ("for-each-ref", "--format=%(objecttype) %(contents:subject)", f"refs/tags/{tag}"),
        "index": ("status", "--porcelain"),
    }
    found = {name: git(scene.top, *words).stdout for name, words in asked.items()}
    found["remote"] = str(_refs(scene.remote, tag) == _refs(scene.top, tag))
    return found
