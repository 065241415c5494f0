"""Shell texts and Python programs as the commands that they run, as far as they are written out."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from release.gates.workflows.commands import PYTHON, SHELLS, may_publish, program
from release.gates.workflows.model import Command
from release.text import python, shell
from release.text.shell import Pipeline, Statement

# Functions of Python that only say something.
SAYING = frozenset(
    """print log debug info warn warning error critical exception skip echo secho add_argument
    ArgumentParser exit""".split()  # noqa: SIM905
)
UPLOADING_MODULES = ("twine.commands", "twine.__main__", "twine.cli")
LITERALS = ast.Constant | ast.List | ast.Tuple


# --- Shell


def split(script: str, path: str, line: int) -> list[Command]:
    """The simple commands of a shell text whose first line is `line` of the file `path`.

    What is substituted follows at the end. A text that cannot be read is one command, that says
    so. Raises CannotCheck where nothing can be read.
    """
    found = shell.read(script)
    if found.fault:
        words = ("?", script)
        return [Command(words, path, line + found.line - 1, unread=found.fault)]
    inner: list[Sequence[Statement]] = [found.statements]
    commands: list[Command] = []
    for statements in inner:
        commands += _listed(statements, Command((), path, line - 1), inner)
    return commands


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


def _listed(
    statements: Sequence[Statement], around: Command, inner: list[Sequence[Statement]]
) -> Iterator[Command]:
    """The commands of a list; `around` is what they have from what they stand in.

    What is substituted in them is added to `inner`.
    """
    for statement in statements:
        for operator, pipeline in statement.items:
            place = replace(around, operator=operator or around.operator)
            yield from _piped(pipeline, place, inner)
        around = replace(around, operator="")


def _piped(
    pipeline: Pipeline, around: Command, inner: list[Sequence[Statement]]
) -> Iterator[Command]:
    for number, command in enumerate(pipeline.commands):
        inner.append(command.inner)
        one = replace(
            around,
            words=command.words,
            line=around.line + command.line,
            operator="|" if number else around.operator,
            fed=command.given,
            feeds=around.feeds or any(map(_runs_its_input, pipeline.commands[number + 1 :])),
            bare=command.bare,
        )
        if command.kind:
            yield from _grouped(command, replace(one, line=around.line), inner)
        elif command.words:
            yield one


def _grouped(
    group: shell.Command, around: Command, inner: list[Sequence[Statement]]
) -> Iterator[Command]:
    at = replace(around, line=around.line + group.line, fed="", bare=None)
    if group.kind in ("for", "case"):
        yield replace(at, words=(group.kind, *group.words))
    for part in group.parts:
        yield from _listed(part, replace(around, words=(), fed="", bare=None), inner)
        around = replace(around, operator="")
    if group.redirections or group.given:
        yield replace(at, words=("}", *group.redirections), operator="", fed=group.given)


def _runs_its_input(command: shell.Command) -> bool:
    """Whether a command is a shell, or a Python, that may read its program from a pipe."""
    run = () if command.kind else program(command.words)
    return bool(run) and (run[0] in SHELLS or bool(PYTHON.fullmatch(run[0])))


# --- Python


def of_python(text: str, path: str, line: int = 1) -> list[Command]:
    """The commands that a Python program gives to a function, as far as they are literal.

    A text that is not Python is one command, whose words are the text.
    """
    tree = parsed(text)
    if tree is None:
        return [Command(("?", text), path, line)]
    found = python_commands([tree], path)
    return [replace(command, line=command.line + line - 1) for command in found]


def parsed(text: str) -> ast.Module | None:
    """The program that a text is; None where it is not one."""
    try:
        return python.parse(text)
    except SyntaxError:
        return None


def python_commands(trees: Iterable[ast.AST], path: str) -> list[Command]:
    """The commands that programs, or parts of one, give to functions.

    A text is split at its spaces, whatever a shell would make of it. Texts that no function is
    given, and that look like an upload, are commands of an unknown program.
    """
    return [Command(tuple(words), path, line) for tree in trees for words, line in _spoken(tree)]


def _spoken(tree: ast.AST) -> Iterator[tuple[list[str], int]]:
    taken = _said(tree)
    for node in ast.walk(tree):
        if id(node) in taken:
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = getattr(node, "module", None) or node.names[0].name
            if module.startswith(UPLOADING_MODULES):
                yield ["?", "twine", "upload"], node.lineno
        elif isinstance(node, ast.Call):
            given = [*node.args, *(k.value for k in node.keywords if k.arg in ("args", "cmd"))]
            plain = (each for each in given if not isinstance(each, ast.Call))
            taken |= {id(one) for each in plain for one in _own(each) if isinstance(one, LITERALS)}
            words = [word for each in given for word in _literals(each)]
            if words:
                yield words[0].split() or ["?"] if len(words) == 1 else words, node.lineno
        elif isinstance(node, LITERALS):
            text = " ".join(_literals(node))
            if may_publish(text):
                taken |= {id(inner) for inner in ast.walk(node)}
                yield ["?", text], node.lineno


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """A node with those below it, but for calls: what they are given is their own."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += [n for n in ast.iter_child_nodes(one) if not isinstance(n, ast.Call)]


def _said(tree: ast.AST) -> set[int]:
    """The nodes of what a program only says: messages, docstrings, what it raises."""
    said = [node for node in ast.walk(tree) if _says(node)]
    said += [node.exc for node in said if isinstance(node, ast.Raise) and node.exc is not None]
    return {id(inner) for node in said for inner in _own(node)}


def _says(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return getattr(node.func, "attr", getattr(node.func, "id", "")) in SAYING
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    return isinstance(node, ast.Raise | ast.Assert)


def _literals(node: ast.expr) -> Iterator[str]:
    """The texts in an argument, with a `?` for each that only a run can tell."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            yield node.value
    elif isinstance(node, ast.List | ast.Tuple):
        for item in node.elts:
            yield from _literals(item)
    elif isinstance(node, ast.Starred):
        yield from _literals(node.value)
    elif isinstance(node, ast.JoinedStr):
        yield "".join(
            str(part.value) if isinstance(part, ast.Constant) else "?" for part in node.values
        )
    elif isinstance(node, ast.BinOp):
        yield from _literals(node.left)
        yield from _literals(node.right)
    else:
        yield "?"
