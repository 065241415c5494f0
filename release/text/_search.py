"""Searches a text for a regular expression, in a process of its own.

Reads a request (JSON) from its input: `pattern`, `flags`, `text`, and a `template` for the
replacement, or null. Prints the matches: start, end, named groups, replacement. Or prints what is
wrong with the pattern or the template.
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
    answer = _answer(asked["pattern"], asked["flags"], asked["text"], asked["template"])
    json.dump(answer, sys.stdout)


def _answer(pattern: str, flags: int, text: str, template: str | None) -> dict[str, Any]:
    try:
        return {
            "matches": [
                (*match.span(), match.groupdict(), template and match.expand(template))
                for match in re.finditer(pattern, text, flags)
            ]
        }
    except (re.error, IndexError) as error:
        return {"error": str(error)}


if __name__ == "__main__":
    main()
