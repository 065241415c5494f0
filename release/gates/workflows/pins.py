"""What commit each version of well-known actions is: the offline pin table."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).with_name("pins.toml")
VERSION = re.compile(
    r"(?:^|[\s=@/])(v?\d+(?:\.\d+){0,3}(?:[-.]?(?:a|b|rc|beta|alpha)\.?\d*)?)(?=$|[\s,;)])"
)

Table = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Pin:
    """What the table says of a pinned action.

    `known` says that the action is in the table; `version` is the one that the commit is, None for
    a commit that is not there; `wrong` that it is not the version of the comment.
    """

    known: bool
    version: str | None = None
    wrong: bool = False


@functools.cache
def table() -> Table:
    """The versions of each action (OWNER/NAME) with their full commits."""
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


def stated(comment: str) -> str | None:
    """The version in the comment behind a pin, None where it holds none."""
    match = VERSION.search(comment)
    return match[1] if match else None


def look_up(repository: str, commit: str, comment: str, pins: Table) -> Pin:
    """What the table `pins` says of an action at a commit, with the comment behind it.

    A comment may name fewer parts than the version has: `v8` is any version 8.
    """
    versions = pins.get(repository)
    if versions is None:
        return Pin(False)
    found = [version for version, pinned in versions.items() if pinned == commit]
    said = stated(comment)
    if said is None:
        return Pin(True, found[0] if found else None)
    wanted = said.removeprefix("v")
    if any(version == wanted or version.startswith(f"{wanted}.") for version in found):
        return Pin(True, found[0])
    wrong = bool(found) or wanted in versions
    return Pin(True, found[0] if found else None, wrong)
