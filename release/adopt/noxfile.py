"""Adds the checklist to a noxfile, and touches nothing that stands in it."""

from __future__ import annotations

import ast

from release.project import Project, as_table
from release.render.facts import has_checklist
from release.text import edits, python

IMPORT = "from release.sessions import Sessions"
# Type checkers that read every file unless they are told, and how they leave out a line.
CHECKERS = {
    "ty": "ty: ignore",
    **dict.fromkeys(("pyright", "basedpyright"), "pyright: ignore[reportMissingImports]"),
}
# Guarded: whoever runs the project's own sessions need not have nox-release installed.
BLOCK = f"""\
# The release checklist, wherever nox-release is installed beside nox.
try:
    {IMPORT}
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


def fitted(source: str, project: Project) -> str:
    """The same as the project's tools want it: with so many lines after imports, and passed over
    by a type checker that reads noxfiles, where it does not find us.
    """
    ruff = as_table(as_table(project.tool("ruff").get("lint")).get("isort"))
    lines = ruff.get("lines-after-imports", project.tool("isort").get("lines_after_imports"))
    if isinstance(lines, int) and 0 <= lines <= 9:
        source = source.replace(f"{IMPORT}\n\n", f"{IMPORT}\n" + "\n" * lines)
    for name, said in CHECKERS.items():
        table = project.tool(name)
        if table and "include" not in {**as_table(table.get("src")), **table}:
            source = source.replace(f"{IMPORT}\n", f"{IMPORT}  # {said}\n")
    return source


def lacks_requirement(source: str) -> bool:
    """Whether a noxfile brings its own requirements (inline script metadata), and not this one."""
    comments = [line.rstrip() for line in source.splitlines() if line.startswith("#")]
    return "# /// script" in comments and not any("nox-release" in line for line in comments)
