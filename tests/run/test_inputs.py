"""The key moves with everything a verdict depends on, and with nothing else."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from release.errors import ReleaseError
from release.model import Artifact, Gate, Level, Outcome
from release.project import read_project
from release.run.inputs import Tree, environment_digest, gate_inputs, key_of, own_source
from tests.support import git, make_project, write
from tests.test_model import evidence

GATE = Gate("lint", "a gate", lambda project, shell: Outcome.passed(1, "fine"))


def gate_key(*given: Any) -> str:
    return key_of(gate_inputs(*given))


def digest(root: Path, *by_products: str) -> str:
    return Tree(root, by_products).read().digest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_project(tmp_path / "thing")


@pytest.mark.parametrize(
    "path",
    [
        "src/small_thing/__init__.py",
        "untracked.txt",
        "dist/ignored.bin",
        "deep/down/file",
        "ünï cödé.txt",
    ],
)
def test_a_file_that_appears_or_changes_moves_the_digest(root: Path, path: str) -> None:
    before = digest(root)
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text("new")
    after = digest(root)
    assert after != before
    (root / path).write_text("other")
    assert digest(root) not in {before, after}


def test_a_change_that_git_was_told_not_to_see_moves_the_digest(root: Path) -> None:
    git(root, "update-index", "--assume-unchanged", "README.md")
    before = digest(root)
    (root / "README.md").write_text("changed behind git's back")
    assert git(root, "status", "--porcelain") == ""
    assert digest(root) != before


@pytest.mark.skipif(os.name == "nt", reason="POSIX modes")
def test_the_mode_and_the_target_of_a_link_move_the_digest(root: Path) -> None:
    before = digest(root)
    (root / "README.md").chmod(0o755)
    executable = digest(root)
    assert executable != before
    (root / "link").symlink_to("README.md")
    linked = digest(root)
    (root / "link").unlink()
    (root / "link").symlink_to("LICENSE")
    assert len({before, executable, linked, digest(root)}) == 4


def test_a_file_behind_a_link_out_of_the_tree_moves_the_digest(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("one")
    (root / "link").symlink_to(outside)
    before = digest(root)
    outside.write_text("two")
    assert digest(root) != before


@pytest.mark.parametrize(
    "path",
    [".git/x", ".release/x", ".nox/lint/x", "src/small_thing/__pycache__/x.pyc", ".mypy_cache/x",
     "node_modules/x/y", "small_thing.egg-info/PKG-INFO", ".coverage", ".coverage.host.1"],
)  # fmt: skip
def test_caches_environments_and_by_products_do_not_move_it(root: Path, path: str) -> None:
    before = digest(root)
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text("x")
    assert digest(root) == before


def test_a_linked_worktree_of_a_commit_holds_the_same(root: Path, tmp_path: Path) -> None:
    git(root, "worktree", "add", "--quiet", "--detach", str(tmp_path / "linked"))
    assert digest(tmp_path / "linked") == digest(root)


def test_an_environment_of_any_name_does_not_move_it(root: Path) -> None:
    before = digest(root)
    write(root, {"my-env/pyvenv.cfg": "home = x\n", "my-env/lib/module.py": "x = 1\n"})
    assert digest(root) == before


def test_declared_by_products_do_not_move_it(root: Path) -> None:
    before = digest(root, "*.db", "out")
    write(root, {"test.db": "x", "out/a": "x"})
    assert digest(root, "*.db", "out") == before
    assert digest(root) != before


def test_a_second_look_sees_what_changed_in_between(root: Path) -> None:
    tree = Tree(root)
    before = tree.read()
    write(root, {"README.md": "# Other thing\n\nIt is smal\n", "new": "x", "LICENSE": None})
    after = tree.read()
    assert after.changed_since(before) == ["LICENSE", "README.md", "new"]
    assert after.digest == digest(root)


def test_looks_that_wait_for_another_share_one_that_sees_what_changed_before_them(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = Tree(root)
    walk = Tree._walk
    walked, first_may_end = threading.Event(), threading.Event()
    walks = []

    def slow(self: Tree) -> Iterator[tuple[str, str]]:
        found = list(walk(self))
        walks.append(found)
        walked.set()
        assert first_may_end.wait(10)
        yield from found

    monkeypatch.setattr(Tree, "_walk", slow)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(tree.read)
        assert walked.wait(10)
        (root / "added").write_text("new")
        others = [pool.submit(tree.read) for _ in range(3)]
        time.sleep(0.3)  # so that all of them have called
        first_may_end.set()
        assert "added" not in first.result().files
        assert all("added" in other.result().files for other in others)
    assert len(walks) == 2


def test_an_edit_that_keeps_size_and_time_is_seen(root: Path) -> None:
    path = root / "README.md"
    tree = Tree(root)
    before = tree.read()
    times = path.stat()
    text = path.read_text()
    path.write_text(text.replace("small", "SMALL"))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert tree.read().digest != before.digest


def test_unchanged_files_are_not_read_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in root.rglob("*"):
        if path.is_file() and ".git" not in path.parts:
            os.utime(path, (1e9, 1e9))
    import time

    time.sleep(0.15)  # a file that changed a moment ago is read again to be sure
    tree = Tree(root)
    first = tree.read()
    monkeypatch.setattr("builtins.open", lambda *_: pytest.fail("a file was read again"))
    assert tree.read().digest == first.digest


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_cannot_be_read_is_an_input_too(root: Path) -> None:
    (root / "README.md").chmod(0)
    assert any(text.startswith("unreadable") for text in Tree(root).read().files.values())


def test_a_named_pipe_does_not_block(root: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("no pipes here")
    os.mkfifo(root / "pipe")
    assert Tree(root).read().files["pipe"].startswith("special")


def test_the_key_depends_on_gate_level_files_needs_and_environment(root: Path) -> None:
    tree = Tree(root).read()
    needed = {"build": evidence(outcome=Outcome.passed(1, "x", artifacts=(Artifact("a", 1, "1"),)))}
    rebuilt = {
        "build": evidence(outcome=Outcome.passed(1, "x", artifacts=(Artifact("a", 1, "2"),)))
    }
    environ = {"PATH": "/bin"}
    keys = [
        gate_key(GATE, None, tree, {}, "refs", environ),
        gate_key(replace(GATE, name="audit"), None, tree, {}, "refs", environ),
        gate_key(GATE, Level.MINOR, tree, {}, "refs", environ),
        gate_key(GATE, None, replace(tree, digest="other"), {}, "refs", environ),
        gate_key(GATE, None, tree, needed, "refs", environ),
        gate_key(GATE, None, tree, rebuilt, "refs", environ),
        gate_key(GATE, None, tree, {}, "other refs", environ),
        gate_key(GATE, None, tree, {}, "refs", environ | {"DJANGO_SETTINGS_MODULE": "x"}),
    ]
    assert len(set(keys)) == len(keys)
    assert gate_key(GATE, None, tree, {}, "refs", environ) == keys[0]


def test_the_key_depends_on_the_locked_tools(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = Tree(root).read()
    before = gate_key(GATE, None, tree, {}, "refs")
    (tmp_path / "lock.txt").write_text("ruff==0.0.1\n")
    monkeypatch.setattr("release.run.environments.lock_of", lambda _gate: tmp_path / "lock.txt")
    assert gate_key(GATE, None, tree, {}, "refs") != before


def test_the_key_depends_on_this_programs_own_source(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = Tree(root).read()
    before = gate_key(GATE, None, tree, {}, "refs")
    monkeypatch.setattr("release.run.inputs.own_source", lambda: "other")
    assert gate_key(GATE, None, tree, {}, "refs") != before
    assert len(own_source()) == 64


def test_variables_of_a_terminal_are_no_inputs() -> None:
    before = environment_digest({"LANG": "C"})
    assert (
        environment_digest({"LANG": "C", "TERM": "x", "SSH_AUTH_SOCK": "y", "COLUMNS": "9"})
        == before
    )
    assert environment_digest({"LANG": "C", "DATABASE_URL": "x"}) != before


def test_a_secret_among_the_variables_is_kept_as_a_digest_only(root: Path) -> None:
    word = "hush" + "hush"
    key = gate_key(GATE, None, Tree(root).read(), {}, "refs", {"MY_TOKEN": word})
    assert word not in key


def test_a_project_without_git_has_a_key_as_well(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "x = 1\n"})
    assert list(Tree(tmp_path).read().files) == ["a.py"]
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    assert list(Tree(tmp_path).read().files) == ["a.py"]


@pytest.mark.skipif(os.name == "nt", reason="paths are short there")
def test_folders_may_be_nested_deeply(root: Path) -> None:
    before = digest(root)
    nest(root, 1200)
    assert digest(root) != before
    subprocess.run(["rm", "-r", str(root / "d")], check=True)  # the end of the test cannot


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="paths are short there")
def test_a_project_whose_folders_are_nested_too_deeply_is_refused(root: Path) -> None:
    nest(root, 1200)
    with pytest.raises(ReleaseError, match=r"^d/d/d/.*…: a file lies 1,200 folders deep"):
        read_project(root)
    git(root, "add", "--all")
    with pytest.raises(ReleaseError, match=r"^d/d/d/.*…: a file lies 1,200 folders deep"):
        read_project(root)
    subprocess.run(["rm", "-r", str(root / "d")], check=True)


def nest(root: Path, depth: int) -> None:
    """Make a file in folders in one another, as no path of Python's can name it."""
    path = "d/" * depth
    subprocess.run(["mkdir", "-p", path], cwd=root, check=True)
    subprocess.run(["touch", f"{path}file"], cwd=root, check=True)
