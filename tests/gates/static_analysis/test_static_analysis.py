"""static_analysis: bandit by default, ruff's S rules or own commands by settings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from release.gates.static_analysis import (
    applies,
    ignored_security,
    least_severity,
    selects_security,
)
from release.model import Evidence, Status
from release.project import read_project
from tests.built import replace_tool
from tests.support import PYPROJECT, Judge, git, make_project, write

network = pytest.mark.network
SELECTED = '[tool.ruff.lint]\nselect = ["S"]\n[tool.release.gates.static_analysis]\n'
SHELL = (
    "import subprocess\n\n\ndef call(words: str) -> None:\n    subprocess.run(words, shell=True)\n"
)
LOAD = "import yaml\n\n\ndef load(text: str) -> object:\n    return yaml.load(text)\n"
BAD = "src/small_thing/bad.py"
TABLE = "[tool.release.gates.static_analysis]\n"


def lines(evidence: Evidence) -> list[tuple[str | None, int | None, str]]:
    return [(f.path, f.line, f.message.partition(":")[0]) for f in evidence.outcome.findings]


def with_table(table: str) -> bytes:
    return f"{PYPROJECT}\n{table}\n".encode()


class TestWhichToolJudges:
    @pytest.mark.parametrize(
        ("configuration", "selects"),
        [
            ({"lint": {"select": ["E", "S"]}}, True),
            ({"lint": {"extend-select": ["S"]}}, True),
            ({"select": ["ALL"]}, True),
            ({"lint": {"select": ["ALL"], "ignore": ["S"]}}, False),
            ({"lint": {"select": ["S101", "SIM", "SLF"]}}, False),
            ({"lint": {"select": "S"}}, False),
            ({"lint": 3}, False),
            ({}, False),
        ],
    )
    def test_a_selection_of_the_s_rules_is_seen(
        self, configuration: dict[str, object], selects: bool
    ) -> None:
        assert selects_security(configuration) is selects

    def test_only_s_rules_are_taken_from_what_is_ignored(self) -> None:
        table = {"lint": {"ignore": ["S603", "SIM108", "E501"], "extend-ignore": ["S1"]}}
        assert ignored_security(table) == ["S1", "S603"]

    @pytest.mark.parametrize(
        ("table", "files", "reason"),
        [
            ('[tool.ruff.lint]\nselect = ["S"]', {}, True),
            ('[tool.ruff.lint]\nselect = ["E"]', {}, False),
            ('[tool.ruff.lint]\nselect = ["S"]\n[tool.bandit]\n', {}, False),
            ('[tool.ruff.lint]\nselect = ["S"]', {".bandit": "[bandit]\n"}, False),
            (f'{SELECTED}tool = "bandit"', {}, False),
            (f'{SELECTED}tool = "ruff"', {}, True),
            ('[tool.ruff.lint]\nselect = ["S"]\n[tool.release.gates.lint]\nrun = ["pylint x"]',
             {}, False),
            (f'{SELECTED}run = ["x"]', {}, False),
        ],
    )  # fmt: skip
    def test_where_lint_judges_the_s_rules_the_gate_does_not_apply(
        self, tmp_path: Path, table: str, files: dict[str, str | bytes | None], reason: bool
    ) -> None:
        root = make_project(tmp_path / "p", {"pyproject.toml": with_table(table), **files})
        said = applies(read_project(root), None)
        assert (said == "lint judges ruff's S rules, which the project selects") is reason


@network
class TestBandit:
    def test_a_clean_package_passes_and_nothing_is_written(
        self, project: Path, judge: Judge
    ) -> None:
        found = judge(project, "static_analysis").outcome
        assert (found.status, found.checked) == (Status.PASSED, 1)
        assert found.summary == "bandit: 1 files clean"
        assert git(project, "status", "--porcelain", "--ignored") == "!! .release/"

    @pytest.mark.parametrize(("text", "rule"), [(SHELL, "B602"), (LOAD, "B506")])
    def test_dangerous_code_is_advice_with_its_place_where_nobody_asked_for_bandit(
        self, project: Path, judge: Judge, text: str, rule: str
    ) -> None:
        write(project, {BAD: text})
        found = judge(project, "static_analysis")
        assert found.outcome.status is Status.PASSED
        assert found.outcome.summary.startswith("bandit: 2 files with 1 finding")
        assert lines(found) == [(BAD, 5, rule)]
        assert found.outcome.checked == 2

    def test_lesser_findings_and_nosec_comments_are_counted_and_pass(
        self, project: Path, judge: Judge
    ) -> None:
        text = SHELL.replace("shell=True)", "shell=True)  # nosec B602 - fixed words")
        write(project, {BAD: text})
        found = judge(project, "static_analysis").outcome
        assert found.status is Status.PASSED, found
        assert found.summary == "bandit: 2 files clean; 1 lesser, 1 left out by nosec"

    def test_tests_are_not_judged_be_they_inside_the_package(
        self, project: Path, judge: Judge
    ) -> None:
        write(project, {"tests/test_more.py": SHELL, "src/small_thing/tests/test_a.py": SHELL})
        assert judge(project, "static_analysis").outcome.status is Status.PASSED

    @pytest.mark.parametrize(
        "files",
        [
            {"pyproject.toml": with_table('[tool.bandit]\nskips = ["B602"]')},
            {"bandit.yaml": "skips: [B602]\n"},
            {".bandit": "[bandit]\nskips = B602\n"},
            {".bandit": f"[bandit]\nexclude = {BAD}\n"},
            {
                "ci/b.yml": "skips: [B602]\n",
                ".pre-commit-config.yaml": "repos:\n- repo: x\n  hooks:\n  - id: bandit\n"
                "    args: [-c, ci/b.yml]\n",
            },
        ],
        ids=["pyproject", "yaml", "ini", "ini exclude", "hook"],
    )
    def test_the_projects_own_configuration_is_heeded(
        self, project: Path, judge: Judge, files: dict[str, str | bytes | None]
    ) -> None:
        write(project, {BAD: SHELL, **files})
        found = judge(project, "static_analysis").outcome
        assert found.status is Status.PASSED, found

    def test_a_baseline_accepts_what_it_holds_and_nothing_new(
        self, project: Path, judge: Judge, tools_folder: Path
    ) -> None:
        import subprocess

        write(project, {BAD: SHELL})
        judge(project, "static_analysis")
        bandit = next(tools_folder.glob("tools/static_analysis-*/*/bandit"))
        subprocess.run(
            [str(bandit), "-q", "-r", "src/small_thing", "-f", "json", "-o", "known.json"],
            cwd=project,
            check=False,
        )
        table = '[tool.release.gates.static_analysis]\nbaseline = "known.json"'
        write(project, {"pyproject.toml": with_table(table)})
        assert judge(project, "static_analysis").outcome.status is Status.PASSED
        write(project, {"src/small_thing/new.py": LOAD})
        assert lines(judge(project, "static_analysis")) == [("src/small_thing/new.py", 5, "B506")]

    @pytest.mark.parametrize(
        "files",
        [
            {"pyproject.toml": with_table("[tool.bandit]\nskips = []")},
            {"pyproject.toml": with_table(f'{TABLE}tool = "bandit"')},
            {"pyproject.toml": with_table(f'{TABLE}severity = "medium"')},
            {".pre-commit-config.yaml": "repos:\n- repo: x\n  hooks:\n  - id: bandit\n"},
        ],
        ids=["bandit's", "tool", "severity", "hook"],
    )
    def test_findings_block_where_the_project_says_how_it_is_judged(
        self, project: Path, judge: Judge, files: dict[str, str | bytes | None]
    ) -> None:
        write(project, {BAD: SHELL, **files})
        found = judge(project, "static_analysis")
        assert (found.outcome.status, lines(found)) == (Status.FAILED, [(BAD, 5, "B602")])
        assert found.outcome.summary.startswith("1 finding by bandit")

    @pytest.mark.parametrize(
        ("severity", "passes"), [("low", False), ("medium", False), ("high", True)]
    )
    def test_the_least_severity_that_fails_is_set(
        self, project: Path, judge: Judge, severity: str, passes: bool
    ) -> None:
        table = f'{TABLE}severity = "{severity}"'
        write(project, {BAD: LOAD, "pyproject.toml": with_table(table)})
        found = judge(project, "static_analysis").outcome
        assert (found.status is Status.PASSED) is passes

    @pytest.mark.parametrize(
        ("arguments", "severity"),
        [
            ("[-l]", "low"), ("[-ll, -r]", "medium"), ("[-l, -l, -l]", "high"), ("[-r]", "medium"),
            ("[--severity-level=high]", "high"), ("[--severity-level, all]", "low"),
            ("[-lliii]", "medium"), ("[-rlll]", "high"), ("[-lq]", "low"),
        ],
    )  # fmt: skip
    def test_a_hooks_arguments_name_the_least_severity(
        self, tmp_path: Path, arguments: str, severity: str
    ) -> None:
        hook = f"repos:\n- repo: x\n  hooks:\n  - id: bandit\n    args: {arguments}\n"
        root = make_project(tmp_path / "p", {".pre-commit-config.yaml": hook})
        assert least_severity(read_project(root)) == severity

    def test_a_baseline_that_is_not_there_is_unchecked(self, project: Path, judge: Judge) -> None:
        table = '[tool.release.gates.static_analysis]\nbaseline = "known.json"'
        write(project, {"pyproject.toml": with_table(table)})
        found = judge(project, "static_analysis").outcome
        assert (found.status, found.summary) == (
            Status.UNCHECKED, "the baseline known.json is not there",
        )  # fmt: skip

    def test_a_file_that_cannot_be_judged_is_unchecked(self, project: Path, judge: Judge) -> None:
        write(project, {BAD: "def f(:\n"})
        found = judge(project, "static_analysis").outcome
        assert (found.status, [f.path for f in found.advice]) == (Status.PASSED, [BAD])
        write(project, {"pyproject.toml": with_table("[tool.bandit]\nskips = []")})
        found = judge(project, "static_analysis").outcome
        assert found.status is Status.UNCHECKED
        assert "bandit could not judge it: syntax error" in found.summary

    def test_it_is_named_beside_findings_in_other_files(self, project: Path, judge: Judge) -> None:
        table = with_table("[tool.bandit]\nskips = []")
        odd = "src/small_thing/odd.py"
        write(project, {BAD: SHELL, odd: "def f(:\n", "pyproject.toml": table})
        found = judge(project, "static_analysis")
        assert found.outcome.status is Status.FAILED
        assert [path for path, _, _ in lines(found)] == [BAD, "src/small_thing/odd.py"]

    def test_excluding_everything_is_no_pass(self, project: Path, judge: Judge) -> None:
        table = '[tool.bandit]\nexclude_dirs = ["src"]'
        write(project, {"pyproject.toml": with_table(table), BAD: SHELL})
        found = judge(project, "static_analysis").outcome
        assert found.status is Status.UNCHECKED
        assert "bandit found no file in src/small_thing" in found.summary

    def test_a_broken_configuration_fails(self, project: Path, judge: Judge) -> None:
        write(project, {"bandit.yaml": "skips: [B602\n"})
        found = judge(project, "static_analysis").outcome
        assert found.status is Status.FAILED
        assert (found.findings[0].path, found.findings[0].line) == ("bandit.yaml", 2)

    @pytest.mark.parametrize(
        ("script", "said"),
        [
            ("sys.exit('[main]\\tERROR\\tout of order')", "bandit could not run: out of order"),
            ("sys.exit(0)", "bandit could not run"),
            ("open(sys.argv[sys.argv.index('--output') + 1], 'w').write('{')",
             "bandit: its report is damaged"),
            (None, "bandit is not in the environment"),
        ],
    )  # fmt: skip
    def test_a_tool_that_breaks_is_unchecked(
        self, project: Path, tmp_path: Path, script: str | None, said: str
    ) -> None:
        judge = replace_tool(tmp_path / "tools", "static_analysis", "bandit", script)
        found = judge(project, "static_analysis").outcome
        assert found.status is Status.UNCHECKED
        assert said in found.summary

    def test_a_failure_without_a_finding_is_unchecked(self, project: Path, tmp_path: Path) -> None:
        report = {"results": [], "errors": [],
                  "metrics": {"_totals": {"nosec": 0, "skipped_tests": 0}, "a.py": {}}}  # fmt: skip
        script = (
            f"open(sys.argv[sys.argv.index('--output') + 1], 'w').write({json.dumps(report)!r})\n"
            "sys.exit(1)"
        )
        judge = replace_tool(tmp_path / "tools", "static_analysis", "bandit", script)
        found = judge(project, "static_analysis").outcome
        assert (found.status, found.summary) == (
            Status.UNCHECKED, "bandit failed and does not say why",
        )  # fmt: skip


@network
class TestRuff:
    TABLE = '[tool.release.gates.static_analysis]\ntool = "ruff"\n'

    def test_a_clean_package_passes(self, project: Path, judge: Judge) -> None:
        write(project, {"pyproject.toml": with_table(self.TABLE), "tests/test_b.py": SHELL})
        found = judge(project, "static_analysis").outcome
        assert (found.status, found.checked) == (Status.PASSED, 1)
        assert found.summary == "ruff's S rules: 1 files clean"

    def test_dangerous_code_fails_with_its_place(self, project: Path, judge: Judge) -> None:
        write(project, {"pyproject.toml": with_table(self.TABLE), BAD: SHELL})
        assert lines(judge(project, "static_analysis")) == [(BAD, 5, "S602")]

    def test_rules_that_the_configuration_ignores_are_left_out(
        self, project: Path, judge: Judge
    ) -> None:
        table = f'{self.TABLE}[tool.ruff.lint]\nignore = ["S602"]'
        write(project, {"pyproject.toml": with_table(table), BAD: SHELL})
        assert judge(project, "static_analysis").outcome.status is Status.PASSED

    def test_ignoring_all_of_them_is_for_lint_alone(self, project: Path, judge: Judge) -> None:
        table = f'{self.TABLE}[tool.ruff.lint]\nignore = ["S"]'
        write(project, {"pyproject.toml": with_table(table), BAD: SHELL})
        assert lines(judge(project, "static_analysis")) == [(BAD, 5, "S602")]

    @pytest.mark.parametrize("script", ["sys.exit(2)", "print('?')", None])
    def test_a_tool_that_breaks_is_unchecked(
        self, project: Path, tmp_path: Path, script: str | None
    ) -> None:
        write(project, {"pyproject.toml": with_table(self.TABLE)})
        judge = replace_tool(tmp_path / "tools", "static_analysis", "ruff", script)
        assert judge(project, "static_analysis").outcome.status is Status.UNCHECKED


@network
def test_own_commands_replace_it(project: Path, judge: Judge) -> None:
    for code, status in ((0, Status.PASSED), (3, Status.FAILED)):
        run = f"run = [['python', '-c', 'raise SystemExit({code})']]"
        table = f"[tool.release.gates.static_analysis]\n{run}"
        write(project, {"pyproject.toml": with_table(table)})
        assert judge(project, "static_analysis").outcome.status is status
