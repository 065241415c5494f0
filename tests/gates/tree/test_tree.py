"""tree: is the repository ready to be released from?"""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from packaging.version import Version

from release.change.situation import judge_tree, look
from release.errors import ReleaseError
from release.gates.tree import _planned
from release.model import Level, Status
from release.project import read_project
from tests.support import Judge, commit, git, make_project, said, with_remote, write

IDENTITY = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")


@pytest.fixture
def ready(project: Path) -> Path:
    """A project that is level with its remote, and clean."""
    with_remote(project)
    return project


def tag(root: Path, name: str, *where: str) -> None:
    git(root, "tag", "--annotate", "--message", name, name, *where)


def test_a_clean_project_that_is_level_with_its_remote_passes(ready: Path, judge: Judge) -> None:
    found = judge(ready, "tree").outcome
    assert found.status is Status.PASSED
    assert found.checked == 12
    assert "v1.2.3 is free" in found.summary
    assert not found.findings


def test_judging_changes_nothing_of_the_users(ready: Path, judge: Judge) -> None:
    refs = git(ready, "for-each-ref")
    index = (ready / ".git" / "index").read_bytes()
    judge(ready, "tree")
    assert git(ready, "status", "--porcelain") == ""
    assert git(ready, "for-each-ref") == refs
    assert (ready / ".git" / "index").read_bytes() == index


