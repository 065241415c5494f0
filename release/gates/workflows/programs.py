"""Python programs as the commands that they run, as far as they are written out."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import replace

from release.gates.workflows.commands import may_publish
from release.gates.workflows.model import Command
from release.text import python

# Functions of Python that only say something.
SAYING = frozenset(
    """print log debug info warn warning error critical exception skip echo secho add_argument
    ArgumentParser exit""".split()  # noqa: SIM905
)
UPLOADING_MODULES = ("twine.commands", "twine.__main__", "twine.cli")
LITERALS = ast.Constant | ast.List | ast.Tuple


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
