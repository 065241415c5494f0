"""Adds the checklist to a noxfile, and touches nothing that stands in it."""

from __future__ import annotations

import ast

from release.render.facts import has_checklist
from release.text import edits, python

# Guarded: whoever runs the project's own sessions need not have nox-release installed.
BLOCK = """\
# The release checklist, wherever nox-release is installed beside nox.
try:
    from release.sessions import Sessions
except ImportError:
    pass
else:
    Sessions(__file__).all()
"""


def with_checklist(source: str) -> str:
    """The text of a noxfile with the sessions of this package; the same where it has them.

    Raises SyntaxError, and edits.MixedLineEnds.
    """
    body = edits.plain(source)
    before = python.parse(body)
    if has_checklist(before):
        return source
    gap = "" if not body else "\n\n" if body.endswith("\n") else "\n\n\n"
    after = f"{body}{gap}{BLOCK}"
    statements = python.parse(after).body
    if [*map(ast.dump, statements[:-1])] != [*map(ast.dump, before.body)]:
        raise SyntaxError("nothing can be added at its end")
    return edits.restored(source, after)


def lacks_requirement(source: str) -> bool:
    """Whether a noxfile brings its own requirements (inline script metadata), and not this one."""
    comments = [line.rstrip() for line in source.splitlines() if line.startswith("#")]
    return "# /// script" in comments and not any("nox-release" in line for line in comments)
