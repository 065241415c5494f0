"""Shell texts and Python programs as the commands that they run, as far as they are written out."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from release.gates.workflows.commands import (
    PYTHON,
    SHELL_NAMES,
    given_text,
    may_publish,
    others_of_find,
    program,
)
from release.gates.workflows.model import Command
from release.text import python, shell
from release.text.shell import Pipeline, Statement

MAX_NESTING = 4
# Functions of Python that only say something.
SAYING = frozenset(
    """print log debug info warn warning error critical exception skip echo secho add_argument
    ArgumentParser exit""".split()  # noqa: SIM905
)
UPLOADING_MODULES = ("twine.commands", "twine.__main__", "twine.cli")
LITERALS = (ast.Constant, ast.List, ast.Tuple)
VALUES = (*LITERALS, ast.JoinedStr)


# --- Shell


def split(script: str, path: str, line: int, via: str = "", depth: int = 0) -> list[Command]:
    """The simple commands of a shell text whose first line is `line` of the file `path`.

    What is substituted follows at the end. A text that cannot be read is one command, that says
    so. Raises CannotCheck where nothing can be read.
    """
    found = shell.read(script)
    if found.fault:
        words = ("?", script)
        return [Command(words, path, line + found.line - 1, via=via, unread=found.fault)]
    return _Splitter(path, line - 1, via, depth).commands(found.statements)


@functools.lru_cache(maxsize=64)
def functions(script: str) -> frozenset[str]:
    """The names of the functions that a shell text defines."""
    found: set[str] = set()
    waiting = list(shell.read(script).statements)
    while waiting:
        for _, pipeline in waiting.pop().items:
            for command in pipeline.commands:
                if command.kind:
                    found |= {*command.words[:1]} if command.kind == "function" else set()
                    waiting += (statement for part in command.parts for statement in part)
    return frozenset(found)


@dataclass(slots=True)
class _Splitter:
    path: str
    before: int
    via: str
    depth: int
    found: list[Command] = field(default_factory=list)
    inner: list[Sequence[Statement]] = field(default_factory=list)
    texts: list[tuple[str, int]] = field(default_factory=list)

    def commands(self, statements: Sequence[Statement]) -> list[Command]:
        self.listed(statements)
        for more in self.inner:
            self.listed(more)
        if self.depth < MAX_NESTING:
            for text, line in self.texts:
                self.found += split(text, self.path, line, self.via, self.depth + 1)
        return self.found

    def listed(self, statements: Sequence[Statement], operator: str = "") -> None:
        """Take the commands of a list; `operator` is what stands before it."""
        for statement in statements:
            for before, pipeline in statement.items:
                self.pipeline(pipeline, before or operator)
            operator = ""

    def pipeline(self, pipeline: Pipeline, operator: str) -> None:
        for number, command in enumerate(pipeline.commands):
            behind = [_is_shell(one) for one in pipeline.commands[number + 1 :]]
            self.inner.append(command.inner)
            first = len(self.found)
            if command.kind:
                self.group(command, operator, fed=any(behind))
            elif command.words:
                self.simple(command, operator, fed=any(behind))
            if any(behind[:1]):
                # What it says is what the shell runs.
                self.texts += [(" ".join(c.words[1:]), c.line) for c in self.found[first:]]
            if any(_is_python(one) for one in pipeline.commands[number + 1 : number + 2]):
                for said in self.found[first:]:
                    if said.words[0] in ("echo", "printf"):
                        self.run("python", " ".join(said.words[1:]), said.line)
            operator = "|"

    def group(self, group: shell.Command, operator: str, *, fed: bool) -> None:
        line = self.before + group.line
        if group.kind in ("for", "case"):
            self.found.append(
                Command((group.kind, *group.words), self.path, line, operator, self.via)
            )
        for part in group.parts:
            self.listed(part, operator)
            operator = ""
        if group.redirections or group.given:
            words = ("}", *group.redirections)
            end = Command(words, self.path, line, "", self.via, group.given, followed=fed)
            self.found.append(end)
        if fed and group.given:
            self.texts.append((group.given, self.before + group.given_line))

    def simple(self, simple: shell.Command, operator: str, *, fed: bool) -> None:
        """Take a command, and what it is given to run: by its words, or by its here-documents."""
        line = self.before + simple.line
        kind, text = given_text(simple.words)
        followed = bool(text) and self.depth < MAX_NESTING
        if followed:
            self.run(kind, text, line)
        if _runs_what_is_said(simple.words):
            self.texts += self.said(simple.inner)
        for words in others_of_find(simple.words):
            self.found.append(Command(words, self.path, line, operator, self.via))
        if simple.given:
            given_line = self.before + simple.given_line
            run = program(simple.words)
            if fed or run[:1] in SHELL_NAMES:
                followed = self.depth < MAX_NESTING
                self.texts.append((simple.given, given_line))
            elif run and PYTHON.fullmatch(run[0]):
                self.run("python", simple.given, given_line)
        self.found.append(
            Command(
                simple.words,
                self.path,
                line,
                operator,
                self.via,
                simple.given,
                followed=followed,
                bare=simple.bare,
            )
        )

    def said(self, statements: Sequence[Statement]) -> Iterator[tuple[str, int]]:
        """The texts that the commands of a list print, as far as they are written out."""
        for statement in statements:
            for command in (one for _, line in statement.items for one in line.commands):
                if command.given:
                    yield command.given, self.before + command.given_line
                elif command.words[:1] in (("echo",), ("printf",)):
                    yield " ".join(command.words[1:]), self.before + command.line

    def run(self, kind: str, text: str, line: int) -> None:
        if kind == "python":
            self.found += of_python(text, self.path, self.via, line)
        else:
            self.texts.append((text, line))


def _runs_what_is_said(words: Sequence[str]) -> bool:
    """Whether a command runs what is substituted in it, or reads it as a shell does."""
    run = program(words)
    return bool(run) and (
        run[:1] in SHELL_NAMES or run[0] == "eval" or words[0].startswith(("$(", "`"))
    )


def _is_python(command: shell.Command) -> bool:
    """Whether a command is a Python that reads its program from a pipe."""
    run = program(command.words)
    return bool(run and PYTHON.fullmatch(run[0])) and run[1:] in ((), ("-",))


def _is_shell(command: shell.Command) -> bool:
    return not command.kind and program(command.words)[:1] in SHELL_NAMES


# --- Python


@dataclass(frozen=True, slots=True)
class _Spoken:
    """A text that Python gives to a function, and that may be one for a shell."""

    text: str
    line: int


def of_python(text: str, path: str, via: str, line: int = 1) -> list[Command]:
    """The commands that a Python program gives to a function, as far as they are literal.

    A text that is not Python is one command, whose words are the text.
    """
    tree = parsed(text)
    if tree is None:
        return [Command(("?", text), path, line, "", via)]
    found = python_commands([tree], path, via, values_of(tree))
    return [replace(command, line=command.line + line - 1) for command in found]


def parsed(text: str) -> ast.Module | None:
    """The program that a text is; None where it is not one."""
    try:
        return python.parse(text)
    except SyntaxError:
        return None


def values_of(tree: ast.Module) -> dict[str, ast.expr]:
    """What is given to names, the last where there are several."""
    return {
        node.targets[0].id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, (*VALUES, ast.Call))
    }


def python_commands(
    trees: Iterable[ast.AST], path: str, via: str, values: Mapping[str, ast.expr]
) -> list[Command]:
    """The commands that programs, or parts of one, give to functions."""
    pieces = [piece for tree in trees for piece in _Program(path, via, values).pieces(tree)]
    shell.read_all([piece.text for piece in pieces if isinstance(piece, _Spoken)])
    found: list[Command] = []
    for piece in pieces:
        if isinstance(piece, Command):
            found.append(piece)
        else:
            # Nothing says that the text is one for a shell: not to be read is no fault of it.
            found += [
                replace(command, line=piece.line, unread="")
                for command in split(piece.text, path, piece.line, via, 1)
            ]
    return found


class _Program:
    def __init__(self, path: str, via: str, values: Mapping[str, ast.expr]) -> None:
        self.path = path
        self.via = via
        self.values = values
        self.taken: set[int] = set()

    def pieces(self, tree: ast.AST) -> Iterator[Command | _Spoken]:
        said = _said(tree)
        for node in ast.walk(tree):
            if id(node) in said:
                continue
            if isinstance(node, ast.Import | ast.ImportFrom):
                yield from self.imported(node)
            elif isinstance(node, ast.Call):
                yield from self.call(node)
            elif isinstance(node, LITERALS) and id(node) not in self.taken:
                yield from self.literal(node)

    def command(self, node: ast.stmt | ast.expr, *words: str) -> Command:
        return Command(words, self.path, node.lineno, "", self.via)

    def imported(self, node: ast.Import | ast.ImportFrom) -> Iterator[Command]:
        module = getattr(node, "module", None) or node.names[0].name
        if module.startswith(UPLOADING_MODULES):
            yield self.command(node, "?", "twine", "upload")

    def literal(self, node: ast.expr) -> Iterator[Command]:
        text = " ".join(_literals(node, self.values))
        if may_publish(text):
            self.taken |= {id(inner) for inner in ast.walk(node)}
            yield self.command(node, "?", text)

    def call(self, node: ast.Call) -> Iterator[Command | _Spoken]:
        given = [*node.args, *(k.value for k in node.keywords if k.arg in ("args", "cmd"))]
        if isinstance(node.func, ast.Attribute) and node.func.attr == "split":
            given = [node.func.value]
        self.taken |= {
            id(inner)
            for argument in given
            for inner in ast.walk(argument)
            if isinstance(inner, LITERALS)
        }
        words = [word for argument in given for word in _literals(argument, self.values)]
        if len(words) == 1 and " " in words[0]:
            yield _Spoken(words[0], node.lineno)
        elif words:
            kind, text = given_text(words)
            yield replace(self.command(node, *words), followed=bool(text))
            if kind == "shell":
                yield _Spoken(text, node.lineno)
            elif kind == "python":
                yield from of_python(text, self.path, self.via, node.lineno)


def _said(tree: ast.AST) -> set[int]:
    """The nodes of what a program only says: messages, docstrings, what it raises."""
    found: set[int] = set()
    for node in filter(_says, ast.walk(tree)):
        # What is said may be computed by a call, which is none of what is said.
        waiting: list[ast.AST] = [node]
        if isinstance(node, ast.Raise) and node.exc is not None:
            waiting.append(node.exc)
        while waiting:
            one = waiting.pop()
            found.add(id(one))
            waiting += [
                inner for inner in ast.iter_child_nodes(one) if not isinstance(inner, ast.Call)
            ]
    return found


def _says(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return getattr(node.func, "attr", getattr(node.func, "id", "")) in SAYING
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    return isinstance(node, ast.Raise | ast.Assert)


def _literals(
    node: ast.expr, values: Mapping[str, ast.expr] = MappingProxyType({})
) -> Iterator[str]:
    """The texts in an argument, with a `?` for each that only a run can tell."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            yield node.value
    elif isinstance(node, ast.List | ast.Tuple):
        for item in node.elts:
            yield from _literals(item, values)
    elif isinstance(node, ast.Starred):
        yield from _literals(node.value, values)
    elif isinstance(node, ast.JoinedStr):
        yield "".join(
            str(part.value) if isinstance(part, ast.Constant) else "?" for part in node.values
        )
    elif isinstance(node, ast.BinOp):
        yield from _literals(node.left, values)
        yield from _literals(node.right, values)
    elif isinstance(node, ast.Name) and isinstance(values.get(node.id), VALUES):
        yield from _literals(values[node.id])
    else:
        yield from _split_literal(node)


def _split_literal(node: ast.expr) -> Iterator[str]:
    """The words of `"a text".split()`; a `?` for anything else."""
    function = node.func if isinstance(node, ast.Call) else None
    if (
        isinstance(function, ast.Attribute)
        and function.attr == "split"
        and isinstance(function.value, ast.Constant)
    ):
        yield from str(function.value.value).split()
    else:
        yield "?"
