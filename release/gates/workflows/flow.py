"""Which commands of a shell text run whatever happens, and end it where they fail.

A check that may fail unnoticed is none: one behind `||` or before `&&`, in a condition, in a pipe,
in the background, after `set +e`, a trap or an early exit. What a function does, and what a list
in brackets does that is part of a larger list, is never relied on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from release.text import shell
from release.text.shell import Pipeline, Statement

ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=")
FAILS = re.compile(r"[1-9]\d{0,2}")
SOFT_EXIT = re.compile(r"\b(?:exit|return|exec)\b(?!\s+[1-9])")
# Commands after which an `&&` is no condition.
PLAIN = frozenset(["cd", "pushd", "echo", "printf", "export", "mkdir", "umask", "set"])


@dataclass(frozen=True, slots=True)
class Run:
    """A simple command of a text, in the order in which they run.

    `fatal` says that the text fails where the command fails; `refuses` that it fails where the
    command succeeds. `piped` says that it stands behind a pipe, `given` is the text that is its
    input. The words of a loop are told as a command `for` or `while`.
    """

    words: tuple[str, ...]
    line: int
    fatal: bool = False
    refuses: bool = False
    piped: bool = False
    given: str = ""


def errexit_of(shell: str) -> tuple[bool, bool] | None:
    """Whether the `shell` of a step ends at failures, also at those in a pipe; None for no shell.

    Without one, GitHub runs `bash -e`; for `bash` alone, with pipefail, too.
    """
    name, *options = shell.split() or ("sh",)
    name = name.rpartition("/")[2]
    if name not in ("bash", "sh", "dash", "zsh", "ksh"):
        return None
    return _switched(options, (False, False)) if options else (True, name == "bash")


def runs(script: str, line: int, *, errexit: bool, pipefail: bool) -> list[Run]:
    """The commands of a text whose first line is `line`; none for one that cannot be read."""
    walk = _Walk((errexit, pipefail), line - 1)
    walk.listed(shell.read(script).statements, _Place())
    return walk.found


@dataclass(frozen=True, slots=True)
class _Place:
    """Where commands stand: `sure` to run, and what their end means."""

    sure: bool = True
    fatal: bool = False
    refuses: bool = False


@dataclass(slots=True)
class _Walk:
    # Whether the text ends at failures, and at those in a pipe.
    ends: tuple[bool, bool]
    before: int
    found: list[Run] = field(default_factory=list)
    # Functions that end the text with a failure, and those that may end it without one.
    failing: set[str] = field(default_factory=set)
    soft: set[str] = field(default_factory=set)
    # Nothing that follows is sure to run, or to be fatal.
    lost: bool = False

    def listed(self, statements: Sequence[Statement], place: _Place) -> None:
        for statement in statements:
            self.statement(statement, place)

    def statement(self, statement: Statement, place: _Place) -> None:
        sure = place.sure and not statement.background
        for number, (operator, pipeline) in enumerate(statement.items):
            sure = sure and operator != "||"
            follows = statement.items[number + 1 : number + 2]
            fatal, refuses = self.ends[0] and not pipeline.negated, False
            for then, other in follows:
                exits = self.exits(other)
                fatal, refuses = exits and then == "||", exits and then == "&&"
            alone = len(statement.items) == 1 and not pipeline.negated
            self.pipeline(pipeline, _Place(sure, fatal, refuses), alone=alone)
            sure = sure and _is_plain(pipeline)

    def pipeline(self, pipeline: Pipeline, place: _Place, *, alone: bool = False) -> None:
        """`alone` says that -e holds in what a group runs."""
        if pipeline.negated:
            place = replace(place, fatal=place.refuses, refuses=place.fatal)
        for number, command in enumerate(pipeline.commands):
            last = command is pipeline.commands[-1]
            heeded = last or self.ends[1]
            if command.kind:
                self.group(command, _Place(place.sure and alone and heeded))
                continue
            known = place.sure and not self.lost
            fatal, refuses = known and heeded and place.fatal, known and last and place.refuses
            line = self.before + command.line
            self.found.append(Run(command.words, line, fatal, refuses, number > 0, command.given))
            self.effect(command.words, sure=place.sure)

    def effect(self, words: Sequence[str], *, sure: bool) -> None:
        """What a command means for those behind it."""
        name, *rest = [word for word in words if not ASSIGNMENT.match(word)] or [""]
        if name == "set":
            self.ends = _switched(rest, self.ends)
        elif name in ("exit", "return", "exec") or name in self.failing:
            self.lost |= sure or not self.fails(words)
        elif name in ("break", "continue") or name in self.soft:
            self.lost = True
        elif name == "shopt":
            self.lost |= "errexit" in rest
        elif name == "trap" and rest:
            self.lost |= bool(SOFT_EXIT.search(rest[0])) or " " not in rest[0]

    def group(self, group: shell.Command, place: _Place) -> None:
        loops = group.kind == "for" or (group.kind == "while" and _is_read(group.parts[0]))
        if group.kind == "function":
            self.define(group)
        elif group.kind in "{(":
            self.listed(group.parts[0], place)
        elif group.kind == "if":
            self.branches(group, place)
        elif loops:
            head = group.words or group.parts[0][0].items[0][1].commands[-1].words
            words = (group.kind, *head, *group.redirections)
            self.found.append(Run(words, self.before + group.line))
            self.listed(group.parts[-1], place)
        else:
            for part in group.parts:
                self.listed(part, replace(place, sure=False))

    def define(self, function: shell.Command) -> None:
        name = function.words[0]
        body = _Walk(self.ends, 0)
        body.listed(function.parts[0], _Place(sure=False))
        (inner,) = function.parts[0]
        if body.lost:
            self.soft.add(name)
        elif self.exits(inner.items[0][1]):
            self.failing.add(name)

    def branches(self, group: shell.Command, place: _Place) -> None:
        """An `if`: where its condition holds it may refuse, and where not it may fail."""
        condition, then, *others = group.parts
        items = condition[-1].items if condition else ()
        if all(operator in ("", "||") for operator, _ in items):
            fatal = len(items) == len(others) == 1 and self.ends_badly(others[0])
            for _, pipeline in items:
                self.pipeline(pipeline, _Place(place.sure, fatal, self.ends_badly(then)))
        for part in (then, *others):
            self.listed(part, replace(place, sure=False))

    def ends_badly(self, statements: Sequence[Statement]) -> bool:
        """Whether a list ends the text with a failure."""
        return any(len(one.items) == 1 and self.exits(one.items[0][1]) for one in statements)

    def exits(self, pipeline: Pipeline) -> bool:
        command, *more = pipeline.commands
        if more or pipeline.negated:
            return False
        if command.kind:
            return command.kind in "{(" and self.ends_badly(command.parts[0])
        return self.fails(command.words)

    def fails(self, words: Sequence[str]) -> bool:
        if words[:1] == ("exit",):
            return len(words) > 1 and bool(FAILS.fullmatch(words[1]))
        return words == ("false",) or (words[:1] != () and words[0] in self.failing)


def _is_plain(pipeline: Pipeline) -> bool:
    """Whether commands behind a pipeline and `&&` are under no condition that matters."""
    command = pipeline.commands[-1]
    if command.kind or pipeline.negated:
        return False
    words = [word for word in command.words if not ASSIGNMENT.match(word)]
    return not words or words[0] in PLAIN


def _is_read(head: Sequence[Statement]) -> bool:
    """Whether the condition of a `while` reads what it is given, line by line."""
    return bool(head) and "read" in head[0].items[0][1].commands[-1].words


def _switched(words: Sequence[str], ends: tuple[bool, bool]) -> tuple[bool, bool]:
    """What the options of `set`, or of a shell, make of the two switches."""
    errexit, pipefail = ends
    on = True
    for word in words:
        if word == "errexit":
            errexit = on
        elif word == "pipefail":
            pipefail = on
        elif word[:1] in ("-", "+") and not word.startswith("--"):
            on = word[0] == "-"
            errexit = on if "e" in word else errexit
    return errexit, pipefail
