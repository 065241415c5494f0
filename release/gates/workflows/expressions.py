"""Conditions of workflows, evaluated as far as they can be without running anything.

The language is that of GitHub's expressions: literals, contexts, `!`, `&&`, `||`, comparisons and
functions. Written with Python's operators, of which `~` binds as `!` does, it is read by Python's
own parser. What depends on the run is UNKNOWN, and the rest follows from it by Kleene's logic.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from release.text import python

# Longer ones GitHub refuses.
MAX_LENGTH = 21_000
TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<name>[a-z_][\w-]*|\*)|(?P<operator>==|!=|<=|>=|&&|\|\||[!<>().,\[\]]))",
    re.I,
)
# Functions of which one is enough for `success()` to be no part of a condition any longer.
STATUS = frozenset(["success", "always", "cancelled", "failure"])
OPERATORS = {"&&": "and", "||": "or", "!": "~"}
CONSTANTS: Mapping[str, bool | None] = {"true": True, "false": False, "null": None}
SEARCHES: Mapping[str, Callable[[str, str], bool]] = {
    "startswith": str.startswith,
    "endswith": str.endswith,
    "contains": str.__contains__,
}


class Unknown:
    """A value that only a run can tell."""


UNKNOWN = Unknown()


@dataclass(frozen=True, slots=True)
class StartsWith:
    """Some text that begins with `prefix` and is not empty."""

    prefix: str


Value = None | bool | float | str | StartsWith | Unknown
Context = Callable[[str], Value]


def condition(text: str, context: Context) -> bool | None:
    """Whether the `if:` of a job or a step holds; None when only a run can tell.

    A text around `${{ }}`, be it a line end, makes the whole a text, which always holds.
    """
    if "${{" in text:
        inner = unwrapped(text)
        if inner is None:
            return True
        text = inner
    return truth(evaluate(text, context))


def unwrapped(text: str) -> str | None:
    """The expression of a text that is one `${{ }}` and nothing else; None for other texts."""
    if not text.startswith("${{") or text.find("}}") != len(text) - 2:
        return None
    return text[3:-2]


def overrides(text: str, *, step: bool = False) -> str:
    """The function by which an `if:` holds although something before it failed; empty for none.

    With a function of the status in it, `success()` is no longer implied. Only `success()` itself,
    alone or joined to the rest by `&&`, keeps what is implied without it; `!failure()` of a `step`,
    too, which no step is skipped for.
    """
    whole = unwrapped(text) if "${{" in text else text
    read = _read(whole if whole is not None else re.sub(r"\$\{\{|\}\}", " ", text))
    if read is None:
        match = re.search(r"\b(success|always|cancelled|failure)\s*\(", text, re.I)
        return f"{match[1].lower()}()" if match else ""
    is_and = isinstance(read.tree, ast.BoolOp) and isinstance(read.tree.op, ast.And)
    joined = getattr(read.tree, "values", ()) if is_and else (read.tree,)
    told = {id(one): read.status(one) for one in joined} if whole is not None else {}
    fine = {"success()"}
    if step and {"success()", "!failure()"} & set(told.values()):
        fine |= {"!failure()", "!cancelled()"}
    kept = {id(inner) for one in joined if told.get(id(one)) in fine for inner in ast.walk(one)}
    found = (read.status(one) for one in ast.walk(read.tree) if id(one) not in kept)
    return next(filter(None, found), "")


def evaluate(text: str, context: Context) -> Value:
    """The value of an expression without its `${{ }}`; UNKNOWN for one that is malformed."""
    read = _read(text)
    try:
        return read.value(read.tree, context) if read is not None else UNKNOWN
    except RecursionError:
        return UNKNOWN


def truth(value: Value) -> bool | None:
    if isinstance(value, Unknown):
        return None
    if isinstance(value, StartsWith):
        return True
    return bool(value)


def _read(text: str) -> _Read | None:
    """An expression as Python's parser reads it; None for what is none."""
    tokens: list[tuple[str, str]] = []
    place, end = 0, len(text.rstrip())
    while place < end:
        match = TOKEN.match(text, place) if end <= MAX_LENGTH else None
        if match is None or match.lastgroup is None:
            return None
        tokens.append((match.lastgroup, match[match.lastgroup]))
        place = match.end()
    # Words are called by their places, lest one is a keyword of Python.
    words = (
        OPERATORS.get(word, word) if kind == "operator" else f"n{number}"
        for number, (kind, word) in enumerate(tokens)
    )
    try:
        (statement,) = python.parse(f"({' '.join(words)})").body
    except (SyntaxError, ValueError):
        return None
    return _Read(tokens, statement.value) if isinstance(statement, ast.Expr) else None


