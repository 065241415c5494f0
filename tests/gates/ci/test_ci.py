"""ci: are the forge's checks of this very commit green?"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from release.gates import ci
from release.gates.ci import judge_units, read_units
from release.model import Finding, Status
from release.run.checklist import checklist
from release.run.runner import judge_with_needs
from release.world.forge import CheckRun, Checks, WorkflowRun
from tests.forge_server import (
    REPOSITORY,
    SECRET,
    SLUG,
    ForgeServer,
    check_run,
    hosting,
    refusal,
    run,
)
from tests.local_server import Reply
from tests.support import Judge, commit, git, said, write

PAGE = "https://github.com/o/r"
OPHAMIN = ["CI", "Audit", "lint", "typecheck"]


# Started by hand, so that none of them need have run.
WORKFLOWS = {
    f".github/workflows/{name.lower()}.yml": f"name: {name}\non: workflow_dispatch\njobs: {{}}\n"
    for name in (*OPHAMIN, "Docs", "nightly", "Preflight")
}
CLA = {"context": "license/cla", "state": "success"}


@pytest.fixture
def server(project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ForgeServer]:
    """GitHub, which has the project's commit."""
    write(project, WORKFLOWS)
    commit(project)
    with hosting(project, monkeypatch, tmp_path) as found:
        yield found


def configure(root: Path, server: ForgeServer, settings: str) -> None:
    """Commit settings of the gate; the server then has that commit."""
    source = (root / "pyproject.toml").read_text()
    write(root, {"pyproject.toml": f"{source}\n[tool.release.gates.ci]\n{settings}\n"})
    server.commit = commit(root)


