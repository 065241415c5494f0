"""Tag this commit as a release, and push branch and tag together.

Makes an annotated tag (signed where settings or git say so), only on a commit whose evidence from
release_preflight is complete for exactly its tree, and pushes it together with the branch by git
push --atomic. If the remote moved, nothing changes. Run again, it goes on where it was cut short.
STEP is the version, only where the files do not say it.
"""

from __future__ import annotations

from release.actions import Call, releases
from release.change.releasing import dry_tag, tag

arguments = releases.arguments


def run(call: Call) -> None:
    releases.change(call, dry_tag, tag)
