"""Credentials that are known by their form."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Different characters in a token; placeholders repeat a few.
FEWEST_CHARACTERS = 10
# Each begins with a fixed text, so that a plain search finds the few files worth a closer look.
# A key's header alone, as programs name it, is none: its body must follow.
_KEY = re.compile(
    rb"-----BEGIN ((?:[A-Z0-9]+ ){0,2}PRIVATE KEY(?: BLOCK)?)-----\s+(?:[A-Za-z-]+: [^\n]*\s+)*"
    rb"(?:[A-Za-z0-9+/=]{40}|[A-Za-z0-9+/=\s]+-----END)"
)
_TOKENS: tuple[tuple[str, tuple[bytes, ...], re.Pattern[bytes]], ...] = (
    (
        "an access key of AWS",
        (b"AKIA",),
        re.compile(rb"(?<![A-Z0-9])AKIA([A-Z2-7]{16})(?![A-Z0-9])"),
    ),
    (
        "a token of GitHub",
        (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_"),
        re.compile(rb"(?<!\w)gh[oprsu]_([A-Za-z0-9]{36})(?!\w)"),
    ),
    (
        "a fine-grained token of GitHub",
        (b"github_pat_",),
        re.compile(rb"github_pat_([A-Za-z0-9_]{60,})"),
    ),
    ("a token of GitLab", (b"glpat-",), re.compile(rb"(?<!\w)glpat-([A-Za-z0-9_-]{20,})")),
    ("a token of a package index", (b"pypi-AgE",), re.compile(rb"(?<!\w)pypi-AgE([\w-]{60,})")),
    ("a token of npm", (b"npm_",), re.compile(rb"(?<!\w)npm_([A-Za-z0-9]{36})(?!\w)")),
    ("a token of Slack", (b"xox",), re.compile(rb"(?<!\w)xox[abprs]-([0-9A-Za-z-]{24,})")),
    ("a live key of Stripe", (b"_live_",), re.compile(rb"(?<!\w)[rs]k_live_([0-9A-Za-z]{24,})")),
)
_PLACEHOLDER = re.compile(rb"example|dummy|sample|fake|xxxx|1234|abcd", re.I)


def secret_kinds(data: bytes) -> Iterator[str]:
    """The kinds of credentials in a file's content; placeholders do not count."""
    if b"PRIVATE KEY" in data and _KEY.search(data):
        yield "a private key"
    for kind, starts, pattern in _TOKENS:
        if any(start in data for start in starts) and any(
            len(set(match[1])) >= FEWEST_CHARACTERS and not _PLACEHOLDER.search(match[1])
            for match in pattern.finditer(data)
        ):
            yield kind
