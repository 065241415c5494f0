"""Keeps secrets out of logs, reports and evidence."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping, Sequence

SECRET_NAME = re.compile(
    r"token|secret|passw|passphrase|credential|api_?key|_key$|access_?key|_auth$|^auth_"
    r"|^(?!old).+_?pwd$|_pat$",
    re.I,
)
URL_PASSWORD = re.compile(r"(?<=://)[^\s/@:'\"]*:[^\s/@'\"]+(?=@)")
URL_USER = re.compile(r"(?<=http://)[^\s/@:'\"]+(?=@)|(?<=https://)[^\s/@:'\"]+(?=@)")
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
                values.update(line for line in (value, *value.splitlines()) if len(line) >= 6)
            values.update(
                part
                for match in URL_PASSWORD.findall(value)
                if len(part := match.partition(":")[2]) >= 6
            )
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
        return text


def printable(text: str) -> str:
    """`text` without control characters (but for line ends and tabs), which terminals obey."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) != "Cc")


def listing(names: Sequence[str], most: int = 5) -> str:
    """The first few names; one that a terminal would not print as it is, is quoted."""
    shown = [name if name.isprintable() else ascii(name) for name in names[:most]]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(shown) + more
