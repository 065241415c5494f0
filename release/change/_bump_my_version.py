"""Runs in the environment of the tools: lets bump-my-version make the replacements of a release.

It takes the name of a JSON file: `current` and `new` (versions) and `files`, each replacement with
its `filename`, `search` (a regular expression) and `replace`. The project's own table is not read
again: what it lists is among them. Hooks, commit and tag are left out, which the command line of
the tool cannot do: a release is committed elsewhere, and nothing may leave the worktree before it
was judged. Exits with 1 and says why on the error stream when the tool refuses.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from bumpversion.bump import do_bump  # type: ignore[import-not-found]
from bumpversion.config import get_configuration  # type: ignore[import-not-found]
from bumpversion.exceptions import BumpVersionError  # type: ignore[import-not-found]


def main(name: str) -> int:
    asked = json.loads(Path(name).read_text(encoding="utf-8"))
    try:
        config = get_configuration(
            None,
            current_version=asked["current"],
            # Any version of PEP 440 is one part: what it becomes in each place was decided before.
            parse=r"(?P<version>\S+)",
            serialize=["{version}"],
            files=[_entry(**file) for file in asked["files"]],
            allow_dirty=True,
            commit=False,
            tag=False,
            setup_hooks=[],
            pre_commit_hooks=[],
            post_commit_hooks=[],
        )
        do_bump(None, asked["new"], config)
    except BumpVersionError as error:
        print(" ".join(str(error).split()) or type(error).__name__, file=sys.stderr)
        return 1
    return 0


def _entry(filename: str, search: str, replace: str) -> dict[str, object]:
    """An entry of files; the tool reads braces in its texts as fields."""
    return {
        "filename": filename,
        "search": _literal(search),
        "replace": _literal(replace),
        "regex": True,
    }


def _literal(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
