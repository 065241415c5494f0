"""Shows the main job on a small project that has a release to make: `nox -s demo` runs this.

The project is a copy of one in tests/projects/, in a scratch folder, with a remote of its own. It
is judged, and then the changes of its next release are shown; anything may be tried on it.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROJECT = ROOT / "tests" / "projects" / "chap_checker"
NO_INDEX = "file:///the/index/of/the/test"
LAST = "v0.2.0"
NEXT = ("minor", "--subject", "works without a network")
IDENTITY = {
    "user.name": "A Maintainer",
    "user.email": "maintainer@example.invalid",
    "commit.gpgSign": "false",
    "tag.gpgSign": "false",
}


def make(scratch: Path) -> Path:
    """A copy of the project in a folder: its last release tagged, work since, and all pushed."""
    root, remote, index = (scratch / name for name in (PROJECT.name, "remote.git", "index"))
    shutil.copytree(PROJECT, root, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
    index.mkdir()
    for folder, bare in ((root, []), (remote, ["--bare"])):
        git(scratch, "init", "--quiet", "--initial-branch=main", *bare, str(folder))
    for name, value in IDENTITY.items():
        git(root, "config", name, value)
    git(root, "remote", "add", "origin", str(remote))
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "Release 0.2.0")
    git(root, "tag", "--annotate", "--message", f"{LAST}: a page", LAST)
    settings = root / "pyproject.toml"
    text = settings.read_text(encoding="utf-8").replace(NO_INDEX, index.as_uri())
    settings.write_text(text, encoding="utf-8")
    git(root, "commit", "--quiet", "--all", "--message", "Publish to an index of our own")
    git(root, "push", "--quiet", "--set-upstream", "origin", "main", LAST)
    git(root, "remote", "set-head", "origin", "main")
    return root


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(folder), *words], check=True)


def run(root: Path, tools: Path, session: str, *words: str) -> int:
    """Run a session of ours on the project, as one would type it."""
    arguments = [session, "--", *words, "--project", str(root)]
    print(f"\n$ nox -s {shlex.join(arguments)}\n", flush=True)
    nox = [sys.executable, "-m", "nox", "--noxfile", str(ROOT / "noxfile.py")]
    return subprocess.run([*nox, "--envdir", str(tools), "-s", *arguments]).returncode


def main(tools: Path) -> int:
    listed = ["git", "rev-parse", "--local-env-vars"]
    for name in subprocess.check_output(listed, encoding="utf-8").split():
        os.environ.pop(name, None)  # of a hook, they name the repository that it runs for
    # Outside this repository: pytest and others look for their settings in the folders above.
    scratch = Path(tempfile.mkdtemp(prefix="nox-release-demo-")).resolve()
    print(f"A small project, {PROJECT.name}, is copied to {scratch}, with a remote beside it.")
    print("It is judged there; the first time, the gates fetch their tools.", flush=True)
    root = make(scratch)
    judged = run(root, tools, "release_preflight", NEXT[0])
    shown = run(root, tools, "cut", *NEXT, "--dry-run")
    print("\nNothing was changed. Without --dry-run, the last command makes this release, there.")
    return judged or shown


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
