"""Keeps secrets out of logs, reports and evidence."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import unquote, unquote_plus

SECRET_NAME = re.compile(
    r"token|secret|passw|passphrase|credential|api_?key|_key(?:_?b(?:ase)?64)?$|access_?key"
    r"|_auth(?:_config)?$|^auth(?:_|$)|^(?!old).+_?pwd$|_pat$|webhook(?:_?url)?$",
    re.I,
)
# Up to the last @ before the path; and, since other clients than those of HTTP are given passwords
# with a slash in them and then complain of what they took for the host, up to the last one of all.
URL_PASSWORD = re.compile(
    r"(?<=://)(?:(?<!http://)(?<!https://)[^\s/@:'\"]*:(?:(?!://)[^\s'\"])+"
    r"|[^\s/@:'\"]*:[^\s/'\"]+)(?=@)",
    re.I,
)
URL_USER = re.compile(r"(?<=http://)[^\s/@:'\"]+(?=@)|(?<=https://)[^\s/@:'\"]+(?=@)")
# A parameter of a URL, as libpq takes it and others do, or of libpq's other form, host=... user=...
# A name in braces stands for a password and is none.
PARAMETER = re.compile(r"(?<=password=)(?!'?\{)(?:'(?:[^'\\\n]|\\.)*'?|[^\s&'\"]+)", re.I)
SPACED = re.compile(r"(?<=password)\s*=\s*", re.I)
# In JSON, such as that of DOCKER_AUTH_CONFIG.
PAIR = re.compile(r'"([\w-]+)"\s*:\s*"([^"\\]+)"')
ENDS = 20
MASK = "***"


class Mask:
    """Replaces the values of secret-looking environment variables, and credentials in URLs.

    `environ` is where the values come from. Values shorter than six characters are left alone:
    masking every "1" would hide the log and protect nothing.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        values: set[str] = set()
        for name, value in environ.items():
            if SECRET_NAME.search(name):
                values.update((value, *value.splitlines()))
                values.update(text for key, text in PAIR.findall(value) if SECRET_NAME.search(key))
            values.update(_passwords(value))
        values = {value for value in values if len(value) >= 6}
        self._values = (
            re.compile("|".join(re.escape(v) for v in sorted(values, key=len, reverse=True)))
            if values
            else None
        )

    def __call__(self, text: str) -> str:
        """`text` with every known secret replaced by `***`."""
        if self._values is not None:
            text = self._values.sub(MASK, text)
        if "://" in text:
            text = URL_PASSWORD.sub(f"{MASK}:{MASK}", text)
            text = URL_USER.sub(MASK, text)
        return PARAMETER.sub(MASK, text)


def _passwords(value: str) -> Iterator[str]:
    """Every text that may be a password in URLs and connection strings, quoted and not."""
    for match in URL_PASSWORD.findall(value):
        # Which @ ends it, only those who read the URL know.
        parts = match.partition(":")[2].split("@", ENDS)
        for end in range(1, len(parts) + 1):
            text = "@".join(parts[:end])
            yield from (text, unquote(text), unquote_plus(text))
    for text in PARAMETER.findall(SPACED.sub("=", value)):
        bare = re.sub(r"\\(.)", r"\1", text.strip("'"))
        yield from (text, bare, unquote(text), unquote_plus(text))


def printable(text: str) -> str:
    """`text` without control characters (but for line ends and tabs), which terminals obey."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) != "Cc")


def listing(names: Sequence[str], most: int = 5) -> str:
    """The first few names; one that a terminal would not print as it is, is quoted."""
    shown = [name if name.isprintable() else ascii(name) for name in names[:most]]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(shown) + more
