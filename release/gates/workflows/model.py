"""What workflow files say, as far as publishing depends on it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

FALSE = frozenset(["false", "no", "off"])
MAX_SHOWN = 120
COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a YAML file: a text (`text`), a list (`items`) or a mapping (`table`).

    `line` counts from 1, and is that of the key for a mapping or a list. `comment` is what follows
    a text on its line; `block` says that the text is a block scalar, whose own first line is the
    next one; `null` that nothing is written.
    """

    path: str
    line: int
    text: str = ""
    items: tuple[Node, ...] | None = None
    table: Mapping[str, Node] | None = None
    comment: str = ""
    block: bool = False
    null: bool = False

    def get(self, *keys: str) -> Node | None:
        """The value below `keys`, None where there is none, or null."""
        node: Node | None = self
        for key in keys:
            node = node.table.get(key) if node is not None and node.table else None
        return None if node is None or node.null else node

    def said(self, *keys: str) -> str:
        """The text below `keys`, empty where there is none."""
        node = self.get(*keys)
        return node.text if node is not None else ""

    def mapping(self, key: str) -> Mapping[str, Node]:
        """The mapping below a key, empty where it is something else."""
        node = self.get(key)
        return (node.table if node is not None else None) or {}

    def listed(self, *keys: str) -> tuple[Node, ...]:
        """The items of the list below `keys`, none where it is something else."""
        node = self.get(*keys)
        return (node.items if node is not None else None) or ()

    def each(self) -> tuple[Node, ...]:
        """The items of a list, or a single value as one; nothing for null."""
        if self.items is not None:
            return self.items
        return () if self.null else (self,)

    def texts(self) -> tuple[str, ...]:
        return tuple(node.text for node in self.each() if node.is_text)

    def walk(self) -> Iterator[tuple[str, Node]]:
        """Every text below, each with the key that it stands under."""
        waiting: list[tuple[str, Node]] = [("", self)]
        while waiting:
            key, node = waiting.pop()
            if node.is_text:
                yield key, node
            waiting += [(key, item) for item in node.items or ()]
            waiting += list((node.table or {}).items())

    @property
    def is_text(self) -> bool:
        return self.items is None and self.table is None

    @property
    def is_true(self) -> bool:
        """Whether a switch is on, or may be: anything but a literal false."""
        return not self.null and self.text.strip().lower() not in FALSE


@dataclass(frozen=True, slots=True)
class Command:
    """A simple command of a shell text, a session, a target or a script.

    `operator` is what stands before it (`||`, `&&`, `|`, `;` or nothing); `via` says through what
    a workflow calls it, such as `make publish`, and is empty for what stands in the workflow.
    `fed` is the here-document that it reads; `followed` says that what it calls is read, too, and
    `feeds` that what it says is read by a shell or by Python.
    `bare` is its text without the commands that are substituted in it, None where it has none.
    `fatal` says that the text fails where the command fails; `refuses` that it fails where the
    command succeeds.
    `unread` says why the whole text, which is then its second word, could not be read.
    """

    words: tuple[str, ...]
    path: str
    line: int
    operator: str = ""
    via: str = ""
    fed: str = ""
    followed: bool = False
    feeds: bool = False
    bare: str | None = None
    fatal: bool = False
    refuses: bool = False
    unread: str = ""


@dataclass(frozen=True, slots=True)
class Uses:
    """What a step or a job uses: an action or a workflow at a ref, or one of this repository."""

    target: str
    ref: str
    node: Node

    @property
    def repository(self) -> str:
        """OWNER/NAME in small letters, empty for local ones and images."""
        if self.is_local or self.target.startswith("docker:"):
            return ""
        return "/".join(self.target.lower().split("/")[:2])

    @property
    def is_local(self) -> bool:
        return self.target.startswith((".", "$/"))

    @property
    def is_pinned(self) -> bool:
        if self.target.startswith("docker:"):
            return "@sha256:" in self.node.text
        return self.is_local or bool(COMMIT.fullmatch(self.ref))


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a job; those of a composite action of this repository stand in its place.

    `commands` are those of its `run` and of the scripts, sessions and targets that these call.
    `callers` are the steps that use the composite action it is from.
    """

    node: Node
    uses: Uses | None = None
    commands: tuple[Command, ...] = ()
    callers: tuple[Node, ...] = ()

    @property
    def path(self) -> str:
        return self.node.path

    @property
    def line(self) -> int:
        return self.node.line

    @property
    def inputs(self) -> Mapping[str, Node]:
        return self.node.mapping("with")

    @property
    def env(self) -> Mapping[str, Node]:
        return self.node.mapping("env")

    @property
    def run(self) -> str:
        return self.node.said("run")

    def told(self, key: str) -> list[Node]:
        """What the step, and the steps that it is called by, say under a key."""
        found = (node.get(key) for node in (self.node, *self.callers))
        return [node for node in found if node is not None]

    @property
    def label(self) -> str:
        told = (*map(self.node.said, ("name", "id", "uses")), self.run.strip().partition("\n")[0])
        return shown(next(filter(None, told), "a step"))


@dataclass(frozen=True, slots=True)
class Job:
    """A job of a workflow. `key` is its workflow's path and its own id, which name it."""

    path: str
    id: str
    node: Node
    needs: tuple[str, ...]
    steps: tuple[Step, ...]
    uses: Uses | None
    permissions: Node | None

    @property
    def key(self) -> tuple[str, str]:
        return self.path, self.id

    @property
    def line(self) -> int:
        return self.node.line

    @property
    def label(self) -> str:
        return shown(self.id)

    @property
    def environment(self) -> Node | None:
        """The node that names its environment."""
        node = self.node.get("environment")
        return node.get("name") if node is not None and node.table is not None else node

    def grants(self, scope: str) -> str:
        """What its token may do in a scope: write, read or none; empty where nothing says."""
        node = self.permissions
        if node is None:
            return ""
        if node.text in ("write-all", "read-all"):
            return node.text.removesuffix("-all")
        return node.said(scope) or "none"


@dataclass(frozen=True, slots=True)
class Workflow:
    """One file of `.github/workflows`. `triggers` maps each event to what is said of it."""

    path: str
    node: Node
    triggers: Mapping[str, Node]
    jobs: Mapping[str, Job]

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Model:
    """All workflows of a repository, the files of composite actions that are in it (`actions`),
    and the texts of the files, other than YAML, that take part (`sources`).
    """

    workflows: Mapping[str, Workflow] = field(default_factory=dict)
    actions: Mapping[str, Node] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)

    def job(self, key: tuple[str, str]) -> Job | None:
        workflow = self.workflows.get(key[0])
        return workflow.jobs.get(key[1]) if workflow is not None else None

    def jobs(self) -> Iterator[Job]:
        for workflow in self.workflows.values():
            yield from workflow.jobs.values()


def shown(text: str) -> str:
    """A text of a repository for a message: on one line, nothing a terminal obeys, not too long."""
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return line if len(line) <= MAX_SHOWN else line[:MAX_SHOWN] + "…"
