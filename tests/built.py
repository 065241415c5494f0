"""Projects whose wheel and sdist are made without a build backend, with evidence of `build`."""

from __future__ import annotations

import base64
import functools
import hashlib
import io
import os
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from release.change.releasing import TOOLS
from release.model import Artifact, Evidence, Gate, Outcome
from release.registry import installed
from release.run.environments import Environment, ensure_tools, tools_name
from release.run.processes import Completed
from release.run.runner import Run
from release.run.runner import judge as judge_gate
from tests.support import PYPROJECT, Judge, make_project, scratch, write

NAME, VERSION = "small-thing", "1.2.3"
METADATA = """\
Metadata-Version: 2.4
Name: small-thing
Version: 1.2.3
Summary: A small thing.
License-Expression: MIT
"""


def make_built_project(root: Path, requires: Sequence[str] = (), settings: str = "") -> Path:
    """The small project, with a wheel that requires `requires` in `.release/dist`.

    `settings` is appended to its pyproject.toml. One that is there already is altered in place,
    which keeps the caches of the tools that judged it.
    """
    changed = {"pyproject.toml": f"{PYPROJECT}\n{settings}"}
    if (root / ".git").exists():
        write(root, changed)
    else:
        make_project(root, changed)
    dist = root / ".release" / "dist"
    dist.mkdir(parents=True, exist_ok=True)
    _write_wheel(dist / "small_thing-1.2.3-py3-none-any.whl", requires)
    _write_sdist(dist / "small_thing-1.2.3.tar.gz", requires)
    return root


def judge_built(judge: Judge, root: Path, name: str, *, fresh: bool = False) -> Evidence:
    """The evidence of the gate `name`, after a `build` that made what lies in `.release/dist`."""
    run = judge.run(root, fresh=fresh)
    return judge_gate(run, installed()[name].gate, {"build": build_evidence(run)})


def replace_tool(tools: Path, gate: str, program: str, script: str | None) -> Judge:
    """A judge whose environment of `gate` has another `program`: a Python script, or none at all.

    `script` finds the real one at `sys.argv[0] + "-real"`.
    """
    named = TOOLS if gate == TOOLS.name else installed()[gate].gate
    environment = Environment(tools / "tools" / tools_name(named))
    shutil.copytree(
        _installed(named, program).path, environment.path, symlinks=True, copy_function=os.link
    )
    path = Path(environment.tool(program))
    real = path.rename(path.with_name(f"{program}-real"))
    if script is None:
        real.unlink()
    else:
        path.write_text(f"#!{environment.python}\nimport json, subprocess, sys\n{script}")
        path.chmod(0o755)
    return Judge(tools)


@functools.cache
def _installed(gate: Gate, program: str) -> Environment:
    """The tools of a gate, for links to them: to install them and to compile them takes longer."""
    folder = scratch()
    environment = ensure_tools(gate, folder / tools_name(gate), _run)
    subprocess.run([environment.tool(program), "--version"], capture_output=True, check=True)
    return environment


def _run(command: Sequence[str]) -> Completed:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Completed(tuple(command), done.returncode, done.stdout, done.stderr, 0.0, False)


def build_evidence(run: Run) -> Evidence:
    """Evidence that build made what lies in `.release/dist`."""
    dist = run.store.folder / "dist"
    made = tuple(
        Artifact(
            f"dist/{path.name}",
            path.stat().st_size,
            hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in sorted(dist.iterdir())
    )
    return Evidence(
        gate="build",
        outcome=Outcome.passed(len(made), "built", artifacts=made),
        commit="",
        tree="",
        dirty=False,
        key="built",
        key_after="built",
        level=None,
        tools={},
        commands=(),
        started=datetime.now(UTC),
        seconds=0.0,
        log=None,
    )


def _metadata(requires: Sequence[str]) -> bytes:
    return (METADATA + "".join(f"Requires-Dist: {line}\n" for line in requires)).encode()


def _write_wheel(path: Path, requires: Sequence[str]) -> None:
    info = "small_thing-1.2.3.dist-info"
    files = {
        "small_thing/__init__.py": b'__version__ = "1.2.3"\n',
        f"{info}/METADATA": _metadata(requires),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
        b"Tag: py3-none-any\n",
    }
    record = "".join(
        f"{name},sha256={_record_digest(data)},{len(data)}\n" for name, data in files.items()
    )
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in (
            files | {f"{info}/RECORD": f"{record}{info}/RECORD,,\n".encode()}
        ).items():
            archive.writestr(zipfile.ZipInfo(name), data)


def _record_digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def _write_sdist(path: Path, requires: Sequence[str]) -> None:
    data = _metadata(requires)
    member = tarfile.TarInfo("small_thing-1.2.3/PKG-INFO")
    member.size = len(data)
    with tarfile.open(path, "w:gz") as archive:
        archive.addfile(member, io.BytesIO(data))
