"""Reads Python that others wrote."""

from __future__ import annotations

import ast


def parse(source: str | bytes) -> ast.Module:
    """The syntax tree of a module.

    Raises SyntaxError also where the parser gives up otherwise: NUL characters, an encoding that
    does not exist, deep nesting.
    """
    try:
        return ast.parse(source)
    except (ValueError, LookupError, RecursionError, MemoryError) as error:
        raise SyntaxError(str(error) or "it is nested too deeply") from None
