"""The few types everything else speaks in. Frozen, and built on the standard library alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeVar

if TYPE_CHECKING:
    from release.project import Project
    from release.run.shell import Shell


class Status(StrEnum):
    """What is known about a gate."""

    PASSED = "passed"
    FAILED = "failed"
    UNCHECKED = "unchecked"
    NOT_APPLICABLE = "not-applicable"


class Verdict(StrEnum):
    """What the whole checklist says about a commit."""

    READY = "ready"
    INCOMPLETE = "incomplete"
    BLOCKED = "blocked"


class Level(StrEnum):
    """The kind of release that is being prepared."""

    PATCH = "patch"
    MINOR = "minor"
    MAJOR = "major"
    RC = "rc"


Required = Literal["always", "ci", "never"]
T = TypeVar("T")
BESIDE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Finding:
    """One observation of a gate: a defect in a failed one, a remark in a passed one.

    `path` is relative to the repository, `line` counts from 1.
    """

    message: str
    path: str | None = None
    line: int | None = None
    remedy: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "message": self.message,
            "path": self.path,
            "line": self.line,
            "remedy": self.remedy,
        }


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file that a gate made: its path below `.release/`, its size in bytes and its digest."""

    path: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    def as_json(self) -> dict[str, Any]:
        return {"path": self.path, "name": self.name, "size": self.size, "sha256": self.sha256}


