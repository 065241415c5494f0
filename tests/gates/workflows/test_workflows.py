"""workflows: are they sound, and do those that publish keep to the policy?"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from release.errors import CannotCheck
from release.gates.workflows import (
    configures_zizmor,
    judge_schema,
    judge_zizmor,
    metadata_version,
    weigh,
)
from release.gates.workflows.model import Node
from release.gates.workflows.policy import RULES
from release.gates.workflows.read import parse
from release.gates.workflows.rules.breach import Breach
from release.gates.workflows.settings import Waiver
from release.model import Evidence, Finding, Judgement, Status
from release.project import read_project
from release.run.processes import Completed
from tests.built import replace_tool
from tests.gates.workflows.examples import BY_PASSWORD, GOOD, PROVENANCE, RELEASE, changed
from tests.support import PYPROJECT, Judge, commit, git, make_project, write

network = pytest.mark.network
DATA = Path(__file__).parents[2] / "data" / "workflows"
PUBLISHER = '\n[tool.release.gates.setup]\nworkflow = "release.yml"\nenvironment = "pypi"\n'
CI = ".github/workflows/ci.yml"
CI_TEXT = """\
name: CI
on: pull_request
permissions: {}
jobs:
  test:
    name: Test
    runs-on: ubuntu-latest
    timeout-minutes: 5
    steps:
      - run: echo
