"""Searches a text for a regular expression, in a process of its own.

Reads a request (JSON) from its input: `pattern`, `flags` and `text`. Prints the matches: start,
end, named groups. Or prints what is wrong with the pattern.
"""

from __future__ import annotations

import contextlib
import json
import re
import sys
from typing import Any

SECONDS = 15
MEMORY = 2 << 30


def main() -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        # Should nobody be there any more to stop it.
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    asked = json.load(sys.stdin)
    json.dump(_answer(asked["pattern"], asked["flags"], asked["text"]), sys.stdout)


def _answer(pattern: str, flags: int, text: str) -> dict[str, Any]:
    try:
        found = re.finditer(pattern, text, flags)
        return {"matches": [(*match.span(), match.groupdict()) for match in found]}
    except re.error as error:
        return {"error": str(error)}


if __name__ == "__main__":
    main()
