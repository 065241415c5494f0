"""What wraps gates: reuse, needs, time limits, evidence, interruption. Gates know none of it."""

from __future__ import annotations

import errno
import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from release.errors import CannotCheck, ConfigurationError
from release.model import Artifact, Evidence, Finding, Gate, Judgement, Level, Outcome, Status
from release.project import Project, read_project
from release.run.checklist import checklist
from release.run.runner import Run, judge, judge_all, judge_with_needs
from release.run.shell import Shell
from release.run.store import Store
from tests.support import make_project, write
from tests.test_model import evidence

Check = Callable[[Project, Shell], Outcome]


class Calls:
    """A gate's check that counts how often it really ran."""

    def __init__(self, outcome: Outcome | None = None, then: Check | None = None) -> None:
        self.count = 0
        self._outcome = Outcome.passed(1, "fine") if outcome is None else outcome
        self._then = then

    def __call__(self, project: Project, shell: Shell) -> Outcome:
        self.count += 1
        return self._then(project, shell) if self._then else self._outcome


class Silent:
    def __init__(self) -> None:
        self.heard: list[str] = []

    def started(self, gate: Gate) -> None:
        self.heard.append(f"+{gate.name}")

    def ended(self, evidence: Evidence) -> None:
        self.heard.append(f"-{evidence.gate}")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_project(tmp_path / "thing")


def start(root: Path, **options: object) -> Run:
    project = read_project(root)
    return Run(project, Store(project.root), root.parent / "tools", **options)  # type: ignore[arg-type]


def gate(name: str, check: Check, **options: object) -> Gate:
    return Gate(name, f"the gate {name}", check, **options)  # type: ignore[arg-type]


def test_a_pass_is_reused_while_nothing_changed(root: Path) -> None:
    calls = Calls()
    first = judge(start(root), gate("x", calls), {})
    second = judge(start(root), gate("x", calls), {})
    assert calls.count == 1
    assert (first.reused, second.reused) == (False, True)
    assert second.outcome == first.outcome


@pytest.mark.parametrize(
    "change",
    [
        lambda root, patch: write(root, {"src/small_thing/new.py": "x = 1\n"}),
        lambda root, patch: write(root, {"dist/ignored": "x"}),
        lambda root, patch: (root / "README.md").chmod(0o755),
        lambda root, patch: patch.setenv("DJANGO_SETTINGS_MODULE", "other"),
        lambda root, patch: write(root, {"README.md": None}),
    ],
    ids=["new file", "ignored file", "mode", "environment variable", "removed file"],
)
def test_a_pass_is_not_reused_when_an_input_changed(
    root: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path, pytest.MonkeyPatch], None]
) -> None:
    calls = Calls()
    judge(start(root), gate("x", calls), {})
    change(root, monkeypatch)
    assert not judge(start(root), gate("x", calls), {}).reused
    assert calls.count == 2


def test_a_pass_is_not_reused_for_another_commit_or_after_a_tag(root: Path) -> None:
    from tests.support import git

    calls = Calls()
    judge(start(root), gate("x", calls), {})
    git(root, "tag", "-a", "v1.2.3", "-m", "v1.2.3")
    assert not judge(start(root), gate("x", calls), {}).reused
    git(root, "commit", "--quiet", "--allow-empty", "-m", "Empty")
    evidence = judge(start(root), gate("x", calls), {})
    assert not evidence.reused
    assert evidence.commit == git(root, "rev-parse", "HEAD")


def test_a_file_beside_a_part_of_a_repository_is_an_input_too(tmp_path: Path) -> None:
    from tests.support import git

    top = make_project(tmp_path / "top")
    part = top / "part"
    write(part, {"pyproject.toml": '[project]\nname = "part"\nversion = "1"\n'})
    git(top, "add", "--all")
    git(top, "commit", "--quiet", "-m", "Add a part")
    calls = Calls()
    judge(start(part), gate("x", calls), {})
    assert judge(start(part), gate("x", calls), {}).reused
    write(top, {"ruff.toml": "line-length = 20\n"})
    assert not judge(start(part), gate("x", calls), {}).reused


def test_a_stray_file_beside_what_a_gate_made_prevents_reuse(root: Path) -> None:
    def makes(project: Project, shell: Shell) -> Outcome:
        path = shell.folder_for("dist") / "x.whl"
        path.write_text("made")
        return Outcome.passed(1, "fine", artifacts=(shell.artifact(path),))

    maker = gate("x", makes, writes=("dist",))
    judge(start(root), maker, {})
    (root / ".release/dist/old.whl").write_text("old")
    assert not judge(start(root), maker, {}).reused
    assert not (root / ".release/dist/old.whl").exists()


