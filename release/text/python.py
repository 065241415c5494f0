"""Reads Python that others wrote."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

MAX_SIZE = 5_000_000


def parse(source: str | bytes) -> ast.Module:
    """The syntax tree of a module.

    Raises SyntaxError also where the parser gives up otherwise: NUL characters, an encoding that
    does not exist, deep nesting. So it does for a module of megabytes, whose tree takes gigabytes.
    """
    if len(source) > MAX_SIZE:
        raise SyntaxError(f"it is larger than {MAX_SIZE // 1_000_000} MB")
    try:
        return ast.parse(source)
    except (ValueError, LookupError, RecursionError, MemoryError) as error:
        raise SyntaxError(str(error) or "it is nested too deeply") from None


def parsed(source: str | bytes) -> ast.Module:
    """The same; an empty module for what is not Python."""
    try:
        return parse(source)
    except SyntaxError:
        return ast.Module([], [])


def assignments(
    tree: ast.Module | ast.ClassDef,
) -> Iterator[tuple[set[str], ast.expr | None]]:
    """What a module or class assigns at its top level: the names that get a value, and it."""
    for node in tree.body:
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign):
            targets = [node.target]
        else:
            continue
        yield {target.id for target in targets if isinstance(target, ast.Name)}, node.value


def passed_to_setup(tree: ast.Module, keyword: str) -> Iterator[ast.expr]:
    """What a module passes to setup() by this keyword."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            for word in node.keywords if name == "setup" else ():
                if word.arg == keyword:
                    yield word.value


def offset(text: str, line: int, column: int) -> int:
    """Where a position of the parser's (a line from 1, a column in bytes) is in a text."""
    lines = re.split(r"(?<=\n)|(?<=\r)(?!\n)", text)
    before = sum(map(len, lines[: line - 1]))
    return before + len(lines[line - 1].encode("utf-8")[:column].decode("utf-8"))
