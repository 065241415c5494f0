"""Gates that a project adds: a name and its commands."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from release.model import Status
from tests.support import PYPROJECT, Judge, git, make_project, write

PYTHON = sys.executable.replace("\\", "/")


def with_gate(root: Path, table: str) -> Path:
    text = f"{PYPROJECT}\n[tool.release.gates.doctor]\n{table}\n"
    return make_project(root, {"pyproject.toml": text.encode()})


def python(program: str) -> str:
    return f'["{PYTHON}", "-c", "{program}"]'


def test_commands_that_succeed_pass_and_are_counted(tmp_path: Path, judge: Judge) -> None:
    table = f"project = false\nrun = [{python('pass')}, {python('print(1)')}]"
    evidence = judge(with_gate(tmp_path / "p", table), "doctor")
    assert evidence.outcome.status is Status.PASSED
    assert evidence.outcome.checked == 2
    assert [command[0] for command in evidence.commands] == [PYTHON, PYTHON]


def test_a_failing_command_does_not_hide_the_next(tmp_path: Path, judge: Judge) -> None:
    commands = [python("raise SystemExit(3)"), python("print('no good'); raise SystemExit(4)")]
    table = f"project = false\nrun = [{', '.join(commands)}]"
    found = judge(with_gate(tmp_path / "p", table), "doctor").outcome
    assert found.status is Status.FAILED
    first, second = found.findings
    assert "exit status 3" in first.message
    assert second.message.endswith("exit status 4: no good")
    assert second.remedy


def test_a_command_that_is_not_installed_is_unchecked(tmp_path: Path, judge: Judge) -> None:
    table = f'project = false\nrun = ["gone-tool --now", {python("pass")}]'
    found = judge(with_gate(tmp_path / "p", table), "doctor").outcome
    assert found.status is Status.UNCHECKED
    assert found.summary == "gone-tool is not installed"


def test_a_missing_command_does_not_hide_a_failing_one(tmp_path: Path, judge: Judge) -> None:
    table = f'project = false\nrun = ["gone-tool", {python("raise SystemExit(3)")}]'
    found = judge(with_gate(tmp_path / "p", table), "doctor").outcome
    assert found.status is Status.FAILED
    assert found.checked == 1
    assert [finding.message for finding in found.findings][
        1
    ] == "not checked: gone-tool is not installed"


def test_words_reach_the_command_as_they_are(tmp_path: Path, judge: Judge) -> None:
    program = "import sys; raise SystemExit(sys.argv[1:] != ['-x', '$(id)', 'a b; c', '*'])"
    words = ["-x", "$(id)", "a b; c", "*"]
    table = f"project = false\nrun = [{python(program)[:-1]}, {', '.join(map(repr, words))}]]"
    found = judge(with_gate(tmp_path / "p", table), "doctor").outcome
    assert found.status is Status.PASSED, found


def test_a_command_sees_its_variables_and_runs_in_the_project(tmp_path: Path, judge: Judge) -> None:
    program = "import os; raise SystemExit(os.environ['WHO'] + os.getcwd()[-2:] != 'me/p')"
    table = f'project = false\nrun = [{python(program)}]\nenv = {{ WHO = "me" }}'
    root = with_gate(tmp_path / "p", table)
    found = judge(root, "doctor").outcome
    assert found.status is (Status.PASSED if os.sep == "/" else found.status)
    assert git(root, "status", "--porcelain") == ""


def test_a_title_is_its_line_in_the_checklist(tmp_path: Path, judge: Judge) -> None:
    table = f'project = false\ntitle = "all is well"\nrun = [{python("pass")}]'
    run = judge.run(with_gate(tmp_path / "p", table))
    from release.run.checklist import checklist

    assert checklist(run.project)["doctor"].title == "all is well"


@pytest.mark.network
def test_the_environment_holds_the_project_and_what_is_asked_for(
    tmp_path: Path, judge: Judge
) -> None:
    table = 'install = ["six"]\nrun = ["python -c \\"import small_thing, six\\"", "small-thing"]'
    found = judge(with_gate(tmp_path / "p", table), "doctor").outcome
    assert found.status is Status.PASSED, found
    assert found.checked == 2


@pytest.mark.network
@pytest.mark.parametrize("name", ["doctor", "test"])
def test_commands_judge_the_files_as_they_are_now(tmp_path: Path, judge: Judge, name: str) -> None:
    table = 'run = ["python -c \\"import small_thing\\""]'
    root = with_gate(tmp_path / "p", f"{table}\n[tool.release.gates.test]\n{table}")
    assert judge(root, name).outcome.status is Status.PASSED
    module = "src/small_thing/__init__.py"
    write(root, {module: (root / module).read_text() + 'raise RuntimeError("broken since")\n'})
    found = judge(root, name).outcome
    assert found.status is Status.FAILED
    assert "broken since" in found.findings[0].message


@pytest.mark.network
def test_an_environment_without_the_project_never_sees_it(tmp_path: Path, judge: Judge) -> None:
    table = 'project = false\ninstall = ["six"]\nrun = ["python -c \\"import six, small_thing\\""]'
    root = with_gate(tmp_path / "p", table)
    for _ in range(2):  # made, then found again
        found = judge(root, "doctor", fresh=True).outcome
        assert found.status is Status.FAILED
        assert "No module named 'small_thing'" in found.summary