def test_a_changed_gate_of_the_projects_own_is_run_again(root: Path, tmp_path: Path) -> None:
    source = tmp_path / "own.py"

    def load(text: str) -> Gate:
        source.write_text(text)
        names: dict[str, Check] = {}
        exec(compile(text, str(source), "exec"), names)  # noqa: S102
        return gate("own", names["check"])

    text = "from release import Outcome\ndef check(p, s): return Outcome.passed(1, 'fine')\n"
    judge(start(root), load(text), {})
    assert judge(start(root), load(text), {}).reused
    assert not judge(start(root), load(text + "# changed\n"), {}).reused


def test_the_time_limit_is_of_the_whole_gate(root: Path) -> None:
    with (root / "pyproject.toml").open("a") as file:
        file.write(
            '[tool.release.gates.slow]\nrun = ["sleep 1", "sleep 1", "sleep 1", "sleep 1"]\n'
            "timeout = 2\nproject = false\n"
        )
    run = start(root)
    outcome = judge(run, checklist(run.project)["slow"], {}).outcome
    assert outcome.status is Status.UNCHECKED


def test_waiting_for_another_run_can_be_interrupted(root: Path) -> None:
    from filelock import FileLock

    run = start(root)
    with FileLock(root / ".release/evidence/.x.lock"):
        threading.Timer(0.5, run.cancel).start()
        outcome = judge(run, gate("x", Calls()), {}).outcome
    assert outcome.summary == "interrupted"


def test_a_secret_in_a_traceback_is_masked(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = "hush" + "-hush-hush"
    monkeypatch.setenv("DEPLOY_TOKEN", secret)

    def leaks(project: Project, shell: Shell) -> Outcome:
        raise RuntimeError(f"cannot use {secret}")

    judge(start(root), gate("x", leaks), {})
    said = capsys.readouterr()
    assert "RuntimeError" in said.err
    assert secret not in said.err + said.out


def test_asking_for_a_fresh_run_runs_it(root: Path) -> None:
    calls = Calls()
    judge(start(root), gate("x", calls), {})
    assert not judge(start(root, fresh=True), gate("x", calls), {}).reused
    assert calls.count == 2


def test_another_level_is_another_question(root: Path) -> None:
    calls = Calls()
    judge(start(root), gate("x", calls), {})
    judge(start(root, level=Level.MINOR), gate("x", calls), {})
    assert calls.count == 2


@pytest.mark.parametrize(
    ("outcome", "options", "alone", "ran"),
    [
        (Outcome.failed((Finding("bad"),)), {}, False, 1),
        (Outcome.failed((Finding("bad"),)), {}, True, 2),
        (Outcome.failed((Finding("bad"),)), {"valid": timedelta(hours=24)}, False, 2),
        (Outcome.unchecked("why", "how"), {}, False, 2),
    ],
    ids=["of its files alone", "run alone to see it", "of the outside as well", "unchecked"],
)
def test_a_failure_is_reused_where_nothing_outside_can_end_it(
    root: Path, outcome: Outcome, options: dict[str, object], alone: bool, ran: int
) -> None:
    calls = Calls(outcome)
    judge(start(root, echo=alone), gate("x", calls, **options), {})
    again = judge(start(root, echo=alone), gate("x", calls, **options), {})
    assert calls.count == ran
    assert again.outcome.status is outcome.status
    judge(start(root, fresh=True), gate("x", calls, **options), {})
    assert calls.count == ran + 1


def test_a_gate_of_no_validity_is_never_reused(root: Path) -> None:
    calls = Calls()
    for _ in range(2):
        judge(start(root), gate("x", calls, valid=None), {})
    assert calls.count == 2


def test_settings_shorten_how_long_a_pass_counts(root: Path) -> None:
    calls = Calls()
    judge(start(root), gate("build", calls), {})
    assert judge(start(root), gate("build", calls), {}).reused
    later = start(root)
    later.now += timedelta(days=8)
    assert not judge(later, gate("build", calls), {}).reused
    with (root / "pyproject.toml").open("a") as file:
        file.write("[tool.release.gates.build]\nvalid-hours = 1\n")
    judge(start(root), gate("build", calls), {})
    later = start(root)
    later.now += timedelta(hours=2)
    assert not judge(later, gate("build", calls), {}).reused


def test_a_gate_that_changes_its_own_inputs_is_not_reused(root: Path) -> None:
    def writes(project: Project, shell: Shell) -> Outcome:
        (project.root / "litter.txt").write_text(str(time.time_ns()))
        return Outcome.passed(1, "fine")

    calls = Calls(then=writes)
    first = judge(start(root), gate("x", calls), {})
    assert first.outcome.status is Status.PASSED
    assert not first.stable
    judge(start(root), gate("x", calls), {})
    assert calls.count == 2


def test_a_pass_whose_files_were_touched_is_not_reused(root: Path) -> None:
    def makes(project: Project, shell: Shell) -> Outcome:
        path = shell.folder_for("dist") / "file.txt"
        path.write_text("made")
        return Outcome.passed(1, "fine", artifacts=(shell.artifact(path),))

    calls = Calls(then=makes)
    maker = gate("x", calls, writes=("dist",))
    judge(start(root), maker, {})
    assert judge(start(root), maker, {}).reused
    (root / ".release/dist/file.txt").write_text("forged")
    assert not judge(start(root), maker, {}).reused
    (root / ".release/dist/file.txt").unlink()
    assert not judge(start(root), maker, {}).reused


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "",
        lambda text: "null",
        lambda text: text.replace('"passed"', '"great"'),
        lambda text: text.replace('"schema": 1', '"schema": 9'),
        lambda text: text.replace('"gate": "x"', '"gate": "y"'),
        lambda text: text.replace('"key": "', '"key": "0'),
    ],
)
def test_damaged_evidence_does_not_count(root: Path, damage: Callable[[str], str]) -> None:
    calls = Calls()
    judge(start(root), gate("x", calls), {})
    path = root / ".release/evidence/x.json"
    path.write_text(damage(path.read_text()))
    assert not judge(start(root), gate("x", calls), {}).reused


