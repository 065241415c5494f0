"""What commit each version of well-known actions is: the offline pin table."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from release.errors import ConfigurationError
from release.gates.workflows.model import Uses
from release.model import Finding
from release.text.versions import parse

TABLE = Path(__file__).with_name("pins.toml")
VERSION = re.compile(
    r"(?:^|[\s=@/])(v?\d+(?:\.\d+){0,3}(?:[-.]?(?:a|b|rc|beta|alpha)\.?\d*)?)(?=$|[\s,;)])"
)
RELEASE = re.compile(r"refs/tags/v?(\d+\.\d+\.\d+)(?:\^\{\})?")

Table = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Pin:
    """What the table says of a pinned action.

    `known` says that the action is in the table; `version` is the one that the commit is, None for
    a commit that is not there; `wrong` that it is not the version of the comment.
    """

    known: bool
    version: str | None = None
    wrong: bool = False


@functools.cache
def table() -> Table:
    """The versions of each action (OWNER/NAME) with their full commits."""
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


def stated(comment: str) -> str | None:
    """The version in the comment behind a pin, None where it holds none."""
    match = VERSION.search(comment)
    return match[1] if match else None


def look_up(repository: str, commit: str, comment: str, pins: Table) -> Pin:
    """What the table `pins` says of an action at a commit, with the comment behind it.

    A comment may name fewer parts than the version has: `v8` is any version 8.
    """
    versions = pins.get(repository)
    if versions is None:
        return Pin(False)
    found = [version for version, pinned in versions.items() if pinned == commit]
    said = stated(comment)
    if said is None:
        return Pin(True, found[0] if found else None)
    wanted = said.removeprefix("v")
    if any(version == wanted or version.startswith(f"{wanted}.") for version in found):
        return Pin(True, found[0])
    wrong = bool(found) or wanted in versions
    return Pin(True, found[0] if found else None, wrong)


def version_of(uses: Uses, pins: Table) -> Version | None:
    """The version of a used action, by the table or by its ref; None where neither tells."""
    if uses.is_pinned:
        pin = look_up(uses.repository, uses.ref, uses.node.comment, pins)
        text = pin.version or stated(uses.node.comment)
    else:
        text = stated(uses.ref) if uses.ref.count(".") == 2 else None
    return parse(text) if text is not None and "." in text else None


def refresh(listing: Callable[[str], str], path: Path = TABLE) -> list[str]:
    """Add the releases of each action that are newer than those in the table; returns what is new.

    `listing` gives what `git ls-remote --tags` prints for an action. Raises ConfigurationError, and
    changes nothing, where the tag of a version is on another commit than it was.
    """
    text = path.read_text(encoding="utf-8")
    known = {action: dict(pins) for action, pins in tomllib.loads(text).items()}
    problems, added = [], []
    for action, pins in known.items():
        newest = max(map(Version, pins))
        for version, commit in _tagged(listing(action)).items():
            if pins.get(version, commit) != commit:
                remedy = "find out why it was moved before anything else is pinned"
                message = f"{action} {version} was {pins[version]}, and its tag is now on {commit}"
                problems.append(Finding(message, path.name, remedy=remedy))
            elif Version(version) > newest:
                pins[version] = commit
                added.append(f"{action} {version}")
    if problems:
        raise ConfigurationError(*problems)
    head = text[: text.index("[")]
    path.write_text(head + "\n".join(map(_table, known.items())), encoding="utf-8")
    return added


def _tagged(listed: str) -> dict[str, str]:
    """The commits of full releases; of an annotated tag the one that it names."""
    found = {}
    for line in sorted(listed.splitlines(), key=lambda line: line.endswith("^{}")):
        commit, _, ref = line.partition("\t")
        if match := RELEASE.fullmatch(ref):
            found[match[1]] = commit
    return found


def _table(item: tuple[str, Mapping[str, str]]) -> str:
    action, pins = item
    lines = [f'"{version}" = "{pins[version]}"' for version in sorted(pins, key=Version)]
    return "\n".join([f'["{action}"]', *lines, ""])