@dataclass(frozen=True, slots=True)
class Outcome:
    """The judgement of one gate.

    Build one with `passed`, `failed`, `unchecked` or `not_applicable`. It has no truth value:
    three of the four kinds are neither good nor bad news, so callers compare `status`.
    """

    status: Status
    summary: str
    checked: int = 0
    findings: tuple[Finding, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.summary:
            raise ValueError("an outcome needs a summary")
        if self.status is Status.PASSED and self.checked < 1:
            raise ValueError("a gate that checked nothing has not passed")
        if self.status is Status.FAILED and not self.findings:
            raise ValueError("a failed gate names at least one finding")
        if self.status is Status.UNCHECKED and not any(f.remedy for f in self.findings):
            raise ValueError("an unchecked gate says what would make it possible")

    def __bool__(self) -> NoReturn:
        raise TypeError("an Outcome has no truth value; compare its status")

    def map_text(self, clean: Callable[[str], str]) -> Outcome:
        """The same judgement with `clean` applied to every text that people read."""
        return replace(
            self,
            summary=clean(self.summary) or "-",
            findings=tuple(
                Finding(
                    clean(finding.message),
                    clean(finding.path) if finding.path else None,
                    finding.line,
                    clean(finding.remedy) if finding.remedy else None,
                )
                for finding in self.findings
            ),
        )

    @classmethod
    def passed(
        cls,
        checked: int,
        summary: str,
        *,
        remarks: tuple[Finding, ...] = (),
        artifacts: tuple[Artifact, ...] = (),
        facts: Mapping[str, str] | None = None,
    ) -> Outcome:
        """The gate looked at `checked` things (one or more) and found nothing wrong.

        `remarks` are shown and do not fail it; `facts` are what later gates read from its evidence.
        """
        return cls(Status.PASSED, summary, checked, remarks, artifacts, facts or {})

    @classmethod
    def failed(
        cls,
        findings: tuple[Finding, ...],
        summary: str = "",
        *,
        checked: int = 0,
        artifacts: tuple[Artifact, ...] = (),
        facts: Mapping[str, str] | None = None,
    ) -> Outcome:
        """The gate found the defects in `findings` (one or more)."""
        if not summary and findings:
            more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
            summary = findings[0].message + more
        return cls(Status.FAILED, summary, checked, findings, artifacts, facts or {})

    @classmethod
    def unchecked(cls, reason: str, remedy: str) -> Outcome:
        """The gate could not be judged here: why, and what would make it possible."""
        return cls(Status.UNCHECKED, reason, findings=(Finding(reason, remedy=remedy),))

    @classmethod
    def not_applicable(cls, reason: str) -> Outcome:
        """The gate has nothing to judge: by which setting, level or absence."""
        return cls(Status.NOT_APPLICABLE, reason)


def _applies_always(_project: Project, _level: Level | None) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Gate:
    """One line of the checklist.

    `check` takes the project and a shell and returns an Outcome; it neither logs, times nor
    catches, the runner does. `applies` returns the reason why the gate does not apply, or None.
    `tools` names the distributions that its isolated environment is for, pinned with all they need
    in a lock beside the module of `check` (see `lock_of`), or installed by name; none means that it
    needs no environment. `order` is its place in the checklist, which people read from low to high.
    `settings` is the model of its table, and `defects` what `prove` plants; both may be named as
    `module:name`, to be imported only when they are asked for.
    `needs` names gates whose evidence it reads. `cost` is its usual duration in seconds on a small
    project and only orders the start. `valid` is how long its evidence counts; None is never
    reused. `writes` are the folders below `.release/` that it makes anew. `echoes` says that what
    its commands print is meant for people, who see it when they run the gate alone.
    """

    name: str
    title: str
    check: Callable[[Project, Shell], Outcome]
    applies: Callable[[Project, Level | None], str | None] = _applies_always
    tools: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    required: Required = "always"
    cost: float = 0.1
    valid: timedelta | None = timedelta(days=7)
    writes: tuple[str, ...] = ()
    echoes: bool = False
    order: int = 1000
    settings: str | type[Any] = "release.settings:GateSettings"
    defects: str | tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """An outcome, and everything needed to decide whether it still counts.

    `commit` and `tree` are full git object names (`tree` is of the working tree's files as they
    were judged), `key` is the digest of every input, `started` is in UTC, `seconds` the duration,
    `run` the run of CI that it was made in, "" elsewhere.
    """

    gate: str
    outcome: Outcome
    commit: str
    tree: str
    dirty: bool
    key: str
    key_after: str
    level: str | None
    tools: Mapping[str, str]
    commands: tuple[tuple[str, ...], ...]
    started: datetime
    seconds: float
    log: str | None
    run: str = ""
    reused: bool = False

    @property
    def stable(self) -> bool:
        """Whether the inputs were the same before and after the judgement."""
        return bool(self.key) and self.key == self.key_after

    def fresh(self, key: str, valid: timedelta | None, now: datetime) -> bool:
        """Whether this pass may stand in for running the gate again."""
        if valid is None or self.outcome.status is not Status.PASSED or not self.stable:
            return False
        return self.key == key and self.recent(valid, now)

    def recent(self, valid: timedelta, now: datetime) -> bool:
        """Whether it is at most `valid` old; a run beside this one may begin later."""
        return -BESIDE <= now - self.started <= valid

    def as_json(self) -> dict[str, Any]:
        return {
            "schema": 1,
            "gate": self.gate,
            "status": self.outcome.status.value,
            "summary": self.outcome.summary,
            "checked": self.outcome.checked,
            "findings": [finding.as_json() for finding in self.outcome.findings],
            "artifacts": [artifact.as_json() for artifact in self.outcome.artifacts],
            "facts": dict(self.outcome.facts),
            "commit": self.commit,
            "tree": self.tree,
            "dirty": self.dirty,
            "key": self.key,
            "key_after": self.key_after,
            "level": self.level,
            "tools": dict(self.tools),
            "commands": [list(command) for command in self.commands],
            "started": self.started.astimezone(UTC).isoformat(),
            "seconds": round(self.seconds, 3),
            "log": self.log,
            "run": self.run,
        }

    @classmethod
    def from_json(cls, data: Any) -> Evidence:
        """Read what `as_json` wrote.

        Raises ValueError for anything else: evidence that is truncated, forged or of another
        schema must not count, so every field is demanded and the outcome's own rules apply.
        """
        try:
            if data["schema"] != 1:
                raise ValueError(f"schema {data['schema']!r} is not known")
            seconds = float(data["seconds"])
            if not math.isfinite(seconds) or seconds < 0:
                raise ValueError("a duration is a positive number")
            started = datetime.fromisoformat(data["started"])
            if started.tzinfo is None:
                raise ValueError("a time without a zone")
            return cls(
                gate=_text(data["gate"]),
                outcome=Outcome(
                    status=Status(data["status"]),
                    summary=_text(data["summary"]),
                    checked=_exactly(data["checked"], int),
                    findings=tuple(
                        Finding(
                            _text(f["message"]),
                            _optional(f["path"], str),
                            _optional(f["line"], int),
                            _optional(f["remedy"], str),
                        )
                        for f in data["findings"]
                    ),
                    artifacts=tuple(
                        Artifact(_text(a["path"]), _exactly(a["size"], int), _text(a["sha256"]))
                        for a in data["artifacts"]
                    ),
                    facts={_text(k): _text(v) for k, v in data["facts"].items()},
                ),
                commit=_text(data["commit"]),
                tree=_text(data["tree"]),
                dirty=_exactly(data["dirty"], bool),
                key=_text(data["key"]),
                key_after=_text(data["key_after"]),
                level=_optional(data["level"], str),
                tools={_text(k): _text(v) for k, v in data["tools"].items()},
                commands=tuple(tuple(map(_text, command)) for command in data["commands"]),
                started=started,
                seconds=seconds,
                log=_optional(data["log"], str),
                run=_text(data["run"]),
            )
        except (KeyError, TypeError, AttributeError, OverflowError) as error:
            raise ValueError(f"not evidence of this program: {error!r}") from error


@dataclass(frozen=True, slots=True)
class Edit:
    """A file before and after a change, as text with its own line ends and byte order mark.

    `path` is relative to the project, with forward slashes, and names a regular file.
    """

    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class NewTag:
    """An annotated tag that is to be made; `sign` is None to do as git is configured."""

    name: str
    message: str
    sign: bool | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a release changes: shown by a dry run, rehearsed and applied as the same object.

    `base` is the commit (full object name) that it starts from, `previous` and `version` are the
    version before and after. `edits` are all files that the plan itself writes; `version_files`
    those of them that bump-my-version writes, too; `commands` are run after the edits and may
    write what matches the globs `writes`, and nothing else. `commit_message` is None where there is
    nothing to commit; `entry_from` names the changelog whose entry goes into it once the commands
    have written it. `branch` is the branch that gets the commit, made anew where `new_branch`
    says so, and `release_branch` the one that releases are made from; `pushes` are full refspecs
    for `remote`. `notes` is what a person should know.
    """

    name: str
    base: str
    previous: str | None
    version: str
    day: date
    edits: tuple[Edit, ...] = ()
    version_files: tuple[str, ...] = ()
    commands: tuple[tuple[str, ...], ...] = ()
    writes: tuple[str, ...] = ()
    commit_message: str | None = None
    entry_from: str | None = None
    sign_commit: bool | None = None
    branch: str = ""
    new_branch: bool = False
    release_branch: str = ""
    tag: NewTag | None = None
    remote: str | None = None
    pushes: tuple[str, ...] = ()
    notes: tuple[Finding, ...] = ()


def _text(value: Any) -> str:
    return _exactly(value, str)


def _exactly(value: Any, kind: type[T]) -> T:
    if type(value) is not kind:
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value


def _optional(value: Any, kind: type[T]) -> T | None:
    return None if value is None else _exactly(value, kind)
