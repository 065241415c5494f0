"""Small real projects under git, and a way to judge one gate of them."""

from __future__ import annotations

import atexit
import base64
import functools
import os
import shutil
import subprocess
import tempfile
import textwrap
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from pypi_simple import PYPI_SIMPLE_ENDPOINT

from release.model import Evidence, Finding, Gate, Level, Status
from release.project import read_project
from release.run.checklist import checklist
from release.run.environments import digest_of
from release.run.installed import METADATA_FILES
from release.run.lacks import lacks, told
from release.run.runner import Run, judge_with_needs
from release.run.store import Store

GIT_ENVIRONMENT = {
    "GIT_AUTHOR_NAME": "A Maintainer",
    "GIT_AUTHOR_EMAIL": "maintainer@example.invalid",
    "GIT_COMMITTER_NAME": "A Maintainer",
    "GIT_COMMITTER_EMAIL": "maintainer@example.invalid",
    "GIT_AUTHOR_DATE": "2026-01-02T03:04:05Z",
    "GIT_COMMITTER_DATE": "2026-01-02T03:04:05Z",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    # As a gate, this suite runs with a configuration in its environment.
    "GIT_CONFIG_COUNT": "0",
}

# After a commit git would look, in a process of its own, whether there is something to tidy up.
CALM = ("-c", "maintenance.auto=false", "-c", "gc.auto=0")

PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "small-thing"
version = "1.2.3"
description = "A small thing."
readme = "README.md"
requires-python = ">=3.11"
license = "MIT"
license-files = ["LICENSE"]

[project.scripts]
small-thing = "small_thing:main"
"""

FILES = {
    "pyproject.toml": PYPROJECT,
    "README.md": "# Small thing\n\nIt is small.\n",
    "LICENSE": "MIT\n",
    ".gitignore": "__pycache__/\ndist/\n",
    "src/small_thing/__init__.py": '''\
        """A small thing."""

        __version__ = "1.2.3"


        def double(number: int) -> int:
            return number * 2


        def main() -> None:
            print(double(21))
        ''',
    "src/small_thing/py.typed": "",
    "tests/test_small_thing.py": """\
        from small_thing import double


        def test_double() -> None:
            assert double(2) == 4
        """,
}


def lacking(what: str, text: str) -> tuple[Finding, ...]:
    """What a command lacked by what it said, in a project without modules of its own."""
    found = lacks(text, frozenset())
    return (Finding(f"{what} needs {told(found)}", remedy="r"),) if found else ()


def git(root: Path, *arguments: str) -> str:
    """Run git in a test repository, with an identity and no configuration of the user's."""
    return subprocess.run(
        ["git", "-C", str(root), *arguments],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **GIT_ENVIRONMENT},
    ).stdout.strip()


INDEX_HOST = urlsplit(PYPI_SIMPLE_ENDPOINT).hostname or ""


def index_token(body: str) -> str:
    """What looks like an upload token of PyPI: a macaroon that names the index, and `body`."""
    head = base64.b64encode(b"\x02\x01\x08" + INDEX_HOST.encode()).decode().rstrip("=")
    return f"pypi-{head}{body}"


