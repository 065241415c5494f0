"""A checklist on one machine and the same on several, with gates that cost nothing."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from release.errors import CannotCheck
from release.model import Artifact, Evidence, Finding, Gate, Outcome, Status, Verdict
from release.project import Project, read_project
from release.report import pages
from release.run.collecting import collect
from release.run.parts import share
from release.run.preflight import judge_part, preflight
from release.run.runner import Run
from release.run.shell import Shell
from release.run.store import Store
from tests.run.test_runner import Silent
from tests.support import git, make_project

WHEEL = b"the wheel of one commit"
BUILT = Artifact("dist/thing.whl", len(WHEEL), hashlib.sha256(WHEEL).hexdigest())


def build(project: Project, shell: Shell) -> Outcome:
    (shell.folder / "dist").mkdir(exist_ok=True)
    (shell.folder / "dist/thing.whl").write_bytes(WHEEL)
    return Outcome.passed(3, "built", artifacts=(BUILT,))


def looks(project: Project, shell: Shell) -> Outcome:
    (wheel,) = shell.needed["build"].outcome.artifacts
    assert (shell.folder / wheel.path).read_bytes() == WHEEL
    return Outcome.passed(1, f"{wheel.name} is fine")


def fine(project: Project, shell: Shell) -> Outcome:
    return Outcome.passed(2, "fine", remarks=(Finding("could be nicer", advice=True),))


def bad(project: Project, shell: Shell) -> Outcome:
    return Outcome.failed((Finding("is bad", "README.md", 1, "make it good"),))


def unknown(project: Project, shell: Shell) -> Outcome:
    raise CannotCheck("nobody knows", "ask somebody")


def absent(project: Project, level: object) -> str:
    return "there is nothing to judge"


GATES = {
    gate.name: gate
    for gate in (
        Gate("build", "b", build, writes=("dist",), cost=2.0),
        Gate("sbom", "s", looks, needs=("build",), cost=2.0),
        Gate("audit", "a", looks, needs=("build",), cost=2.0),
        Gate("lint", "l", fine),
        Gate("test", "t", fine, cost=5.0),
        Gate("docs", "d", fine, applies=absent),
    )
}
MORE = {
    "types": Gate("types", "t", bad),
    "ci": Gate("ci", "c", unknown, required="ci"),
    "shop": Gate("shop", "s", looks, needs=("types",)),
}


@pytest.fixture(autouse=True)
def _own_gates_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("release.registry.installed", dict)
    monkeypatch.setenv("GITHUB_RUN_ID", "17")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_project(tmp_path / "thing")


def start(root: Path, gates: Mapping[str, Gate] = GATES) -> Run:
    store = Store(root)  # first, so that what came from another machine is ignored
    return Run(read_project(root, gates), store, root.parent / "tools", pages=pages)


class Machines:
    """A fresh clone for each part of the plan, and what they hand on."""

    def __init__(self, root: Path, gates: Mapping[str, Gate] = GATES, runners: int = 4) -> None:
        self.root, self.gates = root, gates
        self.handed = root.parent / "handed"
        self.sharing = share(gates, {name: gate.cost for name, gate in gates.items()}, runners)

    def clone(self, number: int) -> Path:
        there = self.root.parent / f"machine-{number}" / "thing"
        git(self.root, "clone", "--quiet", str(self.root), str(there))
        return there

    def judge(self) -> None:
        for number, part in enumerate(self.sharing.every):
            there = self.clone(number)
            if part in self.sharing.then:
                shutil.copytree(self.handed / "0", there / ".release")
            judge_part(start(there, self.gates), Silent(), part)
            for name in part:
                self._hand_on(there / ".release", self.gates[name], self.handed / str(number))

    def _hand_on(self, folder: Path, gate: Gate, to: Path) -> None:
        for name in ("evidence", "logs"):
            (to / name).mkdir(parents=True, exist_ok=True)
        if (folder / f"logs/{gate.name}.log").exists():
            shutil.copy(folder / f"logs/{gate.name}.log", to / "logs")
        shutil.copy(folder / f"evidence/{gate.name}.json", to / "evidence")
        for name in gate.writes:
            shutil.copytree(folder / name, to / name, dirs_exist_ok=True)

    def collect(self) -> dict[str, Any]:
        collect(start(self.clone(99), self.gates), self.handed)
        there = self.root.parent / "machine-99/thing/.release/preflight.json"
        return without_times(json.loads(there.read_text()))

    def alter(self, gate: str, **changes: object) -> None:
        (path,) = self.handed.rglob(f"evidence/{gate}.json")
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def without_times(data: dict[str, Any]) -> dict[str, Any]:
    return data | {
        "seconds": None,
        "gates": [gate | {"seconds": None} for gate in data["gates"]],
    }


def alone(root: Path, gates: Mapping[str, Gate] = GATES) -> dict[str, Any]:
    """What one machine says, in a clone like the others."""
    there = root.parent / "alone/thing"
    git(root, "clone", "--quiet", str(root), str(there))
    preflight(start(there, gates), Silent())
    return without_times(json.loads((there / ".release/preflight.json").read_text()))


@pytest.mark.parametrize("gates", [GATES, GATES | MORE], ids=["ready", "blocked"])
@pytest.mark.parametrize("runners", [1, 3, 4])
def test_several_machines_say_what_one_machine_says(
    root: Path, gates: Mapping[str, Gate], runners: int
) -> None:
    machines = Machines(root, gates, runners)
    machines.judge()
    together = machines.collect()
    assert together == alone(root, gates)
    assert together["verdict"] == ("blocked" if gates is not GATES else "ready")
    assert together["artifacts"][0]["name"] == "thing.whl"
    assert (root.parent / "machine-99/thing/.release/logs/lint.log").exists()


def test_the_plan_of_four_hands_the_build_on(root: Path) -> None:
    assert Machines(root).sharing.every == (
        ("build",),
        ("test", "lint", "docs"),
        ("sbom",),
        ("audit",),
    )


def said(data: dict[str, Any], gate: str) -> str:
    (found,) = (one for one in data["gates"] if one["name"] == gate)
    assert found["status"] == "unchecked", found
    assert found["findings"][0]["remedy"]
    return str(found["summary"])


OTHER = {
    "question": "for another gate or level",
    "refs": "where git has other tags",
    "tools": "with other versions of its tools",
    "source": "by another version of nox-release",
    "needs": "on other files than those",
}


@pytest.mark.parametrize("kind", OTHER)
def test_evidence_judged_on_other_inputs_does_not_count(root: Path, kind: str) -> None:
    from release.run.inputs import key_of

    machines = Machines(root)
    machines.judge()
    (path,) = machines.handed.rglob("evidence/sbom.json")
    inputs = json.loads(path.read_text())["inputs"] | {kind: "0" * 64}
    machines.alter("sbom", inputs=inputs, key=key_of(inputs), key_after=key_of(inputs))
    data = machines.collect()
    assert OTHER[kind] in said(data, "sbom")
    assert data["verdict"] == "incomplete"


def test_evidence_whose_key_is_not_that_of_its_inputs_is_called_forged(root: Path) -> None:
    machines = Machines(root)
    machines.judge()
    machines.alter("lint", key="0" * 64, key_after="0" * 64)
    assert "forged or damaged" in said(machines.collect(), "lint")


def test_a_clone_without_the_tags_judged_something_else(root: Path) -> None:
    machines = Machines(root)
    machines.judge()
    git(root, "tag", "v1.0.0")
    assert "where git has other tags, or the clone is not whole" in said(machines.collect(), "lint")


def test_lost_evidence_is_named(root: Path) -> None:
    machines = Machines(root)
    machines.judge()
    shutil.rmtree(machines.handed / "1")
    data = machines.collect()
    assert said(data, "test") == said(data, "lint") == "no evidence was collected"
    assert data["verdict"] == "incomplete"


def test_the_same_evidence_by_two_ways_counts_once(root: Path) -> None:
    machines = Machines(root)
    machines.judge()
    shutil.copytree(machines.handed / "0", machines.handed / "again")
    assert machines.collect() == alone(root)


def test_a_gate_that_was_judged_twice_gets_the_worst_and_says_so(root: Path) -> None:
    machines = Machines(root)
    machines.judge()
    shutil.copytree(machines.handed / "1", machines.handed / "again")
    path = machines.handed / "again/evidence/test.json"
    finding = {"message": "bad", "path": None, "line": None, "remedy": None, "advice": False}
    later = json.loads(path.read_text()) | {"status": "failed", "findings": [finding]}
    path.write_text(json.dumps(later))
    data = machines.collect()
    (test,) = (gate for gate in data["gates"] if gate["name"] == "test")
    assert (test["status"], data["verdict"]) == ("failed", "blocked")
    assert test["notes"][0]["message"] == "judged 2 times (passed, failed); the worst counts"


def test_files_that_came_with_other_bytes_are_noticed(root: Path) -> None:
    machines = Machines(root)
    machines.judge()
    (machines.handed / "0/dist/thing.whl").write_bytes(b"another wheel")
    assert "not those that it names" in said(machines.collect(), "build")


def part(root: Path) -> Evidence:
    """What the part with sbom says in a clone that has what `.release` holds there."""
    report = judge_part(start(root), Silent(), ("sbom",))
    assert report.part
    assert not (root / ".release/preflight.json").exists()
    return report.gates[-1]


def test_a_part_takes_files_by_digest(root: Path) -> None:
    machines = Machines(root)
    machines.judge()
    there = machines.clone(7)
    shutil.copytree(machines.handed / "0", there / ".release")
    assert part(there).outcome.status is Status.PASSED
    (there / ".release/dist/thing.whl").write_bytes(b"another wheel")
    report = judge_part(start(there), Silent(), ("sbom",))
    assert [gate.gate for gate in report.gates] == ["build", "sbom"]
    assert report.verdict is Verdict.INCOMPLETE
    built, sbom = (gate.outcome for gate in report.gates)
    assert built.summary == "the files here are not those that it made"
    assert sbom.summary == "needs build, which was not checked"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"run": "16"}, "of the CI run 16"),
        ({"commit": "0" * 40}, "of commit 000000000000"),
        ({"started": "2020-01-01T00:00:00+00:00"}, "no longer counts"),
        ({"key": "1" * 64, "key_after": "1" * 64}, "forged"),
        ({"checked": 0}, "is not evidence"),
        ({"schema": 2}, "is not evidence"),
    ],
)
def test_a_part_takes_nothing_that_does_not_count(
    root: Path, changes: dict[str, object], reason: str
) -> None:
    machines = Machines(root)
    machines.judge()
    machines.alter("build", **changes)
    there = machines.clone(7)
    shutil.copytree(machines.handed / "0", there / ".release")
    report = judge_part(start(there), Silent(), ("sbom",))
    assert reason in report.gates[0].outcome.summary
    assert report.verdict is Verdict.INCOMPLETE


def test_a_part_without_what_it_needs_says_where_that_comes_from(root: Path) -> None:
    report = judge_part(start(root), Silent(), ("sbom",))
    (finding,) = report.gates[0].outcome.findings
    assert finding.message == "no evidence is here"
    assert "put what the part with build left in .release/" in (finding.remedy or "")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a system with pipes in folders")
@pytest.mark.parametrize("kind", ["pipe", "link", "folder"])
def test_what_is_not_a_file_is_no_evidence_and_is_not_opened(root: Path, kind: str) -> None:
    machines = Machines(root)
    machines.judge()
    path = next(machines.handed.rglob("evidence/sbom.json"))
    kept = path.rename(root.parent / "kept.json")
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to(kept)
    else:
        path.mkdir()
    report = collect(start(root), machines.handed)
    (sbom,) = (gate for gate in report.gates if gate.gate == "sbom")
    assert sbom.outcome.status is Status.UNCHECKED
    assert "sbom.json is not a file" in sbom.outcome.summary


def test_late_evidence_counts_no_longer(root: Path) -> None:
    machines = Machines(root)
    machines.judge()
    run = start(root)
    run.now += timedelta(days=8)
    report = collect(run, machines.handed)
    assert {gate.outcome.status for gate in report.gates} == {Status.UNCHECKED}
