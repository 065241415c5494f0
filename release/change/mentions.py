"""Finds lines that still hold the old version, and may state the project's."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from pathlib import PurePosixPath

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
PIN = re.compile(r"(?:[=<>~!]=|[<>~^]|\w:|\w@)\s*[\"']?v?$", re.I)
KEY = r"[\"']?\s*[:=<>~^!]+\s*[\"']?[=<>~^!]*\s*v?$"
OTHER_KEY = re.compile(
    r"\b(?:cff|min(?:imum)?|target|python|requires?|required|schema|api)[-_ ]?(?:python|version)"
    + KEY,
    re.I,
)
STATED = re.compile(r"(?:version\w*|\brelease)[\"']?\s*[:=]=?\s*[\"']?v?$", re.I)
# name = "1.2.3" or name = { version = "1.2.3" } where dependencies are listed.
DEPENDENCY = re.compile(
    r"^\s*[\"']?(?![\w.-]*version\b|release\b)[\w./@-]+[\"']?\s*[:=]\s*(?:\{.*\bversion\s*=\s*)?[\"']v?$",
    re.I,
)
LISTS = frozenset(["pyproject.toml", "Pipfile", "package.json", "Cargo.toml", "environment.yml"])
ADDRESS = re.compile(r"://$|\b(?:host|address|bind|ip)\w*" + KEY, re.I)
MENTIONS = 5


def other_mentions(
    lines: Iterable[tuple[str, int, str]],
    previous: str,
    edited: Collection[tuple[str, int]],
    *,
    name: str = "",
    skipped: Collection[str] = (),
) -> Iterator[Finding]:
    """Findings for lines (path, line, text) that hold the version `previous` and are not `edited`.

    Left out are what only looks like it (a pin of something else, cff-version and other versions of
    other things, an IP address, a date), changelogs and the paths in `skipped`, and lock files but
    for lines that name the project, `name`. At most five findings a file.
    """
    wanted = re.compile(BEFORE_VERSION + re.escape(previous) + AFTER_VERSION)
    spelled = "[-_.]+".join(map(re.escape, re.split("[-_.]+", name)))
    own = re.compile(rf"(?<![\w-]){spelled}(?![\w-])", re.I) if name else None
    numbers = re.fullmatch(r"\d+(\.\d+)*", previous) and previous.count(".") + 1
    dated = re.match(r"(19|20)\d\d\.\d", previous)
    done = set(edited)
    found: dict[str, list[int]] = {}
    for path, number, text in lines:
        if (path, number) in done or path in skipped or _is_history(path):
            continue
        file = PurePosixPath(path).name
        for match in islice(wanted.finditer(text), 100):
            before = text[max(0, match.start() - 200) : match.start()]
            after = text[match.end() : match.end() + 2]
            owned = own is not None and own.search(before) is not None
            if LOCKS.fullmatch(file) and not owned:
                continue
            pinned = PIN.search(before) and not STATED.search(before)
            depends = file in LISTS and DEPENDENCY.search(before)
            if OTHER_KEY.search(before) or ((pinned or depends) and not owned):
                continue
            if numbers == 4 and (ADDRESS.search(before) or re.match(r"[:/]\d", after)):
                continue
            if numbers in {1, 2} and not (owned or re.search(r"version|\bv$", before, re.I)):
                continue
            if dated and not owned and re.search(r"\b(dated?|released?|day)\b", before, re.I):
                continue
            found.setdefault(path, []).append(number)
            break
    for path, numbers_found in found.items():
        for position, number in enumerate(numbers_found[:MENTIONS], 1):
            more = len(numbers_found) - MENTIONS if position == MENTIONS else 0
            yield Finding(
                f"holds {previous} and is not listed in [tool.bumpversion]"
                + (f"; {more} more of its lines do" if more > 0 else ""),
                path,
                number,
                "add it to [[tool.bumpversion.files]] if it states the project's version",
            )


def _is_history(path: str) -> bool:
    return any(HISTORIES.fullmatch(part) for part in PurePosixPath(path).parts)