class TestBranch:
    def test_another_branch_is_refused(self, ready: Path, judge: Judge) -> None:
        git(ready, "switch", "--quiet", "--create", "feature")
        assert "on branch feature, and releases are made from main" in said(judge(ready, "tree"))

    def test_the_branch_in_the_settings_counts(self, ready: Path, judge: Judge) -> None:
        git(ready, "switch", "--quiet", "--create", "stable")
        source = (ready / "pyproject.toml").read_text()
        write(ready, {"pyproject.toml": f'{source}\n[tool.release]\nbranch = "stable"\n'})
        commit(ready)
        git(ready, "push", "--quiet", "--set-upstream", "origin", "stable")
        assert judge(ready, "tree").outcome.status is Status.PASSED

    def test_the_remotes_default_branch_is_asked_for(self, tmp_path: Path, judge: Judge) -> None:
        root = make_project(tmp_path / "old")
        git(root, "branch", "--move", "master")
        remote = tmp_path / "old.git"
        git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=master", str(remote))
        git(root, "remote", "add", "origin", str(remote))
        git(root, "push", "--quiet", "origin", "master")
        assert judge(root, "tree").outcome.status is Status.PASSED

    def test_a_remote_without_the_branch_is_reported(self, ready: Path, judge: Judge) -> None:
        source = (ready / "pyproject.toml").read_text()
        write(ready, {"pyproject.toml": f'{source}\n[tool.release]\nbranch = "stable"\n'})
        commit(ready)
        git(ready, "switch", "--quiet", "--create", "stable")
        assert "origin has no branch stable | git push origin stable" in said(judge(ready, "tree"))

    def test_a_detached_head_is_refused_at_home(self, ready: Path, judge: Judge) -> None:
        git(ready, "switch", "--quiet", "--detach")
        assert "HEAD is detached | git switch main" in said(judge(ready, "tree"))

    def test_a_detached_head_on_the_release_branch_passes_in_ci(
        self, ready: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        git(ready, "switch", "--quiet", "--detach")
        monkeypatch.setenv("CI", "true")
        assert judge(ready, "tree").outcome.status is Status.PASSED

    def test_in_ci_the_branch_may_have_moved_on(
        self, ready: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        older = git(ready, "rev-parse", "HEAD")
        write(ready, {"README.md": "# More\n"})
        commit(ready)
        git(ready, "push", "--quiet")
        git(ready, "switch", "--quiet", "--detach", older)
        monkeypatch.setenv("CI", "true")
        assert judge(ready, "tree").outcome.status is Status.PASSED

    def test_a_detached_head_beside_the_release_branch_fails_in_ci(
        self, ready: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        git(ready, "switch", "--quiet", "--detach")
        write(ready, {"README.md": "# Elsewhere\n"})
        commit(ready)
        monkeypatch.setenv("CI", "true")
        assert "origin/main does not hold this commit" in said(judge(ready, "tree"))

    @pytest.mark.parametrize(
        ("name", "event"),
        [("GITHUB_EVENT_NAME", "pull_request"), ("CI_PIPELINE_SOURCE", "merge_request_event")],
    )
    def test_a_pull_request_is_judged_in_ci_as_if_it_were_merged_but_for_a_tag(
        self, ready: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch, name: str, event: str
    ) -> None:
        git(ready, "switch", "--quiet", "--detach")
        write(ready, {"README.md": "# Proposed\n"})
        commit(ready)
        monkeypatch.setenv(name, event)
        assert "HEAD is detached | git switch main" in said(judge(ready, "tree"))
        monkeypatch.setenv("CI", "true")
        outcome = judge(ready, "tree").outcome
        assert (outcome.status, outcome.findings) == (Status.PASSED, ())
        with pytest.raises(ReleaseError, match="does not hold this commit"):
            judge_tree(look(read_project(ready)), Version("1.2.3"))

    def test_in_ci_nobody_needs_hooks_or_an_identity(
        self, tmp_path: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        root = make_project(tmp_path / "hooked", {".githooks/pre-push": "#!/bin/sh\n"})
        with_remote(root)
        git(root, "switch", "--quiet", "--detach")
        git(root, "config", "user.useConfigOnly", "true")
        for name in IDENTITY:
            monkeypatch.delenv(name)
        monkeypatch.setenv("CI", "1")
        assert judge(root, "tree").outcome.checked == 9


class TestState:
    def test_a_changed_file_is_named(self, ready: Path, judge: Judge) -> None:
        write(ready, {"README.md": "# Changed\n"})
        assert "1 file changed and not committed: README.md" in said(judge(ready, "tree"))

    def test_a_staged_file_is_named(self, ready: Path, judge: Judge) -> None:
        write(ready, {"README.md": "# Changed\n"})
        git(ready, "add", "README.md")
        assert "not committed: README.md" in said(judge(ready, "tree"))

    def test_an_untracked_file_in_the_package_is_named(self, ready: Path, judge: Judge) -> None:
        write(ready, {"src/small_thing/stray.py": "x = 1\n"})
        assert "1 untracked file: src/small_thing/stray.py" in said(judge(ready, "tree"))

    def test_hostile_file_names_are_quoted_and_counted(self, ready: Path, judge: Judge) -> None:
        write(ready, {"-rf": "", "a\nb": "", "c\x1b[31md": "", "ä ö": ""})
        found = said(judge(ready, "tree"))
        assert "4 untracked files: -rf, 'a\\nb', 'c\\x1b[31md', ä ö" in found

    def test_ignored_files_do_not_count(self, ready: Path, judge: Judge) -> None:
        write(ready, {"dist/old.whl": "x"})
        assert judge(ready, "tree").outcome.status is Status.PASSED

    def test_bytecode_that_nox_wrote_does_not_count(self, ready: Path, judge: Judge) -> None:
        write(ready, {".gitignore": "dist/\n"})
        commit(ready)
        git(ready, "push", "--quiet", "origin", "main")
        write(ready, {"__pycache__/noxfile.cpython-311.pyc": "x"})
        assert "__pycache__" in git(ready, "status", "--porcelain")
        assert judge(ready, "tree").outcome.status is Status.PASSED

    def test_an_unfinished_merge_is_named(self, ready: Path, judge: Judge) -> None:
        git(ready, "switch", "--quiet", "--create", "other")
        write(ready, {"README.md": "# Other\n"})
        commit(ready)
        git(ready, "switch", "--quiet", "main")
        git(ready, "merge", "--quiet", "--no-ff", "--no-commit", "other")
        found = said(judge(ready, "tree"))
        assert "a merge is not finished | finish it, or give it up: git merge --abort" in found

    def test_a_release_that_is_being_made_visible_is_told_apart(
        self, ready: Path, judge: Judge
    ) -> None:
        head = git(ready, "rev-parse", "HEAD")
        write(ready, {".git/CHERRY_PICK_HEAD": f"{head}\n", ".git/nox-release-at-x": "x"})
        found = said(judge(ready, "tree"))
        assert "a release is not finished | wait for it; if it was killed, run it again" in found

    def test_a_bisection_is_named_with_its_own_way_out(self, ready: Path, judge: Judge) -> None:
        git(ready, "bisect", "start")
        assert "git bisect reset" in said(judge(ready, "tree"))

    def test_a_shallow_clone_is_refused(self, ready: Path, judge: Judge, tmp_path: Path) -> None:
        write(ready, {"README.md": "# More\n"})
        commit(ready)
        git(ready, "push", "--quiet")
        remote = tmp_path / f"{ready.name}.git"
        git(tmp_path, "clone", "--quiet", "--depth=1", remote.as_uri(), "shallow")
        found = said(judge(tmp_path / "shallow", "tree"))
        assert "the clone is shallow" in found
        assert "git fetch --unshallow --tags" in found

    def test_every_defect_is_reported_at_once(self, ready: Path, judge: Judge) -> None:
        git(ready, "switch", "--quiet", "--create", "feature")
        write(ready, {"README.md": "# Changed\n", "stray": ""})
        assert len(judge(ready, "tree").outcome.findings) == 3


class TestRemote:
    def advance(self, root: Path, tmp_path: Path) -> None:
        """Push a commit to the remote from elsewhere."""
        git(tmp_path, "clone", "--quiet", str(tmp_path / f"{root.name}.git"), "elsewhere")
        write(tmp_path / "elsewhere", {"NEWS": "news\n"})
        commit(tmp_path / "elsewhere")
        git(tmp_path / "elsewhere", "push", "--quiet")

    def test_a_branch_that_is_behind_is_found_without_a_fetch(
        self, ready: Path, judge: Judge, tmp_path: Path
    ) -> None:
        self.advance(ready, tmp_path)
        found = said(judge(ready, "tree"))
        assert "behind origin/main: it has commits that are missing here" in found
        assert "git pull --ff-only origin main" in found

    def test_a_diverged_branch_is_told_from_one_that_is_behind(
        self, ready: Path, judge: Judge, tmp_path: Path
    ) -> None:
        self.advance(ready, tmp_path)
        write(ready, {"README.md": "# Mine\n"})
        commit(ready)
        git(ready, "fetch", "--quiet")
        assert "diverged from origin/main: 1 commit here" in said(judge(ready, "tree"))

    def test_a_branch_that_is_ahead_passes_with_a_remark(self, ready: Path, judge: Judge) -> None:
        write(ready, {"README.md": "# Mine\n"})
        commit(ready)
        found = judge(ready, "tree").outcome
        assert found.status is Status.PASSED
        assert found.findings[0].message == "1 commit ahead of origin/main"

    def test_the_releases_own_commit_is_none_to_push_before_it(
        self, ready: Path, judge: Judge
    ) -> None:
        write(ready, {"README.md": "# Mine\n"})
        made = commit(ready)
        facts = read_project(ready).git
        assert facts is not None
        assert _planned(ready, facts) == 0
        git(ready, "update-ref", "refs/heads/main", f"{made}^")
        assert _planned(ready, facts) == 1

    def test_a_remote_that_cannot_be_asked_is_unchecked(self, ready: Path, judge: Judge) -> None:
        git(ready, "remote", "set-url", "origin", str(ready.parent / "gone.git"))
        found = judge(ready, "tree").outcome
        assert found.status is Status.UNCHECKED
        assert "origin cannot be asked" in found.summary
        assert found.findings[0].remedy == "see what `git ls-remote origin` says"

    def test_defects_are_reported_even_where_the_remote_cannot_be_asked(
        self, ready: Path, judge: Judge
    ) -> None:
        git(ready, "remote", "set-url", "origin", str(ready.parent / "gone.git"))
        write(ready, {"README.md": "# Changed\n"})
        found = said(judge(ready, "tree"))
        assert "not committed: README.md" in found
        assert "origin cannot be asked" in found
        assert "has no branch" not in found

    def test_credentials_in_the_remotes_address_are_not_shown(
        self, ready: Path, judge: Judge
    ) -> None:
        secret = "hunter" + "2hunter2"
        git(ready, "remote", "set-url", "origin", f"http://me:{secret}@127.0.0.1:1/x.git")
        evidence = judge(ready, "tree")
        assert evidence.outcome.status is Status.UNCHECKED
        assert secret not in repr(evidence)
        assert all(
            secret.encode() not in path.read_bytes()
            for path in (ready / ".release").rglob("*")
            if path.is_file()
        )

    def test_no_remote_at_all_is_unchecked(self, project: Path, judge: Judge) -> None:
        found = judge(project, "tree").outcome
        assert found.status is Status.UNCHECKED
        assert "no remote" in found.summary

    def test_a_remote_of_another_name_is_mentioned(self, ready: Path, judge: Judge) -> None:
        git(ready, "remote", "rename", "origin", "upstream")
        found = judge(ready, "tree").outcome
        assert found.status is Status.UNCHECKED
        assert "there is upstream" in found.summary


def elsewhere(root: Path) -> str:
    """A commit that is not in this one's history."""
    return git(root, "commit-tree", "-m", "elsewhere", "HEAD^{tree}").strip()


class TestTag:
    def test_a_tag_on_another_commit_here_is_refused(self, ready: Path, judge: Judge) -> None:
        tag(ready, "v1.2.3", elsewhere(ready))
        assert "the tag v1.2.3 exists here, on another commit" in said(judge(ready, "tree"))

    def test_after_a_release_no_tag_is_in_the_way(self, ready: Path, judge: Judge) -> None:
        tag(ready, "v1.2.3")
        write(ready, {"README.md": "# More\n"})
        commit(ready)
        git(ready, "push", "--quiet")
        found = judge(ready, "tree").outcome
        assert found.status is Status.PASSED, found
        assert "is free" not in found.summary

    def test_a_tag_on_another_commit_of_the_remote_is_refused(
        self, ready: Path, judge: Judge
    ) -> None:
        tag(ready, "v1.2.3")
        git(ready, "push", "--quiet", "origin", "v1.2.3")
        git(ready, "tag", "--delete", "v1.2.3")
        write(ready, {"README.md": "# More\n"})
        commit(ready)
        git(ready, "push", "--quiet")
        assert "the tag v1.2.3 exists on origin, on another commit" in said(judge(ready, "tree"))

    def test_a_tag_on_this_commit_is_a_release_to_be_resumed(
        self, ready: Path, judge: Judge
    ) -> None:
        tag(ready, "v1.2.3")
        git(ready, "push", "--quiet", "origin", "v1.2.3")
        found = judge(ready, "tree").outcome
        assert found.status is Status.PASSED
        assert "v1.2.3 is on this commit" in found.summary

    @pytest.mark.parametrize("name", ["1.2.3", "V1.2.3", "v1.2.3.0", "v01.2.3"])
    def test_a_tag_counts_however_it_spells_the_version(
        self, ready: Path, judge: Judge, name: str
    ) -> None:
        tag(ready, name, elsewhere(ready))
        assert f"the tag {name} exists here" in said(judge(ready, "tree"))

    def test_a_candidates_tag_is_found_by_its_version(self, tmp_path: Path, judge: Judge) -> None:
        root = make_project(tmp_path / "rc")
        source = (root / "pyproject.toml").read_text().replace("1.2.3", "0.5.0rc1")
        write(root, {"pyproject.toml": source})
        commit(root)
        with_remote(root)
        tag(root, "v0.5.0-rc1", elsewhere(root))
        git(root, "push", "--quiet", "origin", "v0.5.0-rc1")
        found = said(judge(root, "tree"))
        assert "the tag v0.5.0-rc1 exists here" in found
        assert "the tag v0.5.0-rc1 exists on origin" in found

    def test_a_lightweight_tag_is_reported(self, ready: Path, judge: Judge) -> None:
        git(ready, "tag", "v1.2.3")
        assert "the tag v1.2.3 is lightweight" in said(judge(ready, "tree"))
        git(ready, "push", "--quiet", "origin", "v1.2.3")  # nothing leaves it behind now
        assert judge(ready, "tree").outcome.status is Status.PASSED

    def test_a_tag_of_something_else_than_a_commit_is_reported(
        self, ready: Path, judge: Judge
    ) -> None:
        git(ready, "tag", "v1.2.3", "HEAD^{tree}")
        assert "exists here, on no commit at all" in said(judge(ready, "tree"))

    def test_a_branch_called_like_the_tag_is_remarked(self, ready: Path, judge: Judge) -> None:
        git(ready, "branch", "v1.2.3")
        found = judge(ready, "tree").outcome
        assert found.status is Status.PASSED
        assert "a branch is called v1.2.3 like the tag" in found.findings[0].message

    def test_with_a_level_the_next_versions_tag_counts(self, ready: Path, judge: Judge) -> None:
        tag(ready, "v1.2.3")
        write(ready, {"README.md": "# More\n"})
        commit(ready)
        git(ready, "push", "--quiet")
        found = judge(ready, "tree", Level.MINOR).outcome
        assert found.status is Status.PASSED
        assert "v1.3.0 is free" in found.summary
        tag(ready, "v1.3.0", "HEAD^")
        assert "the tag v1.3.0 exists here" in said(judge(ready, "tree", Level.MINOR))

    def test_tags_without_a_v_are_followed(self, ready: Path, judge: Judge) -> None:
        for name in ("1.0.0", "1.1.0"):
            tag(ready, name)
        assert "1.2.3 is free" in judge(ready, "tree").outcome.summary
        assert "v1.2.3" not in judge(ready, "tree").outcome.summary


class TestMaintainer:
    def hooked(self, tmp_path: Path) -> Path:
        root = make_project(tmp_path / "hooked", {".githooks/pre-push": "#!/bin/sh\n"})
        with_remote(root)
        return root

    def test_hooks_that_are_not_in_use_are_reported(self, tmp_path: Path, judge: Judge) -> None:
        root = self.hooked(tmp_path)
        found = said(judge(root, "tree"))
        assert "the project's hooks in .githooks/ are not in use" in found
        assert "git config core.hooksPath .githooks" in found

    def test_hooks_in_use_pass(self, tmp_path: Path, judge: Judge) -> None:
        root = self.hooked(tmp_path)
        git(root, "config", "core.hooksPath", ".githooks")
        assert judge(root, "tree").outcome.status is Status.PASSED

    def test_a_hooks_path_elsewhere_is_reported(self, tmp_path: Path, judge: Judge) -> None:
        root = self.hooked(tmp_path)
        git(root, "config", "core.hooksPath", str(tmp_path / "mine"))
        assert f"git uses {tmp_path / 'mine'}" in said(judge(root, "tree"))

    @pytest.mark.parametrize("path", ["nowhere", ".git/hooks", ".githooks/other"])
    def test_another_path_inside_of_the_project_is_reported(
        self, tmp_path: Path, judge: Judge, path: str
    ) -> None:
        root = self.hooked(tmp_path)
        git(root, "config", "core.hooksPath", path)
        found = said(judge(root, "tree"))
        assert f"the project's hooks in .githooks/ are not in use; git uses {path}" in found

    @pytest.mark.parametrize("path", ["./.githooks/", "{root}/.githooks", "tools/hooks"])
    def test_the_folder_is_known_however_it_is_written(
        self, tmp_path: Path, judge: Judge, path: str
    ) -> None:
        root = make_project(tmp_path / "linked", {"tools/hooks/pre-push": "#!/bin/sh\n"})
        (root / ".githooks").symlink_to(root / "tools" / "hooks")
        commit(root)
        with_remote(root)
        git(root, "config", "core.hooksPath", path.replace("{root}", str(root)))
        assert judge(root, "tree").outcome.status is Status.PASSED

    def test_a_folder_of_that_name_without_hooks_does_not_matter(
        self, tmp_path: Path, judge: Judge
    ) -> None:
        root = make_project(tmp_path / "plain", {"githooks/README.md": "About hooks.\n"})
        with_remote(root)
        assert judge(root, "tree").outcome.status is Status.PASSED

    def test_a_missing_identity_is_found_before_any_commit(
        self, ready: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        git(ready, "config", "user.useConfigOnly", "true")
        for name in IDENTITY:
            monkeypatch.delenv(name)
        found = said(judge(ready, "tree"))
        assert "git knows no identity to commit with | git config user.name" in found

    def test_signed_tags_need_a_key(self, ready: Path, judge: Judge) -> None:
        git(ready, "config", "tag.gpgSign", "true")
        git(ready, "config", "gpg.format", "ssh")
        assert "tags or commits are to be signed and no key is set" in said(judge(ready, "tree"))

    def test_the_key_file_must_be_there(self, ready: Path, judge: Judge, tmp_path: Path) -> None:
        git(ready, "config", "tag.gpgSign", "yes")
        git(ready, "config", "gpg.format", "ssh")
        git(ready, "config", "user.signingKey", str(tmp_path / "key.pub"))
        assert "key.pub is not there" in said(judge(ready, "tree"))
        (tmp_path / "key.pub").write_text("ssh-ed25519 …\n")
        assert judge(ready, "tree").outcome.status is Status.PASSED

    @pytest.mark.skipif(os.name == "nt", reason="needs a shell script")
    @pytest.mark.parametrize(("status", "wanted"), [(0, Status.PASSED), (2, Status.FAILED)])
    def test_an_openpgp_key_is_asked_for(
        self,
        ready: Path,
        judge: Judge,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        status: int,
        wanted: Status,
    ) -> None:
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
        program = tmp_path / "gpg2"
        program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\nexit {status}\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        git(ready, "config", "tag.gpgSign", "true")
        configured = tmp_path / "configured/gpg2"
        configured.parent.mkdir()
        configured.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
        configured.chmod(0o755)
        git(ready, "config", "gpg.program", str(configured))
        assert judge(ready, "tree").outcome.status is wanted
        assert not (tmp_path / "started").exists()
        asked = (tmp_path / "asked").read_text()
        assert "--list-secret-keys -- maintainer@example.invalid" in asked


class TestNoRepository:
    def test_a_folder_without_git_is_unchecked(self, tmp_path: Path, judge: Judge) -> None:
        root = tmp_path / "plain"
        write(root, {"pyproject.toml": '[project]\nname = "plain"\nversion = "1"\n'})
        found = judge(root, "tree").outcome
        assert found.status is Status.UNCHECKED
        assert found.summary == "not in a git repository"
        assert "git init" in (found.findings[0].remedy or "")

    def test_a_repository_without_a_commit_is_unchecked(self, tmp_path: Path, judge: Judge) -> None:
        root = tmp_path / "empty"
        write(root, {"pyproject.toml": '[project]\nname = "empty"\nversion = "1"\n'})
        git(root, "init", "--quiet")
        found = judge(root, "tree").outcome
        assert found.status is Status.UNCHECKED
        assert found.summary == "no commit yet"

    def test_a_path_with_spaces_and_umlauts_works(self, tmp_path: Path, judge: Judge) -> None:
        root = make_project(tmp_path / "mein Projekt ü")
        with_remote(root)
        write(root, {"naïve file": ""})
        assert "naïve file" in said(judge(root, "tree"))


def test_a_file_that_git_was_told_not_to_look_at_fails(tmp_path: Path, judge: Judge) -> None:
    root = make_project(tmp_path / "blind")
    with_remote(root)
    git(root, "update-index", "--assume-unchanged", "src/small_thing/__init__.py")
    with (root / "src/small_thing/__init__.py").open("a") as file:
        file.write("MORE = 1\n")
    assert git(root, "status", "--porcelain") == ""
    found = judge(root, "tree").outcome
    assert found.status is Status.FAILED
    assert "not to look at 1 file: src/small_thing/__init__.py" in found.findings[0].message
    git(root, "update-index", "--no-assume-unchanged", "src/small_thing/__init__.py")
    git(root, "checkout", "src/small_thing/__init__.py")
    assert judge(root, "tree").outcome.status is Status.PASSED
