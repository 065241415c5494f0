"""Takes the line ends and the byte order mark off a text that a tool is to edit, and back on."""

from __future__ import annotations

import re
from collections.abc import Iterable

BYTE_ORDER_MARK = "\ufeff"
LINE_END = re.compile(r"\r\n|\r|\n")


class MixedLineEnds(ValueError):
    """Lines came or went where a text has line ends of several kinds: which are theirs?"""


def plain(text: str) -> str:
    """The text with \\n at the end of each line, and without a byte order mark."""
    body = text.removeprefix(BYTE_ORDER_MARK)
    return body.replace("\r\n", "\n").replace("\r", "\n") if "\r" in body else body


def restored(before: str, after: str) -> str:
    """The plain text `after` with the mark and the line ends of `before`, which it was made from.

    Each line keeps its own. Raises MixedLineEnds where lines came or went and these differ.
    """
    mark = BYTE_ORDER_MARK if before.startswith(BYTE_ORDER_MARK) else ""
    if "\r" not in before:
        return mark + after
    ends = LINE_END.findall(before)
    lines = after.split("\n")
    if len(lines) != len(ends) + 1:
        if len({*ends}) > 1:
            raise MixedLineEnds
        ends = ends[:1] * (len(lines) - 1)
    pairs = zip(lines, [*ends, ""], strict=True)
    return mark + "".join(line + end for line, end in pairs)


def replaced(text: str, edits: Iterable[tuple[int, int, str]]) -> str:
    """The text with other words in spans, none of which overlap; at one place in their order."""
    parts = []
    place = 0
    for start, end, new in sorted(edits, key=lambda edit: edit[:2]):
        parts += [text[place:start], new]
        place = end
    return "".join([*parts, text[place:]])
