"""Where the blocks of a Markdown text are, as CommonMark (markdown-it-py) sees them.

Changelogs, registers and policies are edited in place, so blocks come as spans of the text as it
was decoded, with a byte order mark and all line ends.
"""

from __future__ import annotations

import functools
import itertools
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from release.text.edits import BYTE_ORDER_MARK

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_CODE = re.compile(r"<(pre|script|style|textarea)(?=[\s>])", re.I)
_FRONT_MATTER = re.compile(r"\ufeff?---[ \t]*\r?\n(?=[A-Za-z_-]+:)(?:.*\n)*?---[ \t]*(?:\r?\n|\Z)")
_DELIMITER = re.compile(r":?-+:?")
_PIPE = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True, slots=True)
class Block:
    """A heading outside of lists and quotes, code or a comment; `start` and `end` are whole lines.

    `kind` is "heading", "code" or "comment". `mark` is what marks a heading (# signs, = or -) or a
    fence. Code and comments that reach the end of the text without being `closed` say so.
    """

    kind: str
    start: int
    end: int
    mark: str
    level: int = 0
    title: str = ""
    closed: bool = True


@functools.cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    # It tells of every rule that it tries, and nox shows what libraries tell.
    logging.getLogger("markdown_it").setLevel(logging.WARNING)
    parser = MarkdownIt("commonmark")
    # What stands inside a line is nobody's concern here, and would take most of the time.
    parser.core.ruler.enableOnly(["normalize", "block"])
    return parser


@functools.lru_cache(maxsize=4)
def blocks(text: str) -> tuple[Block, ...]:
    """The headings, code and comments of a text in their order. Front matter holds none."""
    front = _FRONT_MATTER.match(text)
    begin = front.end() if front else text.startswith(BYTE_ORDER_MARK)
    body = text[begin:]
    starts = [begin, *(begin + match.end() for match in re.finditer(r"\r\n?|\n", body)), len(text)]
    tokens = _parser().parse(body)
    found = []
    for number, token in enumerate(tokens):
        if token.map is None:
            continue
        span = starts[token.map[0]], starts[min(token.map[1], len(starts) - 1)]
        said = text[slice(*span)]
        if token.type == "heading_open" and token.level == 0:
            level, title = int(token.tag[1:]), tokens[number + 1].content
            found.append(Block("heading", *span, token.markup, level, title))
        elif token.type == "fence":
            last = said.rstrip().rpartition("\n")[2].strip()
            open_ = span[1] == len(text) and not token.level and set(last) != {token.markup[0]}
            found.append(Block("code", *span, token.markup, closed=not open_))
        elif token.type == "html_block" and said.lstrip().startswith("<!--"):
            found.append(Block("comment", *span, "<!--", closed="-->" in said))
        elif token.type == "html_block" and (tag := _CODE.match(said.lstrip())):
            closed = f"</{tag[1]}>".casefold() in said.casefold()
            found.append(Block("code", *span, tag[0], closed=closed))
    return tuple(found)


def visible(text: str) -> Iterator[tuple[int, int, str]]:
    """The lines outside of code and comments: number (from 1), where it starts, and its text."""
    hidden = [block for block in blocks(text) if block.kind != "heading"][::-1]
    start = 0
    for number, line in enumerate(text.split("\n"), 1):
        while hidden and hidden[-1].end <= start:
            hidden.pop()
        if not hidden or start < hidden[-1].start:
            yield number, start, line.removesuffix("\r")
        start += len(line) + 1


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table: its text, where that begins, and the cell's span with its spaces."""

    text: str
    begins: int
    start: int
    end: int


def cells(line: str, start: int = 0) -> tuple[Cell, ...]:
    """The cells of a row of a table (GitHub Flavored Markdown 0.29); none where it is not one."""
    if "|" not in line or line.startswith(("    ", "\t")):
        return ()
    bounds = [-1, *(match.start() for match in _PIPE.finditer(line)), len(line)]
    if not line[: bounds[1]].strip():
        del bounds[0]
    if len(bounds) > 2 and not line[bounds[-2] + 1 :].strip():
        del bounds[-1]
    found = []
    for left, right in itertools.pairwise(bounds):
        raw = line[left + 1 : right]
        begins = start + left + 1 + len(raw) - len(raw.lstrip())
        found.append(Cell(raw.strip(), begins, start + left + 1, start + right))
    return tuple(found)


def delimits(row: tuple[Cell, ...], above: tuple[Cell, ...]) -> bool:
    """Whether a row is that of dashes below the header of a table."""
    return 0 < len(row) == len(above) and all(_DELIMITER.fullmatch(cell.text) for cell in row)
