"""Words: what a changelog's entry must not be, an advertisement or a placeholder."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterator

# Adjectives and phrases that praise and say nothing. Words that also have a plain meaning in
# software (powerful, robust, magic, beautiful, unmatched, awesome) are left out: false alarms teach
# people to ignore true ones.
ADVERTISING = (
    r"revolutionary",
    r"revolutioni[sz](?:e|es|ed|ing)",
    r"(?:blazing(?:ly)?|lightning|insanely)[\s-]+fast",
    r"seamless(?:ly)?",
    r"cutting[\s-]+edge",
    r"(?:world|best-in|best[\s-]+of)[\s-]+(?:class|breed)",
    r"state[\s-]+of[\s-]+the[\s-]+art",
    r"game[\s-]+chang(?:er|ers|ing)",
    # Sequencing of the next generation is a method of biology.
    r"next-gen(?:eration)?(?![\s-]+sequencing)",
    r"effortless(?:ly)?",
    r"(?:super|turbo)charg(?:e|es|ed|ing)",
    r"ground-?breaking",
    r"(?:industry|market)[\s-]+leading",
    r"(?:enterprise|military)[\s-]+grade",
    r"(?:mind|jaw)[\s-]+(?:blowing|dropping)",
    r"(?:buttery|silky)[\s-]+smooth",
    r"unparalleled",
    r"unrivall?ed",
    r"hassle[\s-]+free",
    r"to\s+the\s+next\s+level",
    r"like\s+never\s+before",
    r"(?:excited|thrilled|proud|delighted)\s+to\s+(?:announce|share|introduce|present|release|bring)",
)
_BUILT_IN = re.compile(rf"(?<![\w-])(?:{'|'.join(ADVERTISING)})(?![\w-])", re.I)

_FILLER = re.compile(
    r"todo|tbd|tba|fixme|xxx|wip|n/?a|none|nothing|empty|placeholder|pending|coming soon"
    r"|(?:none|nothing|no entries|empty)(?: (?:here|so far|yet|for now|at the moment))+"
    r"|(?:no|nothing|none) (?:unreleased|released|new|notable|significant)?"
    r" ?(?:changes?|entries|entry)?(?: (?:so far|yet|for now))?"
    r"|nothing (?:has )?changed(?: (?:so far|yet|for now))?"
    r"|to be (?:added|announced|completed|decided|defined|described|determined|done|filled(?: in)?"
    r"|written)|your (?:change|changes|text|entry|description)(?: goes)?(?: here)?"
    r"|(?:add|write|describe|put|list|insert|enter|document) (?:(?:the|a|your|new|an?) )*"
    r"(?:changes?|entry|entries|text|notes?|descriptions?|something|it|this|them)(?: here)?"
    r"|fill (?:this )?in|lorem ipsum.*"
    r"|(?:todo|tbd|fixme|xxx) ?[:(\u2013\u2014-].*|(?:todo|tbd|fixme) (?:write|describe|add|fill"
    r"|document|complete|update)\b.*",
    re.I,
)
# "(empty, see 1.2.0 below)": a section that says itself that it has nothing to say.
_SAYS_EMPTY = re.compile(r"[*_\s]*\([*_\s]*empty\s*(?:[-):;,.\u2013\u2014]|see\b)", re.I)
_LONGEST_FILLER = 200


def is_placeholder(text: str) -> bool:
    """Whether a bullet or paragraph stands where something is still to be written.

    TODO, TBD, "...", "n/a", "to be written", "nothing yet", "(empty, see below)", nothing at all.
    A sentence that merely mentions such a word is none.
    """
    if len(text) > _LONGEST_FILLER:
        return False
    words = re.sub(r"[\s*_`~]+", " ", text).strip(" .:;!?()[]<>{}\"'\u2026\u2013\u2014-")
    if not any(character.isalnum() for character in words):
        return True
    if _FILLER.fullmatch(words):
        return True
    return bool(_SAYS_EMPTY.match(text))


def advertising(
    text: str, further: Collection[str] = (), allowed: Collection[str] = ()
) -> Iterator[tuple[int, str]]:
    """The words of advertisement in a text: where each begins, and how it is written there.

    `further` are words or phrases that count too, `allowed` those of the built-in list that do not
    (with their other endings: "seamless" allows "seamlessly"). Upper and lower case are the same,
    and so are spaces and hyphens.
    """
    spared = [_plain(word) for word in allowed]
    patterns = [_BUILT_IN, *map(_phrase, further)]
    found = {
        match.start(): match.group()
        for pattern in patterns
        for match in pattern.finditer(text)
        if pattern is not _BUILT_IN or not any(word in _plain(match.group()) for word in spared)
    }
    for start in sorted(found):
        yield start, " ".join(found[start].split())


@functools.lru_cache
def _phrase(words: str) -> re.Pattern[str]:
    parts = [re.escape(part) for part in re.split(r"[\s-]+", words) if part]
    joined = r"[\s-]+".join(parts) or "(?!)"
    return re.compile(rf"(?<!\w)(?:{joined})(?!\w)", re.I)


def _plain(text: str) -> str:
    return " ".join(re.split(r"[\s-]+", text.casefold().strip()))


# Code spans, which end where as many backticks stand again in their paragraph; addresses.
_MARKS = re.compile(
    r"(?<!`)(?P<ticks>`+)(?!`)(?:(?!\n[ \t]*\n).){0,5000}?(?<!`)(?P=ticks)(?!`)"
    r"|\]\([^()\n]*\)|<[^<>\n]*>|\bhttps?://[^\s<>)\]]+"
    r"|^ {0,3}\[[^\]\n]*\]:[^\n]*$|^\.\. _[^\n]*$",
    re.M | re.S,
)


def prose(text: str) -> str:
    """A text of the same length in which code spans and addresses are blank.

    Fenced code and comments are for the caller to blank; an unclosed code span is prose, as in
    CommonMark.
    """
    return _MARKS.sub(lambda match: blanked(match[0]), text)


def blanked(text: str) -> str:
    """Spaces in the place of everything but line ends."""
    return re.sub(r"[^\n]", " ", text)
