"""The line by which a rendered file is known, and whether it is as it was rendered.

It holds a digest of everything else in the file. Whoever edits the file leaves a digest that does
not fit, so that no record beside the file is needed, which could be wrong about it.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from packaging.version import Version

MARK = "Written by nox-release from [tool.release]:"
STAMP = re.compile(rf"{re.escape(MARK)} .*? \(([0-9a-f]{{16}})\)")
# Dependency bots move these alone.
PINNED = re.compile(r"(?m)^(\s*(?:- )?uses: [\w./-]+)@[0-9a-f]{40}(?:[ \t]+#[^\n]*)?$")
VERSIONED = re.compile(r"uses: ([\w./-]+)(@[0-9a-f]{40}[ \t]+# v(\d+(?:\.\d+)*))$", re.M)


def stamped(path: str, text: str, command: str) -> str:
    """A file's text with the line that tells where it comes from, and what writes it anew."""
    line = f"{MARK} change that, and run: {command} ({_digest(text)})"
    if path.endswith(".md"):
        return f"<!-- {line} -->\n\n{text}"
    if text.startswith("#!"):
        first, _, rest = text.partition("\n")
        return f"{first}\n# {line}\n{rest}"
    return f"# {line}\n{text}"


def is_ours(path: Path) -> bool:
    """Whether a file was rendered once, edited since or not."""
    try:
        return not path.is_symlink() and bool(STAMP.search(path.read_text(encoding="utf-8")[:1000]))
    except (OSError, UnicodeDecodeError):
        return False


def is_untouched(path: str, text: str) -> bool:
    """Whether a file holds what was rendered once, but for the pins of its actions."""
    found = STAMP.search(text[:1000])
    if found is None:
        return False
    lines = text.split("\n")
    place = next(n for n, line in enumerate(lines) if STAMP.search(line))
    rest = "\n".join([*lines[:place], *lines[place + 1 :]])
    return found[1] == _digest(rest.removeprefix("\n") if path.endswith(".md") else rest)


def without_pins(text: str) -> str:
    """A workflow's text in which no action has a version."""
    return PINNED.sub(r"\1", text)


def with_newer_pins(text: str, there: str) -> str:
    """A workflow's text with each pin that is newer in what is there, by its comment."""
    newest = {action: (Version(said), pin) for action, pin, said in VERSIONED.findall(there)}

    def choose(match: re.Match[str]) -> str:
        version, pin = newest.get(match[1], (Version("0"), ""))
        return f"uses: {match[1]}{pin}" if version > Version(match[3]) else match[0]

    return VERSIONED.sub(choose, text)


def _digest(text: str) -> str:
    return hashlib.sha256(without_pins(text).encode()).hexdigest()[:16]
