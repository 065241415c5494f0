"""What is installed from the tree is judged as the tree is, now and in the next run."""

from __future__ import annotations

from pathlib import Path

import pytest

from release.model import Status
from release.run.environments import Environment
from release.run.installed import COPY
from tests.support import PYPROJECT, Judge, commit, make_project, write

pytestmark = pytest.mark.network

HELPER = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "small-helper"
version = "1.0"
"""
TEST = """\
from small_helper import NUMBER
from small_thing import double


def test_double() -> None:
    assert double(NUMBER) == 4
"""
SOURCES = '[tool.uv.sources]\nsmall-helper = { path = "helper", editable = true }\n'
GROUP = '[dependency-groups]\ntest = ["small-helper"]\n'


def environment(judge: Judge, root: Path) -> Environment:
    return Environment(judge.shared_run(root).environments / "test")


def with_helper(root: Path) -> Path:
    return make_project(
        root,
        {
            "pyproject.toml": f"{PYPROJECT}\n{GROUP}{SOURCES}",
            "helper/pyproject.toml": HELPER,
            "helper/small_helper.py": "NUMBER = 2\n",
            "tests/test_small_thing.py": TEST,
        },
    )


@pytest.mark.slow
def test_an_editable_requirement_of_the_tree_is_there_in_the_next_run(
    tmp_path: Path, judge: Judge
) -> None:
    root = with_helper(tmp_path / "thing")
    for _ in range(2):
        evidence = judge(root, "test", fresh=True)
        assert evidence.outcome.status is Status.PASSED, evidence.outcome
    write(root, {"helper/small_helper.py": "NUMBER = 3\n"})
    commit(root)
    assert judge(root, "test").outcome.status is Status.FAILED


@pytest.mark.slow
def test_a_project_that_requires_itself_editable_is_judged_as_it_is(
    tmp_path: Path, judge: Judge
) -> None:
    root = make_project(tmp_path / "thing", {"requirements-test.txt": "-e .\n"})
    for _ in range(2):
        evidence = judge(root, "test", fresh=True)
        assert evidence.outcome.status is Status.PASSED, evidence.outcome
    write(root, {"src/small_thing/__init__.py": "def double(number: int) -> int:\n    return 0\n"})
    commit(root)
    assert judge(root, "test").outcome.status is Status.FAILED


@pytest.mark.slow
def test_a_copy_is_kept_only_where_something_is_installed_from_it(
    tmp_path: Path, judge: Judge
) -> None:
    root = make_project(tmp_path / "thing")
    assert judge(root, "test").outcome.status is Status.PASSED
    assert not (environment(judge, root).path / COPY).exists()


def test_a_project_that_cannot_be_built_is_left_to_build_to_explain(
    tmp_path: Path, judge: Judge
) -> None:
    broken = PYPROJECT.replace("hatchling.build", "hatchling.gone")
    found = judge(make_project(tmp_path / "thing", {"pyproject.toml": broken}), "test").outcome
    assert (found.status, found.summary) == (Status.UNCHECKED, "small-thing cannot be installed")
    assert found.findings[0].remedy == "nox -s build says why"


def test_requirements_that_do_not_fit_together_are_told(tmp_path: Path, judge: Judge) -> None:
    table = '[dependency-groups]\ntest = ["iniconfig==1.1.1", "iniconfig==2.0.0"]\n'
    root = make_project(tmp_path / "thing", {"pyproject.toml": f"{PYPROJECT}\n{table}"})
    found = judge(root, "test").outcome
    assert "small-thing was not installed: Because you require iniconfig" in found.summary
    assert "name what can be installed together" in str(found.findings[0].remedy)
