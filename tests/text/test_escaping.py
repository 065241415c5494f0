"""Foreign text is shown as it is in every format, and obeyed in none."""

from __future__ import annotations

import unicodedata
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from release.text.escaping import code, html, markdown, name, sentence, terminal, visible

PARTS = (
    *("\n# title", "\n===", "- ", "1. ", "> ", "```", "~~~", "    ", "| a |", "---", "[x](y)"),
    *("![x](y)", "[x]: y", "<b>", "<!--", "</code>", "<img src=x onerror=y>", "&lt;", "&#64;"),
    *("@user", "a@b.example", "https://x.example/y", "www.x.example", "#12", "GH-3", "<x:y>"),
    *("`", "``", "\\", "*a*", "__b__", "~~c~~", "$x$", '" onload="', "'", "{{ x }}"),
    *("\u202e", "\u2066", "\u2028", "\u2029", "\u200b", "\ufeff", "\x1b[2J", "\x1b]0;x\x07"),
    *("\x9b2J", "\x85", "\r", "\t", "\udc80", "\U000e0041", "::error::x", "##[group]", " "),
)
HOSTILE = st.lists(st.sampled_from(PARTS) | st.text(max_size=6), max_size=8).map("".join)
FORBIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
QUIET = {"paragraph_open", "paragraph_close", "inline", "text", "text_special", "code_inline"}
BLOCKS = {
    *("heading_open", "heading_close", "bullet_list_open", "bullet_list_close"),
    *("list_item_open", "list_item_close", "table_open", "table_close", "thead_open"),
    *("thead_close", "tbody_open", "tbody_close", "tr_open", "tr_close", "th_open", "th_close"),
    *("td_open", "td_close"),
}
TEMPLATE = "## A {0}\n\n- {0}\n  → {0}\n\n| a | b |\n|---|---|\n| {0} | {0} |\n\nLast {0}\n"


def tokens(text: str) -> list[Token]:
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    return [part for token in parser.parse(text) for part in (token, *(token.children or ()))]


def read(text: str) -> str:
    """What a reader of the Markdown sees."""
    return "".join(token.content for token in tokens(text) if not token.children)


@given(HOSTILE)
def test_no_format_lets_anything_through_that_cannot_be_seen(text: str) -> None:
    for shown in (visible(text), terminal(text), sentence(text), name(text), markdown(text),
                  code(text), str(html(text))):  # fmt: skip
        assert not {unicodedata.category(c) for c in shown if c not in "\n\t"} & FORBIDDEN


@given(HOSTILE)
def test_escaping_what_was_escaped_changes_nothing(text: str) -> None:
    for escape in (visible, name, sentence, terminal):
        assert escape(escape(text)) == escape(text)


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=30))
def test_what_can_be_seen_stays_as_it_is(text: str) -> None:
    assert visible(text) == text == name(text)


@given(HOSTILE)
@example("- a\n# b")
@example("1. a")
@example("=\n=")
def test_markdown_reads_as_text_in_every_place_of_a_report(text: str) -> None:
    for escaped in (markdown(text), code(text)):
        found = tokens(TEMPLATE.format(escaped))
        assert {token.type for token in found} <= QUIET | BLOCKS | {"softbreak"}
        kinds = [token.type for token in found]
        assert kinds.count("heading_open") == kinds.count("bullet_list_open") == 1
        assert kinds.count("td_open") == 2


@given(HOSTILE)
def test_markdown_shows_the_very_text(text: str) -> None:
    plain = sentence(text)
    assert read(f"x {markdown(text)} x").split() == f"x {plain} x".split()
    assert read(f"x{code(text)}x").strip() == f"x{name(text)}x"


LINKED = ("@org/team", "me@example.invalid", "see #12", "owner/name#3", "https://example.invalid")


@pytest.mark.parametrize("text", [*LINKED, "www.example.invalid", "GH-4"])
def test_what_github_links_by_itself_is_code(text: str) -> None:
    linked = [token.content for token in tokens(markdown(text)) if token.type == "code_inline"]
    assert linked == [text.split()[-1]]


class Reader(HTMLParser):
    """Notes elements and attributes, and what a reader sees."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.elements.append(("comment", [(data, None)]))

    def handle_decl(self, decl: str) -> None:
        self.elements.append(("declaration", [(decl, None)]))

    def handle_pi(self, data: str) -> None:
        self.elements.append(("instruction", [(data, None)]))


@given(HOSTILE)
def test_html_reads_as_text_and_as_the_value_of_an_attribute(text: str) -> None:
    reader = Reader()
    reader.feed(f'<p title="{html(text)}">{html(text)}</p>')
    reader.close()
    assert reader.elements == [("p", [("title", visible(text))])]
    assert reader.text == visible(text)


@given(HOSTILE)
@example("::stop-commands::x")
@example("a\n  ::error::x")
@example("a ##vso[task.setvariable variable=x]y")
def test_no_line_is_a_command_to_the_runner_of_a_ci_job(text: str) -> None:
    for line in terminal(text).split("\n"):
        assert not line.lstrip().startswith("::")
        assert "##[" not in line
        assert "##vso[" not in line


def test_names_that_differ_are_shown_as_different_ones() -> None:
    assert (
        len({name(text) for text in ("a\x07", "a", "a\u200b", "a\x1b[0m", "a\n", "a\t", "a ")}) == 7
    )
