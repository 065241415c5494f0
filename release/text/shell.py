"""Reads shell texts: what stands in them as commands, by the syntax tree of shfmt.

https://github.com/mvdan/sh; nothing is run and nothing is expanded. Expressions of GitHub
(`${{ … }}`), which no shell knows, count as parts of words.
"""

from __future__ import annotations

import bisect
import functools
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from release.errors import CannotCheck

DISTRIBUTION = "shfmt-py"
PROGRAMS = ("shfmt", "shfmt.exe")
INSTALL = "install nox-release again, with its dependencies"
MAX_BYTES = 64_000
# What one process reads at once, in bytes.
BATCH = 50_000
THREADS = 4
TIMEOUT = 60.0
MEMORY = 1 << 29
# What is remembered of texts that were read before, in characters.
REMEMBERED = 4_000_000
# Between two texts that are read at once: a command of its own, so long as the first is complete.
BETWEEN = b"\n\n:\n"
MARK = 2
BLANK = b":"
CRASHED = "goroutine "
TOO_MUCH = "is too much for shfmt"
TOO_DEEP = "is nested too deeply"
# A line, a column (`?` where it is far to the right) and what is wrong there.
FAULT = re.compile(r"(\d+):[\d?]+: (.+)")
# Characters for private use stand for expressions, and for themselves.
STAND_IN = re.compile("([\ue000-\uf8ff])(_*)")
FIRST_STAND_IN = 0xE000
EXPRESSIONS = 6400
TO_THE_END = re.compile(r"(?:[^'}]|'[^']*'|\}(?!\}))*\}\}")
UNQUOTED = re.compile(r"\\(\n|.)", re.S)
QUOTED = re.compile(r"\\([$`\"\\\n])")
ANSI_C = re.compile(
    r"\\(?:x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|([0-7]{1,3})|c(.)|(.))", re.S
)
ANSI_C_NAMES = {
    "a": "\a",
    "b": "\b",
    "e": "\x1b",
    "E": "\x1b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
}
EXPRESSION = re.compile("\\$\\{\\{|[\ue000-\uf8ff]")
LEADING_TABS = re.compile(r"^\t+", re.M)

Node = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Simple:
    """A simple command: its words without their quotes, redirections among them.

    `bare` is the text of the words without what is substituted in them, `inner` the commands of
    these substitutions, `given` what its here-documents hold, from the line `given_line` on.
    """

    words: tuple[str, ...]
    line: int
    column: int
    bare: str = ""
    inner: tuple[Statement, ...] = ()
    given: str = ""
    given_line: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """Commands that are one: `{`, `(`, `if`, `for`, `while`, `until`, `case` or a function.

    `parts` are the lists within: of an `if`, each condition with its branch, then the last one; of
    a `while`, the condition and the body. `words` are the variable and the words of a `for`, the
    subject and the patterns of a `case`, or the name of a function.
    """

    kind: str
    line: int
    parts: tuple[tuple[Statement, ...], ...]
    words: tuple[str, ...] = ()
    redirections: tuple[str, ...] = ()
    inner: tuple[Statement, ...] = ()
    given: str = ""
    given_line: int = 0


