"""What starts a workflow, and what a condition can know of such a run."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

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
PULL_TYPES = ("opened", "synchronize", "reopened")
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
PART = re.compile(r"(\*\*?|\[[^\]]+\]|\\.|.)([?+]*)", re.S)
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
        elif event == "release" or event.startswith("pull_request"):
            released = event == "release"
            place = TAGGED if released else BRANCH if event.endswith("target") else PULL
            for kind in told or (RELEASE_TYPES if released else PULL_TYPES):
                yield Scenario(event, *place, types=(kind,))
        else:
            yield Scenario(event, *BRANCH, types=told)
            if event in ("workflow_dispatch", "create"):
                yield Scenario(event, *TAGGED, types=told)


def tag_scenario(tag: str) -> Scenario:
    return Scenario("push", "tag", f"refs/tags/{tag}", tag)


def tag_filter(told: Node | None, ignored: Node | None) -> Callable[[str], bool]:
    """Whether a tag passes the filters `tags` and `tags-ignore` of a push."""
    node = ignored if told is None else told
    texts = node.texts()[:MAX_PATTERNS] if node is not None else ()

    def passes(tag: str) -> bool:
        passed = told is None
        for text in texts:
            if matches(text.removeprefix("!"), tag):
                passed = told is not None and not text.startswith("!")
        return passed

    return passes


def matches(pattern: str, text: str) -> bool:
    """Whether a filter pattern of GitHub matches a whole text; a malformed one matches none.

    `*` stands for anything but slashes, `**` for anything, `?` and `+` for zero or one and for one
    or more of the character before, `[]` for one of a set. Takes time in proportion to both.
    """
    parts = _parts(pattern[:MAX_PATTERN])
    if parts is None:
        return False
    # The places in the text that the parts so far can have led to.
    places = {0}
    for one, again in parts:
        reached = set(places) if "?" in again else set()
        for start in sorted(places):
            place = start
            while place + 1 not in reached and one.match(text[place : place + 1]):
                place += 1
                reached.add(place)
                if "+" not in again:
                    break
        places = reached
    return len(text) in places


def _parts(pattern: str) -> list[tuple[re.Pattern[str], str]] | None:
    """What takes a character each, with whether it may be left out (`?`) and repeats (`+`)."""
    parts = []
    for match in PART.finditer(pattern):
        atom, again = match.groups()
        if atom.startswith("*"):
            atom, again = ("." if atom == "**" else "[^/]"), "?+"
        elif len(atom) > 1 and atom[0] == "[":
            atom = "[" + re.sub(r"[\\^\[]", r"\\\g<0>", atom[1:])
        elif atom == "[":
            return None
        else:
            atom = re.escape(atom[-1])
        try:
            parts.append((_compiled(atom), again))
        except re.error:
            return None
    return parts


@functools.lru_cache(maxsize=256)
def _compiled(atom: str) -> re.Pattern[str]:
    return re.compile(atom, re.S)
