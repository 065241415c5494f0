"""test: the project's tests pass."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from release.errors import CannotCheck
from release.gates.test import (
    judge_command,
    judge_pytest,
    left_out,
    pytest_option,
    read_report,
    with_left_out,
)
from release.model import Judgement, Outcome, Status
from release.project import read_project
from release.run.lacks import lacks, remedy_for, told
from release.run.processes import Completed
from tests.support import PYPROJECT, Judge, commit, git, make_project, write

DATA = Path(__file__).parents[2] / "data" / "test"
NO_FILE = "E   FileNotFoundError: [Errno 2] No such file or directory"
network = pytest.mark.network


def remedy(modules: Iterable[str]) -> str:
    return f"install {', '.join(modules)}"


def verdict(status: int, report: str = "", output: str = "", own: Iterable[str] = ()) -> Outcome:
    run = read_report((DATA / f"{report}.xml").read_text()) if report else None
    done = Completed(("pytest",), status, output, "", 0.0, truncated=False)
    return judge_pytest(done, run, frozenset(own), remedy)


def with_table(table: str) -> bytes:
    return f"{PYPROJECT}\n{table}\n".encode()


class TestJudgement:
    def test_tests_that_ran_are_counted_without_the_skipped(self) -> None:
        found = verdict(0, "good")
        assert (found.status, found.checked) == (Status.PASSED, 1)
        assert found.summary == "1 passed, 1 skipped"

    def test_failures_and_errors_name_test_file_and_line(self) -> None:
        found = verdict(1, "failed")
        assert found.status is Status.FAILED
        assert found.summary == "2 of 3 tests failed"
        bad, fixture = found.findings
        assert (bad.path, bad.line) == ("test_a.py", 7)
        assert bad.message == "test_a.test_bad: AssertionError: one is"
        assert fixture.message == 'test_a.test_fixture: failed on setup with "ValueError: no"'

    def test_a_module_that_is_not_installed_is_no_defect_of_the_tests(self) -> None:
        with pytest.raises(CannotCheck) as caught:
            verdict(2, "missing")
        assert caught.value.reason == "the tests need modules that are not installed: absent_thing"
        assert caught.value.remedy == "install absent_thing"

    def test_a_fixture_that_no_plugin_brings_here_is_no_defect_of_the_tests(self) -> None:
        with pytest.raises(CannotCheck) as caught:
            verdict(1, "fixtures")
        assert caught.value.reason == (
            "the tests need what is not here: a plug-in with the fixture tmp_thing, pytest_mock"
        )

    def test_a_module_of_the_projects_own_that_is_missing_is_a_defect(self) -> None:
        found = verdict(2, "missing", own=["absent_thing"])
        assert found.status is Status.FAILED
        assert found.findings[0].path == "test_b.py"
        assert "No module named 'absent_thing'" in found.findings[0].message

    def test_tests_that_fail_by_themselves_are_not_hidden_by_others(self) -> None:
        found = verdict(1, "mixed")
        assert found.status is Status.FAILED
        assert [f.message.partition(":")[0] for f in found.findings] == [
            "test_a.test_bad",
            "test_a.test_fixture",
        ]
        assert found.summary == "2 of 4 tests failed; 1 more lack absent_thing"

    def test_a_run_that_collected_nothing_has_failed(self) -> None:
        found = verdict(5)
        assert found.status is Status.FAILED
        assert found.findings[0].message == "pytest collected no test"

    def test_skipped_tests_alone_are_no_pass(self) -> None:
        found = verdict(0, "skipped")
        assert found.status is Status.UNCHECKED
        assert found.summary == "all 1 tests were skipped"

    def test_a_failure_beside_the_tests_is_reported(self) -> None:
        found = verdict(1, "good", "1 passed\nFAIL Required test coverage of 95% not reached.\n")
        assert found.status is Status.FAILED
        assert "Required test coverage of 95%" in found.findings[0].message

    @pytest.mark.parametrize(
        ("status", "output", "reason"),
        [
            (4, "usage.txt",
             "pytest needs modules that are not installed: pytest_cov"),
            (4, "conftest.txt", "pytest needs modules that are not installed: absent_thing"),
            (3, "INTERNALERROR> boom", "pytest met an error of its own: INTERNALERROR> boom"),
            (-11, "", "pytest ended with status -11: it said nothing"),
            (0, "", "pytest left no report: it said nothing"),
            (2, "!!! KeyboardInterrupt !!!", "pytest was interrupted: !!! KeyboardInterrupt !!!"),
            (1, "PytestConfigWarning: Failed to import filter module 'trio': ignore",
             "pytest needs modules that are not installed: trio"),
        ],
    )  # fmt: skip
    def test_a_run_that_says_nothing_about_the_tests_is_unchecked(
        self, status: int, output: str, reason: str
    ) -> None:
        text = (DATA / output).read_text() if output.endswith(".txt") else output
        with pytest.raises(CannotCheck) as caught:
            verdict(status, output=text)
        assert caught.value.reason == reason
        assert caught.value.remedy

    def test_a_damaged_report_is_unchecked(self) -> None:
        with pytest.raises(CannotCheck, match="report is damaged"):
            read_report((DATA / "failed.xml").read_text()[:200])


class TestWhatIsMissing:
    @pytest.mark.parametrize(
        ("text", "missing"),
        [
            ("E   ModuleNotFoundError: No module named 'yaml.nodes'", {"yaml.nodes"}),
            ("E       fixture 'mocker' not found\n>       available fixtures: cache, capsys",
             {"pytest_mock"}),
            ("E       fixture 'odd' not found\n>       available fixtures: cache, capsys",
             {"a plug-in with the fixture odd"}),
            ("E       fixture 'captsys' not found\n>       available fixtures: cache, capsys",
             set()),
            (f"subprocess.py:1953: FileNotFoundError\n{NO_FILE}: 'node'", {"the program node"}),
            (f"subprocess.py:1953: FileNotFoundError\n{NO_FILE}: 'small-thing'", set()),
            (f"{NO_FILE}: 'data.json'", set()),
            ("make: pytest: No such file or directory", {"the program pytest"}),
            ("/bin/sh: 1: pytest: not found", {"the program pytest"}),
            ("bash: line 1: pytest: command not found", {"the program pytest"}),
            ("nox > Python interpreter 3.9 not found.", {"Python 3.9"}),
            ("py39: skipped because could not find python interpreter with spec(s): py39",
             {"Python py39"}),
            ("x: failed with could not find python interpreter matching any of the specs python3.2",
             {"Python 3.2"}),
            ("E   socket.gaierror: [Errno -3] Temporary failure in name resolution",
             {"the network"}),
            ("x: exit 1> pip install x>=3\nERROR: No matching distribution found for x>=3\n",
             {"a distribution of x>=3 for this Python"}),
            ("  Because the current Python version (3.11.2) does not satisfy Python>=3.12 and x\n",
             {"Python >=3.12"}),
            ("E   AssertionError: No module is named", set()),
        ],
    )  # fmt: skip
    def test_it_is_told_from_what_is_wrong(self, text: str, missing: set[str]) -> None:
        assert lacks(text, frozenset({"small_thing"})) == missing

    def test_only_what_a_test_raised_in_the_end_is_the_network(self) -> None:
        """What it expects, quotes, plays or prints is not, nor what another error came of."""
        run = read_report((DATA / "network.xml").read_text())
        lacking = [
            finding.message.partition(":")[0].rpartition(".")[2]
            for finding, details in run.failures
            if lacks(details, frozenset(), test=True)
        ]
        real = ["real_resolve", "real_refused", "real_httpx", "unit_real"]
        assert lacking == [f"test_{name}" for name in real]
        assert len(run.failures) == 12

    @pytest.mark.parametrize("also", ["", "AssertionError: no", "ValueError: Connection refused?"])
    def test_of_several_that_unittest_names_each_must_be(self, also: str) -> None:
        said = (
            'ERROR: test_it (a.Case)\n---\nTraceback (most recent call last):\n  File "{}", line 3'
        )
        place = "/usr/lib/python3.11/socket.py"
        first = said.format(place) + "\nConnectionRefusedError: [Errno 111] Connection refused\n"
        text = first + (f"{said.format('/p/tests/test_a.py')}\n{also}\n" if also else "")
        assert bool(lacks(text, frozenset())) is not bool(also)

    @pytest.mark.parametrize(
        ("text", "lacking"),
        [
            ("3 | raise OSError('Connection refused')", False),
            ("a.py:3:1: error: Connection refused is not a name", False),
            ("    raise OSError('Connection refused')", False),
            ("E   Failed: unsupported locale setting was hidden", False),
            ("  Caused by: dns error: failed to lookup address information", True),
            ("    fatal: unable to access: Could not resolve host: x.example", True),
        ],
    )
    def test_code_that_a_command_quotes_is_not(self, text: str, *, lacking: bool) -> None:
        assert bool(lacks(text, frozenset())) is lacking

    def test_the_remedy_names_modules_and_the_rest_apart(self) -> None:
        found = ["yaml", "the network", "the program node"]
        assert told(found) == "what is not here: the network, the program node, yaml"
        wanted = "install yaml; run it where there is the network, the program node"
        assert remedy_for(found, remedy) == wanted


def by_command(
    status: int, report: str = "", output: str = "", *, counts: bool = True
) -> Judgement:
    words = ("tox", "-e", "py")
    done = Completed(words, status, output, "", 0.0, truncated=False)
    run = read_report((DATA / f"{report}.xml").read_text()) if report else None
    found = judge_command(words, done, run, frozenset(), remedy, counts=counts)
    unchecked = found.status is Status.UNCHECKED
    return Judgement(
        found.checked,
        () if unchecked else found.findings,
        (),
        found.findings if unchecked else (),
    )


class TestOwnCommand:
    @pytest.mark.parametrize(
        ("report", "output", "number"),
        [
            ("good", "", 1),
            ("", "Ran 12 tests in 0.1s\n\nOK\n", 12),
            ("", "====== 7 passed, 1 skipped in 0.05s ======\n", 7),
            ("", "1 xfailed, 7 passed in 0.05s\n2 passed in 1s\n", 9),
        ],
    )
    def test_it_passes_with_the_number_of_its_tests(
        self, report: str, output: str, number: int
    ) -> None:
        assert by_command(0, report, output) == Judgement(number)

    @pytest.mark.parametrize("output", ["", "Ran 0 tests in 0.0s\n"])
    def test_one_that_shows_no_test_has_not_passed(self, output: str) -> None:
        with pytest.raises(CannotCheck, match="tox -e py did not show that it ran a test"):
            by_command(0, output=output)

    def test_one_that_settings_name_need_not_show_it(self) -> None:
        assert by_command(0, counts=False) == Judgement(1)

    def test_its_report_names_the_tests_that_failed(self) -> None:
        found = by_command(1, "failed")
        assert [one.path for one in found.defects] == ["test_a.py", "test_a.py"]
        assert found.defects[0].line == 7

    def test_its_environment_that_lacks_something_is_no_defect(self) -> None:
        with pytest.raises(CannotCheck) as caught:
            by_command(1, "missing")
        assert caught.value.remedy == "install absent_thing"
        with pytest.raises(CannotCheck, match=r"tox -e py needs .*: Python 3"):
            by_command(1, "good", "Python interpreter 3.9 not found")

    def test_another_failure_is_a_defect(self) -> None:
        (found,) = by_command(1, "good", "coverage is under 95 %").defects
        assert found.message == "tox -e py: exit status 1: coverage is under 95 %"

    def test_skipped_tests_alone_are_unchecked(self) -> None:
        found = by_command(0, "skipped")
        assert found.unchecked
        assert not found.defects


class TestWhatWasNotRun:
    @pytest.mark.parametrize(
        ("modules", "left"),
        [
            ({"tests.test_a.TestIt", "src.demo.sub.tests.test_b"}, []),
            ({"tests.test_a"}, ["src/demo/sub/tests/test_b.py"]),
            ({"tests.test_a", "site-packages.demo.sub.tests.test_b.TestIt"}, []),
            ({"......tests.test_a", "demo.sub.tests.test_b"}, []),
            ({"tests.test_abc", "src.demo.sub.tests.test_b"}, ["tests/test_a.py"]),
        ],
    )
    def test_it_is_told_from_what_was_wherever_it_is_installed(
        self, modules: set[str], left: list[str]
    ) -> None:
        names = ["tests/test_a.py", "src/demo/sub/tests/test_b.py"]
        assert left_out(names, modules, "src") == left

    def test_files_are_counted_and_named_as_advice(self, tmp_path: Path) -> None:
        case = "def test_it(): ...\n"
        left = "src/demo/sub/tests/test_b.py"
        other = {"examples/test_c.py": case, "sub/tests/test_d.py": case, "sub/setup.py": ""}
        files = {left: case, "tests/test_helpers.py": "HELP = 1\n", **other}
        project = read_project(make_project(tmp_path / "p", files))
        found = with_left_out(project, Outcome.passed(1, "1 passed"), {"tests.test_small_thing"})
        assert found.summary == "1 passed, of 1 of 2 test files"
        assert [(one.path, one.advice) for one in found.findings] == [(left, True)]

    def test_what_pytest_is_told_to_collect_by_other_names_counts(self, tmp_path: Path) -> None:
        table = with_table('[tool.pytest.ini_options]\npython_files = ["check_*.py"]')
        root = make_project(tmp_path / "p", {"pyproject.toml": table})
        write(root, {"tests/check_a.py": "def test_a(): ...\n"})
        project = read_project(root)
        found = with_left_out(project, Outcome.passed(1, "1 passed"), {"tests.other"})
        assert [one.path for one in found.findings] == ["tests/check_a.py"]

    def test_a_module_that_broke_the_collection_left_all_out(self) -> None:
        output = "!!!!!!! Interrupted: 1 error during collection !!!!!!!"
        found = verdict(2, "missing", output, own=["absent_thing"])
        assert found.summary == "1 error during collection, so no test was run"


class TestPaths:
    @pytest.mark.parametrize(
        ("files", "wanted"),
        [
            ({}, ()),
            ({"pyproject.toml": with_table('[tool.pytest.ini_options]\ntestpaths = ["a", "b"]')},
             ("a", "b")),
            ({"pyproject.toml": with_table('[tool.pytest.ini_options]\ntestpaths = "a b"')},
             ("a", "b")),
            ({"pyproject.toml": with_table('[tool.pytest]\ntestpaths = ["a"]')}, ("a",)),
            ({"pytest.toml": '[pytest]\ntestpaths = ["a"]\n'}, ("a",)),
            ({"pytest.ini": "[pytest]\ntestpaths = a\n    b\n"}, ("a", "b")),
            ({"tox.ini": "[pytest]\ntestpaths = a\n"}, ("a",)),
            ({"setup.cfg": "[tool:pytest]\ntestpaths = a\n"}, ("a",)),
            ({"tox.ini": "testpaths = a\n"}, ()),
        ],
    )  # fmt: skip
    def test_they_are_read_where_pytest_reads_them(
        self, tmp_path: Path, files: dict[str, str | bytes | None], wanted: tuple[str, ...]
    ) -> None:
        project = read_project(make_project(tmp_path / "p", files))
        assert pytest_option(project, "testpaths") == wanted


class TestNothingToRun:
    @pytest.mark.parametrize(
        "table", ["[tool.pytest.ini_options]", '[dependency-groups]\ndev = ["pytest"]']
    )
    def test_no_tests_of_a_project_that_declares_some_are_unchecked(
        self, project: Path, judge: Judge, table: str
    ) -> None:
        write(project, {"tests/test_small_thing.py": None, "pyproject.toml": with_table(table)})
        found = judge(project, "test").outcome
        assert (found.status, found.summary) == (Status.UNCHECKED, "no tests found")

    def test_a_project_that_was_never_released_need_have_no_tests(
        self, project: Path, judge: Judge
    ) -> None:
        write(project, {"tests/test_small_thing.py": None})
        commit(project)
        assert judge(project, "test").outcome.status is Status.NOT_APPLICABLE
        git(project, "tag", "v1.2.2")
        assert judge(project, "test").outcome.status is Status.UNCHECKED

    def test_test_paths_that_are_not_there_are_named(self, project: Path, judge: Judge) -> None:
        table = with_table('[tool.pytest.ini_options]\ntestpaths = ["spec"]')
        write(project, {"pyproject.toml": table})
        found = judge(project, "test").outcome
        assert found.status is Status.UNCHECKED
        assert found.summary == "pytest's testpaths name spec, which is not there"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One project for all: its environment need be made but once for each configuration."""
    return make_project(tmp_path_factory.mktemp("test gate") / "small thing ü")


