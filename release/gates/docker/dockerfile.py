"""Reads a Dockerfile: its instructions, and which build arguments fill its labels.

Grammar: https://docs.docker.com/reference/dockerfile/
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

VARIABLE = re.compile(r"\$(?:\{(?P<braced>\w+)[^}]*\}|(?P<bare>\w+))")
HEREDOC = re.compile(r"(?:^|\s)\d*<<-?([\"']?)([A-Za-z_]\w*)\1")


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

    @property
    def ends(self) -> list[str]:
        """The lines that end its here-documents."""
        takes = self.keyword in {"RUN", "COPY", "ADD"}
        return [end for _, end in HEREDOC.findall(self.rest)] if takes else []


def instructions(text: str) -> tuple[Instruction, ...]:
    """The instructions of a Dockerfile, in order; comments and here-documents are left out."""
    found: list[Instruction] = []
    parts: list[str] = []
    ends: list[str] = []
    start = 0
    lines = [line.strip() for line in text.rstrip().removesuffix("\\").splitlines()]
    last_place = {line: number for number, line in enumerate(lines, 1)}
    for number, line in enumerate(lines, 1):
        if ends:
            ends = ends[1:] if line == ends[0] else ends
        elif line and not line.startswith("#"):
            start = start if parts else number
            parts.append(line.removesuffix("\\").rstrip())
            if not line.endswith("\\"):
                keyword, _, rest = " ".join(parts).partition(" ")
                found.append(Instruction(keyword.upper(), rest.strip(), start))
                ends = [end for end in found[-1].ends if last_place.get(end, 0) > number]
                parts = []
    return tuple(found)


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
