"""Gates that a project adds: a name and its commands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from release.model import Judgement, Status
from release.run.commands import Changes, judge_own, own_folders
from release.run.environments import find_uv
from release.run.inputs import Tree
from release.run.processes import Completed
from tests.support import PYPROJECT, Judge, git, lacking, make_project, write

PYTHON = sys.executable.replace("\\", "/")


class TestOwnCommand:
    def judged(self, status: int, output: str) -> Judgement:
        words = ("tox", "-e", "lint")
        return judge_own(words, Completed(words, status, output, "", 0.0, truncated=False), lacking)

    @pytest.mark.parametrize(
        ("output", "found"),
        [
            ("src/a.py:3:1: F401 'os' imported but unused",
             ("src/a.py", 3, "F401 'os' imported but unused")),
            ("F401 [*] `os` imported but unused\n --> src/a.py:3:8\n  |",
             ("src/a.py", 3, "F401 [*] `os` imported but unused")),
            ("src/a.py:3: error: no  [attr-defined]", ("src/a.py", 3, "error: no  [attr-defined]")),
            ("would reformat src/a.py\nOh no!", ("src/a.py", None, "is not formatted")),
            ("Would reformat: src/a.py", ("src/a.py", None, "is not formatted")),
            ("./src/a.py:3:1: F401 no", ("src/a.py", 3, "F401 no")),
            ('  src/a.py:1:6 - error: Import "b" is not there',
             ("src/a.py", 1, 'error: Import "b" is not there')),
            ("../x/a.py:3: no\nnope", (None, None, "tox -e lint: exit status 1: nope")),
            ("served at 127.0.0.1:80: x", (None, None,
             "tox -e lint: exit status 1: served at 127.0.0.1:80: x")),
        ],
    )  # fmt: skip
    def test_what_it_says_of_a_place_is_a_finding(
        self, output: str, found: tuple[str | None, int | None, str]
    ) -> None:
        (one,) = self.judged(1, output).defects
        assert (one.path, one.line, one.message) == found

    @pytest.mark.parametrize(
        "output",
        [
            "error: Failed to spawn: `ruff`\n  Caused by: No such file or directory",
            "nox > Program ruff not found.",
            "lint: Exception running subprocess [Errno 2] No such file or directory: 'ruff'",
            "Executable `ruff` not found",
            "  caused by: Failed to run `ruff`\n  caused by: No such file or directory",
        ],
    )
    def test_a_program_that_is_missing_is_no_defect(self, output: str) -> None:
        found = self.judged(1, output)
        assert not found.defects
        assert "the program ruff" in found.unchecked[0].message

    def test_a_host_that_is_not_reached_is_named(self) -> None:
        output = "fatal: unable to access 'https://x.example/a': Could not resolve host: x.example"
        (found,) = self.judged(3, output).unchecked
        assert found.message == "tox -e lint needs what is not here: the network (x.example)"

    def test_a_session_that_nox_skips_has_not_passed(self) -> None:
        (found,) = self.judged(0, "nox > Session lint skipped: no reason.").unchecked
        assert found.message == "Session lint skipped: no reason."
        said = "nox > Session lint skipped: Python interpreter 3.5 not found."
        assert "Python 3.5" in self.judged(0, said).unchecked[0].message


class TestChanges:
    """A command that mends what it finds ends well, and what it changed is told."""

    WORDS = ("nox", "-s", "format")

    def judged(
        self, root: Path, *, well: bool = True, advice: bool = False, **files: str
    ) -> Judgement:
        """What is said of a command that leaves files like that, and the same each time."""
        write(root, {"a.py": "a = 1\n", "b.py": "b = 1\n"})
        changes = Changes(Tree(root), advice=advice)

        def run() -> None:
            write(root, {name.replace("_", "."): text for name, text in files.items()})

        run()
        first = changes.judged(self.WORDS, run, well=well)
        assert changes.judged(self.WORDS, run) == Judgement()
        return first

    def test_a_file_is_named(self, tmp_path: Path) -> None:
        (found,) = self.judged(tmp_path, a_py="a = 2\n").defects
        assert (found.path, found.message) == ("a.py", "nox --session format changed a.py")
        assert found.remedy == "run nox --session format, and commit the result"

    def test_several_are_one_finding(self, tmp_path: Path) -> None:
        (found,) = self.judged(tmp_path, a_py="", b_py="").defects
        assert found.message == "nox --session format changed files (a.py, b.py)"

    def test_what_was_not_there_is_not_a_change(self, tmp_path: Path) -> None:
        assert self.judged(tmp_path, report_txt="clean\n") == Judgement()

    def test_a_command_that_failed_has_said_enough(self, tmp_path: Path) -> None:
        assert self.judged(tmp_path, well=False, a_py="") == Judgement()

    def test_pages_of_documentation_that_it_writes_anew_are_advice(self, tmp_path: Path) -> None:
        found = self.judged(tmp_path, advice=True, a_py="a = 2\n")
        assert not found.defects
        assert [one.path for one in found.advice] == ["a.py"]

    def test_what_it_writes_each_time_is_advice_beside_what_it_mends(self, tmp_path: Path) -> None:
        write(tmp_path, {"a.py": "a=1", "stamp.txt": "0"})
        changes = Changes(Tree(tmp_path), advice=False)

        def stamp() -> None:
            (tmp_path / "stamp.txt").write_text((tmp_path / "stamp.txt").read_text() + "1")

        stamp()
        (found,) = changes.judged(self.WORDS, stamp).advice
        assert (found.path, found.remedy) == (
            "stamp.txt",
            "have git ignore what it writes, if it need not be in the repository",
        )
        write(tmp_path, {"a.py": "a = 1\n"})
        stamp()
        (found,) = changes.judged(self.WORDS, stamp).defects
        assert found.path == "a.py"


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


@pytest.mark.slow
@pytest.mark.network
def test_tox_leaves_no_environment_and_no_word_of_one_in_the_project(tmp_path: Path) -> None:
    project = tmp_path / "thing"
    write(project, {"tox.ini": "[tox]\nskipsdist = true\n[testenv:dev]\ncommands = python -V\n"})
    made = tmp_path / "made"
    shell: Any = SimpleNamespace(environments=made, gate=SimpleNamespace(name="test"))
    subprocess.run(
        [str(find_uv()), "tool", "run", "tox>=4.60", "-q", "-e", "dev"],
        cwd=project,
        env={**os.environ, **own_folders(shell)},
        check=True,
    )
    assert [path.name for path in project.iterdir()] == ["tox.ini"]
    assert (made / "test-own/tox/dev").is_dir()