@dataclass(frozen=True)
class _Read:
    tokens: Sequence[tuple[str, str]]
    tree: ast.expr

    def token(self, name: str) -> tuple[str, str]:
        return self.tokens[int(name[1:])]

    def function(self, node: ast.AST) -> str:
        """The function that a node calls; empty for another node."""
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            return ""
        return self.token(node.func.id)[1].lower()

    def status(self, node: ast.AST) -> str:
        """The function of the status that a node calls, be it negated; empty for another node."""
        if isinstance(node, ast.UnaryOp):
            inner = self.status(node.operand)
            return f"!{inner}" if inner else ""
        name = self.function(node)
        return f"{name}()" if name in STATUS else ""

    def value(self, node: ast.expr, context: Context) -> Value:
        def of(*nodes: ast.expr) -> list[Value]:
            return [self.value(one, context) for one in nodes]

        match node:
            case ast.BoolOp(op=op, values=values):
                return _joined(of(*values), until=isinstance(op, ast.Or))
            case ast.Compare(left=left, ops=ops, comparators=others):
                (value,) = of(left)
                for sign, other in zip(ops, of(*others), strict=True):
                    value = _compared(value, type(sign), other)
                return value
            case ast.UnaryOp(operand=operand):
                known = truth(*of(operand))
                return UNKNOWN if known is None else not known
            case ast.Call(args=args):
                return _called(self.function(node), of(*args))
            case ast.Name(id=name) if self.token(name)[0] != "name":
                return _literal(*self.token(name))
        parts = list(self.parts(node, context))
        if len(parts) == 1 and str(parts[0]).lower() in CONSTANTS:
            return CONSTANTS[str(parts[0]).lower()]
        names = [part for part in parts if part is not None and part != "*"]
        return context(".".join(names).lower()) if len(names) == len(parts) else UNKNOWN

    def parts(self, node: ast.expr, context: Context) -> Iterator[str | None]:
        """The names of a reference, None for what only a run can tell."""
        match node:
            case ast.Name(id=name):
                yield self.token(name)[1]
            case ast.Attribute(value=value, attr=name):
                yield from self.parts(value, context)
                yield self.token(name)[1]
            case ast.Subscript(value=value, slice=index):
                yield from self.parts(value, context)
                found = self.value(index, context)
                yield found if isinstance(found, str) else None
            case _:
                yield None


def _literal(kind: str, text: str) -> Value:
    if kind == "string":
        return text[1:-1].replace("''", "'")
    if kind == "number":
        return float(text)
    return UNKNOWN


def _joined(values: Sequence[Value], *, until: bool) -> Value:
    """What `||` (`until` one holds) or `&&` (until one does not) makes of values."""
    value, *rest = values
    for other in rest:
        known = truth(value)
        if known is None:
            value = until if truth(other) is until else UNKNOWN
        elif known is not until:
            value = other
    return value


def _called(name: str, arguments: Sequence[Value]) -> Value:
    if name == "always" and not arguments:
        return True
    if name not in SEARCHES or len(arguments) != 2 or isinstance(arguments[1], StartsWith):
        return UNKNOWN
    if any(isinstance(one, Unknown) for one in arguments):
        return UNKNOWN
    text, piece = arguments[0], _text(arguments[1])
    if not isinstance(text, StartsWith):
        return SEARCHES[name](_text(text), piece)
    prefix = text.prefix.lower()
    if name == "startswith" and not piece.startswith(prefix):
        return prefix.startswith(piece)
    known = prefix.startswith(piece) if name == "startswith" else piece in prefix
    return True if known and name != "endswith" else UNKNOWN


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return (f"{value:g}" if isinstance(value, float) else str(value)).lower()


def _compared(left: Value, sign: type[ast.cmpop], right: Value) -> Value:
    """Whether two values are equal, or are not; UNKNOWN for other comparisons, and other types."""
    if sign not in (ast.Eq, ast.NotEq) or UNKNOWN in (left, right):
        return UNKNOWN
    for one, other in ((left, right), (right, left)):
        if isinstance(one, StartsWith):
            differ = other in (None, "")
            if isinstance(other, str):
                differ = differ or not other.lower().startswith(one.prefix.lower())
            return sign is ast.NotEq if differ else UNKNOWN
    if left is None or right is None:
        same = not (left or right)
    elif type(left) is type(right):
        same = _text(left) == _text(right)
    else:
        return UNKNOWN
    return same is (sign is ast.Eq)
