"""Regular expressions that others wrote, run where they can be stopped.

One such as `(a+)+$` takes for ever on a few dozen characters, and nothing in its own process ends
it: not a time limit, nor Ctrl-C.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

SECONDS = 10.0
SCRIPT = Path(__file__).with_name("_search.py")


class Unusable(ValueError):
    """A pattern that cannot be used; says why."""


class TooSlow(Unusable):
    """A pattern that was stopped."""


class Found(NamedTuple):
    """A match: its span, and its named groups."""

    start: int
    end: int
    named: dict[str, str | None]


def find(pattern: str, text: str, flags: int = 0) -> list[Found]:
    """Every match of a pattern, as re.finditer finds them. Raises Unusable."""
    asked = {"pattern": pattern, "flags": int(flags), "text": text}
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", SCRIPT],
            input=json.dumps(asked),
            capture_output=True,
            encoding="ascii",
            timeout=SECONDS,
            check=True,
        )
    except subprocess.TimeoutExpired:
        raise TooSlow(f"it took more than {SECONDS:g} s") from None
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().rpartition("\n")[2]
        raise TooSlow(said or f"it ended with status {error.returncode}") from None
    answer = json.loads(done.stdout)
    if "error" in answer:
        raise Unusable(answer["error"])
    return [Found(*match) for match in answer["matches"]]
