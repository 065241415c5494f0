"""Which commands of a shell text run whatever happens, and end it where they fail.

A check that may fail unnoticed is none: one behind `||` or before `&&`, in a condition, in a pipe,
in the background, after `set +e`, a trap or an early exit, or in a function that nothing calls.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from release.text import shell
from release.text.shell import Pipeline, Statement

MAX_DEPTH = 40
# Beyond it, nothing is said of the text.
MAX_RUNS = 20_000
MAX_LIST = 200
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=")
FAILS = re.compile(r"[1-9]\d{0,2}")
SOFT_EXIT = re.compile(r"\b(?:exit|return|exec)\b(?!\s+[1-9])")
POSITION = re.compile(r"\$(?:(\d)|\{(\d)\})")
# Commands after which an `&&` is no condition.
PLAIN = frozenset(["cd", "pushd", "echo", "printf", "export", "mkdir", "umask", "set"])


@dataclass(frozen=True, slots=True)
class Run:
    """A simple command of a text, in the order in which they run.

    `fatal` says that the text fails where the command fails; `refuses` that it fails where the
    command succeeds. `loops` are the enclosing loops over words: a variable, and the words.
    `piped` are the commands before it in a pipe, `given` the text that is its input.
    """

    words: tuple[str, ...]
    line: int
    fatal: bool = False
    refuses: bool = False
    loops: tuple[tuple[str, tuple[str, ...]], ...] = ()
    piped: tuple[tuple[str, ...], ...] = ()
    given: str = ""


def errexit_of(shell: str) -> tuple[bool, bool] | None:
    """Whether the `shell` of a step ends at failures, also at those in a pipe; None for no shell.

    Without one, GitHub runs `bash -e`; for `bash` alone, with pipefail, too.
    """
    words = shell.split()
    if not words:
        return True, False
    name = words[0].rpartition("/")[2]
    if name not in ("bash", "sh", "dash", "zsh", "ksh"):
        return None
    if len(words) == 1:
        return True, name == "bash"
    state = _State(errexit=False)
    _set_options(state, words[1:])
    return state.errexit, state.pipefail


def runs(script: str, line: int, *, errexit: bool, pipefail: bool) -> list[Run]:
    """The commands of a text whose first line is `line`; none for one that cannot be read."""
    walk = _Walk(_State(errexit, pipefail), line - 1)
    try:
        walk.listed(shell.read(script).statements, _Place(last=True))
    except _TooMuchError:
        return []
    return walk.found


# --- What runs


class _TooMuchError(Exception):
    """The text runs more commands than can be followed."""


@dataclass(slots=True)
class _State:
    errexit: bool = True
    pipefail: bool = False
    # Nothing that follows is sure to run, or to be fatal.
    lost: bool = False
    # The same for the rest of the loop.
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class _Place:
    """Where commands stand: `sure` to run and to be heeded, `last` to give the text's status.

    `ignored` says that `-e` is, since what the commands stand in is part of a list.
    """

    sure: bool = True
    last: bool = False
    ignored: bool = False
    loops: tuple[tuple[str, tuple[str, ...]], ...] = ()
    arguments: tuple[str, ...] = ()
    depth: int = 0


@dataclass(slots=True)
class _Walk:
    state: _State
    before: int = 0
    found: list[Run] = field(default_factory=list)
    functions: dict[str, shell.Command] = field(default_factory=dict)

    def listed(self, statements: Sequence[Statement], place: _Place) -> None:
        for number, statement in enumerate(statements):
            last = place.last and number == len(statements) - 1
            self.statement(statement, replace(place, last=last))

    def statement(self, statement: Statement, place: _Place) -> None:
        if len(statement.items) > MAX_LIST:
            raise _TooMuchError
        sure = place.sure and not statement.background
        for number, (operator, pipeline) in enumerate(statement.items):
            if operator == "||" or not all(
                _is_plain(one) for _, one in statement.items[:number] if operator == "&&"
            ):
                sure = False
            rest = statement.items[number + 1 :]
            caught = next((one for before, one in rest if before == "||"), None)
            refuses = bool(rest) and rest[0][0] == "&&" and self.exits(rest[0][1])
            if caught is not None:
                heeded, ignored = self.exits(caught), True
            elif rest:
                heeded, ignored = place.last, True
            else:
                heeded, ignored = place.last or not place.ignored, place.ignored
            inner = replace(place, sure=sure, ignored=ignored)
            self.pipeline(pipeline, inner, heeded=sure and heeded, refuses=sure and refuses)

    def pipeline(self, pipeline: Pipeline, place: _Place, *, heeded: bool, refuses: bool) -> None:
        """`heeded` says that the status of the pipeline ends the text, if only under `-e`."""
        if len(pipeline.commands) > MAX_LIST:
            raise _TooMuchError
        piped: tuple[tuple[str, ...], ...] = ()
        for number, command in enumerate(pipeline.commands):
            is_last = number == len(pipeline.commands) - 1
            ends = heeded and not pipeline.negated and (is_last or self.state.pipefail)
            refusing = refuses and is_last and not pipeline.negated
            if command.kind:
                inner = replace(place, sure=place.sure and ends, last=place.last and is_last)
                self.group(command, inner, piped, ends=ends)
                piped = (*piped, ())
            else:
                self.simple(command, place, piped, ends=ends, refuses=refusing)
                piped = (*piped, command.words)

    def simple(
        self,
        command: shell.Command,
        place: _Place,
        piped: tuple[tuple[str, ...], ...],
        *,
        ends: bool,
        refuses: bool,
    ) -> None:
        words = tuple(_filled(word, place.arguments) for word in command.words)
        line = self.before + command.line
        known = not (self.state.lost or self.state.skipped)
        body = self.functions.get(words[0]) if words else None
        if body is not None and place.depth < MAX_DEPTH:
            inner = replace(
                place, sure=place.sure and ends, arguments=words[1:], depth=place.depth + 1
            )
            self.listed(body.parts[0], inner)
            return
        # The last command, and one that ends a list behind `||`, need no -e.
        fatal = ends and known and (self.state.errexit or place.last or place.ignored)
        self.found.append(
            Run(words, line, fatal, refuses and known, place.loops, piped, command.given)
        )
        if len(self.found) > MAX_RUNS:
            raise _TooMuchError
        self.effect(words, sure=place.sure)

    def effect(self, words: Sequence[str], *, sure: bool) -> None:
        rest = [word for word in words if not ASSIGNMENT.match(word)]
        if not rest:
            return
        name, arguments = rest[0], rest[1:]
        if name in ("set", "shopt"):
            _set_options(self.state, arguments, shopt=name == "shopt")
        elif name in ("exit", "return", "exec"):
            fails = name != "exec" and bool(arguments) and bool(FAILS.fullmatch(arguments[0]))
            self.state.lost |= sure or not fails
        elif name in ("break", "continue"):
            self.state.skipped = True
        elif name == "trap" and arguments:
            named = [self.functions[w] for w in arguments[0].split() if w in self.functions]
            if SOFT_EXIT.search(arguments[0]) or any(map(_may_exit, named)):
                self.state.lost = True

    def group(
        self,
        group: shell.Command,
        place: _Place,
        piped: tuple[tuple[str, ...], ...],
        *,
        ends: bool,
    ) -> None:
        unsure = replace(place, sure=False, last=False)
        if group.kind == "function":
            self.functions[group.words[0]] = group
        elif group.kind == "{":
            self.listed(group.parts[0], place)
        elif group.kind == "(":
            # A subshell ends with the status of its last list, whatever kind of list.
            self.listed(group.parts[0], replace(place, last=ends))
        elif group.kind == "for":
            variable, *words = group.words
            self.loop(group.parts[0], place, (variable, tuple(words)))
        elif group.kind in ("while", "until"):
            head, body = group.parts
            self.listed(head, unsure)
            variable = _read_by(head)
            if group.kind == "while" and variable:
                source = piped[-1] if piped else group.redirections
                self.loop(body, place, (variable, source))
            else:
                self.loop(body, unsure, ("", ()))
        elif group.kind == "case":
            self.case(group, place, unsure)
        elif group.kind == "if":
            self.branches(group, place, unsure)

    def case(self, group: shell.Command, place: _Place, unsure: _Place) -> None:
        heeded = place.sure and not (self.state.lost or self.state.skipped)
        exits = any(self.fails(one) for part in group.parts for one in part)
        line = self.before + group.line
        self.found.append(Run(("case", *group.words), line, heeded and exits))
        for part in group.parts:
            self.listed(part, unsure)

    def loop(
        self, body: Sequence[Statement], place: _Place, loop: tuple[str, tuple[str, ...]]
    ) -> None:
        outer = self.state.skipped
        self.listed(body, replace(place, last=False, loops=(*place.loops, loop)))
        self.state.skipped = outer

    def branches(self, group: shell.Command, place: _Place, unsure: _Place) -> None:
        condition = group.parts[0]
        with_else = len(group.parts) % 2 == 1
        then = any(map(self.fails, group.parts[1]))
        otherwise = with_else and len(group.parts) == 3 and any(map(self.fails, group.parts[-1]))
        known = place.sure and not (self.state.lost or self.state.skipped)
        first = len(self.found)
        self.listed(condition, unsure)
        one = condition[-1] if condition else None
        if known and one is not None and all(o in ("", "||") for o, _ in one.items):
            pipelines = {id(p.commands[-1]): p for _, p in one.items}
            single = len(one.items) == 1
            for place_found in range(first, len(self.found)):
                run = self.found[place_found]
                pipeline = next(
                    (
                        p
                        for p in pipelines.values()
                        if not p.commands[-1].kind and p.commands[-1].words == run.words
                    ),
                    None,
                )
                if pipeline is None:
                    continue
                on_failure = then if pipeline.negated else otherwise and single
                on_success = (otherwise and single) if pipeline.negated else then
                self.found[place_found] = replace(run, fatal=on_failure, refuses=on_success)
        for part in group.parts[1:]:
            self.listed(part, unsure)

    def fails(self, statement: Statement) -> bool:
        """Whether a statement ends the text with a failure."""
        return len(statement.items) == 1 and self.exits(statement.items[0][1])

    def exits(self, pipeline: Pipeline) -> bool:
        command = pipeline.commands[0]
        if len(pipeline.commands) > 1 or pipeline.negated:
            return False
        if command.kind:
            return command.kind in "{(" and any(map(self.fails, command.parts[0]))
        words = command.words
        if words[:1] == ("exit",):
            return len(words) > 1 and bool(FAILS.fullmatch(words[1]))
        body = self.functions.get(words[0]) if words else None
        if body is None:
            return words == ("false",) and self.state.errexit
        inner = body.parts[0][0].items[0][1].commands[0]
        return bool(inner.kind) and any(
            not one.kind and _exits_simply(one)
            for statement in inner.parts[0]
            if len(statement.items) == 1
            for one in statement.items[0][1].commands
        )


def _exits_simply(command: shell.Command) -> bool:
    words = command.words
    return words[:1] == ("exit",) and len(words) > 1 and bool(FAILS.fullmatch(words[1]))


def _is_plain(pipeline: Pipeline) -> bool:
    """Whether commands behind a pipeline and `&&` are under no condition that matters."""
    command = pipeline.commands[-1]
    if command.kind or pipeline.negated:
        return False
    words = [word for word in command.words if not ASSIGNMENT.match(word)]
    return not words or words[0] in PLAIN


def _may_exit(group: shell.Command) -> bool:
    for part in group.parts:
        for statement in part:
            for _, pipeline in statement.items:
                for command in pipeline.commands:
                    if command.kind:
                        if _may_exit(command):
                            return True
                    elif command.words and SOFT_EXIT.search(" ".join(command.words)):
                        return True
    return False


def _read_by(head: Sequence[Statement]) -> str:
    """The variable that the condition of a `while` reads; empty for another condition."""
    if len(head) != 1 or len(head[0].items) != 1:
        return ""
    command = head[0].items[0][1].commands[-1]
    if command.kind:
        return ""
    words = [word for word in command.words if not ASSIGNMENT.match(word)]
    names = [word for word in words[1:] if re.fullmatch(r"[A-Za-z_]\w*", word)]
    return names[-1] if words[:1] == ["read"] and names else ""


def _filled(word: str, arguments: tuple[str, ...]) -> str:
    if not arguments or "$" not in word:
        return word

    def argument(match: re.Match[str]) -> str:
        number = int(match[1] or match[2])
        return arguments[number - 1] if 0 < number <= len(arguments) else match[0]

    return POSITION.sub(argument, word.replace("$@", " ".join(arguments)))[:1000]


def _set_options(state: _State, words: Sequence[str], *, shopt: bool = False) -> None:
    """What `set`, `shopt -o` or the options of a shell say of failures."""
    on = True
    named = False
    for word in words:
        if named or (shopt and not word.startswith("-")):
            if word == "errexit":
                state.errexit = on
            elif word == "pipefail":
                state.pipefail = on
            named = False
        elif word[:1] in ("-", "+") and not word.startswith("--"):
            on = "u" not in word if shopt else word[0] == "-"
            if "e" in word and not shopt:
                state.errexit = on
            named = "o" in word and not shopt
        elif not shopt:
            break
