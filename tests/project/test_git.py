"""Questions to git, in repositories that were made hard to read."""

from __future__ import annotations

from pathlib import Path

import pytest

from release.errors import CannotCheck
from release.project import read_project
from release.project.git import LOCAL_VARIABLES, read_facts
from release.run.export import export
from tests.support import commit, git, make_project, with_remote, write


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_project(tmp_path / "thing")


def test_the_variables_that_git_sets_for_hooks_are_known(root: Path) -> None:
    assert set(git(root, "rev-parse", "--local-env-vars").split()) <= LOCAL_VARIABLES


def test_a_hooks_variables_do_not_reach_the_copy(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(root, {"new.py": "x = 1\n"})
    git(root, "add", "new.py")
    staged = git(root, "diff", "--cached", "--name-only")
    project = read_project(root)
    monkeypatch.setenv("GIT_DIR", str(root / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(root / ".git/index"))
    copy = export(project, tmp_path / "copy")
    monkeypatch.delenv("GIT_DIR")
    monkeypatch.delenv("GIT_INDEX_FILE")
    assert (copy / "new.py").exists()
    assert git(root, "diff", "--cached", "--name-only") == staged == "new.py"


def test_an_export_leaves_the_repository_alone_that_a_hook_points_at(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_project(tmp_path / "other")
    write(other, {"staged.py": "x = 1\n"})
    git(other, "add", "staged.py")
    kept = {path: path.read_bytes() for path in (other / ".git").rglob("*") if path.is_file()}
    with monkeypatch.context() as hook:
        hook.setenv("GIT_DIR", str(other / ".git"))
        hook.setenv("GIT_INDEX_FILE", str(other / ".git/index"))
        hook.setenv("GIT_WORK_TREE", str(other))
        copy = export(read_project(root), tmp_path / "copy")
    assert (copy / "pyproject.toml").exists()
    assert git(copy, "rev-parse", "HEAD") == git(root, "rev-parse", "HEAD")
    assert not (copy / "staged.py").exists()
    assert kept == {
        path: path.read_bytes() for path in (other / ".git").rglob("*") if path.is_file()
    }


def test_a_command_may_set_up_hooks_in_an_export(root: Path, tmp_path: Path) -> None:
    git(root, "tag", "v1.0")
    copy = export(read_project(root), tmp_path / "copy")
    assert not git(copy, "config", "--default", "", "--get", "core.hooksPath")
    assert not (copy / ".git/hooks").exists()


def test_nothing_in_an_export_can_push_and_its_tags_stay(root: Path, tmp_path: Path) -> None:
    with_remote(root)
    git(root, "tag", "v1.0")
    copy = export(read_project(root), tmp_path / "copy")
    assert git(copy, "remote") == git(copy, "branch", "--remotes") == ""
    assert git(copy, "describe", "--tags", "--dirty") == "v1.0"


def test_files_that_git_was_told_not_to_look_at_are_listed(root: Path) -> None:
    git(root, "update-index", "--assume-unchanged", "README.md")
    git(root, "update-index", "--skip-worktree", "LICENSE")
    facts = read_facts(root)
    assert facts is not None
    assert set(facts.unseen) == {"README.md", "LICENSE"}


def test_a_folder_without_a_repository_is_told_from_one_that_cannot_be_read(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plain").mkdir()
    assert read_facts(tmp_path / "plain") is None
    (root / ".git/config").write_text("[broken")
    with pytest.raises(CannotCheck, match="git cannot read this repository"):
        read_facts(root)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotCheck, match="git is not installed"):
        read_facts(root)


def test_a_repository_that_git_finds_but_cannot_use_is_not_taken_for_none(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"lost/.git": "gitdir: /gone/worktrees/lost\n"})
    with pytest.raises(CannotCheck, match="not a git repository: /gone"):
        read_facts(tmp_path / "lost")
    with monkeypatch.context() as somebody_else:
        somebody_else.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
        with pytest.raises(CannotCheck, match="dubious ownership") as caught:
            read_facts(root)
    assert "safe.directory" in str(caught.value.remedy)
    git(root, "config", "core.bare", "true")
    with pytest.raises(CannotCheck, match="must be run in a work tree"):
        read_facts(root)


def test_a_project_that_the_repository_around_it_ignores_is_in_none(root: Path) -> None:
    write(root, {".gitignore": "vendor/\n", "vendor/other/pyproject.toml": ""})
    assert read_facts(root / "vendor/other") is None


def test_of_a_submodule_only_what_its_own_git_knows_is_copied(root: Path, tmp_path: Path) -> None:
    inner = make_project(tmp_path / "inner")
    git(root, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "sub")
    commit(root)
    write(root, {"sub/.git-is-a-file-here": "new", "sub/dist/secret.txt": "ignored"})
    git(root, "config", "diff.ignoreSubmodules", "all")
    copy = export(read_project(root), tmp_path / "copy")
    assert (copy / "sub/pyproject.toml").exists()
    assert not (copy / "sub/dist").exists()
    facts = read_facts(root)
    assert facts is not None
    assert facts.changed == ("sub",)
