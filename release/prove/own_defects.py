"""Defects to plant for the commands of a project's own, of which nobody else knows what they judge.

What a project says in `broken` (tool.release.gates.NAME) is planted. Without it there are guesses:
a package that does not import, and each file of data that the commands are called with, emptied.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path, PurePosixPath

from release.project import Project
from release.run.planting import Copy, Defect, broken_import, git, harmless_comment, writable

# Commands that end well whatever there is, alone or as all that a shell is given.
GREEN = re.compile(r"(?:true|:|exit 0|echo\b[^;&|<>`$()]*)\s*")
SHELLS = frozenset({"sh", "bash", "dash", "zsh"})
# Kinds of files that say how to judge more often than what.
MEANS = frozenset(
    ("", ".py", ".sh", ".bash", ".js", ".ts", ".mk", ".toml", ".cfg", ".ini", ".conf", ".lock")
)
MOST_FILES = 3


def always_green(commands: Sequence[Sequence[str]]) -> bool:
    """Whether every one of a gate's commands ends well, be there whatever there is."""
    return bool(commands) and all(_is_green(words) for words in commands)


def _is_green(words: Sequence[str]) -> bool:
    program = PurePosixPath(words[0]).name
    if program in SHELLS and len(words) == 3 and words[1] == "-c":
        return bool(GREEN.fullmatch(words[2].strip()))
    return program in {"true", ":", "echo"}


def own_defects(commands: Sequence[Sequence[str]], project: Project) -> tuple[Defect, ...]:
    """What to try on the commands of a gate that the project adds; one of these is enough."""
    importing = Defect("a package that does not import", broken_import, control=harmless_comment)
    names = dict.fromkeys(name for words in commands for name in _data(words, project.root))
    emptied = [
        Defect(f"{name}, emptied", partial(_empty, name), control=partial(_lengthen, name))
        for name in [*names][:MOST_FILES]
    ]
    return (importing, *emptied)


def declared_defect(broken: Sequence[Sequence[str]], plant: Callable[[Copy], None]) -> Defect:
    """What the project itself says must make a gate fail; `plant` runs its commands."""
    told = "; ".join(" ".join(words) for words in broken)
    return Defect(f"what `broken` breaks ({told})", plant, control=harmless_commit)


def harmless_commit(copy: Copy) -> None:
    """A comment in the package, or a line in a text that git has."""
    if copy.project.package_path is not None:
        first = copy.project.package_path
        path = first if first.endswith(".py") else f"{first}/__init__.py"
        if (copy.root / path).is_file():
            harmless_comment(copy)
            return
    for name in git(copy.root, "ls-files", "-z", "--", "README*", "*.md", "*.txt").split("\0"):
        if name and (copy.root / name).is_file():
            _lengthen(name, copy)
            return


def _data(words: Sequence[str], root: Path) -> list[str]:
    """The files of data that a command is called with: no option's value, and no means."""
    found: list[str] = []
    for before, word in pairwise(words):
        path = PurePosixPath(word)
        optional = word.startswith("-") or (before.startswith("-") and "=" not in before)
        outside = path.is_absolute() or ".." in path.parts
        file = root / word
        if optional or outside or path.suffix.lower() in MEANS or not file.is_file():
            continue
        if not os.access(file, os.X_OK):
            found.append(path.as_posix())
    return found


def _empty(name: str, copy: Copy) -> None:
    writable(copy, name).write_bytes(b"")


def _lengthen(name: str, copy: Copy) -> None:
    with writable(copy, name).open("ab") as file:
        file.write(b"\n")
