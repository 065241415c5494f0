"""Reads Python that others wrote."""

from __future__ import annotations

import ast

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
