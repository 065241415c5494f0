"""Reads a Dockerfile: its instructions, and which build arguments fill its labels.

Grammar: https://docs.docker.com/reference/dockerfile/
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

VARIABLE = re.compile(r"\$(?:\{(?P<braced>\w+)[^}]*\}|(?P<bare>\w+))")
HEREDOC = re.compile(r"<<(?P<dash>-?)(?P<quote>[\"']?)(?P<word>[A-Za-z_]\w*)(?P=quote)")
ESCAPE = re.compile(r"#\s*escape\s*=\s*(\S)\s*$", re.I)
DIRECTIVE = re.compile(r"#\s*\w+\s*=")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: keyword in upper case, the rest on one line, its first line (from 1)."""

    keyword: str
    rest: str
    line: int

    @property
    def pairs(self) -> dict[str, str]:
        """The keys and values of a LABEL, ENV or ARG, quotes removed and variables kept.

        An ARG without a default has the value "". Empty for text that cannot be split.
        """
        try:
            words = shlex.split(self.rest)
        except ValueError:
            return {}
        if self.keyword != "ARG" and words and "=" not in words[0]:
            return {words[0]: " ".join(words[1:])}
        pairs = (word.partition("=") for word in words)
        return {key: value for key, _, value in pairs}


def instructions(text: str) -> tuple[Instruction, ...]:
    """The instructions of a Dockerfile, in order; comments and here-documents are left out."""
    lines = text.splitlines()
    escape = _escape(lines)
    found: list[Instruction] = []
    parts: list[str] = []
    missing: set[tuple[str, str]] = set()
    number = start = 0
    while number < len(lines):
        line = lines[number].strip()
        number += 1
        if line and not line.startswith("#"):
            start = start if parts else number
            parts.append(line.removesuffix(escape).rstrip())
            if line.endswith(escape) and number < len(lines):
                continue
        elif not parts or number < len(lines):
            continue
        keyword, _, rest = " ".join(parts).partition(" ")
        parts = []
        found.append(Instruction(keyword.upper(), rest.strip(), start))
        if keyword.upper() in {"RUN", "COPY", "ADD"}:
            number = _after_heredocs(lines, number, rest, missing)
    return tuple(found)


def _escape(lines: Sequence[str]) -> str:
    """The character that continues a line: a backslash unless a directive at the top differs."""
    for line in lines:
        if match := ESCAPE.match(line.strip()):
            return match[1]
        if not DIRECTIVE.match(line.strip()):
            break
    return "\\"


def _after_heredocs(
    lines: Sequence[str], number: int, rest: str, missing: set[tuple[str, str]]
) -> int:
    """Where the here-documents of an instruction end; `missing` are ends that no line below is."""
    for match in HEREDOC.finditer(rest):
        wanted = (match["dash"], match["word"])
        if wanted in missing:
            continue
        for end in range(number, len(lines)):
            line = lines[end].lstrip("\t") if match["dash"] else lines[end]
            if line.rstrip("\r") == match["word"]:
                number = end + 1
                break
        else:
            missing.add(wanted)
    return number


def last(found: Sequence[Instruction], keyword: str) -> Instruction | None:
    """The last instruction of a kind."""
    return next((item for item in reversed(found) if item.keyword == keyword), None)


def label_line(found: Sequence[Instruction], label: str) -> int | None:
    """The line of the last LABEL that sets a label, None when none does."""
    for item in reversed(found):
        if item.keyword == "LABEL" and label in item.pairs:
            return item.line
    return None


def label_arguments(
    found: Sequence[Instruction], labels: Mapping[str, str], names: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    """The build arguments that give labels the values in `labels`.

    An argument is one when a LABEL takes its value from it, or when it has one of the usual `names`
    (by label) and no default. One that a FROM refers to is
    never among them: it chooses a base image.
    """
    declared: dict[str, str] = {}
    for item in found:
        if item.keyword == "ARG":
            declared |= {key: value or declared.get(key, "") for key, value in item.pairs.items()}
    chosen = {name for item in found if item.keyword == "FROM" for name in _variables(item.rest)}
    arguments = {
        name: value
        for label, value in labels.items()
        for name in names.get(label, ())
        if declared.get(name) == ""
    }
    for item in found:
        for label in item.pairs.keys() & labels.keys() if item.keyword == "LABEL" else ():
            source = list(_variables(item.pairs[label]))
            if len(source) == 1 and source[0] in declared:
                arguments[source[0]] = labels[label]
    return {name: value for name, value in arguments.items() if name not in chosen}


def _variables(text: str) -> Iterator[str]:
    for match in VARIABLE.finditer(text):
        yield match["braced"] or match["bare"]
