"""Matches paths part by part: `*`, `?` and `[…]` stay within one, `**` spans any number."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase


def ends(parts: Sequence[str], glob: Sequence[str]) -> set[int]:
    """How many of a path's parts, from the first, the parts of a glob can match; empty for none.

    `**` in the last place stands for one part.
    """
    places = {0}
    for left, part in zip(range(len(glob) - 1, -1, -1), glob, strict=True):
        if part == "**" and left:
            places = set(range(min(places, default=len(parts) + 1), len(parts) + 1))
        else:
            places = {n + 1 for n in places if n < len(parts) and fnmatchcase(parts[n], part)}
    return places
