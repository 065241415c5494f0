"""Upload the files that build made of this commit to an index, and nothing else.

The files and their digests are those of build's evidence; anything else in .release/dist is a
stop. A file that the index has already with the same bytes stays, one with other bytes is a stop.
What fails in passing (429, 500, a lost connection) is sent again, the same bytes, twice at most.
Normally the workflow that the tag starts publishes, by Trusted Publishing; this is for an index of
one's own, and for a person who publishes.

twine uploads, with the credentials that it finds: TWINE_USERNAME and TWINE_PASSWORD, a keyring, or
the token of a trusted publisher, which it asks for by itself in a CI that offers one. A password is
never taken from the command line or from an address.
"""

from __future__ import annotations

import argparse

from release.actions import Call, interruptible, told
from release.change.publishing import publish
from release.errors import UsageError
from release.report.released import published_lines


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--index", metavar="URL", help="the address that takes uploads")
    parser.add_argument(
        "--simple",
        metavar="URL",
        help="where that index serves its files; worked out from --index unless given",
    )


def run(call: Call) -> None:
    if call.arguments.index is None:
        remedy = "give --index URL, the address that takes uploads"
        raise UsageError.of("no index is given", remedy=remedy)
    runner = call.runner()
    with interruptible(runner):
        done = publish(
            runner,
            call.arguments.index,
            call.arguments.simple,
            lambda line: print(told(line), flush=True),
        )
    for line in published_lines(done):
        print(told(call.typed(line)))
