"""The receipt ties a released tag to the files that were judged for it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from release.model import Artifact, Finding, Outcome, Verdict
from release.project import Project, read_project
from release.report.receipt import JSON, TEXT, receipt
from release.run.checklist import Report
from tests.report.test_formats import shapes
from tests.support import commit, git, write
from tests.test_model import evidence

WHEEL = Artifact("small_thing-1.2.3-py3-none-any.whl", 10, "a" * 64)
BOM = Artifact("small-thing.cdx.json", 10, "b" * 64)


@pytest.fixture
def released(project: Path) -> Project:
    write(project, {"CHANGELOG.md": "# Changelog\n\n## 1.2.3 - 2026-01-02\n\n- A thing.\n"})
    commit(project)
    git(project, "tag", "--annotate", "--message", "x", "v1.2.3")
    return read_project(project)


def report(project: Project, summary: str = "fine") -> Report:
    assert project.git is not None
    advice = Finding("odd", advice=True)
    gates = (
        evidence(gate="build", outcome=Outcome.passed(2, summary, artifacts=(WHEEL,))),
        evidence(gate="sbom", outcome=Outcome.passed(2, summary, artifacts=(BOM,))),
        evidence(gate="lint", outcome=Outcome.passed(2, summary, remarks=(advice,))),
        evidence(gate="docker", outcome=Outcome.not_applicable(summary)),
    )
    return Report(
        project="small-thing",
        version="1.2.3",
        level=None,
        commit=project.git.commit or "",
        tree=project.git.tree or "",
        dirty=False,
        verdict=Verdict.READY,
        gates=gates,
        required={},
        left_to_ci=(),
        titles={},
        seconds=1,
    )


def statement(project: Project, found: Report, **environ: str) -> dict[str, Any]:
    text = receipt(found, project, environ)[JSON]
    assert text is not None
    data = json.loads(text)
    assert isinstance(data, dict)
    return data


def test_its_subjects_are_the_distributions_and_nothing_else(released: Project) -> None:
    data = statement(released, report(released))
    assert data["_type"] == "https://in-toto.io/Statement/v1"
    assert data["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    assert data["subject"] == [{"name": WHEEL.name, "digest": {"sha256": WHEEL.sha256}}]


def test_it_names_tag_commit_section_bill_of_materials_and_gates(released: Project) -> None:
    predicate = statement(released, report(released))["predicate"]
    named = {item["name"]: item for item in predicate["configuration"]}
    assert released.git is not None
    tagged = named["small-thing 1.2.3"]
    assert tagged["uri"] == "git:refs/tags/v1.2.3"
    assert tagged["digest"]["gitCommit"] == released.git.commit
    assert named[BOM.name]["digest"]["sha256"] == BOM.sha256
    assert named["gate docker"]["annotations"]["status"] == "not-applicable"
    assert len(named["gate build"]["digest"]["sha256"]) == 64
    section = named["CHANGELOG.md"]["digest"]["sha256"]
    assert section != hashlib.sha256(b"").hexdigest()


def test_a_gate_with_advice_passed_with_a_warning(released: Project) -> None:
    predicate = statement(released, report(released))["predicate"]
    assert predicate["result"] == "PASSED"
    assert predicate["passedTests"] == ["build", "sbom"]
    assert predicate["warnedTests"] == ["lint"]
    assert "url" not in predicate


def test_the_run_of_a_workflow_is_named(released: Project) -> None:
    where = {
        "GITHUB_SERVER_URL": "https://forge.example.invalid",
        "GITHUB_REPOSITORY": "o/r",
        "GITHUB_RUN_ID": "7",
    }
    predicate = statement(released, report(released), **where)["predicate"]
    assert predicate["url"] == "https://forge.example.invalid/o/r/actions/runs/7"


@pytest.mark.parametrize(
    "change",
    [{"verdict": Verdict.INCOMPLETE}, {"dirty": True}, {"version": "1.2.4"}, {"gates": ()}],
    ids=str,
)
def test_what_is_not_a_judged_release_has_none(released: Project, change: dict[str, Any]) -> None:
    found = replace(report(released), **change)
    assert receipt(found, released, {}) == {JSON: None, TEXT: None}


@pytest.mark.parametrize(
    ("tag", "version"),
    [("v2026.04.1", "2026.04.1"), ("v1.2.0-rc.1", "1.2.0-rc.1"), ("v1.2.0rc1", "1.2.0-rc.1")],
)
def test_a_version_that_is_spelled_in_another_way_has_one(
    tag: str, version: str, project: Path
) -> None:
    git(project, "tag", "--annotate", "--message", "x", tag)
    found = read_project(project)
    data = statement(found, replace(report(found), version=version))
    assert data["predicate"]["configuration"][0]["uri"] == f"git:refs/tags/{tag}"


def test_a_tag_that_is_only_planned_has_none(project: Path) -> None:
    planned = replace(read_project(project), planned_tag="v1.2.3")
    assert receipt(report(planned), planned, {})[JSON] is None


def test_its_page_is_built_the_same_whatever_the_gates_say(released: Project) -> None:
    hostile = "| x\n# Ready\n<script> [a](https://x.example)"
    pages = [
        receipt(report(released, said), released, {})[TEXT] or "" for said in ("word", hostile)
    ]
    assert WHEEL.sha256 in pages[0]
    assert shapes(pages[0]) == shapes(pages[1])
