"""Runs a rendered workflow on this machine by act, and lets nothing of it reach the outside.

Checkout, jobs, conditions, outputs and our sessions are real. For other people's actions, for gh
and for what pip would install there are stand-ins: they note what they were given, hand files on
through a folder, and publish nothing.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from release.render import WORKFLOWS
from release.text import yaml

PUBLISHER = "pypa/gh-action-pypi-publish"
NOTE = f"""\
{shlex.quote(sys.executable)} -I - <<'END'
import hashlib, json, os, pathlib
given = {{k[6:].lower(): v for k, v in os.environ.items() if k.startswith("GIVEN_")}}
dist = sorted(p for p in pathlib.Path("dist").glob("*"))
files = {{p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in dist}}
line = {{"action": "ACTION", "job": os.environ["GITHUB_JOB"], "given": given, "files": files}}
with open(os.environ["STANDIN"] + "/notes.jsonl", "a") as file:
    file.write(json.dumps(line) + "\\n")
END
"""
# Sessions judge the workflows as they were committed, whatever act had to be told instead.
SETUP = """\
git checkout --quiet -- .github
echo "$STANDIN/bin" >> "$GITHUB_PATH"
"""
UPLOAD = """\
to="$STANDIN/artifacts/$GIVEN_NAME"
mkdir -p "$to"
if [ "$(echo "$GIVEN_PATH" | grep -c .)" = 1 ]; then
  cp -r "$GIVEN_PATH." "$to/"
else
  for path in $GIVEN_PATH; do [ ! -e "$path" ] || cp -r "${path%/}" "$to/"; done
fi
echo "artifact-id=$GIVEN_NAME" >> "$GITHUB_OUTPUT"
"""
DOWNLOAD = """\
mkdir -p "$GIVEN_PATH"
if [ -z "$GIVEN_PATTERN" ]; then
  cp -r "$STANDIN/artifacts/$GIVEN_ARTIFACT_IDS/." "$GIVEN_PATH"
elif [ "$GIVEN_MERGE_MULTIPLE" = true ]; then
  for from in "$STANDIN"/artifacts/$GIVEN_PATTERN; do cp -r "$from/." "$GIVEN_PATH"; done
else
  cp -r "$STANDIN"/artifacts/$GIVEN_PATTERN "$GIVEN_PATH"
