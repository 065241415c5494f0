"""Runs in the environment of the tools: lets bump-my-version edit the files that its table lists.

It takes a request as JSON on its command line: `config` (the configuration file), `current` and
`new` (versions). Its hooks, commit and tag are left out, which the command line of the tool cannot
do: a release is committed elsewhere, and nothing may leave the worktree before it was judged. Exits
with 1 and says why on the error stream when the tool refuses.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from bumpversion.bump import do_bump  # type: ignore[import-not-found]
from bumpversion.config import get_configuration  # type: ignore[import-not-found]
from bumpversion.exceptions import BumpVersionError  # type: ignore[import-not-found]


def main(request: str) -> int:
    asked = json.loads(request)
    try:
        config = get_configuration(
            asked["config"],
            current_version=asked["current"],
            # Whatever the project's own table says of versions, any one of PEP 440 is to be taken.
            parse=r"(?P<version>\S+)",
            serialize=["{version}"],
            allow_dirty=True,
            commit=False,
            tag=False,
            setup_hooks=[],
            pre_commit_hooks=[],
            post_commit_hooks=[],
        )
        do_bump(None, asked["new"], config, Path(asked["config"]))
    except BumpVersionError as error:
        print(" ".join(str(error).split()) or type(error).__name__, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
