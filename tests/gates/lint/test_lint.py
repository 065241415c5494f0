"""lint: no findings, and formatted, by the project's own standards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from release.gates.lint import (
    GATE,
    choose,
    formats,
    is_newer_syntax,
    judge,
    judge_format,
    judge_hooks,
    read_procedure,
    selects_rules,
)
from release.model import Evidence, Judgement, Status
from release.project import read_project
from release.run.environments import pinned_version
from release.run.processes import Completed
from tests.support import PYPROJECT, Judge, commit, git, lacking, make_project, write

DATA = Path(__file__).parents[2] / "data" / "lint"
ROOT = Path("/project")
UNFORMATTED = "x = {'a':1}\n"
UNUSED_IMPORT = "import os\n"
UNDEFINED_NAME = "def f() -> None:\n    print(undefined)\n"
network = pytest.mark.network


def lines(evidence: Evidence) -> list[str]:
    return [f"{f.path}:{f.line}: {f.message}" for f in evidence.outcome.findings]


def with_table(table: str) -> bytes:
    return f"{PYPROJECT}\n{table}\n".encode()


class TestJudgement:
    def test_findings_name_file_line_rule_and_remedy(self) -> None:
        unused, undefined, *syntax = judge(json.loads((DATA / "check.json").read_text()), ROOT)
        assert (unused.path, unused.line) == ("src/a.py", 1)
        assert unused.message == "F401: `os` imported but unused"
        assert unused.remedy == "fix it, or see `ruff rule F401`"
        assert (undefined.line, undefined.message) == (5, "F821: Undefined name `y`")
        assert {f.path for f in syntax} == {"src/c.py"}
        assert {f.remedy for f in syntax} == {"fix the syntax there"}

    @pytest.mark.parametrize("name", ["full", "concise", "old"])
    def test_each_version_of_the_formatters_output_is_read(self, name: str) -> None:
        text = (DATA / f"format-{name}.txt").read_text()
        (found,) = judge_format(text, ROOT, 1, pinned=False)
        assert (found.path, found.message) == ("src/b.py", "is not formatted")
        assert found.remedy == "ruff format src/b.py"

    def test_an_output_that_is_not_understood_still_fails(self) -> None:
        (found,) = judge_format("something new", ROOT, 1, pinned=False)
        assert found.message == "files are not formatted"
        assert judge_format("", ROOT, 0, pinned=False) == []

    def test_markdown_counts_only_for_a_project_that_pins_its_ruff(self) -> None:
        text = "Would reformat: README.md\nWould reformat: a.py\n"
        assert [f.path for f in judge_format(text, ROOT, 1, pinned=False)] == ["a.py"]
        assert [f.path for f in judge_format(text, ROOT, 1, pinned=True)] == ["README.md", "a.py"]

    def test_syntax_that_is_too_new_counts_in_the_package(self, project: Path) -> None:
        found = read_project(project)
        message = "Cannot use `except*` on Python 3.7 (syntax was added in Python 3.11)"
        for path, newer in (
            ("tests/test_new.py", True),
            ("src/small_thing/a.py", False),
        ):
            item = {"message": message, "filename": str(project / path)}
            assert is_newer_syntax(item, found) is newer
        other = {"message": "Expected an expression", "filename": str(project / "tests/a.py")}
        assert not is_newer_syntax(other, found)

    @pytest.mark.parametrize(
        ("configuration", "text", "wanted"),
        [
            ({"format": {}}, "", True),
            ({}, "- run: ruff format --check", True),
            ({}, "  - id: ruff-format", True),
            ({}, 'session.run("ruff", "format")', True),
            ({}, "- run: ruff check", False),
            ({}, "", False),
        ],
    )
    def test_formatting_is_judged_where_the_project_formats_with_ruff(
        self, configuration: dict[str, object], text: str, wanted: bool
    ) -> None:
        assert formats(configuration, text) is wanted

    @pytest.mark.parametrize(
        ("configuration", "wanted"),
        [
            ({"lint": {"select": ["E"]}}, True),
            ({"select": ["E"]}, True),
            ({"extend": "../ruff.toml"}, True),
            ({"lint": {"extend-select": ["I"]}}, False),
            ({"line-length": 100}, False),
        ],
    )
    def test_a_selection_of_rules_is_seen(
        self, configuration: dict[str, object], wanted: bool
    ) -> None:
        assert selects_rules(configuration) is wanted


class TestProcedure:
    def options(self, root: Path, files: dict[str, str | bytes | None]) -> tuple[str, str]:
        project = read_project(make_project(root, files))
        targets, options = choose(project, read_procedure(project))
        return targets[0], " ".join(options)

    def test_without_a_configuration_the_package_is_checked_for_errors(
        self, tmp_path: Path
    ) -> None:
        target, options = self.options(tmp_path / "p", {})
        assert target == "src/small_thing"
        assert "--isolated --select=E9,F63,F7,F82" in options

    def test_rules_that_are_selected_are_the_projects_own(self, tmp_path: Path) -> None:
        table = with_table('[tool.ruff.lint]\nselect = ["ALL"]')
        assert self.options(tmp_path / "p", {"pyproject.toml": table}) == (".", "")

    def test_without_a_selection_the_lasting_defaults_count(self, tmp_path: Path) -> None:
        table = with_table("[tool.ruff]\nline-length = 99")
        _, options = self.options(tmp_path / "p", {"pyproject.toml": table})
        assert options == '--config lint.select=["E4", "E7", "E9", "F"]'

    def test_a_pinned_version_judges_by_its_own_defaults(self, tmp_path: Path) -> None:
        files: dict[str, str | bytes | None] = {
            "pyproject.toml": with_table("[tool.ruff]\nline-length = 99"),
            "requirements-dev.txt": "ruff==0.9.1\n",
        }
        project = read_project(make_project(tmp_path / "p", files))
        found = read_procedure(project)
        assert (found.requirement, found.pinned) == ("ruff==0.9.1", True)
        assert choose(project, found) == (["."], [])

    @pytest.mark.parametrize(
        ("demanded", "requirement"),
        [
            ("==0.9.1", "ruff==0.9.1"), ("0.9.1", "ruff==0.9.1"),
            ("<0.10", "ruff<0.10"), (">=0.9", None),
        ],
    )  # fmt: skip
    def test_a_required_version_is_honoured(
        self, tmp_path: Path, demanded: str, requirement: str | None
    ) -> None:
        files = {"ruff.toml": f'required-version = "{demanded}"\n'}
        project = read_project(make_project(tmp_path / "p", files))
        assert read_procedure(project).requirement == requirement


def test_without_a_network_it_is_unchecked_and_not_passed(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("UV_DEFAULT_INDEX", "PIP_INDEX_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:1/simple/")
    for name in ("UV_CACHE_DIR", "PIP_CACHE_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "cache"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    found = Judge(tmp_path / "tools")(project, "lint").outcome
    assert found.status is Status.UNCHECKED
    assert "the tools of lint were not installed" in found.summary
    assert found.findings[0].remedy


@network
class TestHooks:
    WORDS = ("pre-commit", "run", "--all-files")

    def judged(self, status: int, output: str) -> Judgement:
        done = Completed(self.WORDS, status, output, "", 0.0, truncated=False)
        return judge_hooks(self.WORDS, done, lacking)

    def test_each_hook_is_judged_by_what_it_said(self) -> None:
        found = self.judged(1, (DATA / "hooks.txt").read_text())
        assert [(one.path, one.line, one.message) for one in found.defects] == [
            (None, None, "trailing-whitespace changed files (a.py, b.txt)"),
            ("a.py", 1, "I001 [*] Import block is un-sorted or un-formatted"),
            ("a.py", 1, "F401 [*] `os` imported but unused"),
            ("a.py", 1, "F401 'os' imported but unused"),
            ("b.txt", 1, "teh ==> the"),
            ("a.py", None, "is not formatted"),
        ]
        assert found.defects[0].remedy == (
            "pre-commit run trailing-whitespace --all-files, and commit the result"
        )
        (gone,) = found.unchecked
        assert gone.message == "gone needs what is not here: the program gone-tool"
        assert found.checked == 6

    def test_those_that_pass_are_counted(self) -> None:
        assert self.judged(0, "a...Passed\nb.....(no files to check)Skipped\n") == Judgement(1)

    def test_one_that_had_no_file_has_not_passed(self) -> None:
        found = self.judged(0, "b.....(no files to check)Skipped\n")
        assert found.unchecked
        assert found.unchecked[0].remedy

    def test_one_that_says_nothing_of_a_place_is_quoted(self) -> None:
        (found,) = self.judged(
            1, "pins.....Failed\n- hook id: pins\n- exit code: 1\n\nno pin of x\n"
        ).defects
        assert (found.path, found.message) == (None, "pins: no pin of x")

    def test_a_failure_beside_the_hooks_counts(self) -> None:
        (found,) = self.judged(1, "a...Passed\ntwine: no\n").defects
        assert "exit status 1" in found.message

    @network
    @pytest.mark.slow
    def test_what_is_configured_judges_a_copy_and_what_cannot_be_fetched_is_unchecked(
        self, project: Path, judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path / "hooks-cache"))
        hooks = tmp_path / "hooks"
        entry = "{id: no-tabs, name: no tabs, language: pygrep, entry: '\\t', types: [python]}"
        write(hooks, {".pre-commit-hooks.yaml": f"- {entry}\n"})
        git(hooks, "init", "--quiet")
        revision = commit(hooks)
        fetched = "- {repo: %s, rev: %s, hooks: [{id: no-tabs}]}\n"
        config = f"repos:\n{fetched % (hooks, revision)}"
        write(project, {".pre-commit-config.yaml": config, "mended.py": "A = 1\n"})
        commit(project)
        found = judge(project, "lint").outcome
        assert (found.status, found.checked) == (Status.PASSED, 1), found
        assert found.summary == "pre-commit run --all-files: ok (as .pre-commit-config.yaml says)"
        write(project, {"mended.py": "if 1:\n\tA = 1\n", "ruff.toml": ""})
        found = judge(project, "lint").outcome
        assert (found.status, found.findings[0].path) == (Status.FAILED, "mended.py")
        away = fetched % ("https://hooks.example.invalid/x", "v1")
        write(project, {".pre-commit-config.yaml": f"{config}{away}"})
        found = judge(project, "lint").outcome
        assert found.status is Status.UNCHECKED
        assert "the network (hooks.example.invalid)" in found.summary
        write(project, {"more.py": UNDEFINED_NAME})
        found = judge(project, "lint").outcome
        assert [(one.path, one.line) for one in found.advice] == [("more.py", 2)]
        pinned = f"ruff=={pinned_version(GATE, 'ruff')}\n"
        write(project, {"requirements-dev.txt": pinned})
        found = judge(project, "lint").outcome
        assert [(one.path, one.line) for one in found.findings] == [("more.py", 2), (None, None)]
        assert found.status is Status.FAILED


@network
@pytest.mark.slow
def test_an_own_command_that_formats_fails_for_what_it_changed(project: Path, judge: Judge) -> None:
    """`black .` ends well whatever it finds."""
    tox = "[testenv:lint]\nskip_install = true\ndeps = black\ncommands = black .\n"
    write(project, {"tox.ini": tox, "ugly.py": "a = {  1 }\n"})
    found = judge(project, "lint").outcome
    assert [one.message for one in found.findings] == ["tox -e lint changed ugly.py"]
    assert found.summary == "tox -e lint changed ugly.py (as tox.ini:1 defines it)"
    write(project, {"ugly.py": "a = {1}\n"})
    assert judge(project, "lint").outcome.summary == "tox -e lint: ok (as tox.ini:1 defines it)"


class TestGate:
    def test_a_clean_package_passes_and_nothing_is_written(
        self, project: Path, judge: Judge
    ) -> None:
        found = judge(project, "lint").outcome
        assert found.status is Status.PASSED
        assert found.checked == 1
        assert git(project, "status", "--porcelain", "--ignored") == "!! .release/"

    def test_an_undefined_name_is_advice_without_any_configuration(
        self, project: Path, judge: Judge
    ) -> None:
        write(project, {"src/small_thing/bad.py": UNUSED_IMPORT + UNDEFINED_NAME})
        found = judge(project, "lint")
        assert lines(found) == ["src/small_thing/bad.py:3: F821: Undefined name `undefined`"]
        assert found.outcome.status is Status.PASSED
        assert "2 files, 1 finding by ruff " in found.outcome.summary
        assert found.outcome.checked == 2

    def test_a_syntax_error_fails_with_its_line(self, project: Path, judge: Judge) -> None:
        table = with_table("[tool.ruff.format]")
        write(project, {"pyproject.toml": table, "src/small_thing/bad.py": "x = 1\ndef f(:\n"})
        found = judge(project, "lint")
        assert found.outcome.status is Status.FAILED
        assert lines(found)[0].startswith("src/small_thing/bad.py:2: ")
        assert found.outcome.findings[0].remedy == "fix the syntax there"

    def test_a_configured_project_is_judged_by_its_rules_everywhere(
        self, project: Path, judge: Judge
    ) -> None:
        table = with_table('[tool.ruff.lint]\nselect = ["F"]\nper-file-ignores."docs/*" = ["F401"]')
        write(
            project,
            {"pyproject.toml": table, "tools.py": UNUSED_IMPORT, "docs/conf.py": UNUSED_IMPORT},
        )
        assert lines(judge(project, "lint")) == ["tools.py:1: F401: `os` imported but unused"]

    def test_lasting_defaults_leave_newer_rules_alone(self, project: Path, judge: Judge) -> None:
        newer = "import typing\nx: typing.List[int] = []\n__all__ = ['b', 'a']\na = b = 1\n"
        write(
            project,
            {"pyproject.toml": with_table("[tool.ruff]"), "src/small_thing/more.py": newer},
        )
        assert judge(project, "lint").outcome.status is Status.PASSED
        write(project, {"src/small_thing/more.py": newer + UNUSED_IMPORT})
        found = lines(judge(project, "lint"))
        assert any("E402" in line or "F401" in line for line in found)

    def test_unformatted_files_fail_where_the_project_formats(
        self, project: Path, judge: Judge
    ) -> None:
        tables = with_table("[tool.ruff]\n[tool.release]")
        write(project, {"pyproject.toml": tables, "more.py": UNFORMATTED})
        assert judge(project, "lint").outcome.status is Status.PASSED
        write(project, {"pyproject.toml": with_table("[tool.ruff.format]")})
        found = judge(project, "lint")
        assert lines(found) == ["more.py:None: is not formatted"]
        assert (project / "more.py").read_text() == UNFORMATTED

    def test_a_setting_of_ruffs_to_mend_files_is_not_obeyed(
        self, project: Path, judge: Judge
    ) -> None:
        table = with_table('[tool.ruff]\nfix = true\noutput-format = "github"\n[tool.ruff.format]')
        write(project, {"pyproject.toml": table, "more.py": UNUSED_IMPORT + UNFORMATTED})
        found = judge(project, "lint")
        assert len(found.outcome.findings) == 2
        assert (project / "more.py").read_text() == UNUSED_IMPORT + UNFORMATTED

    def test_a_broken_configuration_is_unchecked(self, project: Path, judge: Judge) -> None:
        write(project, {"ruff.toml": '[lint]\nselect = ["ZZZ"]\n'})
        found = judge(project, "lint").outcome
        assert found.status is Status.UNCHECKED
        assert "Unknown rule selector `ZZZ`" in found.summary
        write(project, {"ruff.toml": "[lint\n"})
        assert "ruff.toml is not valid TOML" in judge(project, "lint").outcome.summary

    def test_a_project_without_any_python_is_unchecked(self, tmp_path: Path, judge: Judge) -> None:
        root = tmp_path / "bare"
        text = '[project]\nname = "bare"\nversion = "1"\n[tool.ruff]\nline-length = 99\n'
        write(root, {"pyproject.toml": text})
        found = judge(root, "lint").outcome
        assert found.status is Status.UNCHECKED
        assert found.summary == "ruff found no Python file"

    def test_the_version_that_the_project_pins_judges(self, project: Path, judge: Judge) -> None:
        write(
            project,
            {"ruff.toml": 'lint.select = ["F"]\n', "requirements-dev.txt": "ruff==0.17.4\n",
             "more.py": UNUSED_IMPORT},
        )  # fmt: skip
        found = judge(project, "lint").outcome
        assert found.summary == "1 finding by ruff 0.17.4"

    def test_a_pinned_version_that_cannot_be_had_is_unchecked(
        self, project: Path, judge: Judge
    ) -> None:
        write(project, {"ruff.toml": "", "requirements-dev.txt": "ruff==0.0.0.1\n"})
        found = judge(project, "lint").outcome
        assert found.status is Status.UNCHECKED
        assert found.summary.startswith("ruff==0.0.0.1 was not installed")

    def test_own_commands_take_its_place(self, project: Path, judge: Judge) -> None:
        table = '[tool.release.gates.lint]\nrun = ["ruff check --select F src", "ruff --version"]'
        write(project, {"pyproject.toml": with_table(table)})
        assert judge(project, "lint").outcome.checked == 2
        write(project, {"src/small_thing/bad.py": UNUSED_IMPORT})
        found = judge(project, "lint").outcome
        assert found.status is Status.FAILED
        assert (found.findings[0].path, found.findings[0].line) == ("src/small_thing/bad.py", 1)
        assert "`os` imported but unused" in found.findings[0].message

    def test_a_path_with_spaces_and_umlauts_works(self, tmp_path: Path, judge: Judge) -> None:
        root = make_project(tmp_path / "mein Projekt ü")
        write(root, {"src/small_thing/böse datei.py": UNDEFINED_NAME})
        assert lines(judge(root, "lint")) == [
            "src/small_thing/böse datei.py:2: F821: Undefined name `undefined`"
        ]
