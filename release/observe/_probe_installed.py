"""Imports what was installed by name. Run by the Python that has it, never imported.

With the standard library alone. Its argument is JSON with the `distribution` and the `modules` to
import (those that it brings unless given). It prints one JSON object: the `version` that is
installed, the `modules` that were tried, and `failed`, with why, by module.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import sys
from importlib.metadata import PackagePath, distribution

SAMPLES = {"test", "tests", "testing", "docs", "doc", "examples", "example", "benchmarks", "setup"}


def brought(files: list[PackagePath]) -> list[str]:
    """The top-level packages and modules among the files of a distribution."""
    found = set()
    for path in files:
        first = path.parts[0]
        if path.parts[1:] == ("__init__.py",):
            found.add(first)
        elif len(path.parts) == 1 and path.suffix == ".py":
            found.add(path.stem)
    return sorted(n for n in found if n.isidentifier() and n[0] != "_" and n not in SAMPLES)


def main() -> None:
    asked = json.loads(sys.argv[1])
    there = distribution(asked["distribution"])
    modules = asked["modules"] or brought(there.files or [])
    failed = {}
    for name in modules:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            try:
                importlib.import_module(name)
            except BaseException as error:
                failed[name] = f"{type(error).__name__}: {error}"[:300]
    print(json.dumps({"version": there.version, "modules": modules, "failed": failed}))


if __name__ == "__main__":
    main()
