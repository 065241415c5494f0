"""Annotations of a CI job, read back as its runner reads them."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given

from release.model import Evidence, Finding, Outcome
from release.report import github
from tests.report.test_formats import TEXT, report
from tests.test_model import evidence

COMMAND = re.compile(r"::(?P<kind>[a-z]+) (?P<properties>[^:]*)::(?P<message>.*)")


def read(line: str) -> tuple[str, dict[str, str], str]:
    """A command's kind, properties and message, undone as the runner does it."""
    match = COMMAND.fullmatch(line)
    assert match, line
    pairs = (pair.partition("=") for pair in match["properties"].split(","))
    properties = {name: undone(value) for name, _, value in pairs}
    return match["kind"], properties, undone(match["message"])


def undone(text: str) -> str:
    for code, character in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n")):
        text = text.replace(code, character)
    return text.replace("%25", "%")


def commands(*gates: Evidence, **required: str) -> list[tuple[str, dict[str, str], str]]:
    asked = {gate.gate: "always" for gate in gates} | required
    text = github.render(replace(report("x"), gates=gates, required=asked))  # type: ignore[arg-type]
    return [read(line) for line in text.splitlines()]


def test_a_finding_is_shown_on_its_line_with_what_to_do() -> None:
    finding = Finding("100 % bad: a,b\nmore", "src/a,b:c.py", 7, "fix it")
    (found,) = commands(evidence(gate="lint", outcome=Outcome.failed((finding,))))
    assert found == (
        "error",
        {"file": "src/a,b:c.py", "line": "7", "title": "lint"},
        "100 % bad: a,b\nmore\nfix it",
    )


def test_each_kind_of_finding_has_its_own_kind_of_annotation() -> None:
    bad, advice = Finding("bad"), Finding("nice to have", advice=True)
    found = commands(
        evidence(gate="lint", outcome=Outcome.failed((bad, advice))),
        evidence(gate="audit", outcome=Outcome.unchecked("no network", "connect it")),
        evidence(gate="docker", outcome=Outcome.failed((bad,))),
        docker="never",
    )
    assert [(kind, about["title"]) for kind, about, _ in found] == [
        ("error", "lint"),
        ("notice", "lint"),
        ("notice", "docker"),
        ("warning", "audit"),
    ]


@pytest.mark.parametrize(("number", "shown"), [(10, 10), (11, 10), (500, 10)])
def test_no_more_are_written_than_are_kept_and_the_rest_is_said(number: int, shown: int) -> None:
    findings = tuple(Finding(f"bad {n}") for n in range(number))
    found = commands(evidence(gate="lint", outcome=Outcome.failed(findings)))
    assert len(found) == shown
    assert ("and" in found[-1][2]) == (number > shown)
    assert number == shown or f"and {number - 9} more" in found[-1][2]


@given(TEXT)
def test_no_text_becomes_a_command_of_its_own(text: str) -> None:
    word, found = (github.render(report(one)).splitlines() for one in ("word", text))
    assert len(found) == len(word)
    for line, plain in zip(found, word, strict=True):
        kind, properties, _ = read(line)
        assert (kind, list(properties)) == (read(plain)[0], list(read(plain)[1]))


def test_a_path_is_told_from_the_top_of_the_repository() -> None:
    finding = Finding("bad", "a.py", 1)
    asked = replace(
        report("x"),
        gates=(evidence(gate="lint", outcome=Outcome.failed((finding,))),),
    )
    assert "file=packages/one/a.py," in github.render(asked, lambda path: f"packages/one/{path}")


def test_a_summary_that_is_too_long_is_cut_at_a_line_and_says_so() -> None:
    assert github.summary("short\n") == "short\n"
    cut = github.summary("é" * 30 + "\n" + ("x" * 99 + "\n") * 20_000)
    assert len(cut.encode()) <= github.LARGEST + 100
    assert cut.endswith("x\n\nThe rest is in the report.\n")
