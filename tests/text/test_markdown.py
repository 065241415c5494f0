"""Where the blocks of a Markdown text are, and what stands in its tables."""

from __future__ import annotations

import logging

import pytest

from release.text.markdown import blocks, cells, delimits, visible


def kinds(text: str) -> list[tuple[str, str]]:
    return [(block.kind, text[block.start : block.end]) for block in blocks(text)]


def test_blocks_are_whole_lines_of_the_text_as_it_was_decoded() -> None:
    text = "\ufeff# One\r\n\r\n<!-- two\r\n\r\n-->\r\nThree\r\n=====\r\n```\r\n# four\r\n```"
    assert kinds(text) == [
        ("heading", "# One\r\n"),
        ("comment", "<!-- two\r\n\r\n-->\r\n"),
        ("heading", "Three\r\n=====\r\n"),
        ("code", "```\r\n# four\r\n```"),
    ]


def test_front_matter_holds_no_heading() -> None:
    assert kinds("---\ntitle: x\n---\n# One\n") == [("heading", "# One\n")]
    assert blocks("") == ()


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        ("```\nx", False),
        ("```\nx\n```", True),
        ("<!-- x", False),
        ("<!-- x -->", True),
        ("<pre>\nx", False),
        ("- ```\n  x\n", True),
    ],
)
def test_what_is_never_closed_says_so(text: str, closed: bool) -> None:
    assert [block.closed for block in blocks(text)] == [closed]


def test_lines_in_code_and_comments_are_not_visible() -> None:
    text = "a\n```\nb\n```\nc\n\n<!--\nd\n-->\ne"
    assert [(number, line) for number, _, line in visible(text)] == [
        (1, "a"),
        (5, "c"),
        (6, ""),
        (10, "e"),
    ]
    assert all(text.startswith(line, start) for _, start, line in visible(text))


def test_rows_of_tables_are_split_at_bars_that_are_not_escaped() -> None:
    row = cells(r"| a \| b |  c |", 10)
    assert [(cell.text, cell.begins) for cell in row] == [(r"a \| b", 12), ("c", 22)]
    assert cells("no table") == cells("    | code |") == ()
    assert delimits(cells("|:--|--:|"), row)
    assert not delimits(cells("|---|"), row)


def test_the_parser_tells_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        blocks("# A heading that no other test reads\n")
    assert caplog.records == []