def write(root: Path, files: Mapping[str, str | bytes | None]) -> None:
    """Write files (text is dedented, None removes the file)."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            path.unlink()
        elif isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_bytes(textwrap.dedent(content).encode())


def commit(root: Path, message: str = "Change") -> str:
    git(root, "add", "--all")
    git(root, *CALM, "commit", "--quiet", "--message", message)
    return git(root, "rev-parse", "HEAD")


def make_project(root: Path, files: Mapping[str, str | bytes | None] | None = None) -> Path:
    """A small hatchling project in src layout, committed on main; `files` are laid over it."""
    asked = tuple((files or {}).items())
    if asked not in _MADE or (root.exists() and any(root.iterdir())):
        _MADE.add(asked)
        return _make(root, asked)
    _copy(_template(asked), root)
    git(root, "update-index", "-q", "--refresh")  # it knows files by their inodes, too
    return root


Files = tuple[tuple[str, str | bytes | None], ...]
_MADE: set[Files] = set()


@functools.cache
def _template(files: Files) -> Path:
    """What is copied for projects that were made before: git takes longer to make one."""
    return _make(scratch() / "project", files)


def _make(root: Path, files: Files) -> Path:
    write(root, FILES)
    write(root, dict(files))
    if not (root / ".git").exists():
        _copy(_empty_repository(bare=False), root / ".git")
    git(root, "add", "--all")
    git(root, *CALM, "commit", "--quiet", "--message", "Start")
    return root


@functools.cache
def _empty_repository(*, bare: bool) -> Path:
    """What `git init` makes, but for the samples of hooks."""
    folder = scratch() / "empty"
    options = ["--quiet", "--template=", "--initial-branch=main", *(["--bare"] if bare else [])]
    subprocess.run(["git", "init", *options, str(folder)], check=True)
    made = folder if bare else folder / ".git"
    for name in ("hooks", "info"):
        (made / name).mkdir()
    return made


def scratch() -> Path:
    """A folder for as long as this process lives."""
    folder = tempfile.mkdtemp(prefix="nox-release-template-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _copy(folder: Path, to: Path) -> None:
    shutil.copytree(folder, to, dirs_exist_ok=True)


def with_remote(root: Path) -> Path:
    """Give a repository a bare remote called origin, level with it; returns the remote's path."""
    remote = root.parent / f"{root.name}.git"
    _copy(_empty_repository(bare=True), remote)
    git(root, "remote", "add", "origin", str(remote))
    here = root / ".git"
    if (here / "refs/heads/main").is_file():  # what a push would do, by four processes and more
        _copy(here / "objects", remote / "objects")
        shutil.copy(here / "refs/heads/main", remote / "refs/heads/main")
        write(here / "refs/remotes/origin", {"HEAD": "ref: refs/remotes/origin/main\n"})
        shutil.copy(here / "refs/heads/main", here / "refs/remotes/origin/main")
        with (here / "config").open("a") as file:
            file.write('[branch "main"]\n\tremote = origin\n\tmerge = refs/heads/main\n')
    else:
        git(root, "push", "--quiet", "--set-upstream", "origin", "main")
        git(root, "remote", "set-head", "origin", "main")
    return remote


def said(evidence: Evidence, status: Status = Status.FAILED) -> str:
    """Everything that a gate says, a line a finding, its remedy behind the bar.

    What fails it has a remedy.
    """
    assert evidence.outcome.status is status, evidence.outcome
    assert status is not Status.FAILED or all(f.remedy for f in evidence.outcome.findings)
    return "\n".join(
        f"{f.message} | {f.remedy}" for f in (*evidence.outcome.findings, *evidence.outcome.notes)
    )


class SharedRun(Run):
    """A run in the environments of all projects that declare the same.

    The product makes one for each project; what goes into it depends on these files alone, and it
    notes them. To install Sphinx or mypy and to compile it costs more than what is tested with it.
    """

    @property
    def environments(self) -> Path:
        declared = (self.project.root / name for name in METADATA_FILES)
        digest = digest_of(*(file.read_bytes() if file.is_file() else "" for file in declared))
        worker = os.environ.get("PYTEST_XDIST_WORKER", "")  # which never judges two at once
        return self.cache / f"projects{worker}" / digest[:16]


class Judge:
    """Judges gates of projects; the environments are shared by all tests of a run.

    Those with a project's own code are kept apart where `shared` says so: for a project that is
    altered a hundred times, they would be as many.
    """

    def __init__(self, tools: Path, *, shared: bool = True) -> None:
        self.tools = tools
        self.shared = shared

    def run(
        self,
        root: Path,
        level: Level | None = None,
        *,
        fresh: bool = False,
        gates: Mapping[str, Gate] | None = None,
    ) -> Run:
        """A run on a project whose noxfile has these gates."""
        project = read_project(root, gates)
        return Run(project, Store(project.root), self.tools, level, fresh=fresh)

    def shared_run(self, root: Path, level: Level | None = None, *, fresh: bool = False) -> Run:
        """A run on a project that judges its gates one after the other."""
        project = read_project(root)
        return SharedRun(project, Store(project.root), self.tools, level, fresh=fresh)

    def all(
        self, root: Path, name: str, level: Level | None = None, *, fresh: bool = False
    ) -> dict[str, Evidence]:
        """The evidence of a gate and of those it needs."""
        run = (self.shared_run if self.shared else self.run)(root, level, fresh=fresh)
        gates = checklist(run.project)
        return judge_with_needs(run, gates[name], gates)

    def __call__(
        self, root: Path, name: str, level: Level | None = None, *, fresh: bool = False
    ) -> Evidence:
        """The evidence of one gate."""
        return self.all(root, name, level, fresh=fresh)[name]
