"""What is looked for in a file to change a version, and how bump-my-version is told it.

Entries read as bump-my-version 1.8 reads them
(https://callowayproject.github.io/bump-my-version/reference/configuration/file/), but for what
would do damage: a version is matched as a whole, and a search does not begin within a word.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from release.errors import ConfigurationError
from release.model import Finding

CONFIGURATION = "pyproject.toml"
TABLE = "[tool.bumpversion]"
SEARCH = "{current_version}"
REPLACE = "{new_version}"
MAX_REGEX = 1_000  # characters of an expression of the project's own
# What a version may not follow (1.2.3 is not in 11.2.3, 0.1.2.3, 1!1.2.3 or dev1.2.3), or precede
# (nor in 1.2.30, 1.2.3.4, 1.2.3rc1, 1.2.3-rc.1, 1.2.3-1 or 1.2.3+local): PEP 440, appendix B.
BEFORE_VERSION = r"(?:(?<![\w.!])|(?<=[vV])(?<![\w.][vV]))"
AFTER_VERSION = (
    r"(?!\w|\.\d|\.\*|\.x\b|\+\w|-\d)"
    r"(?!(?i:[-_.](?:alpha|beta|preview|post|rev|dev|pre|rc|a|b|c|r)[-_.]?\d*(?![a-z])))"
)
BEFORE_WORD = r"(?<!\w)(?<!\w-)"


@dataclass(frozen=True, slots=True)
class ListedPlace:
    """One entry of [tool.bumpversion] files or another list: a file, and what is searched in it.

    `path` is relative, with forward slashes. `expected` is how many matches there must be (0: as
    many as there are, in a file that may be missing): of this entry, or of all of the file's
    entries `together`. `key_path` is the TOML key whose value alone is searched. `serialize` holds
    the entry's own formats of versions. `line` is the entry's in `file`, which has it in `table`.
    `written` is how the file spells the current version, where that is known, and `why` the reason
    for one that nothing lists.
    """

    path: str
    search: str = SEARCH
    replace: str = REPLACE
    regex: bool = False
    expected: int = 1
    ignore_missing_file: bool = False
    ignore_missing_version: bool = False
    together: bool = False
    key_path: str | None = None
    serialize: tuple[str, ...] = ()
    line: int | None = None
    file: str = CONFIGURATION
    table: str = TABLE
    written: str | None = None
    why: str = ""

    @property
    def origin(self) -> str:
        """Where the entry stands, for messages."""
        return f"{self.table} ({self.file}{f':{self.line}' if self.line else ''})"

    def malformed(self, message: str, remedy: str = "") -> Finding:
        """A problem of the entry itself."""
        return Finding(f"{self.table}: {message}", self.file, self.line, remedy)

    @property
    def may_lack_file(self) -> bool:
        return self.ignore_missing_file or self.expected == 0

    @property
    def may_lack_version(self) -> bool:
        return self.ignore_missing_version or self.expected == 0

    @property
    def has_version(self) -> bool:
        """Whether it looks for the version or a part of it."""
        return any((field or "").startswith("current_") for _, field in pieces(self.search))


def malformed(message: str, line: int | None, remedy: str = "") -> ConfigurationError:
    """The problem of an entry on a line of pyproject.toml."""
    return ConfigurationError(Finding(f"{TABLE}: {message}", CONFIGURATION, line, remedy))


def pieces(template: str) -> Iterator[tuple[str, str | None]]:
    """The literal texts of a template, and the field after each, as str.format reads them.

    Raises ValueError.
    """
    for literal, field, form, conversion in string.Formatter().parse(template):
        name = None if field is None else field + (f"!{conversion}" if conversion else "")
        yield literal, f"{name}:{form}" if form else name


def doubled(text: str) -> str:
    """A text in which str.format sees no field."""
    return text.replace("{", "{{").replace("}", "}}")


def literal(text: str) -> str:
    """A regular expression for a text, in which str.format sees no field."""
    return doubled(re.escape(text))


def search_of(place: ListedPlace, spellings: Sequence[str]) -> str:
    """The search as a regular expression of whole versions and words, with its fields.

    `spellings` are other ways in which the file writes the current version. A regular expression
    of the project's own keeps the numbers of its groups.
    """
    found = list(pieces(place.search))
    texts = []
    for text, field in found:
        texts.append(doubled(text) if place.regex else literal(text))
        if field is None:
            continue
        choice = f"{{{field}}}"
        if choice == SEARCH and not place.serialize:
            own = [place.written] if place.written else []
            choice = "|".join([choice, *map(literal, [*own, *spellings])])
        whole = place.regex and field.startswith("current_")
        texts.append(rf"(?<!\d)(?<!\d\.)(?:{choice})(?!\d)" if whole else f"(?:{choice})")
    pattern, flags = "".join(texts), ""
    if place.regex:
        flags = match[0] if (match := re.match(r"\(\?[aiLmsux]+\)", pattern)) else ""
        pattern = f"(?:{pattern[len(flags) :]})"
    return flags + _before(*found[0], place.regex) + pattern + _after(*found[-1], place.regex)


def template_of(place: ListedPlace) -> str:
    """The replacement, in which re.sub reads backslashes, with its fields.

    What a plain search and its replacement have in common is meant as it stands.
    """
    if not place.regex and place.replace == place.search.replace("{current_", "{new_"):
        return place.replace.replace("\\", r"\\")
    return place.replace


def _before(text: str, field: str | None, regex: bool) -> str:
    if not text:
        return BEFORE_VERSION if (field or "").startswith("current_") else ""
    if regex and re.match(r"\w[?*{|]", text):
        return ""
    return BEFORE_WORD if re.match(r"\w", text) else ""


def _after(text: str, field: str | None, regex: bool) -> str:
    if field is not None:
        return AFTER_VERSION if field.startswith("current_") else ""
    return r"(?!\w)" if not regex and re.search(r"\w\Z", text) else ""
