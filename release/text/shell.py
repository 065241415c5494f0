"""Reads shell texts: what stands in them as commands, by the syntax tree of shfmt.

https://github.com/mvdan/sh; nothing is run and nothing is expanded. Expressions of GitHub
(`${{ … }}`), which no shell knows, count as parts of words.
"""

from __future__ import annotations

import bisect
import functools
import importlib.metadata
import json
import operator
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
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
# What stands in it is neither `}}` nor, but in a text, `$`.
EXPRESSION = re.compile(r"\$\{\{(?:[^'}$]|'[^']*'|\}(?!\}))*\}\}")
UNQUOTED = re.compile(r"\\(\n|.)", re.S)
QUOTED = re.compile(r"\\([$`\"\\\n])")
HEX = "[0-9A-Fa-f]"
ANSI_C = re.compile(rf"\\(?:(x{HEX}{{1,2}}|u{HEX}{{1,4}}|U{HEX}{{1,8}})|([0-7]{{1,3}})|(.))", re.S)
ANSI_C_NAMES = {"n": "\n", "r": "\r", "t": "\t"}
LEADING_TABS = re.compile(r"^\t+", re.M)

Node = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Command:
    """A simple command, or a group: the kinds are `{ ( if for while until case function`.

    The words of a simple command have no quotes, and its redirections are among them. Those of a
    `for` are the variable and what it stands for, of a `case` the subject and the patterns, of a
    function its name. `parts` are the lists of a group: of an `if`, each condition with its branch,
    then the last one; of a `while`, the condition and the body. `bare` is the text of the words
    without what is substituted in them, `inner` the commands of these substitutions, `given` what
    its here-documents hold.
    """

    kind: str
    words: tuple[str, ...]
    line: int
    parts: tuple[List, ...] = ()
    redirections: tuple[str, ...] = ()
    bare: str = ""
    inner: List = ()
    given: str = ""