fi
"""
ATTEST = """\
echo '{}' > "$STANDIN/$GITHUB_ACTION.json"
echo "bundle-path=$STANDIN/$GITHUB_ACTION.json" >> "$GITHUB_OUTPUT"
"""
GH = """printf '%s\\n' "$GITHUB_JOB: $*" >> "$STANDIN/gh.txt"\n"""


@dataclass(frozen=True)
class Action:
    """What is done in the place of an action: a shell script, its inputs and its outputs."""

    body: str
    inputs: Sequence[str]
    outputs: Sequence[str] = ()


ACTIONS: Mapping[str, Action] = {
    "actions/setup-python": Action(SETUP, ["python-version"]),
    "actions/cache": Action("true", ["path", "key", "restore-keys"]),
    "actions/upload-artifact": Action(
        UPLOAD, ["name", "path", "if-no-files-found"], ["artifact-id"]
    ),
    "actions/download-artifact": Action(
        DOWNLOAD, ["artifact-ids", "path", "pattern", "merge-multiple"]
    ),
    "actions/attest": Action(ATTEST, ["subject-path", "sbom-path"], ["bundle-path"]),
    PUBLISHER: Action("true", ["packages-dir", "attestations"]),
}


@dataclass(frozen=True)
class Acted:
    """How a run ended: its jobs by name, the steps that failed with what they said, what the
    actions were given, the calls of gh, and the whole log.
    """

    jobs: Mapping[str, str]
    failed: Mapping[str, Sequence[str]]
    notes: Sequence[Mapping[str, Any]]
    gh: str
    log: str

    def given(self, action: str) -> list[Mapping[str, Any]]:
        """What was noted for an action, once for each time that it ran."""
        return [note for note in self.notes if note["action"] == action]

    @property
    def published(self) -> list[Mapping[str, Any]]:
        return self.given(PUBLISHER)


def find_act() -> str | None:
    """The program, which lies beside this Python or on PATH."""
    return shutil.which("act", path=str(Path(sys.executable).parent)) or shutil.which("act")


def used(root: Path, files: Iterable[str]) -> Iterator[str]:
    """The actions of other repositories that workflows of a repository use, with their refs."""
    for file in files:
        for job in _jobs(root, file):
            for each in (job, *job.get("steps", ())):
                name = str(each.get("uses", ""))
                if name and not name.startswith(("./", "$/", "actions/checkout@")):
                    yield name


def _jobs(root: Path, file: str) -> Iterable[Mapping[str, Any]]:
    text = (root / WORKFLOWS / file).read_text(encoding="utf-8")
    jobs: Mapping[str, Mapping[str, Any]] = yaml.load(text)["jobs"]
    return jobs.values()


def called(root: Path, file: str) -> list[str]:
    """A workflow, and those of its repository that it calls."""
    reached = [file]
    for name in reached:
        uses = [str(job.get("uses", "")) for job in _jobs(root, name)]
        local = (use.rpartition("/")[2] for use in uses if use.startswith(("./", "$/")))
        reached += [other for other in local if other not in reached]
    return reached


def command(
    act: str,
    here: Path,
    root: Path,
    file: str,
    event: str,
    payload: Mapping[str, Any],
    variables: Mapping[str, str],
    programs: Mapping[str, str],
    actions: Mapping[str, Action] = ACTIONS,
) -> list[str]:
    """What runs a workflow of a repository for an event; its stand-ins are laid into `here`.

    It is to be run in `here`, for act takes options from a file in its folder. The repository is
    one to be thrown away: workflows in it that call others are edited for act.
    `variables` are those that its steps see, `programs` shell scripts in the place of others.
    """
    for name in ("artifacts", "bin"):
        (here / name).mkdir(parents=True)
    for name, text in programs.items():
        program = here / "bin" / name
        program.write_text(f"#!/bin/sh\n{text}")
        program.chmod(0o755)
    replaced = {
        f"{use}={_stand_in(here, name, actions[name])}"
        for use in used(root, called(root, file))
        if (name := use.partition("@")[0]) in actions
    }
    (here / "event.json").write_text(json.dumps(payload))
    # Act does not know GitHub's own sign for the same repository and commit yet.
    for path in (root / WORKFLOWS / name for name in called(root, file)):
        text = path.read_text(encoding="utf-8")
        if "uses: $/.github" in text:
            path.write_text(text.replace("uses: $/.github", "uses: ./.github"), encoding="utf-8")
    shutil.copy(root / WORKFLOWS / file, here / file)
    seen = {**variables, "STANDIN": str(here)}
    return [
        *(act, event, "-W", str(here / file), "-e", str(here / "event.json")),
        *("-P", "ubuntu-latest=-self-hosted", "--no-cache-server", "--json", "-C", str(root)),
        # What files of these names say in the repository is nothing that the forge reads.
        *(f"--{name}-file={os.devnull}" for name in ("env", "secret", "var", "input")),
        *("-s", f"GITHUB_TOKEN={'x' * 8}"),
        *(word for each in sorted(replaced) for word in ("--local-repository", each)),
        *(word for name, said in seen.items() for word in ("--env", f"{name}={said}")),
    ]


def surroundings(here: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of act: stand-ins before other programs, and a home folder of its own."""
    path = [str(here / "bin"), str(Path(sys.executable).parent), environ.get("PATH", os.defpath)]
    kept = {
        name: said for name, said in environ.items() if not name.startswith(("GITHUB_", "XDG_"))
    }
    return {**kept, "PATH": os.pathsep.join(path), "HOME": str(here)}


def _stand_in(here: Path, name: str, action: Action) -> Path:
    folder = here / "actions" / name
    folder.mkdir(parents=True, exist_ok=True)
    inputs = {key: f"GIVEN_{key.upper().replace('-', '_')}" for key in action.inputs}
    step = {
        "id": "it",
        "shell": "bash",
        "env": {variable: f"${{{{ inputs.{key} }}}}" for key, variable in inputs.items()},
        "run": f"{action.body}\n{NOTE.replace('ACTION', name)}",
    }
    said = {
        "name": name,
        "description": name,
        "inputs": {key: {"description": key, "required": False} for key in inputs},
        "outputs": {
            key: {"description": key, "value": f"${{{{ steps.it.outputs.{key} }}}}"}
            for key in action.outputs
        },
        "runs": {"using": "composite", "steps": [step]},
    }
    (folder / "action.yml").write_text(json.dumps(said))
    return folder


def read(here: Path, out: str) -> Acted:
    """How it went, by what act printed (a line of JSON for each) and what stand-ins noted."""
    jobs: dict[str, str] = {}
    failed: dict[str, list[str]] = {}
    lines, said = [], dict[tuple[str, str], list[str]]()
    for line in out.splitlines():
        try:
            item = json.loads(line)
            job, text = str(item.get("jobID", "")), str(item.get("msg", "")).rstrip()
        except (ValueError, AttributeError):
            lines.append(line)
            continue
        lines.append(f"{job}: {text}")
        step = str(item.get("step", ""))
        if item.get("raw_output"):
            said.setdefault((job, step), []).append(text)
        if item.get("stepResult") == "failure":
            failed[f"{job}: {step}"] = said.get((job, step)) or [text]
        if "jobResult" in item:
            jobs[job] = str(item["jobResult"])
    notes = _text(here / "notes.jsonl").splitlines()
    return Acted(
        jobs, failed, [json.loads(n) for n in notes], _text(here / "gh.txt"), "\n".join(lines)
    )


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
