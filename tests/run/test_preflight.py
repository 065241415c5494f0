"""The whole checklist through its own functions, on a project with gates that cost nothing."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from release.errors import ConfigurationError
from release.model import Finding, Gate, Level, Outcome, Verdict
from release.project import read_project
from release.registry import DISTRIBUTION, Installed
from release.report import pages
from release.run.collecting import collect
from release.run.preflight import preflight
from release.run.runner import Run
from release.run.store import Store
from release.text.commands import CALLER
from tests.run.test_runner import Silent
from tests.support import commit, make_project, write


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_project(tmp_path / "thing")


@pytest.fixture(autouse=True)
def _cheap_gates(monkeypatch: pytest.MonkeyPatch) -> None:
    def fine(name: str) -> Installed:
        gate = Gate(
            name, f"the gate {name}", lambda project, shell: Outcome.passed(1, f"{name} is fine")
        )
        return Installed(gate, gate.title, DISTRIBUTION)

    gates = {name: fine(name) for name in ("lint", "test")}
    monkeypatch.setattr("release.registry.installed", lambda: gates)


def start(root: Path, *gates: Gate) -> Run:
    project = read_project(root, {gate.name: gate for gate in gates})
    return Run(project, Store(project.root), root.parent / "tools", pages=pages)


def test_the_report_is_written_for_programs_and_for_people(root: Path) -> None:
    report = preflight(start(root), Silent())
    assert report.verdict is Verdict.READY
    data = json.loads((root / ".release/preflight.json").read_text(encoding="utf-8"))
    assert data == report.as_json()
    assert [gate["name"] for gate in data["gates"]] == ["lint", "test"]
    assert (
        (root / ".release/preflight.md").read_text(encoding="utf-8").startswith("## ✅ small-thing")
    )


def test_gates_of_the_settings_and_of_the_noxfile_belong_to_the_checklist(root: Path) -> None:
    with (root / "pyproject.toml").open("a") as file:
        file.write('[tool.release.gates.doctor]\nrun = ["git --version"]\nproject = false\n')
    own = Gate("python_gate", "mine", lambda project, shell: Outcome.passed(1, "fine"))
    report = preflight(start(root, own), Silent())
    assert [e.gate for e in report.gates] == ["lint", "test", "doctor", "python_gate"]
    assert report.verdict is Verdict.READY


def test_files_that_change_while_gates_run_are_named(root: Path) -> None:
    def litters(project: Any, shell: Any) -> Outcome:
        (project.root / "litter.txt").write_text("x")
        return Outcome.passed(1, "fine")

    with (root / ".gitignore").open("a") as file:
        file.write("litter.txt\n")
    commit(root)
    report = preflight(start(root, Gate("litter", "l", litters)), Silent())
    assert report.moved == ("litter.txt",)
    assert report.disturbed == ()
    assert report.verdict is Verdict.READY


def test_no_commit_is_ready_that_changed_while_it_was_judged(root: Path) -> None:
    def edits(project: Any, shell: Any) -> Outcome:
        (project.root / "README.md").write_text("other")
        return Outcome.passed(1, "fine")

    report = preflight(start(root, Gate("edit", "e", edits)), Silent())
    assert report.disturbed == ("README.md",)
    assert report.verdict is Verdict.INCOMPLETE
    assert "README.md" in (root / ".release/preflight.md").read_text(encoding="utf-8")


def test_a_new_commit_meanwhile_is_noticed(root: Path) -> None:
    def commits(project: Any, shell: Any) -> Outcome:
        write(project.root, {"new.txt": "x"})
        commit(project.root)
        return Outcome.passed(1, "fine")

    report = preflight(start(root, Gate("commit", "c", commits)), Silent())
    assert "HEAD" in report.disturbed
    assert report.verdict is Verdict.INCOMPLETE


def gathered(root: Path, tmp_path: Path) -> Path:
    """Evidence as another machine would hand it on."""
    preflight(start(root), Silent())
    folder = tmp_path / "gathered" / "machine"
    folder.parent.mkdir()
    (root / ".release").rename(folder)
    return folder.parent


def test_collected_evidence_is_judged_and_nothing_is_run(root: Path, tmp_path: Path) -> None:
    folder = gathered(root, tmp_path)
    report = collect(start(root), folder)
    assert report.verdict is Verdict.READY
    assert not (root / ".release/evidence/lint.json").exists()
    assert json.loads((root / ".release/preflight.json").read_text())["verdict"] == "ready"


def alter(folder: Path, **changes: object) -> None:
    path = folder / "machine/evidence/lint.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"commit": "0" * 40}, "of commit 000000000000"),
        ({"tree": "0" * 40}, "another tree"),
        ({"dirty": True}, "not committed"),
        ({"gate": "test"}, "is of test"),
        ({"status": "passed", "checked": 0}, "is not evidence"),
        ({"key_after": "0" * 64}, "changed while it was judged"),
        ({"key": "", "key_after": ""}, "changed while it was judged"),
        ({"status": "not-applicable", "key": ""}, "does not apply, and it does"),
        ({"started": "2020-01-01T00:00:00+00:00"}, "no longer counts"),
        ({"started": "2099-01-01T00:00:00+00:00"}, "no longer counts"),
    ],
)
def test_collected_evidence_that_does_not_count_is_named(
    root: Path, tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    folder = gathered(root, tmp_path)
    alter(folder, **changes)
    report = collect(start(root), folder)
    assert report.verdict is Verdict.INCOMPLETE
    (lint,) = (e for e in report.gates if e.gate == "lint")
    assert said in lint.outcome.summary


def test_evidence_for_another_level_does_not_count(root: Path, tmp_path: Path) -> None:
    folder = gathered(root, tmp_path)
    run = start(root)
    run.level = Level.MAJOR
    report = collect(run, folder)
    assert report.verdict is Verdict.INCOMPLETE
    assert report.gates[0].outcome.summary == "the evidence is for no level"


def test_settings_say_how_long_collected_evidence_counts(root: Path, tmp_path: Path) -> None:
    with (root / "pyproject.toml").open("a") as file:
        file.write("[tool.release.gates.lint]\nvalid-hours = 1\n")
    commit(root)
    folder = gathered(root, tmp_path)
    run = start(root)
    assert collect(run, folder).verdict is Verdict.READY
    run.now += timedelta(hours=2)
    assert collect(run, folder).verdict is Verdict.INCOMPLETE


@pytest.mark.parametrize(
    "changes",
    [
        {"findings": [{"message": 5, "path": None, "line": None, "remedy": None, "advice": False}]},
        {
            "findings": [
                {"message": "x", "path": ["a"], "line": None, "remedy": None, "advice": False}
            ]
        },
        {"checked": float("inf")},
        {"dirty": "no"},
        {"level": 3},
    ],
)
def test_hostile_evidence_is_refused_without_a_crash(
    root: Path, tmp_path: Path, changes: dict[str, object]
) -> None:
    folder = gathered(root, tmp_path)
    alter(folder, **changes)
    assert collect(start(root), folder).verdict is Verdict.INCOMPLETE


def test_evidence_that_is_nested_without_end_is_refused(root: Path, tmp_path: Path) -> None:
    folder = gathered(root, tmp_path)
    (folder / "machine/evidence/lint.json").write_text("[" * 200_000)
    assert collect(start(root), folder).verdict is Verdict.INCOMPLETE


def test_collected_text_cannot_steer_the_terminal(root: Path, tmp_path: Path) -> None:
    folder = gathered(root, tmp_path)
    alter(folder, summary="\x1b]0;title\x07 fine")
    report = collect(start(root), folder)
    assert report.gates[0].outcome.summary == r"\x1b]0;title\x07 fine"


def test_missing_evidence_leaves_the_verdict_incomplete(root: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    report = collect(start(root), tmp_path / "empty")
    assert report.verdict is Verdict.INCOMPLETE
    assert report.gates[0].outcome.summary == "no evidence was collected"


def test_of_several_machines_the_worst_one_counts(root: Path, tmp_path: Path) -> None:
    folder = gathered(root, tmp_path)
    other = folder / "other/evidence"
    other.mkdir(parents=True)
    data = json.loads((folder / "machine/evidence/lint.json").read_text())
    finding = {"message": "bad here", "path": None, "line": None, "remedy": None, "advice": False}
    data |= {"status": "failed", "findings": [finding]}
    (other / "lint.json").write_text(json.dumps(data))
    report = collect(start(root), folder)
    assert report.verdict is Verdict.BLOCKED


def test_evidence_of_another_run_of_ci_does_not_count(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_RUN_ID", "17")
    folder = gathered(root, tmp_path)
    assert collect(start(root), folder).verdict is Verdict.READY
    monkeypatch.setenv("GITHUB_RUN_ID", "18")
    report = collect(start(root), folder)
    assert report.verdict is Verdict.INCOMPLETE
    said = "the evidence is of the CI run 17, and this is about the CI run 18"
    assert [e.outcome.summary for e in report.gates] == [said, said]
    monkeypatch.delenv("GITHUB_RUN_ID")
    assert collect(start(root), folder).verdict is Verdict.READY
    alter(folder, run="19")
    assert collect(start(root), folder).verdict is Verdict.INCOMPLETE


def test_evidence_of_a_gate_that_the_project_does_not_have_is_named(
    root: Path, tmp_path: Path
) -> None:
    folder = gathered(root, tmp_path)
    evidence = folder / "machine/evidence"
    (evidence / "theirs.json").write_bytes((evidence / "lint.json").read_bytes())
    with pytest.raises(ConfigurationError, match=r"machine/evidence/theirs\.json: is evidence of"):
        collect(start(root), folder)


def test_a_file_that_two_machines_made_with_other_bytes_is_named(
    root: Path, tmp_path: Path
) -> None:
    folder = gathered(root, tmp_path)
    other = folder / "other/evidence/lint.json"
    other.parent.mkdir(parents=True)
    data = json.loads((folder / "machine/evidence/lint.json").read_text())
    wheel = {"path": "dist/thing.whl", "name": "thing.whl", "size": 1, "sha256": "1" * 64}
    alter(folder, artifacts=[wheel])
    other.write_text(json.dumps(data | {"artifacts": [wheel]}))
    assert collect(start(root), folder).verdict is Verdict.READY
    other.write_text(json.dumps(data | {"artifacts": [wheel | {"sha256": "2" * 64}]}))
    report = collect(start(root), folder)
    assert report.verdict is Verdict.INCOMPLETE
    assert report.gates[0].outcome.summary.startswith("thing.whl was made twice, with other bytes")


def test_evidence_of_an_older_commit_does_not_count(root: Path, tmp_path: Path) -> None:
    folder = gathered(root, tmp_path)
    write(root, {"new.txt": "x"})
    commit(root)
    assert collect(start(root), folder).verdict is Verdict.INCOMPLETE


def test_collecting_from_no_folder_is_a_mistake_that_is_named(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is not a folder"):
        collect(start(root), tmp_path / "nowhere")


def test_old_evidence_counts_no_longer_than_its_gate_says(root: Path, tmp_path: Path) -> None:
    folder = gathered(root, tmp_path)
    run = start(root)
    run.now += timedelta(days=8)
    assert collect(run, folder).verdict is Verdict.INCOMPLETE


def test_what_ci_asks_for_can_be_asked_for_at_home(root: Path) -> None:
    def unknown(project: Any, shell: Any) -> Outcome:
        return Outcome.unchecked("nobody knows", "ask")

    gate = Gate("ci", "c", unknown, required="ci")
    assert preflight(start(root, gate), Silent()).verdict is Verdict.READY
    run = start(root, gate)
    run.in_ci = True
    assert preflight(run, Silent()).verdict is Verdict.INCOMPLETE


def test_the_summary_leads_with_what_failed(root: Path) -> None:
    def fails(project: Any, shell: Any) -> Outcome:
        return Outcome.failed((Finding("is bad", "a.py", 1, "nox -s bad shows it"),))

    preflight(start(root, Gate("bad", "b", fails)), Silent())
    text = (root / ".release/preflight.md").read_text(encoding="utf-8")
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings[:3] == [
        "## ❌ small-thing 1.2.3: blocked; 1 failed",
        "### ❌ bad: failed",
        "### All gates",
    ]


def test_remedies_name_the_command_that_was_typed(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(project: Any, shell: Any) -> Outcome:
        return Outcome.failed((Finding("is bad", remedy="nox -s bad shows it"),))

    monkeypatch.setattr(CALLER, "project", root)
    report = preflight(start(root, Gate("bad", "b", fails)), Silent())
    assert report.gates[-1].outcome.findings[0].remedy == "nox-release bad shows it"