@dataclass(frozen=True, slots=True)
class Pipeline:
    commands: tuple[Simple | Group, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Statement:
    """Pipelines, each with the `&&` or `||` before it."""

    items: tuple[tuple[str, Pipeline], ...]
    background: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """What a text says; `fault` says why it could not be read, and `line` where."""

    statements: tuple[Statement, ...] = ()
    fault: str = ""
    line: int = 1


class _Memory:
    """The texts that were read before."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, Script] = {}
        self._size = 0

    def known(self, texts: Iterable[str]) -> dict[str, Script]:
        with self._lock:
            return {text: self._known[text] for text in texts if text in self._known}

    def add(self, found: Mapping[str, Script]) -> None:
        with self._lock:
            self._known |= found
            self._size += sum(map(len, found))
            if self._size > REMEMBERED:
                self._known.clear()
                self._size = 0


_memory = _Memory()


def read(text: str) -> Script:
    return read_all([text])[0]


def read_all(texts: Sequence[str]) -> list[Script]:
    """What each of the texts says. Raises CannotCheck where shfmt is missing or fails."""
    known = _memory.known(texts)
    asked = [_Text(text) for text in dict.fromkeys(texts) if text not in known]
    if asked:
        new = dict(zip((text.text for text in asked), _read(asked), strict=True))
        _memory.add(new)
        known |= new
    return [known[text] for text in texts]


def _read(texts: Sequence[_Text]) -> list[Script]:
    batches: list[list[_Text]] = [[]]
    size = 0
    for text in texts:
        if size and size + len(text.masked) > BATCH:
            batches.append([])
            size = 0
        batches[-1].append(text)
        size += len(text.masked) + len(BETWEEN)
    if len(batches) == 1:
        return _read_batch(batches[0])
    with ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1)) as pool:
        return [script for found in pool.map(_read_batch, batches) for script in found]


def _read_batch(texts: Sequence[_Text]) -> list[Script]:
    """What the texts say. They are read as one if all are complete, else in two halves."""
    if len(texts) == 1:
        return [_read_one(texts[0])]
    try:
        if any(text.refused for text in texts):
            raise _Unreadable("one of them is refused")
        tree = _tree(BETWEEN.join(text.masked for text in texts))
        found = list(_parted(tree["Stmts"], texts))
    except (_Unreadable, RecursionError):
        half = len(texts) // 2
        return [*_read_batch(texts[:half]), *_read_batch(texts[half:])]
    return found


def _parted(statements: Sequence[Node], texts: Sequence[_Text]) -> Iterator[Script]:
    """The statements of each text. Raises _Unreadable where one runs into the next."""
    begin = first = 0
    for text in texts[:-1]:
        mark = begin + len(text.masked) + MARK
        last = bisect.bisect_left(statements, mark, first, key=lambda one: one["Pos"])
        if last == len(statements) or (statements[last]["Pos"], statements[last]["End"]) != (
            mark,
            mark + 1,
        ):
            raise _Unreadable("runs into the next")
        yield Script(_Tree(text, begin).listed(statements[first:last]))
        first, begin = last + 1, mark + MARK
    yield Script(_Tree(texts[-1], begin).listed(statements[first:]))


def _read_one(text: _Text) -> Script:
    try:
        if text.refused:
            raise _Unreadable(text.refused)
        return Script(_Tree(text, 0).listed(_tree(text.masked).get("Stmts", ())))
    except RecursionError:
        return Script(fault=TOO_DEEP)
    except _Unreadable as error:
        return Script(fault=str(error), line=error.line)


# --- shfmt


class _Unreadable(Exception):
    """The text is not one that a shell takes."""

    def __init__(self, why: str, line: int = 1) -> None:
        super().__init__(why)
        self.line = line


@functools.cache
def program() -> Path:
    """Where shfmt is, as it was installed with this package. Raises CannotCheck without it."""
    try:
        files = importlib.metadata.distribution(DISTRIBUTION).files or ()
    except importlib.metadata.PackageNotFoundError:
        files = ()
    for file in files:
        if file.name in PROGRAMS:
            return Path(str(file.locate()))
    raise CannotCheck(f"shfmt, which reads shell, is not installed ({DISTRIBUTION})", INSTALL)


def _tree(data: bytes) -> Any:
    """The syntax tree of a text. Raises _Unreadable for one that is not shell."""
    done = _run(data)
    if done.returncode == 0:
        try:
            return json.loads(done.stdout, object_hook=_offset)
        except ValueError:
            raise CannotCheck("shfmt printed something that is not JSON", INSTALL) from None
    said = done.stderr.decode("utf-8", "replace").strip()
    if "max depth" in said:
        raise _Unreadable(TOO_DEEP)
    if CRASHED in said and data != BLANK:
        _tree(BLANK)  # Otherwise it is not the text.
        raise _Unreadable(TOO_MUCH)
    fault = FAULT.fullmatch(said)
    if fault is not None:
        raise _Unreadable(fault[2], int(fault[1]))
    last = said.rpartition("\n")[2] or f"exit status {done.returncode}"
    raise CannotCheck(f"shfmt, which reads shell, failed: {last}", INSTALL)


def _run(data: bytes) -> subprocess.CompletedProcess[bytes]:
    command = [str(program()), "--to-json", "--language-dialect", "bash"]
    try:
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            _limit(process.pid)
            try:
                out, err = process.communicate(data, TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()
                raise CannotCheck(
                    f"shfmt, which reads shell, was stopped after {TIMEOUT:.0f} s",
                    "run it again when the machine is less busy",
                ) from None
    except OSError as error:
        raise CannotCheck(f"shfmt, which reads shell, cannot be run: {error}", INSTALL) from None
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def _limit(pid: int) -> None:
    """Limit the memory of a process, where the system (Linux) lets one."""
    if sys.platform == "linux":
        import resource

        try:
            resource.prlimit(pid, resource.RLIMIT_DATA, (MEMORY, MEMORY))
        except ProcessLookupError:
            return  # It has ended.


def _offset(node: dict[str, Any]) -> Any:
    """A node; of a position, only its place."""
    return node.get("Offset", node)


# --- From the tree to commands


class _Text:
    """A text, and the same with words as long in the place of its expressions."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.expressions: list[str] = []
        plain = text.replace("\r\n", "\n")
        self.data = plain.encode("utf-8", "replace")
        self.masked = b""
        self.refused = ""
        if len(self.data) > MAX_BYTES:
            self.refused = f"is longer than {MAX_BYTES // 1000} kB"
        elif b"\0" in self.data:
            self.refused = "holds a NUL character"
        else:
            self.masked = self._masked(plain).encode("utf-8", "replace")
        if len(self.expressions) > EXPRESSIONS:
            self.refused = "holds too many expressions"

    def _masked(self, text: str) -> str:
        parts: list[str] = []
        place = 0
        while (found := EXPRESSION.search(text, place)) is not None:
            end = found.end()
            if end - found.start() > 1:
                closed = TO_THE_END.match(text, end)
                if closed is None:
                    break
                end = closed.end()
            parts += [text[place : found.start()], self._stand_in(text[found.start() : end])]
            place = end
        return "".join([*parts, text[place:]])

    def _stand_in(self, expression: str) -> str:
        self.expressions.append(expression)
        number = (len(self.expressions) - 1) % EXPRESSIONS
        return chr(FIRST_STAND_IN + number) + "_" * _padding(expression)

    def restored(self, text: str) -> str:
        """A part of the text with its expressions."""
        return STAND_IN.sub(self._expression, text) if self.expressions else text

    def _expression(self, match: re.Match[str]) -> str:
        known = self.expressions[ord(match[1]) - FIRST_STAND_IN]
        return known + match[2][_padding(known) :]


def _padding(expression: str) -> int:
    return len(expression.encode("utf-8", "replace")) - len(chr(FIRST_STAND_IN).encode())


class _Tree:
    """Makes commands of the nodes of a text that begins at a place of what shfmt read."""

    def __init__(self, text: _Text, begin: int) -> None:
        self.text = text
        self.begin = begin
        self.ends = [match.start() for match in re.finditer(b"\n", text.data)]

    def raw(self, begin: int, end: int) -> str:
        return self.text.data[begin - self.begin : end - self.begin].decode("utf-8", "replace")

    def line(self, place: int) -> int:
        return bisect.bisect_left(self.ends, place - self.begin) + 1

    def column(self, place: int) -> int:
        line = self.line(place)
        begin = self.begin + (self.ends[line - 2] + 1 if line > 1 else 0)
        return len(self.raw(begin, place)) + 1

    # Lists and pipelines

    def listed(self, nodes: Sequence[Node] | None) -> tuple[Statement, ...]:
        return tuple(map(self.statement, nodes or ()))

    def statement(self, node: Node) -> Statement:
        items: list[tuple[str, Pipeline]] = []
        one = node
        while (binary := _binary(one, "&&", "||")) is not None:
            items.append((binary["Op"], self.pipeline(binary["Y"])))
            one = binary["X"]
        items.append(("", self.pipeline(one)))
        ends = bool(node.get("Background") or node.get("Coprocess"))
        return Statement(tuple(reversed(items)), ends)

    def pipeline(self, node: Node) -> Pipeline:
        command = node.get("Cmd") or {}
        negated = bool(node.get("Negated"))
        if command.get("Type") == "TimeClause":
            timed = self.pipeline(command.get("Stmt") or {"Pos": node["Pos"]})
            return Pipeline(timed.commands, timed.negated != negated)
        if _binary(node, "&&", "||") is not None:  # `! a && b` within `time`, and the like
            return Pipeline((Group("{", self.line(node["Pos"]), ((self.statement(node),),)),))
        found: list[Simple | Group] = []
        one = node
        while (binary := _binary(one, "|", "|&")) is not None:
            found.append(self.command(binary["Y"]))
            one = binary["X"]
        found.append(self.command(one))
        return Pipeline(tuple(reversed(found)), negated)

    # Commands

    def command(self, node: Node) -> Simple | Group:
        command = node.get("Cmd") or {}
        kind = command.get("Type", "CallExpr")
        make = GROUPS.get(kind)
        if make is None:
            return self.simple(node, command, kind)
        parts, words, heads = make(self, command)
        redirections = node.get("Redirs") or ()
        given, given_line = self.given(redirections)
        return Group(
            _kind(command),
            self.line(node["Pos"]),
            parts,
            words,
            tuple(word for one in redirections for word in self.redirection(one)),
            self.inner([*heads, *redirections]),
            given,
            given_line,
        )

    def simple(self, node: Node, command: Node, kind: str) -> Simple:
        redirections = node.get("Redirs") or ()
        placed = [(one["Pos"], self.redirection(one)) for one in redirections]
        placed += SIMPLE.get(kind, _Tree.call)(self, command)
        words = tuple(word for _, found in sorted(placed, key=_place) for word in found)
        given, given_line = self.given(redirections)
        begin = command.get("Pos", node["Pos"])
        return Simple(
            words,
            self.line(begin),
            self.column(begin),
            self.bare([command, *redirections], words),
            self.inner([command, *redirections]),
            given,
            given_line,
        )

    def bare(self, nodes: Sequence[Node], words: Sequence[str]) -> str:
        text = " ".join(words)
        for one in _substitutions(nodes):
            text = text.replace(self.raw(one["Pos"], one["End"]), " ", 1)
        return text

    def inner(self, nodes: Sequence[Node]) -> tuple[Statement, ...]:
        return tuple(
            statement
            for one in _substitutions(nodes)
            for statement in self.listed(one.get("Stmts"))
        )

    def given(self, redirections: Sequence[Node]) -> tuple[str, int]:
        """What the here-documents hold, and the first line of them."""
        documents = [one for one in redirections if "Hdoc" in one]
        texts = [
            LEADING_TABS.sub("", text) if one["Op"] == "<<-" else text
            for one in documents
            for text in [self.parts(one["Hdoc"]["Parts"], None)]
        ]
        line = self.line(documents[0]["Hdoc"]["Pos"]) if documents else 0
        return "".join(texts).removesuffix("\n"), line

    # Words

    def call(self, node: Node) -> Iterator[tuple[int, tuple[str, ...]]]:
        for one in node.get("Assigns") or ():
            yield one["Pos"], (self.assignment(one),)
        for one in node.get("Args") or ():
            yield one["Pos"], (self.word(one),)

    def declaration(self, node: Node) -> Iterator[tuple[int, tuple[str, ...]]]:
        yield node["Pos"], (node["Variant"]["Value"],)
        for one in node.get("Args") or ():
            yield one["Pos"], (self.assignment(one),)

    def test(self, node: Node) -> Iterator[tuple[int, tuple[str, ...]]]:
        yield node["Pos"], ("[[", *self.tested(node["X"]), "]]")

    def arithmetic(self, node: Node) -> Iterator[tuple[int, tuple[str, ...]]]:
        head = node["Pos"] + (3 if node["Type"] == "LetClause" else 2)
        name = self.raw(node["Pos"], head)
        yield node["Pos"], (name, self.raw(head, node["End"]).removesuffix("))").strip())

    def tested(self, node: Node) -> tuple[str, ...]:
        """The words of a condition between `[[` and `]]`."""
        if node["Type"] == "ParenTest":
            return ("(", *self.tested(node["X"]), ")")
        if node["Type"] == "UnaryTest":
            return (node["Op"], *self.tested(node["X"]))
        if node["Type"] == "BinaryTest":
            return (*self.tested(node["X"]), node["Op"], *self.tested(node["Y"]))
        return (self.word(node),)

    def assignment(self, node: Node) -> str:
        value = node.get("Value")
        if value is None:
            return self.raw(node["Pos"], node["End"])
        return self.raw(node["Pos"], value["Pos"]) + self.word(value)

    def redirection(self, node: Node) -> tuple[str, ...]:
        """The words of a redirection; none for a here-document."""
        if "Hdoc" in node or "Word" not in node:
            return ()
        operator = self.raw(node["Pos"], node["OpPos"]) + node["Op"]
        target = self.word(node["Word"])
        joined = node["Word"]["Pos"] == node["OpPos"] + len(node["Op"])
        return (operator + target,) if joined else (operator, target)

    def word(self, node: Node) -> str:
        return self.parts(node.get("Parts") or (), UNQUOTED)

    def parts(self, nodes: Sequence[Node], escapes: re.Pattern[str] | None) -> str:
        return "".join(self.part(one, escapes) for one in nodes)

    def part(self, node: Node, escapes: re.Pattern[str] | None) -> str:
        """A part of a word without its quotes; what only a run can tell stays as it is."""
        kind = node["Type"]
        if kind == "Lit":
            value = node.get("Value", "")
            value = escapes.sub(_escaped, value) if escapes is not None else value
        elif kind == "SglQuoted":
            value = node.get("Value", "")
            value = ANSI_C.sub(_ansi_c, value) if node.get("Dollar") else value
        elif kind == "DblQuoted":
            return self.parts(node.get("Parts") or (), QUOTED)
        else:
            return self.raw(node["Pos"], node["End"])
        return self.text.restored(value)

    # Groups: the lists within, the words of the head, and the nodes of the head

    def block(self, node: Node) -> Parted:
        return (self.listed(node.get("Stmts")),), (), ()

    def loop(self, node: Node) -> Parted:
        return (self.listed(node["Cond"]), self.listed(node.get("Do"))), (), ()

    def each(self, node: Node) -> Parted:
        head = node["Loop"]
        named = head["Type"] == "WordIter"
        items = tuple(map(self.word, head.get("Items") or ()))
        words = (self.text.restored(head["Name"]["Value"]), *items) if named else ("",)
        return (self.listed(node.get("Do")),), words, (head,)

    def branches(self, node: Node) -> Parted:
        parts: list[tuple[Statement, ...]] = []
        one: Node | None = node
        while one is not None:
            if one.get("Cond"):
                parts.append(self.listed(one["Cond"]))
            parts.append(self.listed(one.get("Then")))
            one = one.get("Else")
        return tuple(parts), (), ()

    def case(self, node: Node) -> Parted:
        items = node.get("Items") or ()
        patterns = [pattern for item in items for pattern in item["Patterns"]]
        words = (self.word(node["Word"]), *map(self.word, patterns))
        parts = tuple(self.listed(item.get("Stmts")) for item in items)
        return parts, words, (node["Word"], *patterns)

    def function(self, node: Node) -> Parted:
        names = [node["Name"]] if "Name" in node else node.get("Names") or [{"Value": ""}]
        return (self.listed([node["Body"]]),), (names[0]["Value"],), ()

    def other(self, node: Node) -> Parted:
        return (self.listed([node["Stmt"]]),), (), ()


Parted = tuple[tuple[tuple[Statement, ...], ...], tuple[str, ...], Sequence[Node]]
SIMPLE = {
    "DeclClause": _Tree.declaration,
    "TestClause": _Tree.test,
    "ArithmCmd": _Tree.arithmetic,
    "LetClause": _Tree.arithmetic,
}
GROUPS = {
    "Block": _Tree.block,
    "Subshell": _Tree.block,
    "IfClause": _Tree.branches,
    "WhileClause": _Tree.loop,
    "ForClause": _Tree.each,
    "CaseClause": _Tree.case,
    "FuncDecl": _Tree.function,
    "CoprocClause": _Tree.other,
}
KINDS = {
    "Block": "{",
    "Subshell": "(",
    "IfClause": "if",
    "WhileClause": "while",
    "ForClause": "for",
    "CaseClause": "case",
    "FuncDecl": "function",
    "CoprocClause": "(",
}


def _kind(node: Node) -> str:
    return "until" if node.get("Until") else KINDS[node["Type"]]


def _binary(node: Node, *operators: str) -> Node | None:
    """The two sides of a statement that is joined by one of the operators, and nothing else."""
    command: Node = node.get("Cmd") or {}
    return command if command.get("Op") in operators and "Y" in command else None


def _place(placed: tuple[int, tuple[str, ...]]) -> int:
    return placed[0]


def _substitutions(nodes: Sequence[Node]) -> Iterator[Node]:
    """The substitutions of commands in nodes, but not those within another one."""
    waiting: list[Any] = list(reversed(nodes))
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if one.get("Type") in ("CmdSubst", "ProcSubst"):
                yield one
            else:
                waiting += reversed(one.values())
        elif isinstance(one, list):
            waiting += reversed(one)


def _escaped(match: re.Match[str]) -> str:
    return "" if match[1] == "\n" else match[1]


def _ansi_c(match: re.Match[str]) -> str:
    """What an escape in `$'…'` stands for."""
    for group, base in ((1, 16), (2, 16), (3, 16), (4, 8)):
        if match[group]:
            return chr(min(int(match[group], base), sys.maxunicode))
    if match[5]:
        return chr(ord(match[5].upper()) & 0x1F)
    return ANSI_C_NAMES.get(match[6], match[6])
