"""Files of database migrations: their order, and statements planted in a copy of one.

Known are SQL files (those of dbmate, goose, sql-migrate, yoyo and the like, too: what undoes a
migration is left aside) and the Python of Alembic and of Django.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from release.text import python

UNDOING_FILE = re.compile(r"(?:^U\d|[._-](?:down|undo|rollback|revert)\.sql$)", re.I)
# The mark of a tool (dbmate, goose, sql-migrate, node-pg-migrate), or the word on its own line.
UNDOING_PART = re.compile(
    r"^[ \t]*--(?:[ \t]*(?:migrate:|\+\w+[ \t]+|@)(?:down|rollback|undo)\b"
    r"|[^\w\n]*(?:down|rollback|undo)(?:[ \t]+migration)?[^\w\n]*$)",
    re.I | re.M,
)
COMMENT = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/)", re.S)
BEGIN = re.compile(r"(?:BEGIN|START\s+TRANSACTION)\b[^;]*;", re.I)
COMMIT = re.compile(r"(?<=[;\s])(?:COMMIT|END)(?:\s+(?:WORK|TRANSACTION))?\s*;?\s*\Z", re.I)


class CannotPlant(Exception):
    """Statements cannot be put into a migration; says why."""


def kind_of(path: str, text: str) -> str | None:
    """What kind of migration a file is: sql, alembic or django; None if it is none."""
    name = path.rpartition("/")[2]
    if name.lower().endswith(".sql"):
        return None if UNDOING_FILE.search(name) else "sql"
    if not name.endswith(".py"):
        return None
    tree = _parsed(text)
    if tree is None:
        return None
    if _upgrade(tree) is not None and _assigned(tree, "revision") is not None:
        return "alembic"
    return "django" if _operations(tree) is not None else None


def in_order(files: Mapping[str, str]) -> tuple[str, ...]:
    """The paths of the migrations among `files` (path to text), in the order of their application.

    Alembic's by what each revision revises, the others by their names, numbers in these by value.
    Files of one kind only: Python's where there are any.
    """
    kinds = {path: kind_of(path, text) for path, text in files.items()}
    for kind in ("alembic", "django", "sql"):
        found = sorted((path for path, its in kinds.items() if its == kind), key=_natural)
        if found:
            return _by_revision(found, files) if kind == "alembic" else tuple(found)
    return ()


def plant(path: str, text: str, statements: Sequence[str], *, first: bool) -> str:
    """The text of a migration that executes `statements` as well, before all else or after it.

    The statements are SQL without `;`, `:`, `%` and `"`, which somebody might take for more.
    Raises CannotPlant for a file of no known kind.
    """
    if any(set(statement) & set(';:%"\\') for statement in statements):
        raise ValueError("a statement holds a character with a meaning elsewhere")
    kind = kind_of(path, text)
    if kind == "sql":
        return _plant_sql(text, statements, first=first)
    tree = _parsed(text)
    if kind == "alembic" and tree is not None:
        return _plant_alembic(text, tree, statements, first=first)
    if kind == "django" and tree is not None:
        return _plant_django(text, tree, statements, first=first)
    raise CannotPlant(f"{path} is neither SQL nor a migration of Alembic or Django")


def _natural(path: str) -> list[tuple[int, int, str]]:
    parts = re.split(r"(\d+)", path)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]


def _plant_sql(text: str, statements: Sequence[str], *, first: bool) -> str:
    undoing = UNDOING_PART.search(text)
    end = undoing.start() if undoing else len(text)
    start = _skip_comments(text, 0, end)
    begin = BEGIN.match(text, start, end)
    if first:
        place = begin.end() if begin else start
        before = text[:place]
    else:
        place = max(_end_of_statements(text, end), start)
        if begin and (commit := COMMIT.search(text, begin.end(), place)):
            place = commit.start()
        before = text[:place].rstrip()
        if place > start and not before.endswith(";"):
            before += "\n;"  # on a line of its own: the one before may end in a comment
    planted = "".join(f"{statement};\n" for statement in statements)
    gap = "" if not before or before.endswith("\n") else "\n"
    return f"{before}{gap}{planted}{text[place:]}"


def _skip_comments(text: str, place: int, end: int) -> int:
    while place < end and (match := COMMENT.match(text, place, end)) and match.end() > place:
        place = match.end()
    return place


def _end_of_statements(text: str, end: int) -> int:
    """Where the blank and comment lines at the end of a part of a text begin."""
    lines = text[:end].split("\n")
    while lines and (not lines[-1].strip() or lines[-1].lstrip().startswith("--")):
        lines.pop()
    return len("\n".join(lines).rstrip())


def _parsed(text: str) -> ast.Module | None:
    try:
        return python.parse(text)
    except SyntaxError:
        return None


def _assigned(tree: ast.Module, name: str) -> ast.expr | None:
    """What a module assigns to a name."""
    return next((value for names, value in python.assignments(tree) if name in names), None)


def _constants(node: ast.expr | None) -> tuple[str, ...]:
    """The texts in an expression: one, or those of a tuple or list."""
    if isinstance(node, ast.Tuple | ast.List):
        return tuple(text for item in node.elts for text in _constants(item))
    return (node.value,) if isinstance(node, ast.Constant) and isinstance(node.value, str) else ()


def _by_revision(paths: Sequence[str], files: Mapping[str, str]) -> tuple[str, ...]:
    by_name: dict[str, str] = {}
    revises: dict[str, tuple[str, ...]] = {}
    for path in paths:
        tree = _parsed(files[path])
        assert tree is not None
        for name in _constants(_assigned(tree, "revision")):
            by_name[name] = path
            revises[name] = _constants(_assigned(tree, "down_revision"))
    try:
        order = TopologicalSorter(revises).static_order()
        return tuple(by_name[name] for name in order if name in by_name)
    except CycleError:
        return tuple(paths)


def _upgrade(tree: ast.Module) -> ast.FunctionDef | None:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == "upgrade":
            return node
    return None


def _operations(tree: ast.Module) -> ast.List | None:
    """The list of operations of a Django migration."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == "Migration":
            for item in node.body:
                names = [t.id for t in getattr(item, "targets", ()) if isinstance(t, ast.Name)]
                value = getattr(item, "value", None)
                if names == ["operations"] and isinstance(value, ast.List):
                    return value
    return None