class TestEverything:
    def test_green_workflows_checks_and_statuses_pass(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        server.runs = [run("CI"), run("Docs", "skipped", number=2)]
        server.checks = [check_run("codecov/patch"), check_run("lint", app="github-actions")]
        server.statuses = [{"context": "circleci", "state": "success"}]
        found = judge(project, "ci").outcome
        assert found.status is Status.PASSED
        assert found.checked == 3
        assert found.summary == f"green for {server.commit[:12]}: CI, codecov/patch, circleci"
        assert found.facts == {"commit": server.commit}

    @pytest.mark.parametrize(
        "conclusion",
        ["failure", "timed_out", "cancelled", "action_required", "startup_failure", "stale", "odd"],
    )
    def test_a_workflow_that_ended_badly_fails(
        self, project: Path, server: ForgeServer, judge: Judge, conclusion: str
    ) -> None:
        server.runs = [run("CI", conclusion, number=7), run("Audit", number=8)]
        server.checks = [
            check_run("test (3.12)", "failure", app="github-actions", suite=1007),
            check_run("other", "failure", app="github-actions", suite=1008),
        ]
        assert said(judge(project, "ci")) == (
            f"CI ended with {conclusion.replace('_', ' ')} (ci.yml, push): test (3.12)"
            f" | fix it, or run it again: https://github.com/{SLUG}/actions/runs/7"
        )

    def test_a_check_of_another_app_fails(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        server.runs = [run("CI")]
        server.checks = [check_run("codecov/project", "failure")]
        assert "codecov/project ended with failure" in said(judge(project, "ci"))

    @pytest.mark.parametrize("state", ["failure", "error"])
    def test_a_status_fails(
        self, project: Path, server: ForgeServer, judge: Judge, state: str
    ) -> None:
        server.statuses = [{"context": "circleci", "state": state}]
        assert f"circleci ended with {state}" in said(judge(project, "ci"))

    def test_a_failure_on_a_later_page_is_found(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        server.page = 1
        server.runs = [run("CI"), run("Audit", number=2), run("lint", "failure", number=3)]
        assert "lint ended with failure" in said(judge(project, "ci"))

    def test_a_failure_among_hundreds_of_checks_is_found(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        server.checks = [check_run(f"check {n}") for n in range(260)]
        server.checks[-1] = check_run("the last one", "failure")
        assert "the last one ended with failure" in said(judge(project, "ci"))
        assert sum("check-runs" in target for target in server.asked) == 3

    def test_only_skipped_ones_are_no_pass(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        server.runs = [run("CI", "skipped"), run("Audit", "neutral", number=2)]
        assert "was skipped" in said(judge(project, "ci"), Status.UNCHECKED)

    def test_green_runs_of_another_commit_are_no_pass(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        server.replies[f"{REPOSITORY}/actions/runs"] = Reply(
            body={"workflow_runs": [run("CI", commit="f" * 40)]}
        )
        assert "no check has run for commit" in said(judge(project, "ci"), Status.UNCHECKED)

    def test_a_commit_that_nothing_checked_is_unchecked(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        found = said(judge(project, "ci"), Status.UNCHECKED)
        assert f"no check has run for commit {server.commit[:12]}" in found
        assert "push it" in found

    def test_a_commit_that_was_not_pushed_is_unchecked(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        server.commit = "f" * 40
        found = said(judge(project, "ci"), Status.UNCHECKED)
        assert "GitHub does not have" in found
        assert "git push origin main" in found

    def test_a_check_that_still_runs_is_unchecked(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        server.runs = [run("CI"), run("Audit", None, status="in_progress", number=2)]
        server.statuses = [{"context": "circleci", "state": "pending"}]
        found = said(judge(project, "ci"), Status.UNCHECKED)
        assert "still running" in found
        assert "Audit, circleci" in found
        assert "wait-minutes" in found

    def test_a_failure_is_reported_while_others_run(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        server.runs = [run("CI", "failure"), run("Audit", None, status="queued", number=2)]
        assert "CI ended with failure" in said(judge(project, "ci"))


class TestNamed:
    def test_those_that_are_named_must_all_be_green(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        configure(project, server, f"workflows = {OPHAMIN}")
        server.runs = [run(name, number=n) for n, name in enumerate(OPHAMIN, 1)]
        found = judge(project, "ci").outcome
        assert found.status is Status.PASSED
        assert found.checked == 4

    @pytest.mark.parametrize("conclusion", ["failure", "skipped", "neutral", "cancelled"])
    @pytest.mark.parametrize("name", OPHAMIN)
    def test_each_of_them_decides_and_a_skip_is_no_success(
        self, project: Path, server: ForgeServer, judge: Judge, name: str, conclusion: str
    ) -> None:
        configure(project, server, f"workflows = {OPHAMIN}")
        server.runs = [
            run(other, conclusion if other == name else "success", number=n)
            for n, other in enumerate(OPHAMIN, 1)
        ]
        found = judge(project, "ci").outcome
        assert found.status is Status.FAILED
        assert [f.message for f in found.findings] == [
            f"{name} ended with {conclusion} ({name.lower()}.yml, push)"
        ]

    @pytest.mark.parametrize("name", ["ci.yml", ".github/workflows/CI.yml", "ci", "circleci"])
    def test_files_checks_and_any_case_do_as_well(
        self, project: Path, server: ForgeServer, judge: Judge, name: str
    ) -> None:
        configure(project, server, f'workflows = ["{name}"]')
        server.runs = [run("CI")]
        server.statuses = [{"context": "circleci", "state": "success"}]
        assert judge(project, "ci").outcome.status is Status.PASSED

    def test_one_that_never_ran_fails_with_the_nearest_names(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        configure(project, server, 'workflows = ["CI", "typechek"]')
        server.runs = [run("CI"), run("typecheck", number=2)]
        found = said(judge(project, "ci"))
        assert "typechek has not run for this commit | did you mean typecheck" in found
        assert "what ran: CI, typecheck" in found

    def test_where_nothing_ran_at_all_it_is_unchecked(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        configure(project, server, 'workflows = ["CI"]')
        assert "no check has run" in said(judge(project, "ci"), Status.UNCHECKED)

    def test_others_do_not_count_and_are_remarked(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        configure(project, server, 'workflows = ["CI"]')
        server.runs = [run("CI"), run("nightly", "failure", number=2)]
        server.statuses = [{"context": "cla", "state": "pending"}]
        found = said(judge(project, "ci"), Status.PASSED)
        assert "nightly ended with failure (nightly.yml, push), and is not one of those" in found


class TestNames:
    def test_a_jobs_name_is_the_name_of_a_check(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        configure(project, server, 'workflows = ["unit tests"]')
        server.runs = [run("CI", number=1)]
        server.checks = [check_run("unit tests", app="github-actions", suite=1001)]
        assert judge(project, "ci").outcome.status is Status.PASSED
        for conclusion in ("failure", "skipped", "cancelled"):
            job = check_run("unit tests", conclusion, app="github-actions", suite=1001)
            server.checks = [job]
            found = said(judge(project, "ci", fresh=True))
            assert f"unit tests ended with {conclusion}" in found
        server.checks = [
            check_run("unit tests", None, status="queued", app="github-actions", suite=1001)
        ]
        found = said(judge(project, "ci", fresh=True), Status.UNCHECKED)
        assert "still running" in found

    def test_the_job_of_a_run_that_does_not_judge_the_commit_never_passes_it(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        configure(project, server, 'workflows = ["unit tests"]')
        server.runs = [run("CI", number=1, event="issue_comment"), run("Docs", number=2)]
        server.checks = [check_run("unit tests", app="github-actions", suite=1001)]
        assert "unit tests has not run for this commit" in said(judge(project, "ci"))
        server.checks.append(check_run("unit tests", app="github-actions", suite=1002))
        assert judge(project, "ci", fresh=True).outcome.status is Status.PASSED
        server.checks[0]["conclusion"] = "failure"
        assert "unit tests ended with failure" in said(judge(project, "ci", fresh=True))

    def test_the_job_of_a_run_that_another_one_followed_tells_nothing(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        configure(project, server, 'workflows = ["unit tests"]')
        server.runs = [run("CI", "failure", number=1), run("CI", number=2)]
        server.checks = [
            check_run("unit tests", "failure", app="github-actions", suite=1001),
            check_run("unit tests", app="github-actions", suite=1002),
        ]
        assert judge(project, "ci").outcome.status is Status.PASSED

    @pytest.mark.parametrize(
        ("conclusion", "status"),
        [("failure", Status.FAILED), ("skipped", Status.PASSED), ("success", Status.PASSED)],
    )
    def test_where_a_workflow_has_the_name_a_job_can_only_fail_it(
        self,
        project: Path,
        server: ForgeServer,
        judge: Judge,
        conclusion: str,
        status: Status,
    ) -> None:
        configure(project, server, 'workflows = ["lint"]')
        server.runs = [run("lint")]
        server.checks = [check_run("Lint", conclusion, app="github-actions", suite=1001)]
        assert judge(project, "ci").outcome.status is status

    def test_a_red_check_of_actions_is_remarked_where_every_workflow_is_green(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        server.runs = [run("CI")]
        server.checks = [check_run("Test results", "failure", app="github-actions", suite=9)]
        found = said(judge(project, "ci"), Status.PASSED)
        assert "Test results ended with failure, and no workflow has failed for it" in found

    def test_the_failed_jobs_of_what_does_not_count_are_not_remarked(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        server.runs = [run("CI"), run("Docs", "failure", event="issue_comment", number=2)]
        server.checks = [check_run("build", "failure", app="github-actions", suite=1002)]
        assert said(judge(project, "ci"), Status.PASSED) == ""

    def test_the_name_of_a_run_is_not_that_of_its_workflow(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        configure(project, server, 'workflows = ["CI"]')
        greeting = ".github/workflows/greeting.yml"
        write(project, {greeting: "name: Greeting\non: pull_request\njobs: {}\n"})
        server.commit = commit(project)
        server.runs = [run("CI", file=greeting, event="pull_request")]
        assert "CI has not run" in said(judge(project, "ci"))
        titled = run("Fix the spelling", file=".github/workflows/ci.yml", number=2)
        server.runs.append(titled)
        found = judge(project, "ci", fresh=True).outcome
        assert found.status is Status.PASSED
        assert found.summary.endswith(": CI")

    def test_the_forge_names_workflows_that_the_project_does_not_have(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        configure(project, server, 'workflows = ["CodeQL"]')
        file = "dynamic/github-code-scanning/codeql"
        server.runs = [run("Push on main", event="dynamic", file=file)]
        server.workflows = {file: "CodeQL"}
        assert judge(project, "ci").outcome.status is Status.PASSED
        server.runs = [run("CodeQL", event="dynamic", file=f"{file}-like")]
        server.workflows = {}
        assert "CodeQL has not run" in said(judge(project, "ci", fresh=True))

    def test_where_the_forge_names_no_workflows_nothing_is_missed(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        configure(project, server, 'workflows = ["Scan", "CI"]')
        server.replies[f"{REPOSITORY}/actions/workflows"] = Reply(500, b"")
        server.runs = [run("Scan", file="dynamic/scan"), run("CI", "failure", number=2)]
        assert "CI ended with failure" in said(judge(project, "ci"))
        server.runs[1]["conclusion"] = "success"
        server.runs[0]["path"] = "dynamic/other"
        found = said(judge(project, "ci", fresh=True), Status.UNCHECKED)
        assert "answers 500" in found


class TestNoWorkflow:
    @pytest.mark.parametrize(
        ("on", "expected"),
        [
            ("push", True),
            ("[push]", True),
            ("{push: {branches: [main]}}", True),
            ("{push: {paths: [src]}}", True),
            ("{push: {tags: [v*], branches: [main]}}", True),
            ("pull_request", True),
            ("{pull_request: {paths-ignore: [docs]}}", True),
            ("{push: {tags: [v*]}}", False),
            ("{push: {tags-ignore: [v*]}}", False),
            ("{schedule: [{cron: '0 0 * * *'}]}", False),
            ("workflow_dispatch", False),
        ],
    )
    def test_what_a_push_starts_must_have_run_whatever_else_is_green(
        self, project: Path, server: ForgeServer, judge: Judge, on: str, expected: bool
    ) -> None:
        write(project, {".github/workflows/push.yml": f"name: Tests\non: {on}\njobs: {{}}\n"})
        server.commit = commit(project)
        server.statuses = [CLA]
        found = judge(project, "ci").outcome
        assert found.status is (Status.UNCHECKED if expected else Status.PASSED)
        if expected:
            assert "no workflow has run for" in found.summary
            assert "starts push.yml" in found.summary
        server.runs = [run("Docs")]
        assert judge(project, "ci", fresh=True).outcome.status is Status.PASSED

    def test_a_failure_counts_all_the_same(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        write(project, {".github/workflows/push.yml": "on: push\njobs: {}\n"})
        server.commit = commit(project)
        server.statuses = [{**CLA, "state": "failure"}]
        assert "license/cla ended with failure" in said(judge(project, "ci"))

    def test_the_own_workflow_need_not_have_run(
        self, project: Path, server: ForgeServer, judge: Judge, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(project, {".github/workflows/push.yml": "on: push\njobs: {}\n"})
        server.commit = commit(project)
        monkeypatch.setenv("GITHUB_RUN_ID", "2")
        own = ".github/workflows/push.yml"
        server.runs = [run("push", None, status="in_progress", file=own, number=2)]
        server.statuses = [CLA]
        assert judge(project, "ci").outcome.status is Status.PASSED


class TestSeveralRuns:
    def units(self, *runs: WorkflowRun, named: bool = False, own: int | None = None) -> str:
        """The states of the workflows, as name=state."""
        checks = Checks(runs=runs)
        names = {"ci.yml": "CI", "other.yml": "CI"}
        found = read_units(checks, PAGE, own, frozenset(["v1"]), names, named=named)
        return " ".join(f"{unit.names[0]}={'own' if unit.own else unit.state}" for unit in found)

    def item(
        self,
        number: int,
        conclusion: str | None,
        event: str = "push",
        branch: str = "main",
        file: str = "ci.yml",
    ) -> WorkflowRun:
        status = "completed" if conclusion else "in_progress"
        return WorkflowRun(number, file, event, branch, status, conclusion, None)

    def test_the_last_run_of_a_workflow_counts(self) -> None:
        assert self.units(self.item(2, "success"), self.item(1, "failure")) == "CI=green"
        assert self.units(self.item(2, "failure"), self.item(1, "success")) == "CI=red"
        assert self.units(self.item(2, None), self.item(1, "success")) == "CI=running"

    def test_each_trigger_counts(self) -> None:
        push = self.item(1, "success")
        assert self.units(push, self.item(2, "failure", "pull_request")) == "CI=red"
        assert self.units(push, self.item(2, "cancelled", "pull_request")) == "CI=green"
        assert self.units(push, self.item(2, None, "schedule")) == "CI=running"

    def test_two_workflows_of_one_name_are_two(self) -> None:
        runs = self.item(1, "success"), self.item(2, "failure", file="other.yml")
        assert self.units(*runs) == "CI=green CI=red"

    @pytest.mark.parametrize(
        ("event", "file", "counts"),
        [
            ("push", "ci.yml", True),
            ("pull_request", "ci.yml", True),
            ("merge_group", "ci.yml", True),
            ("schedule", "ci.yml", True),
            ("issue_comment", "ci.yml", False),
            ("pull_request_target", "ci.yml", False),
            ("release", "ci.yml", False),
            ("dynamic", "dynamic/dependabot/dependabot-updates", False),
            ("dynamic", "dynamic/github-code-scanning/codeql", True),
        ],
    )
    def test_what_does_not_judge_the_commit_fails_a_name_and_never_passes_it(
        self, event: str, file: str, counts: bool
    ) -> None:
        name = {"ci.yml": "CI"}.get(file, file.rpartition("/")[2])
        item = self.item(1, "failure", event, file=file)
        assert self.units(item) == (f"{name}=red" if counts else "")
        assert self.units(item, named=True) == f"{name}=red"
        item = self.item(1, "success", event, file=file)
        assert self.units(item, named=True) == (f"{name}=green" if counts else "")

    def test_what_does_not_judge_the_commit_hides_no_state_of_what_does(self) -> None:
        push, comment = self.item(1, None), self.item(2, "success", "issue_comment")
        assert self.units(push, comment, named=True) == "CI=running"
        comment = self.item(2, "failure", "issue_comment")
        assert self.units(self.item(1, "success"), comment, named=True) == "CI=red"

    def test_each_branch_counts(self) -> None:
        red, green = self.item(1, "failure"), self.item(2, "success", branch="other")
        assert self.units(red, green) == "CI=red"
        # A tag that is not here cannot be told from a branch.
        assert self.units(red, self.item(2, "success", branch="v2")) == "CI=red"
        assert self.units(red, self.item(2, "success", branch="v2"), named=True) == "CI=red"

    def test_a_run_for_a_tag_is_what_follows_a_release(self) -> None:
        assert self.units(self.item(1, "failure", branch="v1")) == ""
        assert self.units(self.item(1, "failure", branch="v1"), named=True) == "CI=red"

    def test_the_own_run_is_left_out(self) -> None:
        assert self.units(self.item(5, None), own=5) == "CI=own"
        runs = self.item(5, None), self.item(4, "success", "pull_request")
        assert self.units(*runs, own=5) == "CI=green"

    def test_checks_without_a_suite_belong_to_no_run(self) -> None:
        checks = Checks(
            runs=(self.item(1, "failure"),),
            checks=(CheckRun("job", "completed", "failure", "github-actions", None),),
        )
        unit, _ = read_units(checks, PAGE, None, frozenset(), {"ci.yml": "CI"}, named=False)
        assert unit.said == "CI ended with failure (ci.yml, push)"

    def test_names_with_control_characters_are_quoted(self) -> None:
        checks = Checks(checks=(CheckRun("a\x1b[31m", "in_progress", None, "app", 1),))
        standing = judge_units(read_units(checks, PAGE, None, frozenset(), {}, named=False), ())
        assert "\x1b" not in ci.conclude(standing, "f" * 40, 0).summary


class TestInCi:
    def test_the_own_run_does_not_count(
        self, project: Path, server: ForgeServer, judge: Judge, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GITHUB_RUN_ID", "2")
        server.runs = [run("CI"), run("Preflight", None, status="in_progress", number=2)]
        found = judge(project, "ci").outcome
        assert found.status is Status.PASSED
        assert found.checked == 1

    def test_the_own_run_alone_is_no_pass(
        self, project: Path, server: ForgeServer, judge: Judge, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GITHUB_RUN_ID", "2")
        server.runs = [run("Preflight", None, status="in_progress", number=2)]
        found = said(judge(project, "ci"), Status.UNCHECKED)
        assert "no check but the run that this is a part of" in found

    def test_a_workflow_that_is_the_only_one_leaves_nothing_to_judge_and_one_for_tags_does(
        self, project: Path, server: ForgeServer, judge: Judge, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GITHUB_RUN_ID", "2")
        pushes = "on: push\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: 'true'}]}}\n"
        tags = pushes.replace("on: push", "on: {push: {tags: ['v*']}}")
        write(project, {".github/workflows/ci.yml": pushes, ".github/workflows/release.yml": tags})
        for file, status in (("ci", Status.NOT_APPLICABLE), ("release", Status.UNCHECKED)):
            server.runs = [run(file, None, status="in_progress", number=2)]
            assert judge(project, "ci", fresh=True).outcome.status is status

    def test_a_pull_request_has_its_checks_on_the_forge(
        self, project: Path, server: ForgeServer, judge: Judge, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CI", "true")
        monkeypatch.setenv("GITHUB_EVENT_NAME", "pull_request")
        assert judge(project, "ci").outcome.status is Status.NOT_APPLICABLE

    def test_a_named_own_workflow_is_remarked(
        self, project: Path, server: ForgeServer, judge: Judge, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        configure(project, server, 'workflows = ["CI", "Preflight"]')
        monkeypatch.setenv("GITHUB_RUN_ID", "2")
        server.runs = [run("CI"), run("Preflight", None, status="in_progress", number=2)]
        found = said(judge(project, "ci"), Status.PASSED)
        assert "Preflight is what this runs in: it is left out" in found

    def test_the_own_workflow_alone_is_no_pass_though_others_are_green(
        self, project: Path, server: ForgeServer, judge: Judge, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        configure(project, server, 'workflows = ["Preflight"]')
        monkeypatch.setenv("GITHUB_RUN_ID", "2")
        server.runs = [
            run("CI"),
            run("Preflight", None, status="in_progress", event="release", number=2),
        ]
        found = said(judge(project, "ci"), Status.UNCHECKED)
        assert "only the run that this is a part of" in found
        assert "name others as well" in found

    def test_an_ended_job_of_the_own_run_counts_by_its_name(
        self, project: Path, server: ForgeServer, judge: Judge, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        configure(project, server, 'workflows = ["unit tests"]')
        monkeypatch.setenv("GITHUB_RUN_ID", "2")
        server.runs = [run("Preflight", None, status="in_progress", number=2)]
        server.checks = [check_run("unit tests", app="github-actions", suite=1002)]
        assert judge(project, "ci").outcome.status is Status.PASSED


class TestWaiting:
    @pytest.fixture(autouse=True)
    def _fast(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ci, "POLL_SECONDS", 0.05)
        monkeypatch.setattr(ci, "POLL_SECONDS_WITHOUT_TOKEN", 0.05)

    def answers(self, server: ForgeServer, *runs: list[dict[str, object]]) -> None:
        server.replies[f"{REPOSITORY}/actions/runs"] = [
            Reply(body={"workflow_runs": [{**item, "head_sha": server.commit} for item in found]})
            for found in runs
        ]

    def test_what_still_runs_is_waited_for(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        configure(project, server, "wait-minutes = 1")
        busy = run("CI", None, status="in_progress")
        self.answers(server, [], [busy], [busy], [run("CI")])
        assert judge(project, "ci").outcome.status is Status.PASSED
        log = (project / ".release" / "logs" / "ci.log").read_text()
        assert log.splitlines() == [
            "waiting for the first check", "waiting for CI", "waiting for CI",
        ]  # fmt: skip

    def test_a_failure_ends_the_wait(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        configure(project, server, "wait-minutes = 360")
        self.answers(server, [run("CI", None, status="queued")], [run("CI", "failure")])
        assert "CI ended with failure" in said(judge(project, "ci"))

    def test_the_wait_has_a_limit(
        self, project: Path, server: ForgeServer, judge: Judge, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        configure(project, server, "wait-minutes = 5")
        self.answers(server, [run("CI", None, status="queued")])
        start, real = time.monotonic(), time.monotonic
        # A minute goes by in a tenth of a second.
        monkeypatch.setattr(
            "release.gates.ci.time.monotonic", lambda: start + (real() - start) * 600
        )
        found = said(judge(project, "ci"), Status.UNCHECKED)
        assert re.search(r"after ([5-9]|\d\d+) min: CI", found)

    def test_a_named_workflow_that_does_not_come_is_not_waited_for_till_the_end(
        self, project: Path, server: ForgeServer, judge: Judge, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ci, "GRACE_SECONDS", 0.2)
        configure(project, server, 'wait-minutes = 360\nworkflows = ["CI", "Audit"]')
        self.answers(server, [run("CI")])
        assert "Audit has not run for this commit" in said(judge(project, "ci"))

    def test_nothing_at_all_is_not_waited_for_till_the_end(
        self, project: Path, server: ForgeServer, judge: Judge, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ci, "GRACE_SECONDS", 0.2)
        configure(project, server, "wait-minutes = 360")
        assert "no check has run" in said(judge(project, "ci"), Status.UNCHECKED)

    def test_a_workflow_that_a_push_starts_is_waited_for(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        write(project, {".github/workflows/ci.yml": "name: CI\non: push\njobs: {}\n"})
        configure(project, server, "wait-minutes = 1")
        server.statuses = [CLA]
        self.answers(server, [], [run("CI", None, status="queued")], [run("CI")])
        found = judge(project, "ci").outcome
        assert found.summary.endswith(": CI, license/cla")

    def test_a_server_out_of_order_does_not_end_the_wait(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        configure(project, server, "wait-minutes = 1")
        self.answers(server, [run("CI", None, status="queued")], [], [], [], [run("CI")])
        replies = server.replies[f"{REPOSITORY}/actions/runs"]
        assert isinstance(replies, list)
        replies[1:4] = [Reply(500, b""), Reply(body=b"<p>"), refusal(429, "…", Retry_After="99")]
        assert judge(project, "ci").outcome.status is Status.PASSED
        log = (project / ".release" / "logs" / "ci.log").read_text()
        assert "answers 500" in log

    @pytest.mark.parametrize("status", [401, 403, 404])
    def test_a_refusal_ends_the_wait(
        self, project: Path, server: ForgeServer, judge: Judge, status: int
    ) -> None:
        configure(project, server, "wait-minutes = 360")
        self.answers(server, [run("CI", None, status="queued")], [])
        replies = server.replies[f"{REPOSITORY}/actions/runs"]
        assert isinstance(replies, list)
        replies[1] = refusal(status, "No")
        assert f"({status}" in said(judge(project, "ci"), Status.UNCHECKED)

    def test_a_server_that_never_answers_is_not_asked_till_the_end(
        self, project: Path, server: ForgeServer, judge: Judge, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ci, "GRACE_SECONDS", 0.2)
        configure(project, server, "wait-minutes = 360")
        server.replies[f"{REPOSITORY}/actions/runs"] = Reply(500, b"")
        assert "answers 500" in said(judge(project, "ci"), Status.UNCHECKED)

    def test_the_gates_time_limit_bounds_each_look(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        configure(project, server, "timeout = 1")
        server.page = 1
        server.checks = [check_run(f"check {n}") for n in range(20)]
        server.before = lambda _path: time.sleep(0.2)
        found = said(judge(project, "ci"), Status.UNCHECKED)
        assert "GitHub was asked for 1 s without an end" in found

    def test_a_stop_ends_the_wait_at_once(
        self, project: Path, server: ForgeServer, judge: Judge, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ci, "POLL_SECONDS_WITHOUT_TOKEN", 200)
        configure(project, server, "wait-minutes = 360")
        self.answers(server, [run("CI", None, status="queued")])
        started = judge.run(project)
        gates = checklist(started.project)
        server.before = lambda _path: threading.Timer(0.5, started.cancel).start()
        found = judge_with_needs(started, gates["ci"], gates)["ci"].outcome
        assert found.status is Status.UNCHECKED
        assert found.summary == "interrupted"


class TestUnchecked:
    @pytest.mark.parametrize(
        ("reply", "reason"),
        [
            (refusal(401, "Bad credentials"), "does not accept the token"),
            (refusal(403, "Resource not accessible"), "refuses to tell"),
            (refusal(404, "Not Found"), "no access to it"),
            (refusal(429, "slow down", Retry_After="3600"), "rate limit is used up until"),
            (Reply(500, b"oops"), "answers 500"),
            (Reply(body=b'{"workflow_runs": ['), "that its API does not describe"),
            (Reply(body={"workflow_runs": []}, declared=1000), "gives no whole answer"),
        ],
    )
    def test_a_forge_that_does_not_answer_leaves_it_unchecked(
        self,
        project: Path,
        server: ForgeServer,
        judge: Judge,
        monkeypatch: pytest.MonkeyPatch,
        reply: Reply,
        reason: str,
    ) -> None:
        monkeypatch.setenv("GITHUB_TOKEN", SECRET)
        server.runs = [run("CI")]
        server.replies[f"{REPOSITORY}/actions/runs"] = reply
        evidence = judge(project, "ci")
        assert reason in said(evidence, Status.UNCHECKED)
        assert SECRET not in repr(evidence)

    def test_no_network_leaves_it_unchecked(
        self, project: Path, server: ForgeServer, judge: Judge, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:1")
        assert "GitHub cannot be reached" in said(judge(project, "ci"), Status.UNCHECKED)

    def test_no_token_is_written_anywhere(
        self, project: Path, server: ForgeServer, judge: Judge, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        git(project, "remote", "set-url", "origin", f"https://me:{SECRET}@github.com/{SLUG}")
        monkeypatch.setenv("GITHUB_TOKEN", SECRET)
        server.token = SECRET
        server.runs = [run(f"CI {SECRET}", "failure")]
        evidence = judge(project, "ci")
        assert evidence.outcome.status is Status.FAILED
        assert set(server.authorised) == {f"Bearer {SECRET}"}
        assert SECRET not in repr(evidence)
        assert all(
            SECRET.encode() not in path.read_bytes()
            for path in (project / ".release").rglob("*")
            if path.is_file()
        )

    def test_a_project_that_is_not_on_github_has_nothing_to_judge(
        self, project: Path, judge: Judge
    ) -> None:
        found = judge(project, "ci").outcome
        assert found.status is Status.NOT_APPLICABLE
        assert found.summary == "there is no remote called origin, so no forge"
        git(project, "remote", "add", "origin", "https://gitlab.example/o/r.git")
        assert judge(project, "ci").outcome.status is Status.NOT_APPLICABLE

    @pytest.mark.parametrize(
        ("remote", "address", "reason"),
        [
            (
                "upstream",
                "https://github.com/o/r.git",
                "no remote called origin; there is upstream",
            ),
            ("origin", "git@nox-release-no-host:o/r.git", "is not a full name of a host"),
        ],
    )
    def test_a_project_that_may_be_on_github_is_unchecked(
        self, project: Path, judge: Judge, remote: str, address: str, reason: str
    ) -> None:
        git(project, "remote", "add", remote, address)
        assert reason in said(judge(project, "ci"), Status.UNCHECKED)

    def test_a_remote_that_was_chosen_and_is_not_there_fails(
        self, project: Path, judge: Judge
    ) -> None:
        git(project, "remote", "add", "origin", "https://github.com/o/r.git")
        source = (project / "pyproject.toml").read_text()
        write(project, {"pyproject.toml": f'{source}\n[tool.release]\nremote = "upsteam"\n'})
        found = said(judge(project, "ci"))
        assert (
            "tool.release.remote is upsteam, and there is no remote of that name; there is origin"
            in found
        )

    def test_named_workflows_without_github_are_unchecked(
        self, project: Path, judge: Judge
    ) -> None:
        source = (project / "pyproject.toml").read_text()
        table = '[tool.release.gates.ci]\nworkflows = ["CI"]\n'
        write(project, {"pyproject.toml": f"{source}\n{table}"})
        commit(project)
        assert "no remote called origin" in said(judge(project, "ci"), Status.UNCHECKED)


def test_every_finding_says_what_to_do() -> None:
    checks = Checks(
        runs=(WorkflowRun(1, "CI", "push", "main", "completed", "failure", None),),
        checks=(CheckRun("cov", "completed", "failure", None, None),),
    )
    units = read_units(checks, PAGE, None, frozenset(), {}, named=True)
    standing = judge_units(units, ["CI", "Docs"])
    found: tuple[Finding, ...] = standing.red + standing.missing + standing.remarks
    assert len(found) == 3
    assert all(finding.remedy for finding in found)
