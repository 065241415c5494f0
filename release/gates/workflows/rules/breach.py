"""What breaks a rule, and how a rule says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from release.gates.workflows.model import shown
from release.model import Finding


@dataclass(frozen=True, slots=True)
class Breach:
    """What breaks a rule.

    It `blocks` where it harms users, lets somebody else publish, or is certain to fail; else it is
    advice. A remark only says what could not be judged or is a matter of taste.
    """

    rule: str
    finding: Finding
    remark: bool = False
    blocks: bool = False


class Place(Protocol):
    """Whatever stands in a file: a node, a job, a step, a command, a publication."""

    @property
    def path(self) -> str: ...

    @property
    def line(self) -> int: ...


def say(
    where: Place, message: str, remedy: str, *, blocks: bool = False, remark: bool = False
) -> Breach:
    """What a rule says of a place; the rule's name is added by the table of rules."""
    return Breach("", Finding(message, shown(where.path), where.line, remedy), remark, blocks)
