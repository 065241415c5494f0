"""What starts a workflow, and what a condition can know of such a run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from release.gates.workflows.expressions import UNKNOWN, StartsWith, Value
from release.gates.workflows.model import Node, Workflow


@dataclass(frozen=True, slots=True)
class Scenario:
    """A run as conditions see it: the event, and a ref of which only the kind may be known.

    `called` says that the job is in a workflow that another one calls.
    """

    event: str
    kind: str
    ref: Value
    ref_name: Value
    types: tuple[str, ...] = ()
    called: bool = False

    @property
    def is_tag(self) -> bool:
        return self.kind == "tag"

    def __call__(self, name: str) -> Value:
        known: dict[str, Value] = {
            "github.event_name": self.event,
            "github.ref": self.ref,
            "github.ref_name": self.ref_name,
            "github.ref_type": self.kind,
            "github.event.ref": self.ref if self.event == "push" else UNKNOWN,
        }
        if name in known:
            return known[name]
        if name == "github.event.action":
            if self.event in ("push", "workflow_dispatch", "schedule"):
                return None
            return self.types[0] if len(self.types) == 1 else UNKNOWN
        if name.startswith("inputs."):
            return UNKNOWN if self.called or self.event == "workflow_dispatch" else None
        for part, events in PAYLOADS.items():
            if name == f"github.event.{part}" or name.startswith(f"github.event.{part}."):
                return UNKNOWN if self.event.startswith(events) else None
        if name in ("github.head_ref", "github.base_ref") and not self.event.startswith("pull_"):
            return ""
        return UNKNOWN


# What a workflow is run for without `types`, and what of it makes a release public.
RELEASE_TYPES = tuple(
    "published unpublished created edited deleted prereleased released".split()  # noqa: SIM905
)
PUBLISHED = frozenset(["published", "released"])
MAX_PATTERNS = 100
MAX_PATTERN = 1000
# Parts of an event that only some events have.
PAYLOADS: Mapping[str, tuple[str, ...]] = {
    "release": ("release",),
    "pull_request": ("pull_request",),
    "workflow_run": ("workflow_run",),
    "inputs": ("workflow_dispatch",),
    "client_payload": ("repository_dispatch",),
    "schedule": ("schedule",),
    "issue": ("issue",),
    "head_commit": ("push",),
}
BRANCH = ("branch", StartsWith("refs/heads/"), StartsWith(""))
TAGGED = ("tag", StartsWith("refs/tags/"), StartsWith(""))
PULL = ("branch", StartsWith("refs/pull/"), StartsWith(""))


def scenarios(workflow: Workflow) -> Iterator[Scenario]:
    """The kinds of runs that a workflow's own triggers lead to; calls are left aside."""
    for event, node in workflow.triggers.items():
        types = node.get("types")
        told = types.texts() if types is not None else ()
        if event == "workflow_call":
            continue
        if event == "push":
            branches = bool(node.get("branches") or node.get("branches-ignore"))
            tags = bool(node.get("tags") or node.get("tags-ignore"))
            if branches or not tags:
                yield Scenario(event, *BRANCH)
            if tags or not branches:
                yield Scenario(event, *TAGGED)
        elif event == "release":
            for kind in told or RELEASE_TYPES:
                yield Scenario(event, *TAGGED, types=(kind,))
        elif event.startswith("pull_request"):
            yield Scenario(event, *(BRANCH if event.endswith("target") else PULL), types=told)
        else:
            yield Scenario(event, *BRANCH, types=told)
            if event in ("workflow_dispatch", "create"):
                yield Scenario(event, *TAGGED, types=told)


def tag_scenario(tag: str) -> Scenario:
    return Scenario("push", "tag", f"refs/tags/{tag}", tag)


def tag_filter(told: Node | None, ignored: Node | None) -> Callable[[str], bool]:
    """Whether a tag passes the filters `tags` and `tags-ignore` of a push."""
    if told is not None:
        patterns = [(text.startswith("!"), text.removeprefix("!")) for text in told.texts()]

        def passes(tag: str) -> bool:
            passed = False
            for negative, pattern in patterns[:MAX_PATTERNS]:
                if matches(pattern, tag):
                    passed = not negative
            return passed

        return passes
    without = ignored.texts() if ignored is not None else ()
    return lambda tag: not any(matches(text, tag) for text in without[:MAX_PATTERNS])


def matches(pattern: str, text: str) -> bool:
    """Whether a filter pattern of GitHub matches a whole text; a malformed one matches none.

    `*` stands for anything but slashes, `**` for anything, `?` and `+` for zero or one and for one
    or more of the character before, `[]` for one of a set. Takes time in proportion to both.
    """
    parts = _parts(pattern[:MAX_PATTERN])
    if parts is None:
        return False
    # The places in the pattern that the text read so far can have led to.
    places = _open(parts, {0})
    for c in text:
        after = set()
        for place in places:
            if place < len(parts) and parts[place].takes(c):
                after.add(place + 1)
                if parts[place].repeats:
                    after.add(place)
        places = _open(parts, after)
    return len(parts) in places


@dataclass(frozen=True, slots=True)
class _Part:
    """A character of a pattern, or a set of them; all of them where `characters` is None."""

    characters: frozenset[str] | None
    but_slash: bool = False
    optional: bool = False
    repeats: bool = False

    def takes(self, c: str) -> bool:
        if self.characters is None:
            return not (self.but_slash and c == "/")
        return c in self.characters


def _open(parts: Sequence[_Part], places: set[int]) -> set[int]:
    """The places with those that follow without a further character."""
    found: set[int] = set()
    for place in places:
        while place not in found:
            found.add(place)
            if place < len(parts) and parts[place].optional:
                place += 1
    return found


def _parts(pattern: str) -> list[_Part] | None:
    parts: list[_Part] = []
    place = 0
    while place < len(pattern):
        c = pattern[place]
        place += 1
        if c == "*":
            twice = pattern.startswith("*", place)
            place += twice
            parts.append(_Part(None, not twice, optional=True, repeats=True))
        elif c == "?" and parts:
            parts[-1] = replace(parts[-1], optional=True)
        elif c == "+" and parts:
            parts[-1] = replace(parts[-1], repeats=True)
        elif c == "[":
            end = pattern.find("]", place)
            characters = _set(pattern[place:end]) if end >= 0 else None
            if characters is None:
                return None
            parts.append(_Part(characters))
            place = end + 1
        else:
            if c == "\\" and place < len(pattern):
                c = pattern[place]
                place += 1
            parts.append(_Part(frozenset([c])))
    return parts


def _set(text: str) -> frozenset[str] | None:
    found: set[str] = set()
    for match in re.finditer(r"(.)-(.)|(.)", text, re.S):
        first, last = match[1] or match[3], match[2] or match[3]
        if not 0 <= ord(last) - ord(first) < MAX_PATTERN:
            return None
        found.update(map(chr, range(ord(first), ord(last) + 1)))
    return frozenset(found)
