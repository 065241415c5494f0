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

    Each line keeps its own; new ones get those of the lines that they stand for. Raises
    MixedLineEnds when these differ.
    """
    mark = BYTE_ORDER_MARK if before.startswith(BYTE_ORDER_MARK) else ""
    if "\r" not in before:
        return mark + after
    ends = LINE_END.findall(before)
    old, new = plain(before).split("\n"), after.split("\n")
    if len(old) != len(new):
        ends = _ends(old, new, ends)
    pairs = zip(new, [*ends, ""], strict=True)
    return mark + "".join(line + end for line, end in pairs)


def _ends(old: list[str], new: list[str], ends: list[str]) -> list[str]:
    """The line ends of `new`: those of the lines that both begin and end with, and one kind."""
    shorter = min(len(old), len(new)) - 1
    first = 0
    while first < shorter and old[first] == new[first]:
        first += 1
    last = 0
    while last < shorter - first and old[-1 - last] == new[-1 - last]:
        last += 1
    until = len(ends) - last
    kinds = set(ends[first:until] or ends[max(0, first - 1) : first] or ends[:1])
    more = len(new) - 1 - first - last
    if more and len(kinds) > 1:
        raise MixedLineEnds
    return [*ends[:first], *[*kinds][:1] * more, *ends[until:]]


def replaced(text: str, edits: Iterable[tuple[int, int, str]]) -> str:
    """The text with other words in spans, none of which overlap."""
    parts = []
    place = 0
    for start, end, new in sorted(edits):
        parts += [text[place:start], new]
        place = end
    return "".join([*parts, text[place:]])