def _plant_alembic(text: str, tree: ast.Module, statements: Sequence[str], *, first: bool) -> str:
    function = _upgrade(tree)
    assert function is not None
    code = [f'__import__("alembic.op").op.execute("{statement}")' for statement in statements]
    if first:
        is_documented = ast.get_docstring(function) is not None and len(function.body) > 1
        node = function.body[1 if is_documented else 0]
        place = python.offset(text, node.lineno, node.col_offset)
    else:
        node = function.body[-1]
        place = python.offset(text, node.end_lineno or node.lineno, node.end_col_offset or 0)
    start = python.offset(text, node.lineno, 0)
    indent = text[start : python.offset(text, node.lineno, node.col_offset)]
    if indent.strip():  # the body stands beside `def`, or behind another statement
        planted = "; ".join(code)
        planted = f"{planted}; " if first else f"; {planted}"
    else:
        lines = f"\n{indent}".join(code)
        planted = f"{lines}\n{indent}" if first else f"\n{indent}{lines}"
    return text[:place] + planted + text[place:]


def _plant_django(text: str, tree: ast.Module, statements: Sequence[str], *, first: bool) -> str:
    operations = _operations(tree)
    assert operations is not None
    module = '__import__("django.db.migrations").db.migrations'
    code = ", ".join(f'{module}.RunSQL("{statement}")' for statement in statements)
    if first or not operations.elts:
        place = python.offset(text, operations.lineno, operations.col_offset) + 1
        planted = f"{code}, "
    else:
        last = operations.elts[-1]
        place = python.offset(text, last.end_lineno or last.lineno, last.end_col_offset or 0)
        planted = f", {code}"
    return text[:place] + planted + text[place:]
