"""A look runs no program of the user's git configuration that `git status` would not run."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from release.change.releasing import dry_bump
from release.change.situation import Request
from release.errors import ReleaseError
from release.project import read_project
from release.run.export import export
from tests.support import PYPROJECT, Judge, commit, git, make_project, with_remote, write

pytestmark = pytest.mark.skipif(os.name == "nt", reason="shell scripts")

# What git's documentation says of configuration that names a program.
PROGRAMS = (
    "core.fsmonitor", "core.sshCommand", "core.gitProxy", "core.editor", "core.pager",
    "core.askPass", "core.alternateRefsCommand", "sequence.editor", "credential.helper",
    "diff.external", "diff.marked.textconv", "diff.marked.command", "merge.marked.driver",
    "filter.marked.clean", "filter.marked.smudge", "gpg.program", "gpg.openpgp.program",
    "gpg.ssh.program", "gpg.x509.program", "gpg.ssh.defaultKeyCommand", "interactive.diffFilter",
    "remote.origin.uploadpack", "remote.origin.receivepack", "uploadpack.packObjectsHook",
    "trailer.marked.command", "pager.log", "pager.status", "pager.diff",
)  # fmt: skip
HOOKS = (
    "post-index-change", "reference-transaction", "post-checkout", "pre-commit", "commit-msg",
    "prepare-commit-msg", "post-commit", "pre-push", "post-merge", "post-rewrite", "pre-auto-gc",
    "fsmonitor-watchman",
)  # fmt: skip


class Marked:
    """A repository in whose configuration every program leaves a mark when it runs."""

    def __init__(self, folder: Path) -> None:
        self.marks = folder / "marks"
        self.marks.mkdir(parents=True)
        self.programs = folder / "programs"
        self.programs.mkdir()
        attributes = (
            "*.py filter=marked diff=marked merge=marked\n*.md diff=marked\n*.toml diff=marked\n"
        )
        files: dict[str, str | bytes | None] = {
            ".gitattributes": attributes,
            "CHANGELOG.md": "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- It is there.\n",
            "pyproject.toml": f"{PYPROJECT}\n[tool.release]\npublish = false\nsign-tags = true\n",
        }
        self.root = make_project(folder / "thing", files)
        with_remote(self.root)
        git(self.root, "tag", "--annotate", "--message", "small-thing 1.2.3", "v1.2.3")
        git(self.root, "push", "--quiet", "origin", "v1.2.3")
        write(self.root, {"README.md": "# Small thing\n\nIt is very small.\n"})
        commit(self.root, "Say how small")
        git(self.root, "push", "--quiet", "origin", "main")
        for name in PROGRAMS:
            git(self.root, "config", name, str(self._program(name)))
        git(self.root, "config", "log.showSignature", "true")
        git(self.root, "config", "tag.gpgSign", "true")
        hooks = folder / "hooks"
        hooks.mkdir()
        for name in HOOKS:
            (hooks / name).symlink_to(self._program(f"hook {name}"))
        git(self.root, "config", "core.hooksPath", str(hooks))
        git(self.root, "config", "user.signingKey", "0123")

    def _program(self, name: str) -> Path:
        path = self.programs / name
        then = "exec cat" if name.startswith("filter.") else "exit 1"
        then = "exit 0" if name.startswith("hook ") else then
        path.write_text(f"#!/bin/sh\necho x >> '{self.marks / name}'\n{then}\n")
        path.chmod(0o755)
        return path

    def ran(self, look: Callable[[], object]) -> set[str]:
        """The programs that a look runs, where every tracked file has another time than noted."""
        for mark in self.marks.iterdir():
            mark.unlink()
        for path in git(self.root, "ls-files").split("\n"):
            os.utime(self.root / path)
        for mark in self.marks.iterdir():  # those of the question itself
            mark.unlink()
        look()
        return {mark.name for mark in self.marks.iterdir()}


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Marked:
    return Marked(tmp_path_factory.mktemp("marked"))


def test_git_itself_runs_them(marked: Marked) -> None:
    assert marked.ran(lambda: git(marked.root, "status")) >= {
        "core.fsmonitor", "filter.marked.clean",
    }  # fmt: skip
    with pytest.raises(subprocess.CalledProcessError):
        marked.ran(lambda: git(marked.root, "ls-remote", "origin"))
    assert (marked.marks / "remote.origin.uploadpack").exists()


LOOKS: dict[str, Callable[[Marked, Judge, Path], object]] = {
    "project": lambda marked, _judge, _path: read_project(marked.root),
    "copy": lambda marked, _judge, path: export(read_project(marked.root), path / "copy"),
    **{
        gate: lambda marked, judge, _path, gate=gate: judge(marked.root, gate, fresh=True)  # type: ignore[misc]
        for gate in ("tree", "versions", "changelog", "documents", "schemas", "setup", "ci")
    },
}


# A dry run makes the commit in a copy of its own, with the hooks that may refuse it.
TRIED = {"filter.marked.smudge", "hook pre-commit", "hook prepare-commit-msg", "hook commit-msg"}


@pytest.mark.parametrize("look", LOOKS)
def test_a_look_runs_no_more_than_git_status(
    marked: Marked, judge: Judge, tmp_path: Path, look: str
) -> None:
    allowed = {"filter.marked.clean"} | (TRIED if look == "dry run" else set())
    assert marked.ran(lambda: LOOKS[look](marked, judge, tmp_path)) <= allowed


def test_a_dry_run_runs_besides_what_may_refuse_a_commit(marked: Marked, judge: Judge) -> None:
    def dry_run() -> None:
        with contextlib.suppress(ReleaseError):  # the hooks refuse
            dry_bump(read_project(marked.root), Request("patch"), judge.tools)

    hooks = {f"hook {name}" for name in ("pre-commit", "prepare-commit-msg", "commit-msg")}
    seen = marked.ran(dry_run)
    assert "hook pre-commit" in seen
    assert seen <= {"filter.marked.clean", "filter.marked.smudge", *hooks}


@pytest.mark.network
@pytest.mark.parametrize(
    "gate",
    [
        *("static_analysis", "lint", "workflows"),
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("secrets", "build")),
    ],
)
def test_gates_with_tools_run_no_more_either(marked: Marked, judge: Judge, gate: str) -> None:
    seen = marked.ran(lambda: judge(marked.root, gate, fresh=True))
    assert seen <= {"filter.marked.clean"}
