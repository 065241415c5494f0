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
# What is appended to a migration in Python, so that what it does itself is one step among others;
# what stands between the steps, a step for a statement, and its own.
APPENDED = {
    "alembic": (
        """
from alembic import op as nox_release_op
nox_release_upgrade = upgrade
def upgrade(*values, **named):
    {}
""",
        "\n    ",
        'nox_release_op.execute("{}")',
        "nox_release_upgrade(*values, **named)",
    ),
    "django": (
        """
from django.db import migrations as nox_release_migrations
Migration.operations = [{}]
""",
        ", ",
        'nox_release_migrations.RunSQL("{}")',
        "*Migration.operations",
    ),
}


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
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    if "upgrade" in functions and _assigned(tree, "revision") is not None:
        return "alembic"
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    migration = classes.get("Migration")
    return "django" if migration and _assigned(migration, "operations") is not None else None


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
    Raises ValueError for others, and for a file of no known kind.
    """
    if any(set(statement) & set(';:%"\\') for statement in statements):
        raise ValueError("a statement holds a character with a meaning elsewhere")
    kind = kind_of(path, text)
    if kind is None:
        raise ValueError(f"{path} is neither SQL nor a migration of Alembic or Django")
    if kind == "sql":
        return _plant_sql(text, statements, first=first)
    appended, between, call, own = APPENDED[kind]
    calls = [call.format(statement) for statement in statements]
    return text + appended.format(between.join([*calls, own] if first else [own, *calls]))


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


def _assigned(tree: ast.Module | ast.ClassDef, name: str) -> ast.expr | None:
    """What a module or a class assigns to a name."""
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
