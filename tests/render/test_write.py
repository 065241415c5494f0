"""Rendered files get into a repository whole, and over nothing that somebody else wrote."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
from pathlib import Path

import pytest

from release import render
from release.actions import Call, Stopped
from release.actions.render import run
from release.errors import ConfigurationError, UsageError
from release.project import read_project
from release.render import WORKFLOWS, Rendered
from release.render.stamp import is_untouched
from release.render.write import look
from release.text.commands import CALLER
from tests.render.shapes import SHAPES, make_shape, write
from tests.support import git, make_project
from tests.support import write as write_files
from tests.test_sessions import Nox, nox, snapshot

__all__ = ["nox"]
RELEASE = f"{WORKFLOWS}/release.yml"
FILES = [RELEASE, f"{WORKFLOWS}/ci.yml", ".githooks/pre-push", "RELEASING.md"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_project(tmp_path / "small-thing")


def files(root: Path) -> tuple[Rendered, ...]:
    return render.files(read_project(root))


def states(root: Path) -> dict[str, str]:
    return {found.rendered.path: found.state for found in look(root, files(root))}


def set_table(root: Path, lines: str) -> None:
    path = root / "pyproject.toml"
    path.write_text(f"{path.read_text()}\n{lines}\n")


def test_it_writes_what_is_missing_and_then_has_nothing_to_do(root: Path) -> None:
    assert states(root) == dict.fromkeys(FILES, "missing")
    write(root, files(root))
    assert states(root) == dict.fromkeys(FILES, "current")
    assert os.access(root / ".githooks/pre-push", os.X_OK)


def test_other_settings_replace_what_nobody_touched(root: Path) -> None:
    write(root, files(root))
    set_table(root, "[tool.release.workflows]\nforge-release = true")
    assert states(root)[RELEASE] == "outdated"
    assert states(root)["RELEASING.md"] == "outdated"
    assert states(root)[f"{WORKFLOWS}/ci.yml"] == "current"


def test_newer_pins_and_comments_leave_a_file_as_it_should_be(root: Path) -> None:
    write(root, files(root))
    path = root / RELEASE
    moved = re.sub(r"@[0-9a-f]{40} # v[\d.]+", f"@{'ab' * 20} # v99.0.0", path.read_text())
    path.write_text(moved)
    assert states(root)[RELEASE] == "current"
    assert is_untouched(RELEASE, moved), "a bot that moves pins edits nothing else"
    set_table(root, "[tool.release.workflows]\ndry-run = true")
    [found] = [found for found in look(root, files(root)) if found.rendered.path == RELEASE]
    assert found.state == "outdated"
    assert found.wanted.text.count("# v99.0.0") == found.rendered.text.count(" # v")
    path.write_text(f"{moved}# Mine.\n")


def test_a_comment_is_not_lost_without_a_word(root: Path) -> None:
    write(root, files(root))
    path = root / RELEASE
    path.write_text(f"{path.read_text()}# Mine.\n")
    assert states(root)[RELEASE] == "current"
    set_table(root, "[tool.release.workflows]\nforge-release = true")
    assert states(root)[RELEASE] == "changed", "the comment would be lost"


@pytest.mark.parametrize("path", FILES)
def test_an_edit_is_somebody_elses(root: Path, path: str) -> None:
    write(root, files(root))
    text = (root / path).read_text()
    edited = text.replace("contents: read", "contents: write").replace("## Once", "## First")
    (root / path).write_text(edited.replace("lint", "lint test"))
    assert states(root)[path] == "changed"


def test_a_file_of_another_hand_stops_all_of_them(root: Path, nox: Nox) -> None:
    write_files(root, {RELEASE: "name: By hand\n"})
    before = snapshot(root)
    done = nox("-s", "render", "--", "--project", str(root))
    assert done.returncode == 1
    assert "-name: By hand" in done.stdout
    assert "nothing was written" in done.stderr
    assert "--force" in done.stderr
    assert snapshot(root) == before
    done = nox("-s", "render", "--", "--force", "--project", str(root))
    assert done.returncode == 0
    assert f"{RELEASE}: taken back\n" in done.stdout
    assert "next: git config core.hooksPath .githooks\n" in done.stdout
    assert "next: add [tool.release.workflows]" in done.stdout
    assert set(states(root).values()) == {"current"}


def test_commands_in_the_files_are_those_that_the_project_has(root: Path) -> None:
    assert all("and run: nox-release render (" in file.text[:200] for file in files(root))
    for code in ("from release.sessions import Sessions\n", "import release.sessions\n"):
        write_files(root, {"noxfile.py": code})
        assert all("and run: nox -s render (" in file.text[:200] for file in files(root))


def test_the_next_step_is_told_in_the_form_that_was_used(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(CALLER, "project", root)
    rendering(root)
    said = capsys.readouterr().out
    assert "so that nox-release workflows compares them" in said


def test_check_shows_the_difference_and_writes_nothing(root: Path, nox: Nox) -> None:
    before = snapshot(root)
    done = nox("-s", "render", "--", "--check", "--project", str(root))
    assert done.returncode == 1
    assert '+name: "Release"' in done.stdout
    assert snapshot(root) == before
    write(root, files(root))
    assert nox("-s", "render", "--", "--check", "--project", str(root)).returncode == 0


def rendering(root: Path, *, check: bool = False) -> None:
    arguments = argparse.Namespace(project=None, check=check, force=False)
    run(Call("render", arguments, root, root, console=True))


def test_what_other_settings_rendered_is_named_and_goes_unless_it_was_edited(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workflows = root / WORKFLOWS
    write(root, files(root))
    (workflows / "mine.yml").write_text("name: Mine\n")
    set_table(root, "[tool.release.workflows]\nci = false\nhook = false")
    hook = root / ".githooks/pre-push"
    hook.write_text(f"{hook.read_text()}echo Mine\n")
    with pytest.raises(
        Stopped, match=r"settings: \.githooks/pre-push, \.github/workflows/ci\.yml;"
    ):
        rendering(root, check=True)
    assert "+++ /dev/null\n" in capsys.readouterr().out
    rendering(root)
    told = capsys.readouterr().out
    assert f"{WORKFLOWS}/ci.yml: removed" in told
    assert ".githooks/pre-push: stays, for somebody edited it" in told
    assert sorted(path.name for path in workflows.iterdir()) == ["mine.yml", "release.yml"]
    assert "echo Mine" in hook.read_text()


@pytest.mark.parametrize("linked", [".github", ".github/workflows", RELEASE, "RELEASING.md"])
def test_nothing_is_written_through_a_link(root: Path, tmp_path: Path, linked: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / linked).parent.mkdir(parents=True, exist_ok=True)
    (root / linked).symlink_to(outside)
    with pytest.raises(UsageError, match=f"^{re.escape(linked)}: is a symbolic link"):
        look(root, files(root))
    assert not list(outside.iterdir())


@pytest.mark.parametrize("blocked", [".github", RELEASE])
def test_what_lies_in_the_way_is_named(root: Path, blocked: str) -> None:
    path = root / blocked
    path.parent.mkdir(parents=True, exist_ok=True)
    if blocked == RELEASE:
        path.mkdir()
    else:
        path.write_text("")
    with pytest.raises(UsageError, match=re.escape(blocked)) as caught:
        look(root, files(root))
    assert all(problem.remedy for problem in caught.value.problems)


def test_bytes_that_are_no_text_are_somebody_elses(root: Path) -> None:
    write_files(root, {RELEASE: b"\xff\xfe"})
    assert states(root)[RELEASE] == "changed"


# Where the project lies


def test_without_a_remote_owner_and_repository_are_left_open(root: Path) -> None:
    document = files(root)[-1].text
    assert "| Owner | *(the owner on GitHub)* |" in document


def test_the_fields_of_the_trusted_publisher_are_those_of_remote_and_settings(root: Path) -> None:
    git(root, "remote", "add", "origin", "git@github.com:some-one/small_thing.git")
    set_table(root, '[tool.release.gates.setup]\nworkflow = "ship.yml"\nenvironment = "index"')
    document = next(file.text for file in files(root) if file.path == "RELEASING.md")
    for field, value in {
        "PyPI project name": "small-thing",
        "Owner": "some-one",
        "Repository name": "small_thing",
        "Workflow name": "ship.yml",
        "Environment name": "index",
    }.items():
        assert f"| {field} | `{value}` |" in document
    assert f"{WORKFLOWS}/ship.yml" in {file.path for file in files(root)}


def test_a_project_on_gitlab_gets_a_plain_file(root: Path) -> None:
    from release.text import yaml

    git(root, "remote", "add", "origin", "https://gitlab.com/some-one/small-thing.git")
    found = {file.path: file.text for file in files(root)}
    assert list(found) == [".gitlab-ci.yml", ".githooks/pre-push", "RELEASING.md"]
    jobs = yaml.load(found[".gitlab-ci.yml"])
    assert jobs["preflight"]["script"] == ["nox-release release_preflight --ci"]
    # A job may need one of its own stage or of an earlier one: GitLab's are build, test, deploy.
    assert (jobs["preflight"]["stage"], jobs["build"]["stage"]) == ("test", "deploy")
    assert len(jobs["preflight"]["rules"]) == 3
    assert jobs["build"]["artifacts"] == {"paths": [".release/dist/"]}


@pytest.mark.parametrize(
    "address", ["https://codeberg.org/a/b.git", "git@bitbucket.org:a/b.git", "ssh://git@sr.ht/~a/b"]
)
def test_another_forge_is_named_with_what_is_supported(root: Path, address: str) -> None:
    git(root, "remote", "add", "origin", address)
    with pytest.raises(ConfigurationError, match=r"for GitHub, and a \.gitlab-ci.yml for GitLab"):
        files(root)


def test_no_part_of_a_password_in_the_remote_is_shown(root: Path) -> None:
    git(root, "remote", "add", "origin", "https://me:first@second@forge.example.invalid/a/b.git")
    with pytest.raises(ConfigurationError, match=r"is on forge\.example\.invalid") as refused:
        files(root)
    assert not {"first", "second"} & set(re.findall(r"\w+", str(refused.value)))


def test_a_project_below_the_top_of_its_repository_is_refused(tmp_path: Path) -> None:
    top = make_project(tmp_path / "top")
    write_files(top, {"inner/pyproject.toml": "[project]\nname = 'inner'\nversion = '1'\n"})
    with pytest.raises(ConfigurationError, match="lies in inner of its repository"):
        files(top / "inner")


def test_a_noxfile_with_our_sessions_is_what_runs(root: Path) -> None:
    write_files(root, {"noxfile.py": "from release.sessions import Sessions\n"})
    workflow = files(root)[0].text
    assert "nox -s release_preflight -- --ci" in workflow
    assert "nox-release release_preflight" not in workflow


@pytest.mark.parametrize("text", ["import nox\n", "from release.sessions import (\n", "\0"])
def test_another_noxfile_is_left_alone(root: Path, text: str) -> None:
    write_files(root, {"noxfile.py": text})
    assert "nox-release release_preflight --ci" in files(root)[0].text


# The procedure in prose


@pytest.mark.parametrize("name", SHAPES)
def test_the_document_names_every_job_of_the_workflow(name: str, tmp_path: Path) -> None:
    from release.text import yaml

    found = {file.path: file.text for file in files(make_shape(tmp_path / name, name))}
    path = next(path for path in found if path.endswith(("release.yml", "publish.yml")))
    jobs = yaml.load(found[path])["jobs"].keys() - {"provenance"}
    told = set(re.findall(r"^\| ([a-z-]+) \| (?:none|may)", found["RELEASING.md"], re.M))
    inner = {"build", "attest", "verify"} if "provenance.yml" in str(found) else set()
    assert told == jobs | inner


def test_it_says_how_this_project_releases(root: Path) -> None:
    set_table(root, '[tool.release]\npublishing = "manual"\npull-request-branch = "r/{version}"')
    document = next(file.text for file in files(root) if file.path == "RELEASING.md")
    assert "Merge the pull request" in document
    assert "Then start the workflow *Publish* by hand" in document
    assert "`nox-release cut" not in document


def test_every_session_it_names_is_there(tmp_path: Path) -> None:
    from tests.test_sessions import SESSIONS

    for name in SHAPES:
        text = "".join(file.text for file in files(make_shape(tmp_path / name, name)))
        assert set(re.findall(r"(?:`|run: |^)nox-release ([a-z_]+)", text, re.M)) <= set(SESSIONS)


def test_the_hook_stops_a_push_that_a_check_fails(root: Path, tmp_path: Path) -> None:
    write(root, files(root))
    programs = tmp_path / "bin"
    programs.mkdir()
    fake = programs / "nox-release"
    fake.write_text('#!/bin/sh\ntest -z "${GIT_DIR:-}" || exit 3\ntest "$1" != typecheck\n')
    fake.chmod(0o755)
    env = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "GIT_DIR": "x"}
    hook = str(root / ".githooks/pre-push")
    assert subprocess.run([hook], env=env, check=False).returncode == 1
    fake.write_text("#!/bin/sh\n")
    assert subprocess.run([hook], env=env, check=False).returncode == 0


def test_a_project_that_is_uploaded_by_hand_gets_no_workflow_for_it(root: Path) -> None:
    set_table(root, '[tool.release]\npublish = "by hand"')
    found = {file.path: file.text for file in files(root)}
    assert RELEASE not in found
    assert "`nox-release publish --index URL` uploads" in found["RELEASING.md"]
    assert "no publisher has to be set up" in found["RELEASING.md"]
    assert "[%" not in found["RELEASING.md"]
