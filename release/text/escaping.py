"""Shows foreign text as it is, and as nothing else: a function for each format of a report.

What tools, files and their names say is text: never a heading, a link or a tag, and no command to
the terminal, nor to the runner of the CI job whose log it ends up in.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markupsafe import Markup

# GitHub's runner obeys a line that begins with ::, and this and others obey the rest anywhere.
COMMAND = re.compile(r"^[^\S\n]*(?=::)|#(?=#(?:\[|vso\[|teamcity\[))", re.M)
SPECIAL = re.compile(r"([\\`*_\[\]<>|#~&$])")
BLOCK_START = re.compile(r"^([-+=]|\d+(?=[.)]))")
# What GitHub makes a link or a mention of without being asked to, whatever escapes it.
LINKED = re.compile(r"@|://|www\.|#\d|\bGH-\d", re.I)


def visible(text: str) -> str:
    """`text` with escapes in place of what is not seen or is obeyed; line ends and tabs stay.

    That is controls, directions of writing, zero widths and odd separators of lines.
    """
    text = text.replace("\r\n", "\n")
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    if character in "\n\t" or unicodedata.category(character) == "Zs":
        return character
    return ascii(character)[1:-1]


def name(text: str) -> str:
    """A path or another name on one line, which no other name looks like."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


def sentence(text: str, most: int | None = None) -> str:
    """A message on one line, of `most` characters at most."""
    line = " ".join(visible(text).split())
    return line if most is None or len(line) <= most else f"{line[: most - 1]}…"


def terminal(text: str) -> str:
    """Lines for a terminal and for the log of a CI job."""
    return without_commands(visible(text))


def without_commands(text: str) -> str:
    """Lines that may hold our own colours, with nothing that the runner of a CI job obeys."""
    return COMMAND.sub(r"\g<0>\\", text)


def markdown(text: str) -> str:
    """A message as part of a paragraph, a heading, a list's item or a table's cell."""
    words = sentence(text).split(" ")
    shown = (code(word) if LINKED.search(word) else SPECIAL.sub(r"\\\1", word) for word in words)
    return BLOCK_START.sub(_escaped_start, " ".join(shown))


def _escaped_start(match: re.Match[str]) -> str:
    start = match.group()
    return f"{start}\\" if start.isdigit() else f"\\{start}"


def code(text: str) -> str:
    """A name in the type of code, in the same places; a bar stands outside, for the sake of tables.

    Nothing in code is a link or a mention.
    """
    return "\\|".join(_span(part) for part in name(text).split("|"))


def _span(text: str) -> str:
    if not text.strip(" "):
        return text
    fence = "`"
    while fence in text:
        fence += "`"
    pad = " " if text[0] in "` " or text[-1] in "` " else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def html(text: str) -> Markup:
    """Text or the value of an attribute in HTML."""
    from markupsafe import escape

    return escape(visible(text))


def listing(names: Sequence[str], most: int = 5) -> str:
    """The first few names; one that a terminal would not print as it is, is quoted."""
    shown = [found if found.isprintable() else ascii(found) for found in names[:most]]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(shown) + more


def counted(number: int, noun: str) -> str:
    """A number of things, by their noun."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