"""
TAB = "found character that cannot start any token"
PLACE = GOOD[: GOOD.index("name: pypi")].count("\n") + 1
ANOTHER = "its environment is pypi, and the declared publisher's index"
NONE = "no job of these workflows is seen to publish when a tag is pushed"
ANY_TAG = "a tag such as vx, which is no release, would be published"
INJECTION = (
    "code injection via template expansion: may expand into attacker-controllable code"
    " (zizmor, high)"
)


def waive(rule: str, reason: str = "it is meant", file: str | None = None) -> str:
    more = f'file = "{file}"\n' if file else ""
    return f'\n[[tool.release.gates.workflows.waive]]\nrule = "{rule}"\n{more}reason = "{reason}"\n'


def setting(root: Path, text: str) -> None:
    write(root, {"pyproject.toml": PYPROJECT + text})


def said(evidence: Evidence) -> list[str]:
    assert evidence.outcome.findings, evidence.outcome
    assert all(finding.remedy for finding in evidence.outcome.findings)
    return [f"{f.path}:{f.line}: {f.message}" for f in evidence.outcome.findings]


def rules(evidence: Evidence) -> set[str]:
    return {line.split(": ")[1] for line in said(evidence)}


@pytest.fixture
def releasing(project: Path) -> Path:
    """The small project with the good release workflow."""
    write(project, {RELEASE: GOOD})
    return project


class TestJudgement:
    @network
    def test_a_workflow_that_keeps_to_the_policy_passes(
        self, releasing: Path, judge: Judge
    ) -> None:
        git(releasing, "tag", "--annotate", "--message", "x", "v1.2.2")
        setting(releasing, PUBLISHER)
        found = judge(releasing, "workflows").outcome
        assert found.status is Status.PASSED, found
        assert (found.summary, found.checked) == ("1 workflow; release.yml publishes", 1)
        assert found.findings == ()

    def test_a_project_without_workflows_has_nothing_to_judge(
        self, project: Path, judge: Judge
    ) -> None:
        evidence = judge(project, "workflows")
        assert evidence.outcome.status is Status.NOT_APPLICABLE
        assert evidence.commands == ()

    @network
    def test_a_project_in_a_subfolder_is_published_by_the_repository(
        self, tmp_path: Path, judge: Judge
    ) -> None:
        root = make_project(tmp_path / "several" / "thing")
        shutil.rmtree(root / ".git")
        git(root.parent, "init", "--quiet", "--initial-branch=main")
        write(root.parent, {RELEASE: GOOD.replace("name: pypi", "name: ''")})
        commit(root.parent)
        assert rules(judge(root, "workflows")) == {"environment"}

    @network
    def test_every_source_of_findings_is_reported_at_once(
        self, releasing: Path, judge: Judge
    ) -> None:
        setting(releasing, PUBLISHER.replace("pypi", "index"))
        write(
            releasing,
            {
                ".github/workflows/a-tab.yml": "on: push\njobs:\n\ta: b\n",
                CI: CI_TEXT.replace("runs-on: ubuntu-latest", "runs_on: x"),
                ".github/workflows/danger.yml": CI_TEXT.replace(
                    "echo", "echo ${{ github.event.pull_request.title }}"
                ),
            },
        )
        assert said(judge(releasing, "workflows")) == [
            f".github/workflows/a-tab.yml:3: is not valid YAML: {TAB}",
            f"{RELEASE}:{PLACE}: environment: {ANOTHER}",
            f"{CI}:5: schema: jobs.test: 'runs-on' is a required property",
            f".github/workflows/danger.yml:10: template-injection: {INJECTION}",
        ]

    @network
    def test_a_project_whose_workflows_do_not_publish_is_told(
        self, project: Path, judge: Judge
    ) -> None:
        write(project, {CI: CI_TEXT})
        assert said(judge(project, "workflows")) == [f".github/workflows:None: single: {NONE}"]
        for value in ("false", '"by hand"'):
            setting(project, f"\n[tool.release]\npublish = {value}\n")
            found = judge(project, "workflows").outcome
            assert (found.status, found.summary) == (
                Status.PASSED,
                "1 workflow; none of them publishes",
            )

    @network
    def test_one_text_for_a_filter_is_fine(self, releasing: Path, judge: Judge) -> None:
        text = CI_TEXT.replace("pull_request\n", "{pull_request: {branches: main}}\n")
        write(releasing, {RELEASE: GOOD.replace('["v[0-9]*"]', '"v[0-9]*"'), CI: text})
        assert judge(releasing, "workflows").outcome.status is Status.PASSED

    @network
    def test_a_project_published_by_hand_is_judged_so(self, releasing: Path, judge: Judge) -> None:
        setting(releasing, '\n[tool.release]\npublishing = "manual"\n')
        assert rules(judge(releasing, "workflows")) == {"ref"}

    @network
    def test_publishing_by_password_is_caught_by_the_right_rules(
        self, project: Path, judge: Judge
    ) -> None:
        write(
            project,
            {
                ".github/workflows/publish.yml": BY_PASSWORD,
                ".github/workflows/provenance.yml": PROVENANCE,
            },
        )
        found = rules(judge(project, "workflows"))
        assert found & set(RULES) == {
            *("permissions", "ref", "inputs", "token", "verified", "soft", "isolation"),
            *("checkout", "hand-off", "tags", "metadata"),
        }
        assert {"unpinned-uses", "overprovisioned-secrets"} & found == {"unpinned-uses"}

    @network
    def test_tags_of_the_repository_count(self, releasing: Path, judge: Judge) -> None:
        write(releasing, {RELEASE: GOOD.replace('["v[0-9]*"]', '["v[0-9]*.0"]')})
        git(releasing, "tag", "--annotate", "--message", "x", "v1.2.2")
        assert (
            "no release is published for tags like v1.2.2" in said(judge(releasing, "workflows"))[0]
        )

    @network
    def test_composite_actions_are_judged_too(self, releasing: Path, judge: Judge) -> None:
        write(
            releasing,
            {
                ".github/actions/a/action.yml": "name: A\nruns:\n  using: composite\n  steps:\n"
                "    - run: echo ${{ github.head_ref }}\n",
            },
        )
        found = said(judge(releasing, "workflows"))
        assert found
        assert all(line.startswith(".github/actions/a/action.yml:") for line in found)

    def test_a_folder_that_leads_out_is_refused_without_any_tool(
        self, project: Path, judge: Judge, tmp_path: Path
    ) -> None:
        write(tmp_path / "out", {"release.yml": GOOD})
        (project / ".github").mkdir()
        (project / ".github/workflows").symlink_to(tmp_path / "out")
        evidence = judge(project, "workflows")
        assert said(evidence) == [".github/workflows:None: leads out of the repository"]
        assert evidence.commands == ()


class TestWaivers:
    @network
    def test_a_waived_rule_is_a_remark_with_its_reason(self, releasing: Path, judge: Judge) -> None:
        write(releasing, {RELEASE: changed(('["v[0-9]*"]', '["*"]'))})
        setting(releasing, waive("tags", "the forge guards tags", "release.*"))
        found = judge(releasing, "workflows").outcome
        assert found.status is Status.PASSED, found
        assert [f.message for f in found.notes] == [
            f"tags: {ANY_TAG} (waived: the forge guards tags)"
        ]

    @network
    def test_an_audit_of_zizmor_can_be_waived(self, releasing: Path, judge: Judge) -> None:
        danger = CI_TEXT.replace("echo", "echo ${{ github.event.pull_request.title }}")
        write(releasing, {CI: danger})
        assert rules(judge(releasing, "workflows")) == {"template-injection"}
        setting(releasing, waive("template-injection", file=".github/workflows/c*"))
        assert judge(releasing, "workflows").outcome.status is Status.PASSED

    BREACH = Breach("soft", Finding("x", ".github/workflows/a.yml", 1, "y"))

    @pytest.mark.parametrize(
        ("rule", "file", "remedy"),
        [
            ("soft", "b.yml", "remove it"),
            ("sotf", None, "did you mean soft?"),
            ("unpinned-uses", None, "remove it"),
        ],
    )
    def test_one_that_matches_nothing_is_a_finding(
        self, rule: str, file: str | None, remedy: str
    ) -> None:
        waiver = Waiver(rule=rule, file=file, reason="z")
        (idle,) = weigh([replace(self.BREACH, blocks=True)], [waiver]).advice
        assert "matches nothing" in idle.message
        assert remedy in str(idle.remedy)

    def test_one_of_a_tool_that_did_not_run_is_left_alone(self) -> None:
        waiver = Waiver(rule="unpinned-uses", file=None, reason="z")
        assert weigh([], [waiver], complete=False) == Judgement()
        assert weigh([], [Waiver(rule="soft", file=None, reason="z")], complete=False).advice

    def test_the_same_finding_is_reported_once(self) -> None:
        assert len(weigh([self.BREACH, self.BREACH], []).advice) == 1


class TestWhatBlocks:
    @network
    def test_what_nobody_promised_is_advice_until_the_gate_is_strict(
        self, releasing: Path, judge: Judge
    ) -> None:
        write(releasing, {RELEASE: changed(('["v[0-9]*"]', '["*"]'))})
        setting(releasing, PUBLISHER)
        found = judge(releasing, "workflows").outcome
        assert (found.status, [f.message for f in found.advice]) == (
            Status.PASSED, [f"tags: {ANY_TAG}"]
        )  # fmt: skip
        setting(releasing, f"{PUBLISHER}\n[tool.release.gates.workflows]\nstrict = true\n")
        assert judge(releasing, "workflows").outcome.status is Status.FAILED

    @pytest.mark.parametrize("promised", [False, True])
    def test_zizmor_blocks_by_what_the_project_promises_and_for_injections(
        self, *, promised: bool
    ) -> None:
        text = (DATA / "zizmor.json").read_text(encoding="utf-8")
        found = [b for b in judge_zizmor(done(text), promised=promised) if not b.remark]
        assert {b.rule for b in found if b.blocks} == (
            {b.rule for b in found} if promised else {"template-injection"}
        )

    @pytest.mark.parametrize(
        "files",
        [
            {"zizmor.yml": "rules: {}\n"},
            {".github/zizmor.yaml": "rules: {}\n"},
            {".pre-commit-config.yaml": "repos: [{repo: x, hooks: [{id: zizmor}]}]\n"},
        ],
    )
    def test_a_configuration_of_zizmor_is_a_promise(
        self, project: Path, files: dict[str, str]
    ) -> None:
        assert not configures_zizmor(read_project(project))
        write(project, files)
        assert configures_zizmor(read_project(project))


class TestTools:
    @network
    @pytest.mark.parametrize("tool", ["zizmor", "check-jsonschema"])
    @pytest.mark.parametrize(
        "script",
        [
            None,
            "print('Traceback: boom', file=sys.stderr); sys.exit(101)",
            "print('[{}]')",
            'print(\'{"status": "ok"}\')',
            "print('[')",
            "pass",
        ],
    )
    def test_one_that_breaks_leaves_the_gate_unchecked(
        self, tmp_path: Path, releasing: Path, tool: str, script: str | None
    ) -> None:
        judge = replace_tool(tmp_path / "tools", "workflows", tool, script)
        found = judge(releasing, "workflows").outcome
        assert found.status is Status.UNCHECKED, found
        assert tool in found.summary

    @network
    def test_one_that_breaks_does_not_hide_findings(self, tmp_path: Path, releasing: Path) -> None:
        write(releasing, {RELEASE: changed(("    environment:\n      name: pypi\n", ""))})
        judge = replace_tool(tmp_path / "tools", "workflows", "zizmor", "sys.exit(3)")
        assert (
            judge(releasing, "workflows").outcome.summary == "zizmor gave no report: exit status 3"
        )
        assert "environment" in rules(judge(releasing, "workflows"))

    @network
    def test_one_that_takes_too_long_does_not_hide_findings(
        self, tmp_path: Path, releasing: Path
    ) -> None:
        limit = "[tool.release.gates.workflows]\ntimeout = 16\n"
        text = (releasing / "pyproject.toml").read_text(encoding="utf-8")
        write(releasing, {"pyproject.toml": f"{text}\n{limit}"})
        judge = replace_tool(
            tmp_path / "tools", "workflows", "zizmor", "import time; time.sleep(60)"
        )
        found = judge(releasing, "workflows").outcome
        assert found.status is Status.UNCHECKED, found
        assert found.summary == "zizmor was stopped after 2 s"
        text = changed(("    environment:\n      name: pypi\n", ""))
        write(releasing, {RELEASE: text, ".github/workflows/odd.yml": "on: push\njobs: []\n"})
        assert rules(judge(releasing, "workflows")) == {"environment", "schema", "not checked"}

    @network
    def test_zizmor_asks_no_network(self, releasing: Path, judge: Judge) -> None:
        commands = judge(releasing, "workflows").commands
        assert [next(w for w in command if w.startswith("--off")) for command in commands[1:]] == [
            "--offline"
        ]


def done(out: str, status: int = 0) -> Completed:
    return Completed(("tool",), status, out, "", 0.0, False)


class TestReports:
    @pytest.mark.parametrize(
        ("out", "status"),
        [
            ('{"status": "ok", "errors": []}', 1),
            ('{"status": "fail", "errors": []}', 1),
            ('{"status": "ok", "errors": [{"filename": "a", "path": "$", "message": "m"}]}', 1),
            ('{"status": "fail", "errors": [{"filename": "a"}]}', 1),
            ('{"status": "fail", "errors": [], "parse_errors": [{"filename": "a"}]}', 1),
            ("[]", 0),
            ("null", 0),
        ],
    )
    def test_a_report_of_the_schema_that_contradicts_itself_is_none(
        self, out: str, status: int
    ) -> None:
        with pytest.raises(CannotCheck):
            judge_schema(done(out, status), {})

    def test_a_fault_of_the_schema_has_its_line(self) -> None:
        node, _ = parse("a:\n  b:\n    - c\n    - d\n", "a.yml")
        nodes: dict[str, Node] = {"a.yml": node}
        for path, line in (("$", 1), ("$.a.b[1]", 4), ("$.a.b[9]", 2), ("$.a.x", 1), ("$.y", 1)):
            fault = {"filename": "a.yml", "path": path, "message": "m\x1b[1m"}
            report = {"status": "fail", "errors": [fault]}
            (found,) = judge_schema(done(json.dumps(report), 1), nodes)
            assert (found.finding.line, found.rule) == (line, "schema")
            assert found.finding.message.isprintable()

    def test_trivial_findings_of_zizmor_are_remarks_and_ignored_ones_nothing(self) -> None:
        found = judge_zizmor(done(json.dumps([audit("High"), audit("Informational")])))
        assert [b.remark for b in found] == [False, True]
        assert found[0].finding == Finding(
            "bad: worse (zizmor, high)", "a.yml", 8, "see https://x.example"
        )
        assert judge_zizmor(done(json.dumps([{**audit("High"), "ignored": True}]))) == []

    def test_of_real_findings_those_of_low_severity_or_confidence_are_remarks(self) -> None:
        text = (DATA / "zizmor.json").read_text(encoding="utf-8")
        found = judge_zizmor(done(text))
        assert {b.rule for b in found if b.remark} == {
            "artipacked", "cache-poisoning", "self-repository", "superfluous-actions",
        }  # fmt: skip
        assert {b.rule for b in found if not b.remark} == {
            "archived-uses", "excessive-permissions", "template-injection", "unpinned-uses",
        }  # fmt: skip

    @pytest.mark.parametrize("out", ["", "{}", "[1]", '[{"ignored": false}]', "null"])
    def test_a_report_of_zizmor_that_is_none(self, out: str) -> None:
        with pytest.raises(CannotCheck):
            judge_zizmor(done(out))
        with pytest.raises(CannotCheck):
            judge_zizmor(done("[]", 1))


def audit(severity: str) -> dict[str, object]:
    return {
        "ident": "x",
        "desc": "bad",
        "url": "https://x.example",
        "determinations": {"severity": severity, "confidence": "High"},
        "ignored": False,
        "locations": [
            {
                "symbolic": {
                    "kind": "Primary",
                    "annotation": "worse",
                    "key": {"Local": {"verbatim_path": "a.yml"}},
                },
                "concrete": {"location": {"start_point": {"row": 7}}},
            }
        ],
    }


def test_the_metadata_version_that_hatch_is_told_counts_for_both_files() -> None:
    def told(wheel: str | None, sdist: str | None) -> str | None:
        targets = {"wheel": {"core-metadata-version": wheel}, "sdist": {}}
        if sdist:
            targets["sdist"] = {"core-metadata-version": sdist}
        return metadata_version({"build": {"targets": targets}})

    assert told("2.3", "2.4") == "2.4"
    assert told("2.3", None) is None
    assert metadata_version({}) is None


def test_the_public_text_names_every_rule() -> None:
    import release.gates.workflows as gate

    named = re.findall(r"^([a-z-]+) {2,}\S", gate.__doc__ or "", re.M)
    assert named == list(RULES)
