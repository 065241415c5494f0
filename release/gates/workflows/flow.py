"""Which commands of a shell text run whatever happens, and end it where they fail.

A check that may fail unnoticed is none: one behind `||` or before `&&`, in a condition, in a pipe,
in the background, after `set +e`, a trap or an early exit, or in a function that nothing calls.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

MAX_DEPTH = 40
# Beyond it, nothing is said of the text.
MAX_RUNS = 20_000
MAX_LIST = 200
HEREDOC = re.compile(r"<<-?[ \t]*(?:'([^'\n]+)'|\"([^\"\n]+)\"|\\?([A-Za-z_][\w.-]*))")
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=")
FAILS = re.compile(r"[1-9]\d{0,2}")
SOFT_EXIT = re.compile(r"\b(?:exit|return|exec)\b(?!\s+[1-9])")
POSITION = re.compile(r"\$(?:(\d)|\{(\d)\})")
# Commands after which an `&&` is no condition.
PLAIN = frozenset(["cd", "pushd", "echo", "printf", "export", "mkdir", "umask", "set"])
CLOSERS = frozenset(["then", "else", "elif", "fi", "do", "done", "esac", "}"])


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
    try:
        tree = _Parser(_tokens(script, line)).whole()
    except (ValueError, IndexError):
        return []
    walk = _Walk(_State(errexit, pipefail))
    try:
        walk.listed(tree, _Place(last=True))
    except _TooMuchError:
        return []
    return walk.found


# --- Tokens


@dataclass(slots=True)
class _Token:
    text: str
    line: int
    is_word: bool
    quoted: bool = False
    given: str = ""


def _tokens(script: str, line: int) -> list[_Token]:
    found: list[_Token] = []
    waiting: list[tuple[str, _Token]] = []
    word: list[str] | None = None
    begins, quoted, test = line, False, False
    place, size = 0, len(script)

    def finish() -> None:
        nonlocal word, quoted, test
        if word is not None:
            text = "".join(word)
            test = (test or text == "[[") and text != "]]"
            found.append(_Token(text, begins, True, quoted))
            word, quoted = None, False

    while place < size:
        c = script[place]
        end = place + 1
        if c == "\n":
            finish()
            found.append(_Token("\n", line, False))
            line += 1
            for delimiter, token in waiting:
                body: list[str] = []
                while end < size:
                    stop = script.find("\n", end)
                    stop = size if stop < 0 else stop
                    text, end = script[end:stop], stop + 1
                    line += 1
                    if text.strip() == delimiter:
                        break
                    body.append(text)
                token.given = "\n".join(body)
            waiting.clear()
            place, test = min(end, size), False
            continue
        if c in " \t\r":
            finish()
            place = end
            continue
        if c == "#" and word is None:
            end = script.find("\n", place)
            place = size if end < 0 else end
            continue
        if c == "\\" and script.startswith(("\\\n", "\\\r\n"), place):
            line += 1
            place = script.index("\n", place) + 1
            continue
        heredoc = None
        if c == "<" and not script.startswith("<<<", place) and (not word or word[-1] != "<"):
            heredoc = HEREDOC.match(script, place)
        if heredoc is not None:
            finish()
            found.append(_Token("<<", line, True))
            waiting.append((heredoc[1] or heredoc[2] or heredoc[3], found[-1]))
            place = heredoc.end()
            continue
        if test and word == ["]", "]"]:
            test = False
        if c in "&|;()" and not test:
            before = word[-1][-1:] if word else ""
            joined = (c in "&|" and before and before in "<>") or (
                c == "&" and script.startswith("&>", place)
            )
            opens = c == "(" and before and before in "<>="
            if not joined and not opens:
                finish()
                operator = c * 2 if c in "&|;" and script.startswith(c * 2, place) else c
                found.append(_Token(operator, line, False))
                place += len(operator)
                continue
            if opens:
                end = _end_of(script, place + 1, ")")
        if word is None:
            word, begins = [], line
        if c == "\\":
            end = place + 2
            word.append(script[place + 1 : end])
            quoted = True
        elif c in "'\"":
            end = _end_of(script, place + 1, c) if c == '"' else script.find("'", place + 1) + 1
            end = end or size
            word.append(script[place + 1 : end - 1])
            quoted = True
        elif c == "`":
            end = script.find("`", place + 1) + 1 or size
            word.append(script[place:end])
        elif script.startswith("${{", place):
            end = script.find("}}", place) + 2
            end = size if end == 1 else end
            word.append(script[place:end])
        elif script.startswith("$(", place):
            end = _end_of(script, place + 2, ")")
            word.append(script[place:end])
        elif script.startswith("${", place):
            end = script.find("}", place) + 1 or size
            word.append(script[place:end])
        else:
            word.append(script[place:end])
        line += script.count("\n", place, end)
        place = end
    finish()
    return found


def _end_of(script: str, place: int, closer: str) -> int:
    """The place after the bracket or quote that closes what began just before `place`."""
    stack = [closer]
    while place < len(script):
        c = script[place]
        if c == "\\":
            place += 1
        elif stack[-1] == '"':
            if c == '"':
                stack.pop()
            elif script.startswith("$(", place):
                stack.append(")")
                place += 1
        elif c == "'":
            close = script.find("'", place + 1)
            place = len(script) if close < 0 else close
        elif c in '"(':
            stack.append('"' if c == '"' else ")")
        elif c == ")":
            stack.pop()
        place += 1
        if not stack:
            return place
    return len(script)


# --- The tree


@dataclass(slots=True)
class _Simple:
    words: list[_Token]
    given: str = ""


@dataclass(slots=True)
class _Group:
    """`{`, `(`, `if`, `for`, `while`, `until`, `case` or a function.

    `parts` are the lists within: of an `if`, each condition with its branch, then the last one.
    """

    kind: str
    parts: list[list[_Statement]]
    words: tuple[str, ...] = ()
    line: int = 0


@dataclass(slots=True)
class _Pipeline:
    commands: list[_Simple | _Group]
    negated: bool = False


@dataclass(slots=True)
class _Statement:
    """Pipelines, each with the `&&` or `||` before it."""

    items: list[tuple[str, _Pipeline]]
    background: bool = False


class _Parser:
    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = tokens
        self.place = 0
        self.depth = 0

    def whole(self) -> list[_Statement]:
        found = self.listed()
        if self.place < len(self.tokens):
            raise ValueError(self.tokens[self.place].text)
        return found

    def at(self, *texts: str) -> bool:
        if self.place >= len(self.tokens):
            return False
        token = self.tokens[self.place]
        return token.text in texts and not (token.is_word and token.quoted)

    def take(self, *texts: str) -> bool:
        if not self.at(*texts):
            return False
        self.place += 1
        return True

    def demand(self, text: str) -> None:
        if not self.take(text):
            raise ValueError(text)

    def lines(self) -> None:
        while self.take("\n", ";"):
            pass

    def listed(self) -> list[_Statement]:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ValueError("nested too deeply")
        found: list[_Statement] = []
        self.lines()
        while self.place < len(self.tokens) and not self.at(*CLOSERS, ")", ";;"):
            statement = _Statement([("", self.pipeline())])
            while self.at("&&", "||"):
                operator = self.tokens[self.place].text
                self.place += 1
                self.lines()
                statement.items.append((operator, self.pipeline()))
            statement.background = self.take("&")
            found.append(statement)
            ended = statement.background or self.at("\n", ";", *CLOSERS, ")", ";;")
            if not ended and self.place < len(self.tokens):
                raise ValueError(self.tokens[self.place].text)
            self.lines()
        self.depth -= 1
        return found

    def pipeline(self) -> _Pipeline:
        negated = False
        while self.at("!", "time"):
            negated ^= self.at("!")
            self.place += 1
        found = _Pipeline([self.command()], negated)
        while self.take("|"):
            self.lines()
            found.commands.append(self.command())
        return found

    def command(self) -> _Simple | _Group:
        token = self.tokens[self.place]
        kind, line = token.text, token.line
        if self.take("{"):
            group = _Group(kind, [self.closed("}")])
        elif self.take("("):
            group = _Group(kind, [self.closed(")")])
        elif self.take("if"):
            group = self.branches()
        elif self.take("for", "select"):
            group = self.loop(kind)
        elif self.take("while", "until"):
            head = self.closed("do")
            group = _Group(kind, [head, self.closed("done")])
        elif self.take("case"):
            group = self.case()
        elif self.take("function"):
            name = self.tokens[self.place].text
            self.place += 1
            if self.take("("):
                self.demand(")")
            return self.function(name)
        elif token.is_word:
            return self.simple()
        else:
            raise ValueError(token.text)
        group.line = line
        while self.place < len(self.tokens) and self.tokens[self.place].is_word:
            if self.at(*CLOSERS):
                break
            # A redirection.
            group.words += (self.tokens[self.place].text,)
            self.place += 1
        return group

    def closed(self, closer: str) -> list[_Statement]:
        found = self.listed()
        self.demand(closer)
        return found

    def branches(self) -> _Group:
        parts = [self.closed("then"), self.listed()]
        while self.take("elif"):
            parts += [self.closed("then"), self.listed()]
        if self.take("else"):
            parts.append(self.listed())
        self.demand("fi")
        return _Group("if", parts)

    def loop(self, kind: str) -> _Group:
        words: list[str] = []
        while not self.at("do"):
            token = self.tokens[self.place]
            self.place += 1
            if token.is_word:
                words.append(token.text)
        self.demand("do")
        # What stands behind `done` follows, and is no part of the words of the loop.
        return _Group(kind, [self.closed("done")], (*words, ""))

    def case(self) -> _Group:
        words = [self.tokens[self.place].text]
        self.place += 1
        self.lines()
        self.demand("in")
        parts: list[list[_Statement]] = []
        self.lines()
        while not self.take("esac"):
            self.take("(")
            while not self.take(")"):
                token = self.tokens[self.place]
                if token.is_word:
                    words.append(token.text)
                self.place += 1
            parts.append(self.listed())
            self.take(";;")
            self.lines()
        return _Group("case", parts, tuple(words))

    def function(self, name: str) -> _Group:
        self.lines()
        body = self.command()
        return _Group("function", [[_Statement([("", _Pipeline([body]))])]], (name,))

    def simple(self) -> _Simple | _Group:
        found = _Simple([])
        while self.place < len(self.tokens) and self.tokens[self.place].is_word:
            token = self.tokens[self.place]
            self.place += 1
            if token.text == "<<":
                found.given += token.given
            else:
                found.words.append(token)
        if len(found.words) == 1 and self.at("("):
            self.place += 1
            self.demand(")")
            return self.function(found.words[0].text)
        return found


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
    found: list[Run] = field(default_factory=list)
    functions: dict[str, _Group] = field(default_factory=dict)

    def listed(self, statements: list[_Statement], place: _Place) -> None:
        for number, statement in enumerate(statements):
            last = place.last and number == len(statements) - 1
            self.statement(statement, replace(place, last=last))

    def statement(self, statement: _Statement, place: _Place) -> None:
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

    def pipeline(self, pipeline: _Pipeline, place: _Place, *, heeded: bool, refuses: bool) -> None:
        """`heeded` says that the status of the pipeline ends the text, if only under `-e`."""
        if len(pipeline.commands) > MAX_LIST:
            raise _TooMuchError
        piped: tuple[tuple[str, ...], ...] = ()
        for number, command in enumerate(pipeline.commands):
            is_last = number == len(pipeline.commands) - 1
            ends = heeded and not pipeline.negated and (is_last or self.state.pipefail)
            refusing = refuses and is_last and not pipeline.negated
            if isinstance(command, _Group):
                inner = replace(place, sure=place.sure and ends, last=place.last and is_last)
                self.group(command, inner, piped, ends=ends)
                piped = (*piped, ())
            else:
                self.simple(command, place, piped, ends=ends, refuses=refusing)
                piped = (*piped, tuple(word.text for word in command.words))

    def simple(
        self,
        command: _Simple,
        place: _Place,
        piped: tuple[tuple[str, ...], ...],
        *,
        ends: bool,
        refuses: bool,
    ) -> None:
        words = tuple(_filled(word.text, place.arguments) for word in command.words)
        line = command.words[0].line if command.words else 0
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
        group: _Group,
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
            words = [w for w in words[: words.index("")] if w != "in"] if "" in words else []
            self.loop(group.parts[0], place, (variable, tuple(words)))
        elif group.kind in ("while", "until"):
            head, body = group.parts
            self.listed(head, unsure)
            variable = _read_by(head)
            if group.kind == "while" and variable:
                source = piped[-1] if piped else group.words
                self.loop(body, place, (variable, source))
            else:
                self.loop(body, unsure, ("", ()))
        elif group.kind == "case":
            heeded = place.sure and not (self.state.lost or self.state.skipped)
            exits = any(self.fails(one) for part in group.parts for one in part)
            self.found.append(Run(("case", *group.words), group.line, heeded and exits))
            for part in group.parts:
                self.listed(part, unsure)
        elif group.kind == "if":
            self.branches(group, place, unsure)

    def loop(
        self, body: list[_Statement], place: _Place, loop: tuple[str, tuple[str, ...]]
    ) -> None:
        outer = self.state.skipped
        self.listed(body, replace(place, last=False, loops=(*place.loops, loop)))
        self.state.skipped = outer

    def branches(self, group: _Group, place: _Place, unsure: _Place) -> None:
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
                        if isinstance(p.commands[-1], _Simple)
                        and tuple(w.text for w in p.commands[-1].words) == run.words
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

    def fails(self, statement: _Statement) -> bool:
        """Whether a statement ends the text with a failure."""
        return len(statement.items) == 1 and self.exits(statement.items[0][1])

    def exits(self, pipeline: _Pipeline) -> bool:
        command = pipeline.commands[0]
        if len(pipeline.commands) > 1 or pipeline.negated:
            return False
        if isinstance(command, _Group):
            return command.kind in "{(" and any(map(self.fails, command.parts[0]))
        words = [word.text for word in command.words]
        if words[:1] == ["exit"]:
            return len(words) > 1 and bool(FAILS.fullmatch(words[1]))
        body = self.functions.get(words[0]) if words else None
        if body is None:
            return words == ["false"] and self.state.errexit
        inner = body.parts[0][0].items[0][1].commands[0]
        return isinstance(inner, _Group) and any(
            isinstance(one, _Simple) and _exits_simply(one)
            for statement in inner.parts[0]
            if len(statement.items) == 1
            for one in statement.items[0][1].commands
        )


def _exits_simply(command: _Simple) -> bool:
    words = [word.text for word in command.words]
    return words[:1] == ["exit"] and len(words) > 1 and bool(FAILS.fullmatch(words[1]))


def _is_plain(pipeline: _Pipeline) -> bool:
    """Whether commands behind a pipeline and `&&` are under no condition that matters."""
    command = pipeline.commands[-1]
    if isinstance(command, _Group) or pipeline.negated:
        return False
    words = [w.text for w in command.words if not ASSIGNMENT.match(w.text)]
    return not words or words[0] in PLAIN


def _may_exit(group: _Group) -> bool:
    for part in group.parts:
        for statement in part:
            for _, pipeline in statement.items:
                for command in pipeline.commands:
                    if isinstance(command, _Group):
                        if _may_exit(command):
                            return True
                    elif command.words and SOFT_EXIT.search(
                        " ".join(word.text for word in command.words)
                    ):
                        return True
    return False


def _read_by(head: list[_Statement]) -> str:
    """The variable that the condition of a `while` reads; empty for another condition."""
    if len(head) != 1 or len(head[0].items) != 1:
        return ""
    command = head[0].items[0][1].commands[-1]
    if isinstance(command, _Group):
        return ""
    words = [w.text for w in command.words if not ASSIGNMENT.match(w.text)]
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
