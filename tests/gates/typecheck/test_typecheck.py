"""typecheck: no type errors, by the project's own checker and settings."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from release.errors import CannotCheck
from release.gates.typecheck import (
    GATE,
    MypyError,
    checker,
    judge_command,
    judge_mypy,
    not_found,
    read_mypy,
)
from release.model import Evidence, Judgement, Status
from release.project import read_project
from release.run.processes import Completed
from tests.support import PYPROJECT, Judge, git, make_project, write

DATA = Path(__file__).parents[2] / "data" / "typecheck"
WRONG_RETURN = "def wrong(x: int) -> str:\n    return x\n"
INFERRED = "def odd() -> None:\n    x = 1\n    x = 'a'\n    y = []\n    odd.z = 1\n"
NO_STUB = (
    'a.py:1: error: Cannot find implementation or library stub for module named "yaml"'
    "  [import-not-found]\n"
)
network = pytest.mark.network


def lines(evidence: Evidence) -> list[str]:
    return [f"{f.path}:{f.line}: {f.message}" for f in evidence.outcome.findings]


def with_table(table: str) -> bytes:
    return f"{PYPROJECT}\n{table}\n".encode()


def by_command(status: int, output: str = "", *, shows: bool = True) -> Judgement:
    words = ("tox", "-e", "mypy")
    done = Completed(words, status, output, "", 0.0, truncated=False)

    def remedy(modules: Iterable[str]) -> str:
        return f"install {', '.join(modules)}"

    return judge_command(words, done, frozenset({"small_thing"}), remedy, shows=shows)


class TestOwnCommand:
    @pytest.mark.parametrize(
        ("output", "number"),
        [
            ("Success: no issues found in 12 source files\n", 12),
            ("Success: no issues found in 2 source files\n" * 2, 4),
            ("0 errors, 0 warnings, 0 informations\n", 1),
            ("All checks passed!\n", 1),
        ],
    )
    def test_it_passes_where_a_checker_says_so(self, output: str, number: int) -> None:
        assert by_command(0, output) == Judgement(number)

    def test_one_that_shows_no_check_has_not_passed(self) -> None:
        with pytest.raises(CannotCheck, match="tox -e mypy did not show that it checked types"):
            by_command(0, "mypy: skipped")
        assert by_command(0, shows=False) == Judgement(1)

    def test_its_errors_name_file_and_line(self) -> None:
        said = "src/a.py:3: error: Returning Any  [no-any-return]\n"
        said += "Found 1 error in 1 file (checked 7 source files)\n"
        found = by_command(1, said)
        (one,) = found.defects
        assert (one.path, one.line, found.checked) == ("src/a.py", 3, 7)

    def test_another_failure_is_a_defect(self) -> None:
        (one,) = by_command(2, "it broke").defects
        assert one.message == "tox -e mypy: exit status 2: it broke"

    @pytest.mark.parametrize(
        ("said", "missing"),
        [
            (NO_STUB, "modules that are not installed: yaml"),
            ("Python interpreter 3.9 not found.", "what is not here: Python 3.9"),
            ("make: mypy: No such file or directory", "what is not here: the program mypy"),
        ],
    )  # fmt: skip
    def test_its_environment_that_lacks_something_is_no_defect(
        self, said: str, missing: str
    ) -> None:
        with pytest.raises(CannotCheck) as caught:
            by_command(1, said)
        assert caught.value.reason == f"tox -e mypy needs {missing}"
        assert caught.value.remedy


class TestMypy:
    @pytest.mark.parametrize("name", ["mypy.txt", "mypy-ends.txt"])
    def test_its_output_is_read_with_and_without_columns(self, name: str) -> None:
        errors = read_mypy((DATA / name).read_text())
        assert (
            MypyError(
                "t/a.py",
                7,
                "return-value",
                'Incompatible return value type (got "int", expected "str")',
            )
            in errors
        )
        assert {error.path for error in errors} == {"t/a.py"}

    def test_findings_name_file_line_and_code(self) -> None:
        text = (DATA / "mypy.txt").read_text()
        found = judge_mypy(text, read_mypy(text), 1)
        assert found.status is Status.FAILED
        assert found.checked == 1
        assert found.findings[-1].message.startswith("attr-defined: ")
        assert found.findings[-1].line == 18

    def test_modules_of_others_that_were_not_found_are_told_from_own_ones(self) -> None:
        errors = read_mypy((DATA / "mypy.txt").read_text())
        assert not_found(errors, frozenset()) == ["absent_thing", "yaml"]
        assert not_found(errors, frozenset(["absent_thing"])) == ["yaml"]

    def test_a_clean_run_says_how_many_files(self) -> None:
        found = judge_mypy("Success: no issues found in 6 source files\n", [], 0)
        assert (found.status, found.checked) == (Status.PASSED, 6)

    def test_a_run_over_nothing_has_not_passed(self) -> None:
        assert judge_mypy("", [], 0).status is Status.UNCHECKED

    def test_a_failure_without_a_readable_error_fails(self) -> None:
        assert judge_mypy("Found 1 error in 1 file\n", [], 1).status is Status.FAILED


class TestPyright:
    FOUND = (
        'src/p.py:6:12 - error: Type "int" is not assignable to return type "str"\n'
        '    "int" is not assignable to "str" (reportReturnType)\n'
        "1 error, 0 warnings, 0 notes\nTotal files checked: 3\n"
    )

    def test_its_output_is_read(self) -> None:
        found = by_command(1, self.FOUND)
        (one,) = found.defects
        assert (one.path, one.line, found.checked) == ("src/p.py", 6, 3)
        assert one.message == 'error: Type "int" is not assignable to return type "str"'

    def test_modules_of_others_that_were_not_found_are_told_from_own_ones(self) -> None:
        said = 'src/p.py:1:8 - error: Import "{}" could not be resolved (reportMissingImports)\n'
        with pytest.raises(CannotCheck, match="modules that are not installed: absent_thing"):
            by_command(1, said.format("absent_thing.more") + self.FOUND)
        assert len(by_command(1, said.format("small_thing.gone") + self.FOUND).defects) == 2

    def test_no_file_is_no_pass(self) -> None:
        with pytest.raises(CannotCheck, match="checked no file"):
            by_command(0, "0 errors, 0 warnings, 0 notes\nTotal files checked: 0\n")


class TestChoice:
    @pytest.mark.parametrize(
        ("files", "found"),
        [
            ({}, None),
            ({"pyproject.toml": with_table("[tool.mypy]")}, "mypy"),
            ({"mypy.ini": "[mypy]\nstrict = true\n"}, "mypy"),
            ({"setup.cfg": "[mypy]\nstrict = true\n"}, "mypy"),
            ({"setup.cfg": "[flake8]\n"}, None),
            ({"pyproject.toml": with_table("[tool.pyright]")}, "pyright"),
            ({"pyrightconfig.json": "{}"}, "pyright"),
            ({"pyproject.toml": with_table("[tool.pyright]\n[tool.mypy]")}, "mypy"),
            ({"pyproject.toml": with_table("[tool.ty.src]")}, "ty"),
            ({"Makefile": "check:\n\tty check src\n"}, "ty"),
            ({"noxfile.py": 'session.run("ty", "check")\n'}, "ty"),
            ({"Makefile": "check:\n\tpyrefly check\n"}, "pyrefly"),
            ({"Makefile": "pretty:\n\techo property checks\n"}, None),
        ],
    )
    def test_the_checker_that_the_project_declares_is_known(
        self, tmp_path: Path, files: dict[str, str | bytes | None], found: str | None
    ) -> None:
        assert checker(read_project(make_project(tmp_path / "p", files))) == found

    def test_a_project_that_annotates_nothing_is_none_of_its_business(self, tmp_path: Path) -> None:
        files: dict[str, str | bytes | None] = {
            "src/small_thing/__init__.py": '__version__ = "1.2.3"\n\n\ndef f(x):\n    return x\n',
            "src/small_thing/py.typed": None,
        }
        root = make_project(tmp_path / "p", files)
        reason = GATE.applies(read_project(root), None)
        assert reason
        assert "annotates nothing" in reason
        write(root, {"src/small_thing/py.typed": ""})
        assert GATE.applies(read_project(root), None) is None

    def test_a_project_of_another_checker_is_unchecked_with_the_settings_to_write(
        self, tmp_path: Path, judge: Judge
    ) -> None:
        root = make_project(tmp_path / "p", {"Makefile": "check:\n\tty check src\n"})
        found = judge(root, "typecheck").outcome
        assert found.status is Status.UNCHECKED
        assert found.summary == "the project is checked by ty"
        assert 'run = ["ty check"]' in (found.findings[0].remedy or "")

    def test_pyright_that_nobody_brings_is_unchecked(self, tmp_path: Path, judge: Judge) -> None:
        table = with_table("[tool.pyright]").replace(b'["hatchling"]', b"[]")
        root = make_project(tmp_path / "p", {"pyproject.toml": table})
        found = judge(root, "typecheck").outcome
        assert found.status is Status.UNCHECKED


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One project for all: its environment need be made but once for each configuration."""
    return make_project(tmp_path_factory.mktemp("typecheck") / "small-thing")


