"""Runs rendered workflows on this machine by act, with stand-ins for other people's actions.

Checkout, jobs, conditions, outputs and our sessions are real. A stand-in notes what it was given,
and hands files on through a folder.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from release.gates.workflows.pins import table
from release.render import WORKFLOWS
from release.render.facts import pin
from tests.render.releases import HOST, SLUG, Releases
from tests.render.trusted import TrustingIndex

BIN = Path(sys.executable).parent
NOTE = """\
python3 - "$GITHUB_ACTION_PATH" <<'END'
import json, os, pathlib
given = {k[6:].lower(): v for k, v in os.environ.items() if k.startswith("GIVEN_")}
files = {}
for folder in ("dist",):
    if os.path.isdir(folder):
        import hashlib
        files = {n: hashlib.sha256(pathlib.Path(folder, n).read_bytes()).hexdigest()
                 for n in sorted(os.listdir(folder))}
line = {"action": "ACTION", "job": os.environ["GITHUB_JOB"], "given": given, "files": files}
with open(os.environ["STANDIN"] + "/notes.jsonl", "a") as file:
    file.write(json.dumps(line) + "\\n")
END
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
if [ "${TAMPER:-}" = "$GITHUB_JOB change" ]; then
  for file in "$GIVEN_PATH"*.whl; do echo >> "$file"; done
elif [ "${TAMPER:-}" = "$GITHUB_JOB add" ]; then
  echo > "$GIVEN_PATH/small_thing-1.2.3-py2-none-any.whl"
fi
"""
ROOT = Path(__file__).parents[2]
PUBLISH = f"""\
[ -z "$INDEX" ] || PYTHONPATH={ROOT} {sys.executable} -P -m tests.render.trusted "$INDEX" "$FILE"
"""
ATTEST = """\
echo '{}' > "$STANDIN/$GITHUB_ACTION.json"
echo "bundle-path=$STANDIN/$GITHUB_ACTION.json" >> "$GITHUB_OUTPUT"
"""
ACTIONS: Mapping[str, tuple[str, Sequence[str], Sequence[str]]] = {
    "actions/setup-python": ('echo "$STANDIN/bin" >> "$GITHUB_PATH"', ["python-version"], []),
    "actions/cache": ("true", ["path", "key", "restore-keys"], []),
    "actions/upload-artifact": (UPLOAD, ["name", "path", "if-no-files-found"], ["artifact-id"]),
    "actions/download-artifact": (
        DOWNLOAD,
        ["artifact-ids", "path", "pattern", "merge-multiple"],
        [],
    ),
    "actions/attest": (ATTEST, ["subject-path", "sbom-path"], ["bundle-path"]),
    "pypa/gh-action-pypi-publish": (PUBLISH, ["packages-dir", "attestations", "password"], []),
}
# What takes the place of programs of the runner; what pip is to install is here already.
PROGRAMS = {
    "python": f"""\
[ "$1 $2 $3" = "-m pip install" ] && exit 0
exec {sys.executable} "$@"
""",
    "gh": f"""\
printf '%s\\n' "$GITHUB_JOB: $*" >> "$STANDIN/gh.txt"
[ -z "$FORGE" ] || [ "$1" != release ] || exec env HTTP_PROXY="$FORGE" GH_HOST={HOST} {BIN}/gh "$@"
""",
}


@dataclass(frozen=True)
class Acted:
    """How a run ended: its jobs by name, what the actions were given, the calls of gh, the log."""

    jobs: Mapping[str, str]
    notes: Sequence[Mapping[str, Any]]
    gh: str
    log: str

    def given(self, action: str) -> list[Mapping[str, Any]]:
        return [note for note in self.notes if note["action"] == action]

    @property
    def published(self) -> list[Mapping[str, Any]]:
        return self.given("pypa/gh-action-pypi-publish")


def act(
    root: Path,
    file: str,
    event: str,
    payload: Mapping[str, Any],
    *,
    tools: Path,
    tamper: str = "",
    forge: Releases | None = None,
    index: TrustingIndex | None = None,
    programs: Mapping[str, str] | None = None,
) -> Acted:
    """Run one workflow of a repository for an event.

    Releases are made on `forge` and files are published to `index`, where these are given.
    `programs` take the place of others on the runner.
    """
    here = root.parent / "standin"
    here.mkdir()
    for name in ("artifacts", "bin"):
        (here / name).mkdir()
    for name, text in {**PROGRAMS, **(programs or {})}.items():
        program = here / "bin" / name
        program.write_text(f"#!/bin/sh\n{text}")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    replaced = [word for name in ACTIONS for word in ("--local-repository", _stand_in(here, name))]
    (here / "event.json").write_text(json.dumps(payload))
    # Act does not know GitHub's own sign for the same repository and commit yet.
    text = (root / WORKFLOWS / file).read_text()
    (here / file).write_text(text.replace("uses: $/.github", "uses: ./.github"))
    token = ["-s", f"GITHUB_TOKEN={'x' * 8}"]
    path = os.pathsep.join([str(here / "bin"), str(BIN), os.environ["PATH"]])
    given = {
        "STANDIN": str(here),
        "TAMPER": tamper,
        "NOX_RELEASE_CACHE": str(tools),
        "GITHUB_REPOSITORY": SLUG,
        "FORGE": forge.address if forge else "",
        "INDEX": index.address if index else "",
        "FORGE_KEY": index.key if index else "",
        "FILE": str(here / file),
    }
    env = {
        **{name: text for name, text in os.environ.items() if not name.startswith("GITHUB_")},
        **given,
        "PATH": path,
        "HOME": str(here),
    }
    done = subprocess.run(
        [str(BIN / "act"), event, "-W", str(here / file), "-e", str(here / "event.json"),
         "-P", "ubuntu-latest=-self-hosted", "--no-cache-server", "--json", *token, *replaced,
         *(word for name, said in given.items() for word in ("--env", f"{name}={said}"))],
        cwd=root, env=env, capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    return _read(here, done.stdout, done.stderr)


def _stand_in(here: Path, name: str) -> str:
    body, inputs, outputs = ACTIONS[name]
    folder = here / "actions" / name
    folder.mkdir(parents=True)
    env = {f"GIVEN_{key.upper().replace('-', '_')}": f"${{{{ inputs.{key} }}}}" for key in inputs}
    run = f"{body}\n{NOTE.replace('ACTION', name)}"
    action = {
        "name": name,
        "description": name,
        "inputs": {key: {"description": key, "required": False} for key in inputs},
        "outputs": {
            key: {"description": key, "value": f"${{{{ steps.it.outputs.{key} }}}}"}
            for key in outputs
        },
        "runs": {
            "using": "composite",
            "steps": [{"id": "it", "shell": "bash", "env": env, "run": run}],
        },
    }
    (folder / "action.yml").write_text(json.dumps(action))
    return f"{pin(name).partition(' ')[0]}={folder}"


def _read(here: Path, out: str, err: str) -> Acted:
    jobs: dict[str, str] = {}
    lines = []
    for line in out.splitlines():
        try:
            said = json.loads(line)
        except ValueError:
            lines.append(line)
            continue
        lines.append(f"{said.get('jobID', '')}: {said.get('msg', '').rstrip()}")
        if "jobResult" in said:
            jobs[str(said["jobID"])] = str(said["jobResult"])
    notes = here / "notes.jsonl"
    given = [json.loads(line) for line in notes.read_text().splitlines()] if notes.exists() else []
    gh = (here / "gh.txt").read_text() if (here / "gh.txt").exists() else ""
    return Acted(jobs, given, gh, "\n".join([*lines, err]))


assert set(ACTIONS) <= set(table())
