"""Shell texts as the commands that they run, and which of these end it where they fail.

A check that may fail unnoticed is none: one behind `||` or before `&&`, in a condition, in a pipe,
in the background, after `set +e`, a trap or an early exit. What a function does, and what a list
in brackets does that is part of a larger list, is never relied on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from release.gates.workflows import commands
from release.gates.workflows.model import Command
from release.text import shell
from release.text.shell import Pipeline, Statement

ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=")
FAILS = re.compile(r"[1-9]\d{0,2}")
SOFT_EXIT = re.compile(r"\b(?:exit|return|exec)\b(?!\s+[1-9])")
# Commands after which an `&&` is no condition.
PLAIN = frozenset(["cd", "pushd", "echo", "printf", "export", "mkdir", "umask", "set"])


def split(script: str, path: str, line: int, shell_of: str = "") -> list[Command]:
    """The simple commands of a shell text whose first line is `line` of the file `path`.

    `shell_of` is the `shell` of its step. What a function runs stands where that is defined, and
    what is substituted follows at the end; a loop, a `case` and a function are told as commands of
    their own, and `}` has the redirections of a group. A text that cannot be read is one command,
    that says so. Raises CannotCheck where nothing can be read.
    """
    found = shell.read(script)
    if found.fault:
        words = ("?", script)
        return [Command(words, path, line + found.line - 1, unread=found.fault)]
    ends = _errexit_of(shell_of)
    walk = _Walk(path, line - 1, ends or (False, False), lost=ends is None)
    walk.listed(found.statements, _Place())
    for statements in walk.inner:
        walk.listed(statements, _Place(sure=False))
    return walk.found


def _errexit_of(shell: str) -> tuple[bool, bool] | None:
    """Whether the `shell` of a step ends at failures, also at those in a pipe; None for no shell.

    Without one, GitHub runs `bash -e`; for `bash` alone, with pipefail, too.
    """
    name, *options = shell.split() or ("sh",)
    name = name.rpartition("/")[2]
    if name not in ("bash", "sh", "dash", "zsh", "ksh"):
        return None
    return _switched(options, (False, False)) if options else (True, name == "bash")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where commands stand: `sure` to run, what their end means, and what is before and behind."""

    sure: bool = True
    fatal: bool = False
    refuses: bool = False
    operator: str = ""
    feeds: bool = False


@dataclass(slots=True)
class _Walk:
    path: str
    before: int
    # Whether the text ends at failures, and at those in a pipe.
    ends: tuple[bool, bool]
    found: list[Command] = field(default_factory=list)
    inner: list[Sequence[Statement]] = field(default_factory=list)
    # Functions that end the text with a failure, and those that may end it without one.
    failing: set[str] = field(default_factory=set)
    soft: set[str] = field(default_factory=set)
    # Nothing that follows is sure to run, or to be fatal.
    lost: bool = False

    def listed(self, statements: Sequence[Statement], place: _Place) -> None:
        for statement in statements:
            self.statement(statement, place)
            place = replace(place, operator="")

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
            at = _Place(sure, fatal, refuses, operator or place.operator, place.feeds)
            self.pipeline(pipeline, at, alone=alone)
            sure = sure and _is_plain(pipeline)

    def pipeline(self, pipeline: Pipeline, place: _Place, *, alone: bool = False) -> None:
        """`alone` says that -e holds in what a group runs."""
        if pipeline.negated:
            place = replace(place, fatal=place.refuses, refuses=place.fatal)
        for number, command in enumerate(pipeline.commands):
            last = command is pipeline.commands[-1]
            heeded = last or self.ends[1]
            feeds = place.feeds or any(map(_runs_its_input, pipeline.commands[number + 1 :]))
            at = replace(place, operator="|" if number else place.operator, feeds=feeds)
            self.inner.append(command.inner)
            if command.kind:
                sure = place.sure and alone and heeded
                self.group(command, replace(at, sure=sure, fatal=False, refuses=False))
                continue
            known = place.sure and not self.lost
            fatal, refuses = known and heeded and place.fatal, known and last and place.refuses
            self.add(command, command.words, replace(at, fatal=fatal, refuses=refuses))
            self.effect(command.words, sure=place.sure)

    def add(self, command: shell.Command, words: tuple[str, ...], place: _Place) -> None:
        if words:
            line, bare = self.before + command.line, None if command.kind else command.bare
            one = Command(words, self.path, line, place.operator, fed=command.given, bare=bare)
            means = replace(one, feeds=place.feeds, fatal=place.fatal, refuses=place.refuses)
            self.found.append(means)

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
        reads = group.kind == "while" and _is_read(group.parts[0])
        head = group.parts[0][0].items[0][1].commands[-1].words if reads else group.words
        if head:
            words = (group.kind, *head, *(group.redirections if reads else ()))
            self.add(replace(group, given=""), words, place)
        if group.kind == "function":
            self.define(group, replace(place, sure=False))
        elif group.kind in ("{", "("):
            self.listed(group.parts[0], place)
        elif group.kind == "if":
            self.branches(group, place)
        else:
            sure = place.sure and (reads or group.kind == "for")
            for part in group.parts:
                self.listed(part, replace(place, sure=sure and part is group.parts[-1]))
                place = replace(place, operator="")
        if group.redirections or group.given:
            self.add(group, ("}", *group.redirections), replace(place, operator=""))

    def define(self, function: shell.Command, place: _Place) -> None:
        body = _Walk(self.path, self.before, self.ends, self.found, self.inner)
        body.listed(function.parts[0], place)
        (inner,) = function.parts[0]
        if body.lost:
            self.soft.add(function.words[0])
        elif self.exits(inner.items[0][1]):
            self.failing.add(function.words[0])

    def branches(self, group: shell.Command, place: _Place) -> None:
        """An `if`: where its condition holds it may refuse, and where not it may fail."""
        condition, then, *others = group.parts
        unsure = replace(place, sure=False)
        self.listed(condition[:-1], unsure)
        items = condition[-1].items
        if all(operator in ("", "||") for operator, _ in items):
            fatal = len(items) == len(others) == 1 and self.ends_badly(others[0])
            judged = replace(place, fatal=fatal, refuses=self.ends_badly(then))
            for operator, pipeline in items:
                self.pipeline(pipeline, replace(judged, operator=operator or place.operator))
        else:
            self.statement(condition[-1], unsure)
        for part in (then, *others):
            self.listed(part, replace(unsure, operator=""))

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


def _runs_its_input(command: shell.Command) -> bool:
    """Whether a command is a shell, or a Python, that may read its program from a pipe."""
    run = () if command.kind else commands.program(command.words)
    return bool(run) and (run[0] in commands.SHELLS or bool(commands.PYTHON.fullmatch(run[0])))


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
