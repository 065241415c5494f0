"""Files by the schemas that check-jsonschema brings, or by one of ours."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from release.errors import CannotCheck
from release.run.processes import PARSER_MEMORY, Completed
from release.run.shell import Shell

MAX_MESSAGE = 300
STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]")


@dataclass(frozen=True, slots=True)
class Fault:
    """What a schema does not take, of a file.

    `path` leads to it (`$.jobs[0]`), and is empty for a file that was not read. Where the schema
    has alternatives, `inner` and `message` are of the one that fits best.
    """

    file: str
    path: str
    inner: str
    message: str


def ask(shell: Shell, schema: Sequence[str], paths: Sequence[str], cwd: Path) -> Completed:
    """Run check-jsonschema on files; `schema` are its options for the schema and the format."""
    return shell.run(
        *(shell.tools.tool("check-jsonschema"), *schema),
        *("--output-format", "json", "--color", "never", *paths),
        cwd=cwd,
        memory=PARSER_MEMORY,
    )


def faults(done: Completed) -> list[Fault]:
    """What `check-jsonschema --output-format json` printed. Raises CannotCheck for no report."""
    try:
        report = json.loads(done.stdout)
        found = [_fault(each) for each in (*report["errors"], *report.get("parse_errors", ()))]
        if done.status != (1 if found else 0) or report["status"] != ("fail" if found else "ok"):
            raise ValueError(report["status"])
    except (ValueError, KeyError, TypeError, AttributeError):
        said = f"check-jsonschema gave no report: {done.last_line}"
        raise CannotCheck(said, "look at the log, and run it again with --fresh") from None
    return found


def _fault(each: Mapping[str, Any]) -> Fault:
    best = each.get("best_deep_match") or each
    many = " is not one of the values that it takes"
    message = re.sub(r" is not one of \[.{200,}", many, str(best["message"]))
    message = message if len(message) <= MAX_MESSAGE else message[:MAX_MESSAGE] + "…"
    path = str(each.get("path", ""))
    return Fault(str(each.get("filename", "")), path, str(best.get("path", path)), message)


def keys(path: str) -> list[str | int]:
    """The keys and numbers of a path such as `$.authors[0]['given-names']`."""
    return [int(index) if index else name or quoted for name, index, quoted in STEP.findall(path)]