@pytest.fixture
def root(shared: Path) -> Path:
    """The shared project as it was committed, with its environment."""
    git(shared, "checkout", "--quiet", ".")
    git(shared, "clean", "--quiet", "--force", "-d")
    return shared


@network
class TestGate:
    @pytest.mark.slow
    def test_a_typed_package_without_a_configuration(self, root: Path, judge: Judge) -> None:
        assert judge(root, "typecheck").outcome.status is Status.PASSED
        write(root, {"src/small_thing/more.py": INFERRED})
        assert judge(root, "typecheck").outcome.status is Status.PASSED
        write(root, {"src/small_thing/more.py": INFERRED + WRONG_RETURN})
        found = judge(root, "typecheck")
        (line,) = lines(found)
        assert line.startswith("src/small_thing/more.py:7: return-value: Incompatible return")
        assert (found.outcome.status, found.outcome.checked) == (Status.PASSED, 2)
        write(root, {"src/small_thing/more.py": "import gone_module\n"})
        assert judge(root, "typecheck").outcome.status is Status.PASSED
        write(root, {"src/small_thing/more.py": "def f(:\n"})
        found = judge(root, "typecheck")
        assert found.outcome.status is Status.FAILED
        assert lines(found)[0].startswith("src/small_thing/more.py:1: syntax: ")

    @pytest.mark.slow
    def test_the_projects_own_settings_count(self, root: Path, judge: Judge) -> None:
        table = (
            '[tool.mypy]\nstrict = true\npretty = true\nshow_absolute_path = true\nfiles = "src"'
        )
        write(root, {"pyproject.toml": with_table(table)})
        assert judge(root, "typecheck").outcome.status is Status.PASSED
        write(root, {"src/small_thing/more.py": "def f(x):\n    return x\n"})
        found = lines(judge(root, "typecheck"))
        assert found == [
            "src/small_thing/more.py:1: no-untyped-def: Function is missing a type annotation"
        ]
        write(root, {"src/small_thing/more.py": "import gone_module\n"})
        outcome = judge(root, "typecheck").outcome
        assert outcome.status is Status.UNCHECKED
        assert outcome.summary.endswith("not installed, or have no stubs: gone_module")

    @pytest.mark.slow
    def test_findings_that_hang_on_missing_modules_are_no_findings(
        self, root: Path, judge: Judge
    ) -> None:
        table = "[tool.mypy]\nstrict = true\nignore_missing_imports = true"
        hanging = "import gone_module\n\n\n@gone_module.wrap\ndef f() -> None: ...\n"
        write(root, {"pyproject.toml": with_table(table), "src/small_thing/more.py": hanging})
        outcome = judge(root, "typecheck").outcome
        assert outcome.status is Status.UNCHECKED
        assert "gone_module" in outcome.summary
        write(root, {"src/small_thing/sure.py": WRONG_RETURN})
        assert [f.path for f in judge(root, "typecheck").outcome.findings] == [
            "src/small_thing/sure.py"
        ]

    def test_a_configuration_that_makes_no_sense_is_unchecked(
        self, root: Path, judge: Judge
    ) -> None:
        table = '[tool.mypy]\nplugins = ["gone_plugin"]'
        write(root, {"pyproject.toml": with_table(table)})
        outcome = judge(root, "typecheck").outcome
        assert outcome.status is Status.UNCHECKED
        assert "gone_plugin" in outcome.summary
        write(root, {"pyproject.toml": with_table('[tool.mypy]\nfiles = "gone"')})
        outcome = judge(root, "typecheck").outcome
        assert outcome.status is Status.UNCHECKED
        assert "gone" in outcome.summary

    @pytest.mark.slow
    def test_a_module_that_the_build_makes_is_taken_from_a_build(
        self, tmp_path: Path, judge: Judge
    ) -> None:
        """tox -e mypy does not install the project, and its CI has a _version.py by then."""
        backend = (
            "from pathlib import Path\nfrom hatchling.build import *\n"
            "from hatchling.build import build_wheel as build\n\n\n"
            "def build_wheel(*a, **k):\n"
            "    Path('src/small_thing/_version.py').write_text('V: int = 1\\n')\n"
            "    return build(*a, **k)\n"
        )
        own = PYPROJECT.replace('"hatchling.build"', '"own"\nbackend-path = ["."]')
        tox = "[testenv:mypy]\nskip_install = true\ndeps = mypy\ncommands = mypy src\n"
        root = make_project(
            tmp_path / "p",
            {
                "own.py": backend,
                "pyproject.toml": own + '[tool.hatch.build]\nartifacts = ["_version.py"]\n',
                ".gitignore": "_version.py\n",
                "src/small_thing/__init__.py": "from small_thing._version import V\n\nA: int = V\n",
                "tox.ini": tox,
            },
        )
        found = judge(root, "typecheck").outcome
        assert (found.status, found.checked) == (Status.PASSED, 2), found
        assert not (root / "src/small_thing/_version.py").exists()
        write(root, {"src/small_thing/__init__.py": "from small_thing._gone import V\n"})
        found = judge(root, "typecheck").outcome
        assert found.status is Status.FAILED
        assert '"small_thing._gone"' in found.findings[0].message

    @pytest.mark.slow
    def test_pyright_is_run_where_the_project_configures_it(self, root: Path, judge: Judge) -> None:
        table = '[tool.pyright]\n[tool.release.gates.typecheck]\ninstall = ["basedpyright"]'
        write(root, {"pyproject.toml": with_table(table)})
        found = judge(root, "typecheck").outcome
        assert (found.status, found.summary) == (Status.PASSED, "basedpyright: ok"), found
        assert found.checked > 1
        write(root, {"src/small_thing/more.py": WRONG_RETURN})
        (line,) = lines(judge(root, "typecheck"))
        assert line.startswith('src/small_thing/more.py:2: error: Type "int" is not assignable')
        assert line.endswith("(reportReturnType)")

    def test_own_commands_take_its_place(self, root: Path, judge: Judge) -> None:
        table = (
            "[tool.release.gates.typecheck]\n"
            'run = ["python -c \\"import small_thing; raise SystemExit(small_thing.double(2))\\""]'
        )
        write(root, {"pyproject.toml": with_table(table)})
        found = judge(root, "typecheck").outcome
        assert found.status is Status.FAILED
        assert "exit status 4" in found.findings[0].message
