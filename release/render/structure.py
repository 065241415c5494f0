"""Whether a workflow says what its template says: newer pins and comments are none of that."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import zip_longest

from release.errors import ConfigurationError
from release.gates.workflows.model import Node, shown
from release.gates.workflows.read import parse
from release.model import Finding

REMEDY = "nox -s render, or change [tool.release] if it is meant; --force takes back own edits"
PIN = re.compile(r"([\w.-]+/[\w./-]+)@[0-9a-f]{40}")
OURS = re.compile(r"(nox-release(?:\[[\w,-]+\])?)==[\w.!+-]+")


def differences(path: str, wanted: str, there: str) -> Iterator[Finding]:
    """What a file of YAML says otherwise than it should, with the line of each place."""
    try:
        node, faults = parse(there, path)
    except ConfigurationError as error:
        yield from error.problems
        return
    yield from faults or _differ(parse(wanted, path)[0], node, "")


def _differ(wanted: Node, there: Node, keys: str) -> Iterator[Finding]:
    if wanted.table is not None and there.table is not None:
        for key in {**wanted.table, **there.table}:
            yield from _at(wanted.table.get(key), there.table.get(key), f"{keys}.{key}", there)
    elif wanted.items is not None and there.items is not None:
        for place, (one, other) in enumerate(zip_longest(wanted.items, there.items)):
            yield from _at(one, other, f"{keys}[{place}]", there)
    elif _said(wanted) != _said(there):
        yield _finding(
            f"{keys} is {_brief(there)}, and the settings make it {_brief(wanted)}", there
        )


def _at(wanted: Node | None, there: Node | None, keys: str, above: Node) -> Iterator[Finding]:
    if wanted is None and there is not None:
        yield _finding(f"{keys} is not what the settings make", there)
    elif wanted is not None and there is None:
        yield _finding(f"{keys} is missing", above)
    elif wanted is not None and there is not None:
        yield from _differ(wanted, there, keys)


def _finding(message: str, where: Node) -> Finding:
    return Finding(shown(message.removeprefix(".")), where.path, where.line, REMEDY)


def _said(node: Node) -> str | None:
    if node.text is None:
        return None
    pin = PIN.fullmatch(node.text.strip())
    return pin[1] if pin else OURS.sub(r"\1", node.text)


def _brief(node: Node) -> str:
    if node.text is None:
        return "a list" if node.items is not None else "a mapping"
    return repr(node.text) if len(node.text) < 60 else "another text"
