"""Findings by their cause, so that one rule is said once, however often it was broken."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from release.model import Finding

# How the message of a tool's rule begins, such as F401: or tags:.
RULE = re.compile(r"[A-Za-z][\w-]*(?=: )")
# So many of one rule are each told.
FEW = 3


@dataclass(frozen=True, slots=True)
class Cause:
    """The first finding of a cause, and the places of all of them, as far as they have one."""

    first: Finding
    number: int
    places: tuple[str, ...]

    @property
    def message(self) -> str:
        more = f" (and {self.number - 1} more)" if self.number > 1 else ""
        return f"{self.first.message}{more}"


def causes(findings: Iterable[Finding]) -> list[Cause]:
    """The findings, those of one rule as one cause where they are many."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        rule = RULE.match(finding.message)
        groups.setdefault(rule[0] if rule else finding.message, []).append(finding)
    found = []
    for group in groups.values():
        alike = len({finding.message for finding in group}) == 1
        for part in [group] if alike or len(group) > FEW else [[finding] for finding in group]:
            places = tuple(dict.fromkeys(finding.place for finding in part if finding.path))
            found.append(Cause(part[0], len(part), places))
    return found


def some(places: tuple[str, ...], shown: int = 5) -> str:
    """Places for a line of text: the first ones, and how many more there are."""
    more = f" and {len(places) - shown} more" if len(places) > shown else ""
    return ", ".join(places[:shown]) + more