def test_evidence_names_what_was_judged_and_how(root: Path) -> None:
    def runs(project: Project, shell: Shell) -> Outcome:
        shell.run(sys.executable, "-c", "print('hello')")
        return Outcome.passed(2, "fine")

    found = judge(start(root), gate("x", runs), {})
    kept = json.loads((root / ".release/evidence/x.json").read_text())
    assert kept["commit"] == found.commit
    assert len(kept["tree"]) == 40
    assert kept["dirty"] is False
    assert kept["commands"] == [[sys.executable, "-c", "print('hello')"]]
    assert "hello" in (root / ".release" / kept["log"]).read_text()


def test_the_folder_ignores_itself(root: Path) -> None:
    from tests.support import git

    judge(start(root), gate("x", Calls()), {})
    assert git(root, "status", "--porcelain", "--ignored=no") == ""


def test_a_secret_reaches_neither_log_nor_evidence(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "hush" + "-hush-hush"
    monkeypatch.setenv("DEPLOY_TOKEN", secret)

    def leaks(project: Project, shell: Shell) -> Outcome:
        shell.run(sys.executable, "-c", f"print('{secret}')")
        return Outcome.failed(
            (Finding(f"saw {secret}", remedy=f"hide {secret}"),), f"it is {secret}"
        )

    judge(start(root), gate("x", leaks), {})
    for path in (root / ".release").rglob("*"):
        if path.is_file():
            assert secret not in path.read_text(errors="replace"), path


def test_what_a_tool_says_cannot_steer_the_terminal(root: Path) -> None:
    def hostile(project: Project, shell: Shell) -> Outcome:
        return Outcome.failed((Finding("a\x1b[2Jb\x07c", "d\x1b[31m.py", remedy="e\x9bf"),))

    (finding,) = judge(start(root), gate("x", hostile), {}).outcome.findings
    assert finding == Finding(r"a\x1b[2Jb\x07c", r"d\x1b[31m.py", remedy=r"e\x9bf")


def test_a_gate_that_cannot_check_is_unchecked_with_the_remedy(root: Path) -> None:
    def cannot(project: Project, shell: Shell) -> Outcome:
        raise CannotCheck("no network", "connect")

    outcome = judge(start(root), gate("x", cannot), {}).outcome
    assert outcome.status is Status.UNCHECKED
    assert outcome.findings[0].remedy == "connect"


def test_a_users_mistake_met_by_a_gate_fails_it_with_its_place(root: Path) -> None:
    def mistaken(project: Project, shell: Shell) -> Outcome:
        raise ConfigurationError(Finding("is not UTF-8", "CITATION.cff", 3, "save it as UTF-8"))

    outcome = judge(start(root), gate("x", mistaken), {}).outcome
    assert outcome.status is Status.FAILED
    assert outcome.findings == (Finding("is not UTF-8", "CITATION.cff", 3, "save it as UTF-8"),)


def test_a_defect_of_a_gate_is_unchecked_and_keeps_its_traceback(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(project: Project, shell: Shell) -> Outcome:
        raise KeyError("oops")

    outcome = judge(start(root), gate("x", broken), {}).outcome
    assert outcome.status is Status.UNCHECKED
    assert "this project's own gate" in str(outcome.findings[0].remedy)
    broken.__module__ = "release.gates.broken"
    outcome = judge(start(root), gate("x", broken), {}).outcome
    assert "defect of nox-release" in str(outcome.findings[0].remedy)
    assert "KeyError: 'oops'" in capsys.readouterr().err
    assert "KeyError: 'oops'" in (root / ".release/logs/x.log").read_text()


def test_a_gate_that_returns_no_outcome_has_not_passed(root: Path) -> None:
    nothing = gate("x", lambda project, shell: None)  # type: ignore[arg-type, return-value]
    outcome = judge(start(root), nothing, {}).outcome
    assert outcome.status is Status.UNCHECKED
    assert "is not an Outcome" in outcome.summary


def test_gates_of_a_noxfile_must_fit_the_checklist(root: Path) -> None:
    wrong = {
        "lint": gate("lint", Calls()),
        "first": gate("first", Calls(), needs=("nowhere",)),
    }
    with pytest.raises(ConfigurationError) as caught:
        checklist(read_project(root, wrong))
    assert [p.message for p in caught.value.problems] == [
        "gate 'lint' exists already",
        "gate 'first' needs 'nowhere', which is not a gate",
    ]
    circle = {"a": gate("a", Calls(), needs=("b",)), "b": gate("b", Calls(), needs=("a",))}
    with pytest.raises(ConfigurationError, match="need each other"):
        checklist(read_project(root, circle))


def test_what_the_machine_refuses_is_unchecked_and_no_defect(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(project: Project, shell: Shell) -> Outcome:
        raise OSError(errno.ENOSPC, "No space left on device", "some/file")

    outcome = judge(start(root), gate("x", full), {}).outcome
    assert outcome.status is Status.UNCHECKED
    assert outcome.summary == "No space left on device: some/file"
    assert "Traceback" not in capsys.readouterr().err


def test_evidence_that_cannot_be_kept_is_one_clear_error(root: Path) -> None:
    run = start(root)
    shutil.rmtree(root / ".release/evidence")
    with pytest.raises(ConfigurationError, match=r"\.release: cannot be written"):
        run.store.save(evidence())


def test_a_gate_that_hangs_is_stopped_by_its_time_limit(root: Path) -> None:
    write(
        root,
        {
            "pyproject.toml": (root / "pyproject.toml").read_text()
            + '\n[tool.release.gates.slow]\nrun = ["python -c pass"]\ntimeout = 1\n'
        },
    )

    def hangs(project: Project, shell: Shell) -> Outcome:
        shell.run(sys.executable, "-c", "import time; time.sleep(3600)")
        return Outcome.passed(1, "never")

    outcome = judge(start(root), gate("slow", hangs), {}).outcome
    assert outcome.status is Status.UNCHECKED
    assert "stopped after 1 s" in outcome.summary


def test_a_gate_that_does_not_apply_says_why_and_does_not_run(root: Path) -> None:
    calls = Calls()
    found = judge(start(root), gate("x", calls, applies=lambda project, level: "no Dockerfile"), {})
    assert found.outcome == Outcome.not_applicable("no Dockerfile")
    assert calls.count == 0


def test_levels_in_settings_decide_whether_a_gate_applies(root: Path) -> None:
    with (root / "pyproject.toml").open("a") as file:
        file.write('[tool.release.gates.build]\nlevels = ["minor", "major"]\n')
    calls = Calls()
    patch = judge(start(root, level=Level.PATCH), gate("build", calls), {})
    assert patch.outcome.status is Status.NOT_APPLICABLE
    assert "tool.release.gates.build.levels" in patch.outcome.summary
    minor = judge(start(root, level=Level.MINOR), gate("build", calls), {})
    unknown = judge(start(root), gate("build", calls), {})
    assert minor.outcome.status is unknown.outcome.status is Status.PASSED


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (Outcome.failed((Finding("bad"),)), "which failed"),
        (Outcome.unchecked("why", "how"), "was not checked"),
        (Outcome.not_applicable("none"), "does not apply"),
    ],
)
def test_what_needs_a_gate_that_did_not_pass_is_unchecked(
    root: Path, outcome: Outcome, said: str
) -> None:
    gates = {
        "a": gate("a", Calls(outcome)),
        "b": gate("b", after := Calls(), needs=("a",)),
    }
    found = judge_with_needs(start(root), gates["b"], gates)
    assert found["b"].outcome.status is Status.UNCHECKED
    assert said in found["b"].outcome.summary
    assert after.count == 0


def test_what_a_failed_gate_made_is_judged_all_the_same(root: Path) -> None:
    made = Artifact("dist/x.whl", 1, "d")
    judged = Judgement(1, (Finding("odd"),))
    built = evidence(outcome=judged.settle("", artifacts=(made,)))
    run = start(root)
    after = judge(run, gate("after", Calls(), needs=("build",)), {"build": built})
    assert after.outcome.status is Status.PASSED


@pytest.mark.parametrize(
    ("settings", "status"),
    [
        ("", Status.PASSED),
        ("strict = true", Status.FAILED),
        ("[tool.release.gates.doctor]\nrun = ['true']\nstrict = true", Status.FAILED),
        ("strict = true\n[tool.release.gates.doctor]\nrun = ['true']\nstrict = false",
         Status.PASSED),
    ],
)  # fmt: skip
def test_advice_blocks_where_the_settings_are_strict(
    root: Path, settings: str, status: Status
) -> None:
    with (root / "pyproject.toml").open("a") as file:
        file.write(f"\n[tool.release]\n{settings}\n")
    advice = Outcome.passed(1, "fine", remarks=(Finding("odd", remedy="tidy it"),))
    found = judge(start(root), gate("doctor", lambda project, shell: advice), {})
    assert found.outcome.status is status
    assert [f.advice for f in found.outcome.findings] == [status is Status.PASSED]


def test_a_gate_alone_judges_what_it_needs_first_and_only_that(root: Path) -> None:
    calls = {name: Calls() for name in "abcd"}
    gates = {
        "a": gate("a", calls["a"]),
        "b": gate("b", calls["b"], needs=("a",)),
        "c": gate("c", calls["c"], needs=("b",)),
        "d": gate("d", calls["d"]),
    }
    assert list(judge_with_needs(start(root), gates["c"], gates)) == ["a", "b", "c"]
    assert calls["d"].count == 0


def test_failing_gates_do_not_hide_the_others(root: Path) -> None:
    gates = {
        "a": gate("a", Calls(Outcome.failed((Finding("bad"),)))),
        "b": gate("b", Calls(then=lambda project, shell: 1 / 0)),  # type: ignore[arg-type, return-value]
        "c": gate("c", Calls()),
        "d": gate("d", Calls(), needs=("a",)),
    }
    listener = Silent()
    found = judge_all(start(root), gates, listener)
    assert [e.outcome.status.value for e in found.values()] == [
        "failed", "unchecked", "passed", "unchecked",
    ]  # fmt: skip
    assert sorted(listener.heard) == sorted(f"{sign}{name}" for name in "abcd" for sign in "+-")


def test_gates_run_beside_each_other(root: Path) -> None:
    barrier = threading.Barrier(2, timeout=20)

    def meets(project: Project, shell: Shell) -> Outcome:
        barrier.wait()
        return Outcome.passed(1, "met")

    gates = {"a": gate("a", meets, cost=5.0), "b": gate("b", meets, cost=5.0)}
    found = judge_all(start(root), gates, Silent())
    assert {e.outcome.summary for e in found.values()} == {"met"}


def test_the_longest_chain_is_started_first(root: Path) -> None:
    order: list[str] = []

    def noting(name: str) -> Check:
        def check(project: Project, shell: Shell) -> Outcome:
            order.append(name)
            time.sleep(0.05)
            return Outcome.passed(1, "fine")

        return check

    gates = {
        "short": gate("short", noting("short"), cost=1.0),
        "head": gate("head", noting("head"), cost=2.0),
        "tail": gate("tail", noting("tail"), cost=9.0, needs=("head",)),
        "long": gate("long", noting("long"), cost=8.0),
    }
    judge_all(start(root, workers=1), gates, Silent())
    assert order == ["head", "tail", "long", "short"]


def test_an_interruption_keeps_what_was_judged_and_names_the_rest(root: Path) -> None:
    import _thread

    def slow(project: Project, shell: Shell) -> Outcome:
        _thread.interrupt_main()
        shell.run(sys.executable, "-c", "import time; time.sleep(3600)")
        return Outcome.passed(1, "never")

    gates = {
        "quick": gate("quick", Calls()),
        "slow": gate("slow", slow, needs=("quick",), cost=5.0),
        "later": gate("later", Calls(), needs=("slow",)),
    }
    run = start(root)
    found = judge_all(run, gates, Silent())
    assert run.cancelled
    assert found["quick"].outcome.status is Status.PASSED
    assert found["slow"].outcome.status is Status.UNCHECKED
    assert "interrupted" in found["slow"].outcome.summary
    assert "interrupted" in found["later"].outcome.summary


def test_an_interruption_while_futures_are_locked_ends_the_run(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def enter(locked: Any) -> None:
        for future in locked.futures:
            future._condition.acquire()
            signal.raise_signal(signal.SIGINT)

    def waits(project: Project, shell: Shell) -> Outcome:
        shell.wait(3600)
        return Outcome.passed(1, "never")

    monkeypatch.setattr("concurrent.futures._base._AcquireFutures.__enter__", enter)
    gates = {name: gate(name, waits, cost=5.0) for name in "ab"}
    found = judge_all(start(root, workers=2), gates, Silent())
    assert all("interrupted" in evidence.outcome.summary for evidence in found.values())


def test_a_command_that_starts_as_the_run_is_cancelled_is_stopped(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def started(*command: object, **options: object) -> subprocess.Popen[bytes]:
        run.cancel()
        processes.append(popen(*command, **options))  # type: ignore[call-overload]
        return processes[-1]

    def slow(project: Project, shell: Shell) -> Outcome:
        monkeypatch.setattr(subprocess, "Popen", started)
        shell.run(sys.executable, "-c", "import time; time.sleep(60)")
        return Outcome.passed(1, "never")

    popen = subprocess.Popen
    processes: list[subprocess.Popen[bytes]] = []
    run = start(root)
    assert "interrupted" in judge(run, gate("slow", slow), {}).outcome.summary
    assert processes[0].returncode != 0


def test_two_runs_at_once_do_the_work_once(root: Path) -> None:
    def slow(project: Project, shell: Shell) -> Outcome:
        time.sleep(0.5)
        return Outcome.passed(1, "fine")

    calls = Calls(then=slow)
    runs = [start(root), start(root)]
    threads = [threading.Thread(target=judge, args=(run, gate("x", calls), {})) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls.count == 1


def test_a_gate_may_only_write_where_it_says(root: Path) -> None:
    def strays(project: Project, shell: Shell) -> Outcome:
        shell.folder_for("evidence")
        return Outcome.passed(1, "fine")

    outcome = judge(start(root), replace(gate("x", strays), writes=("dist",)), {}).outcome
    assert outcome.status is Status.UNCHECKED


def test_an_artefact_that_was_replaced_is_not_used(root: Path) -> None:
    def makes(project: Project, shell: Shell) -> Outcome:
        path = shell.folder_for("dist") / "x.whl"
        path.write_text("made")
        return Outcome.passed(1, "fine", artifacts=(shell.artifact(path),))

    def uses(project: Project, shell: Shell) -> Outcome:
        (wheel,) = shell.needed_artifacts("a", ".whl")
        return Outcome.passed(1, wheel.read_text())

    gates = {
        "a": gate("a", makes, writes=("dist",)),
        "b": gate("b", uses, needs=("a",), valid=None),
    }
    run = start(root)
    found = judge_with_needs(run, gates["b"], gates)
    assert found["b"].outcome.summary == "made"
    (root / ".release/dist/x.whl").write_text("forged")
    outcome = judge(run, gates["b"], found).outcome
    assert outcome.status is Status.UNCHECKED
    assert "is not what a made" in outcome.summary


def test_the_scratch_folder_is_gone_afterwards(root: Path) -> None:
    seen: list[Path] = []

    def works(project: Project, shell: Shell) -> Outcome:
        (shell.work / "x").write_text("x")
        seen.append(shell.work)
        return Outcome.passed(1, "fine")

    judge(start(root), gate("x", works), {})
    assert seen
    assert not seen[0].exists()
