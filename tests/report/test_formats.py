"""No report says more than it was told to, whatever the text that it shows."""

from __future__ import annotations

import io
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.console import Console

from release.model import Finding, Outcome, Verdict
from release.report import html, markdown, terminal
from release.report.plan import remarks
from release.run.checklist import Report
from tests.test_model import evidence
from tests.text.test_escaping import FORBIDDEN, HOSTILE, Reader, tokens

TEXT = HOSTILE.map(lambda text: text or "x")


def report(text: str) -> Report:
    """A report that shows one text in every place that foreign text gets to."""
    finding = Finding(text, text, 3, text)
    gates = (
        evidence(gate="lint", outcome=Outcome.failed((finding, finding))),
        evidence(gate="audit", outcome=Outcome.unchecked(text, text)),
        evidence(gate="docker", outcome=Outcome.not_applicable(text)),
    )
    return Report(
        project=text,
        version=text,
        level=None,
        commit="c" * 40,
        tree="t" * 40,
        dirty=False,
        verdict=Verdict.BLOCKED,
        gates=gates,
        required={"lint": "always", "audit": "always", "docker": "always"},
        left_to_ci=(text,),
        titles={"lint": text},
        seconds=4.2,
        disturbed=(text, text),
    )


def shapes(text: str) -> list[str]:
    """What a Markdown report is made of, its text left aside."""
    inline = {"text", "text_special", "code_inline", "softbreak"}
    return [token.type for token in tokens(text) if token.type not in inline]


@settings(deadline=None, max_examples=25)
@given(TEXT)
@example("src/a\n# Ready\n\n<b>x</b> [all is well](https://x.example)\n.py")
def test_a_markdown_report_of_any_text_is_built_like_that_of_a_word(text: str) -> None:
    assert shapes(markdown.render(report(text))) == shapes(markdown.render(report("word")))


@pytest.mark.slow
@settings(deadline=None, max_examples=25)
@given(TEXT)
@example('<script>alert(1)</script>" onload="x')
def test_a_page_of_any_text_is_built_like_that_of_a_word(text: str) -> None:
    found, expected = Reader(), Reader()
    found.feed(html.render(report(text)))
    expected.feed(html.render(report("word")))
    assert found.elements == expected.elements
    assert not {unicodedata.category(c) for c in found.text if c not in "\n\t"} & FORBIDDEN


@settings(deadline=None, max_examples=25)
@given(TEXT, st.integers(20, 60))
@example("a" * 80 + "::error::forged", 40)
def test_a_terminal_gets_no_line_that_it_or_a_ci_job_obeys(text: str, width: int) -> None:
    out = Console(width=width, file=io.StringIO(), highlight=False, emoji=False, markup=False)
    terminal.show_report(report(text), out)
    for line in lines_of(out):
        assert not {unicodedata.category(c) for c in line} & FORBIDDEN
        assert not line.lstrip().startswith("::")
        assert "##[" not in line


def lines_of(out: Console) -> list[str]:
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue().split("\n")


def test_a_file_name_of_many_lines_forges_no_line_of_the_terminal() -> None:
    name = "a\nforged 1.2.3 at cccccccccccc: ready"
    out = Console(width=200, file=io.StringIO())
    terminal.show_report(report(name), out)
    assert not [line for line in lines_of(out) if line.lstrip().startswith("forged")]


def test_a_remark_is_one_line_and_one_for_its_remedy() -> None:
    found = list(remarks((Finding("a\nb", "c\nd", 1, "e\nf"),)))
    assert found == ["! c\\nd:1: a b", "  → e f"]
