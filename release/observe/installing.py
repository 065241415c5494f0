"""Installs a release by its name from an index into an empty environment, and imports it."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from release.errors import CannotCheck
from release.model import Finding, Judgement
from release.run import environments
from release.run.environments import NETWORK_REMEDY, Environment
from release.run.processes import Completed
from release.run.shell import Shell
from release.text.versions import parse
from release.world.index import index_url

SCRIPT = Path(__file__).with_name("_probe_installed.py")
OTHER_PYTHON = re.compile(
    r"requires-python|does not satisfy Python|requires Python|no matching tag", re.I
)


def install(
    shell: Shell,
    name: str,
    version: str,
    digests: Mapping[str, str],
    index: str | None,
    python: str = sys.executable,
    modules: Sequence[str] = (),
    *,
    rehearsed: bool = False,
) -> Judgement:
    """The verdict on `pip install name==version` by somebody who has nothing yet, and the imports.

    `digests` are those of the files that the index serves: no other bytes are installed. `index` is
    the simple interface to install from, pip's or uv's own unless given; what a `rehearsed` release
    needs may come from theirs. Raises CannotCheck where the index cannot be reached, or the release
    is for other Pythons.
    """
    environment = environments.create(shell.work / "installed", python, shell.run_plain, bare=True)
    command = environments.installer(environment, pip_of=shell.tools)
    variables = _from(index, os.environ if rehearsed else None) if index else {}
    if environments.find_uv():
        command += ["--refresh-package", name]  # what it knows of a minute ago may lack this
    pin = shell.work / "release.txt"
    hashes = " ".join(f"--hash=sha256:{digest}" for digest in sorted(set(digests.values())))
    pin.write_text(f"{name}=={version} {hashes}\n", encoding="utf-8")
    for options in (["--no-deps", "--require-hashes", "-r", str(pin)], [f"{name}=={version}"]):
        done = shell.run(*command, *options, cwd=shell.work, env=variables)
        if done.status != 0:
            return _not_installed(done, name, version)
    return judge_imports(_imported(shell, environment, name, modules), name, version)


def _from(index: str, environ: Mapping[str, str] | None) -> dict[str, str]:
    """What makes an installer look at an index alone; with `environ`, before its own ones.

    Alone, because on another index anybody may take the name of what a private one has.
    """
    if environ is None:
        return {"UV_DEFAULT_INDEX": index, "PIP_INDEX_URL": index}
    more, extra = (environ.get(name, "") for name in ("UV_INDEX", "PIP_EXTRA_INDEX_URL"))
    return {
        "UV_INDEX": f"{index} {more}".strip(),
        "PIP_INDEX_URL": index,
        "PIP_EXTRA_INDEX_URL": f"{index_url(None)} {extra}".strip(),
    }


def _not_installed(done: Completed, name: str, version: str) -> Judgement:
    said = done.stdout + done.stderr
    why = environments.reason(done.stderr or done.stdout)
    message = f"{name} {version} cannot be installed: {why}"
    if environments.looks_like_network(said):
        raise CannotCheck(message, NETWORK_REMEDY)
    if OTHER_PYTHON.search(said):
        raise CannotCheck(
            message, "set [tool.release] python to one that it is for, or run this with one"
        )
    remedy = "if it was published minutes ago, wait; else release the next version without that"
    return Judgement(1, (Finding(message, remedy=remedy),))


def _imported(shell: Shell, environment: Environment, name: str, modules: Sequence[str]) -> Any:
    asked = json.dumps({"distribution": name, "modules": list(modules)})
    done = shell.run(
        *(environment.python, "-I", "-B", SCRIPT, asked), cwd=shell.work, inside=environment
    )
    try:
        return json.loads(done.stdout)
    except ValueError:
        return {"version": "", "modules": [], "failed": {name: done.last_line or "no answer"}}


def judge_imports(said: Mapping[str, Any], name: str, version: str) -> Judgement:
    """The verdict on what the probe said. A part that is not named like the whole is advice."""
    installed, modules = str(said["version"]), list(said["modules"])
    total = Judgement(1 + len(modules))
    if parse(installed) != parse(version):
        message = f"{name} {version} was asked for, and {installed or 'nothing'} was installed"
        remedy = "release the next version with the right metadata"
        total += Judgement(defects=(Finding(message, remedy=remedy),))
    failed = said["failed"]
    broken = len(failed) == len(modules)
    for module, why in failed.items():
        main = broken or module.lower() == re.sub(r"[-.]+", "_", name).lower()
        finding = Finding(
            f"{module} cannot be imported after a clean installation: {why}",
            remedy=f"release the next version with what it needs declared; yank {version} if it"
            " works for nobody",
        )
        total += Judgement.one(finding, advice=not main, checked=0)
    good = [module for module in modules if module not in failed]
    if good:
        total += Judgement(notes=(Finding(f"installed, and imported {', '.join(good[:5])}"),))
    return total
