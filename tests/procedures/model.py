"""What a table of sentences, gates and defects is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from release.model import Level, Status


class Place(Protocol):
    """Where a defect is planted: a copy of a project with its remote, and the world around it.

    `version` is the one to be released, `previous` the last one; `publisher` is what the index
    shows of the last release. `origin` is the address of the remote on its forge.
    """

    name: str
    root: Path
    version: str
    previous: str
    tag: str
    base_image: str
    publisher: dict[str, str | None]

    def git(self, *arguments: str) -> str: ...
    def forge_runs(self, conclusions: Mapping[str, str | None]) -> None: ...
    def forge_environment(self, rules: tuple[str, ...], tags: tuple[str, ...] | None) -> None: ...
    def no_forge_environment(self) -> None: ...
    def index_knows_nothing(self) -> None: ...
    def not_attested(self) -> None: ...
    def index_has(self, name: str, data: bytes) -> None: ...
    def remote_moves(self) -> None: ...
    def advisory(self, package: str) -> None: ...


Plant = Callable[[Place], None]


@dataclass(frozen=True)
class Defect:
    """A defect: its name, how it is planted, and what a finding of the gate must match.

    A finding is matched as "PATH: MESSAGE". `given` is planted first, and the gate must pass with
    it. `committed` is whether the defect is committed and pushed before the gate looks. `status` is
    how the gate must end: a part that a person has to confirm leaves it unchecked.
    """

    name: str
    plant: Plant
    says: str
    given: Plant | None = None
    level: Level | None = None
    committed: bool = True
    status: Status = Status.FAILED


@dataclass(frozen=True)
class Row:
    """A sentence of a procedure that is checked before a release."""

    sentence: str
    gate: str
    settings: str
    defect: Defect


class Answer(Protocol):
    """What an action says with a fault in the world or without one, which is nothing."""

    def __call__(self, *, planted: bool) -> str: ...


@dataclass(frozen=True)
class After:
    """A sentence about what the world shows after a release, and the action that looks at it.

    `world` is what is shown instead, `answer` a part of what is said then.
    """

    sentence: str
    by: Literal["verify", "status"]
    world: str
    answer: str
    said: Answer


@dataclass(frozen=True)
class Apart:
    """A sentence that nothing above checks: who does, and what reminds of it."""

    sentence: str
    when: Literal["after", "person"]
    does: str


@dataclass(frozen=True)
class Claim:
    """A sentence that does not hold, and what does; `gate` is the one that goes by it."""

    sentence: str
    holds: str
    gate: str


@dataclass(frozen=True)
class Procedure:
    """A release procedure: the project below tests/projects/, its title, its place on the forge.

    `workflow` is the file that publishes.
    """

    name: str
    title: str
    slug: str
    workflow: str
    rows: tuple[Row, ...]
    after: tuple[After, ...]
    apart: tuple[Apart, ...]
    claims: tuple[Claim, ...] = ()