@dataclass(frozen=True, slots=True)
class Pipeline:
    commands: tuple[Command, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Statement:
    """Pipelines, each with the `&&` or `||` before it."""

    items: tuple[tuple[str, Pipeline], ...]
    background: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """What a text says; `fault` says why it could not be read, and `line` where."""

    statements: List = ()
    fault: str = ""
    line: int = 1


List = tuple[Statement, ...]
# The texts that were read before, by whichever of the gates that run side by side.
_known: dict[str, Script] = {}
_lock = threading.Lock()


def read(text: str) -> Script:
    return read_all([text])[0]


def read_all(texts: Sequence[str]) -> list[Script]:
    """What each of the texts says. Raises CannotCheck where shfmt is missing or fails."""
    found = {text: script for text in texts if (script := _known.get(text)) is not None}
    asked = {text: _Text(text) for text in texts if text not in found}
    if asked:
        found |= zip(asked, _read(list(asked.values())), strict=True)
        with _lock:
            if sum(map(len, _known)) > REMEMBERED:
                _known.clear()
            _known.update(found)
    return [found[text] for text in texts]


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
    try:
        for text in texts:
            if text.refused:
                raise _Unreadable(text.refused)
        tree = _tree(BETWEEN.join(text.masked for text in texts))
        return list(_parted(tree.get("Stmts", ()), texts))
    except RecursionError:
        found = Script(fault=TOO_DEEP)
    except _Unreadable as error:
        found = Script(fault=str(error), line=error.line)
    half = len(texts) // 2
    return [*_read_batch(texts[:half]), *_read_batch(texts[half:])] if half else [found]


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
        yield _script(text, begin, statements[first:last])
        first, begin = last + 1, mark + MARK
    yield _script(texts[-1], begin, statements[first:])


def _script(text: _Text, begin: int, statements: Sequence[Node]) -> Script:
    try:
        return Script(_Tree(text, begin).listed(statements))
    except KeyError as error:
        raise CannotCheck(f"shfmt, which reads shell, printed no {error}", INSTALL) from None


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
    """A text as shfmt reads it, with a word as long in the place of each expression."""

    def __init__(self, text: str) -> None:
        plain = text.replace("\r\n", "\n")
        self.data = plain.encode("utf-8", "replace")
        self.masked = EXPRESSION.sub(_word_as_long, plain).encode("utf-8", "replace")
        self.ends = [match.start() for match in re.finditer(b"\n", self.data)]
        self.refused = ""
        if len(self.data) > MAX_BYTES:
            self.refused = f"is longer than {MAX_BYTES // 1000} kB"
        elif b"\0" in self.data:
            self.refused = "holds a NUL character"


def _word_as_long(match: re.Match[str]) -> str:
    return "_" * len(match[0].encode("utf-8", "replace"))


class _Tree:
    """Makes commands of the nodes of a text that begins at a place of what shfmt read."""

    def __init__(self, text: _Text, begin: int = 0) -> None:
        self.text = text
        self.begin = begin

    def raw(self, begin: int, end: int) -> str:
        return self.text.data[begin - self.begin : end - self.begin].decode("utf-8", "replace")

    def line(self, place: int) -> int:
        return bisect.bisect_left(self.text.ends, place - self.begin) + 1

    # Lists and pipelines

    def listed(self, nodes: Sequence[Node] | None) -> List:
        return tuple(map(self.statement, nodes or ()))

    def statement(self, node: Node) -> Statement:
        sides, first = _sides(node, "&&", "||")
        items = [("", self.pipeline(first)), *((op, self.pipeline(side)) for op, side in sides)]
        return Statement(tuple(items), bool(node.get("Background")))

    def pipeline(self, node: Node) -> Pipeline:
        command = node.get("Cmd") or {}
        negated = bool(node.get("Negated"))
        if command.get("Type") == "TimeClause":
            timed = self.pipeline(command.get("Stmt") or {"Pos": node["Pos"]})
            return Pipeline(timed.commands, timed.negated != negated)
        sides, first = _sides(node, "|", "|&")
        return Pipeline(tuple(map(self.command, (first, *(side for _, side in sides)))), negated)

    # Commands

    def command(self, node: Node) -> Command:
        command: Node = node.get("Cmd") or {"Type": "CallExpr"}
        redirections = node.get("Redirs") or []
        kind, read = COMMANDS[command["Type"]]
        parts, placed, heads = read(self, command)
        around = [(one["Pos"], self.redirection(one)) for one in redirections]
        if not kind:
            placed = [*placed, *around]
        words = tuple(
            word for _, words in sorted(placed, key=operator.itemgetter(0)) for word in words
        )
        substitutions = list(_substitutions([*heads, *redirections]))
        documents = [one for one in redirections if "Hdoc" in one]
        return Command(
            "until" if command.get("Until") else kind,
            words,
            self.line(command.get("Pos", node["Pos"])),
            parts,
            tuple(word for _, words in around for word in words) if kind else (),
            self.bare(words, substitutions),
            tuple(inner for one in substitutions for inner in self.listed(one.get("Stmts"))),
            "\n".join(map(self.document, documents)),
        )

    def bare(self, words: Sequence[str], substitutions: Sequence[Node]) -> str:
        text = " ".join(words)
        for one in substitutions:
            text = text.replace(self.raw(one["Pos"], one["End"]), " ", 1)
        return text

    def document(self, node: Node) -> str:
        """The lines of a here-document, without the last one, which ends it."""
        text = self.raw(node["Hdoc"]["Pos"], node["Hdoc"]["End"]).rpartition("\n")[0]
        return LEADING_TABS.sub("", text) if node["Op"] == "<<-" else text

    # Words

    def word(self, node: Node) -> str:
        return "".join(self.part(one, UNQUOTED) for one in node.get("Parts") or ())

    def part(self, node: Node, escapes: re.Pattern[str]) -> str:
        """A part of a word without its quotes; what only a run can tell stays as it is."""
        raw = self.raw(node["Pos"], node["End"])
        if node["Type"] == "Lit":
            # The backslash of a line that goes on in the next one may be the last character.
            going_on = raw.endswith("\\") and not node.get("Value", "").endswith("\\")
            return escapes.sub(_escaped, raw[:-1] if going_on else raw)
        if node["Type"] == "DblQuoted":
            return "".join(self.part(one, QUOTED) for one in node.get("Parts") or ())
        if node["Type"] == "SglQuoted":
            return ANSI_C.sub(_ansi_c, raw[2:-1]) if node.get("Dollar") else raw[1:-1]
        return raw

    def assignment(self, node: Node) -> str:
        value = node.get("Value")
        if value is None:
            return self.raw(node["Pos"], node["End"])
        return self.raw(node["Pos"], value["Pos"]) + self.word(value)

    def redirection(self, node: Node) -> tuple[str, ...]:
        """The words of a redirection; none for a here-document."""
        if node["Op"] in ("<<", "<<-"):
            return ()
        sign = self.raw(node["Pos"], node["OpPos"]) + node["Op"]
        target = self.word(node["Word"])
        joined = node["Word"]["Pos"] == node["OpPos"] + len(node["Op"])
        return (sign + target,) if joined else (sign, target)

    def tested(self, node: Node) -> tuple[str, ...]:
        """The words of a condition between `[[` and `]]`."""
        if node["Type"] == "ParenTest":
            return ("(", *self.tested(node["X"]), ")")
        if node["Type"] == "UnaryTest":
            return (node["Op"], *self.tested(node["X"]))
        if node["Type"] == "BinaryTest":
            return (*self.tested(node["X"]), node["Op"], *self.tested(node["Y"]))
        return (self.word(node),)

    # Kinds of commands: the lists within, the words with their places, and the nodes of both

    def call(self, node: Node) -> Read:
        first = [(one["Pos"], (self.assignment(one),)) for one in node.get("Assigns") or ()]
        return (
            (),
            [*first, *((one["Pos"], (self.word(one),)) for one in node.get("Args") or ())],
            [node],
        )

    def declaration(self, node: Node) -> Read:
        names = map(self.assignment, node.get("Args") or ())
        return (), [(node["Pos"], (node["Variant"]["Value"], *names))], [node]

    def test(self, node: Node) -> Read:
        return (), [(node["Pos"], ("[[", *self.tested(node["X"]), "]]"))], [node]

    def arithmetic(self, node: Node) -> Read:
        name = "let" if node["Type"] == "LetClause" else "(("
        text = self.raw(node["Pos"] + len(name), node["End"])
        return (), [(node["Pos"], (name, text.removesuffix("))").strip()))], [node]

    def block(self, node: Node) -> Read:
        return (self.listed(node.get("Stmts")),), [], []

    def loop(self, node: Node) -> Read:
        return (self.listed(node["Cond"]), self.listed(node.get("Do"))), [], []

    def each(self, node: Node) -> Read:
        head = node["Loop"]
        name = head.get("Name")
        words = (
            self.raw(name["Pos"], name["End"]) if name else "",
            *map(self.word, head.get("Items") or ()),
        )
        return (self.listed(node.get("Do")),), [(0, words)], [head]

    def branches(self, node: Node) -> Read:
        parts: list[List] = []
        one: Node | None = node
        while one is not None:
            parts += [self.listed(one[key]) for key in ("Cond", "Then") if one.get(key)]
            one = one.get("Else")
        return tuple(parts), [], []

    def case(self, node: Node) -> Read:
        items = node.get("Items") or ()
        heads = [node["Word"], *(pattern for item in items for pattern in item["Patterns"])]
        parts = tuple(self.listed(item.get("Stmts")) for item in items)
        return parts, [(0, tuple(map(self.word, heads)))], heads

    def function(self, node: Node) -> Read:
        names = [node["Name"]] if "Name" in node else node.get("Names") or ()
        words = tuple(self.raw(name["Pos"], name["End"]) for name in names) or ("",)
        return (self.listed([node["Body"]]),), [(0, words)], []

    def other(self, node: Node) -> Read:
        return (self.listed([node["Stmt"]]),), [], []


Read = tuple[tuple[List, ...], list[tuple[int, tuple[str, ...]]], list[Node]]
COMMANDS: Mapping[str, tuple[str, Callable[[_Tree, Node], Read]]] = {
    "CallExpr": ("", _Tree.call),
    "DeclClause": ("", _Tree.declaration),
    "TestClause": ("", _Tree.test),
    "ArithmCmd": ("", _Tree.arithmetic),
    "LetClause": ("", _Tree.arithmetic),
    "Block": ("{", _Tree.block),
    "Subshell": ("(", _Tree.block),
    "CoprocClause": ("(", _Tree.other),
    "IfClause": ("if", _Tree.branches),
    "WhileClause": ("while", _Tree.loop),
    "ForClause": ("for", _Tree.each),
    "CaseClause": ("case", _Tree.case),
    "FuncDecl": ("function", _Tree.function),
}


def _sides(node: Node, *operators: str) -> tuple[list[tuple[str, Node]], Node]:
    """What is joined to a statement by operators, each with its own, and the first statement."""
    found: list[tuple[str, Node]] = []
    command: Node = node.get("Cmd") or {}
    while command.get("Type") == "BinaryCmd" and command["Op"] in operators:
        found.append((command["Op"], command["Y"]))
        node = command["X"]
        command = node.get("Cmd") or {}
    return found[::-1], node


def _substitutions(nodes: Sequence[Node]) -> Iterator[Node]:
    """The substitutions of commands in nodes, but not those within another one."""
    waiting: list[Any] = list(reversed(nodes))
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += reversed(one)
        elif isinstance(one, dict) and one.get("Type") in ("CmdSubst", "ProcSubst"):
            yield one
        elif isinstance(one, dict):
            waiting += reversed(one.values())


def _escaped(match: re.Match[str]) -> str:
    return "" if match[1] == "\n" else match[1]


def _ansi_c(match: re.Match[str]) -> str:
    """What an escape in `$'…'` stands for."""
    if match[3]:
        return ANSI_C_NAMES.get(match[3], match[3])
    return chr(min(int(match[1][1:], 16) if match[1] else int(match[2], 8), sys.maxunicode))
