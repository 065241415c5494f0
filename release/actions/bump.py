"""Change every file of a release in one commit, all of it or nothing.

Edits the version places (by bump-my-version), the changelog, CITATION.cff, .zenodo.json, README
badges and SECURITY.md in a linked worktree, lets the project's commands (tool.release.bump.run)
work there, judges the documents there and commits there, with the project's hooks and signing. Only
then the branch, the index and the files change, in one step that a kill cannot halve. Nothing is
pushed. STEP is patch, minor, major, rc (the first or next candidate), final, or a version.
"""

from __future__ import annotations

import argparse

from release.actions import Call, releases
from release.change.releasing import bump, dry_bump


def arguments(parser: argparse.ArgumentParser) -> None:
    releases.arguments(parser)
    releases.notes_argument(parser)
    parser.add_argument("--push", action="store_true", help="push the pull request's branch")


def run(call: Call) -> None:
    releases.change(call, dry_bump, bump)