@pytest.fixture
def root(shared: Path) -> Path:
    """The shared project as it was committed, with its environment."""
    git(shared, "checkout", "--quiet", ".")
    git(shared, "clean", "--quiet", "--force", "-d")
    return shared


@network
class TestGate:
    @pytest.mark.slow
    def test_the_files_of_the_tree_are_what_is_tested(self, root: Path, judge: Judge) -> None:
        found = judge(root, "test").outcome
        assert (found.status, found.checked) == (Status.PASSED, 1)
        assert found.summary == "pytest: 1 passed"
        assert git(root, "status", "--porcelain") == ""
        source = root / "src/small_thing/__init__.py"
        good = source.read_text()
        source.write_text(good.replace("number * 2", "number * 3"))
        evidence = judge(root, "test")
        assert evidence.outcome.status is Status.FAILED
        (finding,) = evidence.outcome.findings
        assert (finding.path, finding.line) == ("tests/test_small_thing.py", 4)
        assert finding.message.startswith("tests.test_small_thing.test_double: assert 6 == 4")

    @pytest.mark.slow
    def test_the_source_folder_goes_before_the_installed_copy(
        self, root: Path, judge: Judge
    ) -> None:
        where = """\
            import importlib.metadata
            import small_thing

            def test_where() -> None:
                assert "site-packages" not in small_thing.__file__
                assert importlib.metadata.version("small-thing") == small_thing.__version__
            """
        write(root, {"tests/test_where.py": where})
        assert judge(root, "test").outcome.status is Status.PASSED
        for name in ("pyproject.toml", "src/small_thing/__init__.py"):
            path = root / name
            path.write_text(path.read_text().replace("1.2.3", "1.2.4"))
        assert judge(root, "test").outcome.status is Status.PASSED

    def test_failures_count_whatever_the_exit_status_says(self, root: Path, judge: Judge) -> None:
        lies = """\
            def pytest_sessionfinish(session, exitstatus):
                session.exitstatus = 0
            """
        write(root, {"tests/conftest.py": lies, "tests/test_bad.py": "def test_bad(): assert 0\n"})
        found = judge(root, "test").outcome
        assert found.status is Status.FAILED
        assert found.summary == "1 of 2 tests failed"

    def test_a_test_module_that_does_not_import_fails(self, root: Path, judge: Judge) -> None:
        write(root, {"tests/test_more.py": "from small_thing import gone\n"})
        found = judge(root, "test").outcome
        assert found.status is Status.FAILED
        assert "cannot import name 'gone'" in found.findings[0].message
        assert found.findings[0].path == "tests/test_more.py"
        write(root, {"tests/test_more.py": "import gone_module\n"})
        found = judge(root, "test").outcome
        assert found.status is Status.UNCHECKED
        assert found.summary == "the tests need modules that are not installed: gone_module"

    def test_a_run_that_collects_nothing_fails(self, root: Path, judge: Judge) -> None:
        write(root, {"tests/test_small_thing.py": "def check() -> None: ...\n"})
        found = judge(root, "test").outcome
        assert found.status is Status.FAILED
        assert found.summary == "pytest collected no test"

    @pytest.mark.slow
    def test_a_run_that_hangs_is_stopped(self, root: Path, judge: Judge) -> None:
        write(root, {"pyproject.toml": with_table("[tool.release.gates.test]\ntimeout = 5")})
        judge(root, "test")  # which installs what it needs
        hang = "import time\n\n\ndef test_hang() -> None:\n    time.sleep(60)\n"
        write(root, {"tests/test_hang.py": hang})
        found = judge(root, "test").outcome
        assert found.status is Status.UNCHECKED
        assert "stopped after 5 s" in found.summary
        assert "timeout" in (found.findings[0].remedy or "")

    def test_what_needs_a_submodule_that_is_not_checked_out_is_unchecked(
        self, root: Path, judge: Judge
    ) -> None:
        write(
            root,
            {
                ".gitmodules": '[submodule "data"]\n\tpath = data\n\turl = ../data.git\n',
                "tests/test_data.py": "def test_data():\n    open('data/cases.toml')\n",
            },
        )
        head = git(root, "rev-parse", "HEAD").strip()
        git(root, "update-index", "--add", "--cacheinfo", f"160000,{head},data")
        found = judge(root, "test").outcome
        assert found.status is Status.UNCHECKED
        assert "the submodule data is not checked out" in found.summary
        assert found.findings[0].remedy == "git submodule update --init --recursive"

    def test_own_commands_take_its_place(self, root: Path, judge: Judge) -> None:
        table = '[tool.release.gates.test]\nrun = ["python -m unittest discover -s checks"]'
        case = (
            "import unittest\n\nfrom small_thing import double\n\n\n"
            "class Case(unittest.TestCase):\n"
            "    def test_double(self):\n        self.assertEqual(double(2), 4)\n"
        )
        write(root, {"pyproject.toml": with_table(table), "checks/test_it.py": case})
        found = judge(root, "test").outcome
        assert found.status is Status.PASSED, found
        write(root, {"checks/test_it.py": case.replace("4", "5")})
        found = judge(root, "test").outcome
        assert found.status is Status.FAILED
        assert "unittest discover -s checks: exit status 1" in found.findings[0].message

    def test_what_ci_runs_takes_its_place(self, root: Path, judge: Judge) -> None:
        steps = "jobs: {test: {runs-on: ubuntu, steps: [{run: make test}]}}"
        make = "test:\n\tpython -m pytest tests\n"
        write(root, {"Makefile": make, ".github/workflows/ci.yml": f"on: [push]\n{steps}\n"})
        origin = "(make test, as .github/workflows/ci.yml:2 runs it)"
        found = judge(root, "test").outcome
        assert (found.status, found.summary) == (Status.PASSED, f"1 passed {origin}")
        log = (root / ".release/logs/test.log").read_text()
        assert "make test, as .github/workflows/ci.yml:2 runs it" in log
        write(root, {"tests/test_bad.py": "def test_bad(): assert 0\n"})
        found = judge(root, "test").outcome
        assert (found.status, found.findings[0].path) == (Status.FAILED, "tests/test_bad.py")
        write(root, {"tests/test_bad.py": "import gone_module\n"})
        found = judge(root, "test").outcome
        assert found.status is Status.UNCHECKED
        assert found.summary.endswith("not installed: gone_module " + origin)
        write(root, {"Makefile": "test:\n\ttest -d tests\n"})
        found = judge(root, "test").outcome
        assert found.status is Status.UNCHECKED
        assert found.summary == (
            "make test did not show that it ran a test (as .github/workflows/ci.yml:2 runs it)"
        )
