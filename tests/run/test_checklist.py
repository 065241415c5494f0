"""The verdict, and what each report shows of it."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from release.model import (
    Artifact,
    Evidence,
    Finding,
    Judgement,
    Level,
    Outcome,
    Required,
    Status,
    Verdict,
)
from release.project import read_project
from release.registry import installed
from release.report import html, markdown, terminal
from release.report.causes import causes
from release.run.checklist import Report, judges, verdict
from tests.support import PYPROJECT, commit, git, write
from tests.test_model import evidence

OUTCOMES = {
    Status.PASSED: Outcome.passed(2, "fine"),
    Status.FAILED: Outcome.failed((Finding("is bad", "src/x.py", 3, "fix it"),)),
    Status.UNCHECKED: Outcome.unchecked("no network", "connect"),
    Status.NOT_APPLICABLE: Outcome.not_applicable("no Dockerfile"),
}


def found(name: str, status: Status, **changes: Any) -> Evidence:
    return evidence(gate=name, outcome=OUTCOMES[status], **changes)


@pytest.mark.parametrize(
    ("status", "required", "in_ci", "expected", "left"),
    [
        (Status.PASSED, "always", False, Verdict.READY, ()),
        (Status.NOT_APPLICABLE, "always", True, Verdict.READY, ()),
        (Status.FAILED, "always", False, Verdict.BLOCKED, ()),
        (Status.UNCHECKED, "always", False, Verdict.INCOMPLETE, ()),
        (Status.UNCHECKED, "ci", False, Verdict.READY, ("x",)),
        (Status.UNCHECKED, "ci", True, Verdict.INCOMPLETE, ()),
        (Status.FAILED, "ci", False, Verdict.BLOCKED, ()),
        (Status.FAILED, "ci", True, Verdict.BLOCKED, ()),
        (Status.FAILED, "never", True, Verdict.READY, ()),
        (Status.UNCHECKED, "never", True, Verdict.READY, ()),
    ],
)
def test_one_gate_decides_the_verdict_by_when_it_is_required(
    status: Status, required: Required, in_ci: bool, expected: Verdict, left: tuple[str, ...]
) -> None:
    gates = [found("fine", Status.PASSED), found("x", status)]
    assert verdict(gates, {"fine": "always", "x": required}, in_ci) == (expected, left)


def test_a_failure_outweighs_what_could_not_be_checked() -> None:
    gates = [found("a", Status.UNCHECKED), found("b", Status.FAILED)]
    assert verdict(gates, {"a": "always", "b": "always"}, False)[0] is Verdict.BLOCKED


def report(**changes: Any) -> Report:
    gates = (
        found("tree", Status.PASSED, reused=True),
        found("lint", Status.FAILED),
        found("audit", Status.UNCHECKED),
        found("docker", Status.NOT_APPLICABLE),
    )
    values: dict[str, Any] = {
        "project": "small-thing",
        "version": "1.2.3",
        "level": Level.MINOR,
        "commit": "c" * 40,
        "tree": "t" * 40,
        "dirty": False,
        "verdict": Verdict.BLOCKED,
        "gates": gates,
        "required": {"tree": "always", "lint": "always", "audit": "ci", "docker": "ci"},
        "left_to_ci": ("audit",),
        "titles": {},
        "seconds": 4.2,
    }
    return Report(**values | changes)


def shown(item: Report, width: int = 100) -> str:
    out = Console(width=width, force_terminal=False, file=io.StringIO())
    terminal.show_report(item, out)
    return out.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_the_json_report_has_the_documented_fields() -> None:
    artifact = Artifact("dist/x-1.whl", 5, "ab")
    built = evidence(outcome=Outcome.passed(1, "fine", artifacts=(artifact,)))
    data = json.loads(
        json.dumps(
            report(
                gates=(built, *report().gates), required={"build": "always", **report().required}
            ).as_json()
        )
    )
    assert {k: data[k] for k in ("schema", "project", "version", "level", "dirty", "verdict")} == {
        "schema": 1, "project": "small-thing", "version": "1.2.3", "level": "minor",
        "dirty": False, "verdict": "blocked",
    }  # fmt: skip
    assert data["left_to_ci"] == ["audit"]
    assert data["artifacts"] == [{"name": "x-1.whl", "size": 5, "sha256": "ab"}]
    gate = next(item for item in data["gates"] if item["name"] == "lint")
    assert gate["status"] == "failed"
    assert gate["findings"] == [
        {"message": "is bad", "path": "src/x.py", "line": 3, "remedy": "fix it", "advice": False}
    ]
    assert {"summary", "checked", "seconds", "reused", "tools", "log"} <= gate.keys()


def test_the_terminal_shows_every_gate_finding_remedy_log_and_the_verdict() -> None:
    text = " ".join(shown(report()).split())
    for part in ("✓ tree", "✗ lint", "? audit", "– docker", "src/x.py:3: is bad", "→ fix it",
                 ".release/logs/build.log", "→ connect", "reused"):  # fmt: skip
        assert part in text, part
    last = shown(report()).strip().splitlines()[-1]
    counts = "blocked; 1 failed, 1 to check"
    assert last.startswith(f"small-thing 1.2.3 at cccccccccccc: {counts} (left to CI: audit)")
    assert shown(report()).strip().splitlines()[0] == counts


def test_the_terminal_says_when_the_tree_has_changes() -> None:
    assert "with uncommitted changes: blocked" in shown(report(dirty=True))


def test_the_terminal_names_files_that_moved_while_gates_ran() -> None:
    text = " ".join(shown(report(moved=tuple(f"file{n}" for n in range(8)))).split())
    assert "file0, file1, file2, file3, file4 and 3 more" in text
    assert "tool.release.by-products" in text


def test_the_terminal_shortens_a_long_list_of_findings_and_says_where_the_rest_is() -> None:
    many = Outcome.failed(tuple(Finding(f"finding {n}") for n in range(50)))
    text = shown(report(gates=(evidence(gate="lint", outcome=many),)))
    assert "finding 19" in text
    assert "finding 20" not in text
    assert "and 30 more in .release/evidence/lint.json" in text


def test_markup_in_a_message_is_shown_and_not_obeyed() -> None:
    outcome = Outcome.failed((Finding("[red]boo[/red] [link=x]y[/link]"),))
    assert "[red]boo[/red]" in shown(report(gates=(evidence(gate="lint", outcome=outcome),)))


def test_markdown_shows_every_gate_and_finding() -> None:
    text = markdown.render(report())
    assert text.startswith("## ❌ small-thing 1.2.3: blocked; 1 failed, 1 to check\n")
    assert "| ✅ | tree | fine | 2 | reused |" in text
    assert "- `src/x.py:3` is bad\n  → fix it" in text
    assert "Left to CI: audit." in text


def test_the_page_shows_every_gate_and_finding() -> None:
    text = html.render(report())
    for part in ("tree", "lint", "audit", "docker", "src/x.py:3", "fix it", "<dd>audit</dd>"):
        assert part in text
    assert "://" not in text


def test_the_page_cannot_be_broken_by_what_tools_say() -> None:
    message = '<script>alert(1)</script> {{ report.commit }} " onload=x'
    outcome = Outcome.failed((Finding(message, "<img src=x>"),))
    text = html.render(report(gates=(evidence(gate="lint", outcome=outcome),), project="<b>"))
    assert "<script" not in text
    assert "<img" not in text
    assert "<b>" not in text
    assert "{{ report.commit }}" in text


def test_markdown_cannot_be_broken_by_what_tools_say() -> None:
    message = "a | b\n# title <script>x</script> `code` [link](x) &amp;"
    outcome = Outcome.failed((Finding(message, "a`b|c.py"),))
    text = markdown.render(report(gates=(evidence(gate="lint", outcome=outcome),)))
    assert "<script>" not in text
    assert "\n# title" not in text
    rows = [line for line in text.splitlines() if line.startswith("| ❌")]
    assert len(rows) == 1
    assert rows[0].replace("\\|", "").count("|") == 6


UNUSED = tuple(
    Finding(f"F401: `m{n}` is not used", f"src/m{n}.py", n + 1, "remove it") for n in range(246)
)


@pytest.mark.parametrize("render", [lambda item: shown(item, 300), markdown.render, html.render])
def test_suggestions_come_after_what_blocks_and_a_rule_is_said_once(
    render: Callable[[Report], str],
) -> None:
    advice = Outcome.passed(9, "fine", remarks=(*UNUSED, Finding("odd", "a.py", 2, "tidy it")))
    noted = Judgement(1, notes=(Finding("accepted: why"),)).settle("fine")
    gates = (
        evidence(gate="style", outcome=advice),
        evidence(gate="kept", outcome=noted),
        *report().gates,
    )
    text = render(report(gates=gates, judges="judges 1.2.3, which no tag marks as released"))
    assert "blocked; 1 failed, 1 to check, 247 suggestions" in text
    assert text.count("is not used") == 1
    for part in ("(and 245 more)", "src/m0.py:1", "src/m4.py:5", "a.py:2", "remove it", "tidy it"):
        assert part in text.replace("\\", ""), part
    assert text.index("is bad") < text.index("connect") < text.index("is not used")


def test_a_few_findings_of_a_rule_with_different_words_are_each_told() -> None:
    few = [Finding(f"tags: {n}", "a.yml", n) for n in range(3)]
    assert [(cause.message, cause.places) for cause in causes(few)] == [
        (f"tags: {n}", (f"a.yml:{n}",)) for n in range(3)
    ]
    same = [Finding("said twice", "a.yml", n) for n in range(2)]
    assert [(c.message, c.places) for c in causes(same)] == [
        ("said twice (and 1 more)", ("a.yml:0", "a.yml:1"))
    ]


@pytest.mark.parametrize(
    ("version", "tags", "level", "said"),
    [
        ("1.2.3", [], None, "judges 1.2.3, which no tag marks as released"),
        ("1.2.3", ["v1.2.2"], None, "judges 1.2.3, which was never released"),
        ("1.2.3", ["v1.2.3"], None, ("1.2.3 is released; this is what comes after it: `-- patch`"
         " (1.2.4), `-- minor` (1.3.0)")),
        ("1.2.3", ["v1.2.3"], Level.MINOR, "judges 1.3.0, as a minor release"),
        ("1.3.0.dev0", ["v1.2.3"], None, "judges 1.3.0, which is to come of 1.3.0.dev0"),
    ],
)  # fmt: skip
def test_the_first_line_says_which_release_is_judged(
    project: Path, version: str, tags: list[str], level: Level | None, said: str
) -> None:
    for name in tags:
        git(project, "tag", "--annotate", "--message", name, name)
    write(project, {"pyproject.toml": PYPROJECT.replace("1.2.3", version), "more.txt": "x"})
    commit(project)
    assert judges(read_project(project), level) == said


def test_at_its_tag_a_release_is_the_one_that_is_judged(project: Path) -> None:
    git(project, "tag", "--annotate", "--message", "x", "v1.2.3")
    assert judges(read_project(project), None) == "judges 1.2.3, which is tagged on this commit"


def test_a_release_whose_commit_was_merged_under_another_name_is_released(project: Path) -> None:
    git(project, "checkout", "-q", "-b", "prepare")
    for text in "xy":
        write(project, {"more.txt": text})
        commit(project)
    git(project, "tag", "--annotate", "--message", "x", "v1.2.3")
    git(project, "checkout", "-q", "-")
    assert judges(read_project(project), None) == "judges 1.2.3, which was never released"
    git(project, "merge", "-q", "--squash", "prepare")
    commit(project)
    write(project, {"more.txt": "z"})
    commit(project)
    assert judges(read_project(project), None).startswith("1.2.3 is released")
    assert read_project(project).after_release


@pytest.mark.parametrize("name", installed())
def test_every_gate_says_what_blocks_and_why(name: str) -> None:
    text = import_module(f"release.gates.{name}").__doc__ or ""
    assert re.search(r"\b[Bb]locks\b", text)
    assert re.search(r"\b(promises?|certain|harms?)\b", text)
