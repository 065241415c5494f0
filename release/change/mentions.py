"""Finds lines that still hold the old version, and ranks them: what states it, what tells of it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from enum import IntEnum
from itertools import groupby
from pathlib import PurePosixPath
from typing import NamedTuple

from release.change.searches import AFTER_VERSION, BEFORE_VERSION
from release.model import Finding

HISTORIES = re.compile(
    r"(changelog|changes|history|news|newsfragments|release[-_]?notes|releases)(\..*)?", re.I
)
LOCKS = re.compile(
    r".*\.lock|.*\block\.(json|ya?ml|toml)|pylock.*\.toml|go\.(sum|mod)|npm-shrinkwrap\.json"
    r"|(.*[-_.])?(requirements|constraints)([-_.].*)?\.(txt|in)|\.pre-commit-config\.yaml",
    re.I,
)
# What stands before a version, up to it. A pin: ==1.2.3, ^1.2.3, image:1.2.3, action@v1.2.3.
PIN = re.compile(r"(?:(?:[=<>~!]=|(?<!\w)[<>~^])\s*|\w:|\w@\s*)[\"']?v?$", re.I)
KEY = r"[\"']?\s*[:=<>~^!]+\s*[\"']?[=<>~^!]*\s*v?$"
OTHER_KEY = re.compile(
    r"\b(?:cff|min(?:imum)?|target|python|requires?|required|schema|api)[-_ ]?(?:python|version)"
    + KEY,
    re.I,
)
# version = "1.2.3", "appVersion": "1.2.3", and the default of a workflow's input.
STATED = re.compile(r"(?:version\w*|\brelease|^\s*default)[\"']?\s*[:=]=?\s*[\"']?v?$", re.I)
# The tag of the image that a chart deploys.
HELM_TAG = re.compile(r"^\s*tag:\s*[\"']?v?$")
HELM_VALUES = re.compile(r"values.*\.ya?ml", re.I)
# A key that ends in "version", and before that whose it is: that of node-version: or
# "lockfileVersion": is another's, unless it is one of these.
VERSION_OF = re.compile(r"([\w$-]*)version\w*[\"']?\s*[:=]=?\s*[\"']?v?$", re.I)
OWN = re.compile(
    r"app|application|bundle|chart|current|image|lib|library|module|package|pkg|plugin|product"
    r"|program|project|release|software|",
    re.I,
)
# Prose: version 1.2.3, the latest release (1.2.3).
TOLD = re.compile(r"\b(?:version|release)s?\b(?: (?:is|are|was))?[\s,:=*`'\"(]*v?$", re.I)
# name = "1.2.3" or name = { version = "1.2.3" } where dependencies are listed.
DEPENDENCY = re.compile(
    r"^\s*[\"']?(?![\w.-]*version\b|release\b)[\w./@-]+[\"']?\s*[:=]\s*(?:\{.*\bversion\s*=\s*)?[\"']v?$",
    re.I,
)
LISTS = frozenset(["pyproject.toml", "Pipfile", "package.json", "Cargo.toml", "environment.yml"])
ADDRESS = re.compile(r"://$|\b(?:host|address|bind|ip)\w*" + KEY, re.I)
PROSE = frozenset([".md", ".rst", ".txt", ".adoc", ".html", ".htm", ""])
CODE_WITHOUT_SUFFIX = re.compile(r"(?:Docker|Container|Make)file", re.I)


class Rank(IntEnum):
    """How sure it is that a line states the version of the project."""

    CODE = 0
    DOCS = 1
    REST = 2


MOST = {Rank.CODE: 20, Rank.DOCS: 10, Rank.REST: 0}  # files with a remark each


class Mention(NamedTuple):
    """A line that holds a version; `times` is how often the whole file does."""

    rank: Rank
    path: str
    line: int
    times: int


def other_mentions(
    lines: Iterable[tuple[str, int, str]],
    previous: str,
    *,
    name: str = "",
    skipped: Collection[str] = (),
) -> list[Mention]:
    """The lines (path, number, text) that hold the version `previous`.

    Left out are what only looks like it (a pin of something else, cff-version and other versions of
    other things, an IP address, a date), changelogs and the paths in `skipped`, and lock files but
    for lines that name the project, `name`. The surest come first.
    """
    wanted = re.compile(BEFORE_VERSION + re.escape(previous) + AFTER_VERSION)
    spelled = "[-_.]+".join(map(re.escape, re.split("[-_.]+", name)))
    own = re.compile(rf"(?<![\w-]){spelled}(?![\w-])", re.I) if name else None
    counts: dict[str, int] = {}
    ranked: list[tuple[Rank, str, int]] = []
    for path, number, text in lines:
        history = any(HISTORIES.fullmatch(part) for part in PurePosixPath(path).parts)
        if path in skipped or history:
            continue
        matches = list(wanted.finditer(text))
        counts[path] = counts.get(path, 0) + len(matches)
        ranks = [_rank(path, text, match.span(), previous, own) for match in matches[:100]]
        if found := [rank for rank in ranks if rank is not None]:
            ranked.append((min(found), path, number))
    return sorted(Mention(rank, path, line, counts[path]) for rank, path, line in ranked)


def remarks(
    mentions: Iterable[Mention], version: str, edited: Collection[str] = ()
) -> Iterator[Finding]:
    """A remark for each file that states the version or tells of it; the rest is counted.

    `edited` are the paths of files that hold the new version elsewhere.
    """
    shown: dict[str, Rank] = {}
    rest: dict[str, int] = {}
    for (rank, path), group in groupby(mentions, lambda one: (one.rank, one.path)):
        found = list(group)
        if path in shown or list(shown.values()).count(rank) >= MOST[rank]:
            rest[path] = rest.get(path, 0) + len(found)
            continue
        shown[path] = rank
        lines = ", ".join(str(one.line) for one in found[1:6])
        more = f" (also on line{'s' if len(found) > 2 else ''} {lines})" if lines else ""
        remedy = f'if it is to follow, add [[tool.bumpversion.files]] with filename = "{path}"'
        if path in edited or found[0].times > len(found):
            remedy += " and a search for that line"
        elif found[0].times > 1:
            remedy += f', and "{path}" = {found[0].times} to [tool.release.bump.matches]'
        message = f"still holds {version}{more}, and is not listed in [tool.bumpversion]"
        yield Finding(message, path, found[0].line, remedy)
    if rest:
        first = sorted(rest, key=lambda path: (not is_prose(PurePosixPath(path)), path))
        paths = ", ".join(first[:3]) + (", …" if len(rest) > 3 else "")
        lines = f"{sum(rest.values())} other line{'s' if sum(rest.values()) > 1 else ''}"
        yield Finding(
            f"{version} is in {lines} that may mean something else: {paths}",
            remedy=f"look at them: git grep -nF {version}",
        )


def _rank(
    path: str, text: str, span: tuple[int, int], previous: str, own: re.Pattern[str] | None
) -> Rank | None:
    """How sure a match states the project's version; None for what only looks like it."""
    file = PurePosixPath(path)
    before, after = text[max(0, span[0] - 200) : span[0]], text[span[1] : span[1] + 2]
    owned = own is not None and own.search(before) is not None
    if not owned and (LOCKS.fullmatch(file.name) or _is_another(file, before, after, previous)):
        return None
    if OTHER_KEY.search(before):
        return None
    if found := VERSION_OF.search(before):
        whose = found[1].strip("-_$")
        owned = owned or (own is not None and own.fullmatch(whose) is not None)
        if not owned and not OWN.fullmatch(whose):
            return Rank.REST
    stated = owned or STATED.search(before)
    if is_prose(file):
        return Rank.DOCS if stated or TOLD.search(before) else Rank.REST
    helm = HELM_VALUES.fullmatch(file.name) and HELM_TAG.search(before)
    return Rank.CODE if stated or helm or file.suffix == ".plist" else Rank.REST


def is_prose(file: PurePosixPath) -> bool:
    """Whether a file is a document rather than code or data."""
    return file.suffix in PROSE and not CODE_WITHOUT_SUFFIX.match(file.name)


def _is_another(file: PurePosixPath, before: str, after: str, previous: str) -> bool:
    """Whether a number that looks like the version is that of something else, or no version."""
    if PIN.search(before) and not STATED.search(before):
        return True
    if file.name in LISTS and DEPENDENCY.search(before):
        return True
    numbers = re.fullmatch(r"\d+(\.\d+)*", previous) and previous.count(".") + 1
    if numbers == 4 and (ADDRESS.search(before) or re.match(r"[:/]\d", after)):
        return True
    if numbers in {1, 2} and not re.search(r"version|\bv$", before, re.I):
        return True
    dated = re.match(r"(19|20)\d\d\.\d", previous)
    return bool(dated and re.search(r"\b(dated?|released?|day)\b", before, re.I))
