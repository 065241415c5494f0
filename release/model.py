"""The few types everything else speaks in. Frozen, and built on the standard library alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
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
    """One thing that a gate found, or that an error says is wrong.

    `path` is relative to the repository where it can be, `line` counts from 1, `remedy` is an
    imperative sentence. `advice` does not block.
    """

    message: str
    path: str | None = None
    line: int | None = None
    remedy: str | None = None
    advice: bool = False

    def __str__(self) -> str:
        text = f"{self.place}: {self.message}" if self.path else self.message
        return f"{text}\n    {self.remedy}" if self.remedy else text

    @property
    def place(self) -> str:
        """The file and the line, as far as they are known."""
        return (self.path or "") + (f":{self.line}" if self.line is not None else "")

    def map_text(self, clean: Callable[[str], str]) -> Finding:
        return replace(
            self,
            message=clean(self.message),
            path=clean(self.path) if self.path else None,
            remedy=clean(self.remedy) if self.remedy else None,
        )

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Any) -> Finding:
        return cls(
            _text(data["message"]),
            _optional(data["path"], str),
            _optional(data["line"], int),
            _optional(data["remedy"], str),
            _exactly(data["advice"], bool),
        )


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

    Build one with `passed`, `failed`, `unchecked` or `not_applicable`, or settle a Judgement. It
    has no truth value: three of the four kinds are neither good nor bad news, so callers compare
    `status`. `notes` are what one may want to know, such as what was accepted and why: they ask for
    nothing, and never block.
    """

    status: Status
    summary: str
    checked: int = 0
    findings: tuple[Finding, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[Finding, ...] = ()

    def __post_init__(self) -> None:
        if not self.summary:
            raise ValueError("an outcome needs a summary")
        if self.status is Status.PASSED and self.checked < 1:
            raise ValueError("a gate that checked nothing has not passed")
        if self.status is Status.FAILED and not self.blocking:
            raise ValueError("a failed gate names at least one finding that is not advice")
        if self.status is Status.PASSED and self.blocking:
            raise ValueError("the findings of a gate that passed are advice")
        if self.status is Status.UNCHECKED and not any(f.remedy for f in self.findings):
            raise ValueError("an unchecked gate says what would make it possible")

    def __bool__(self) -> NoReturn:
        raise TypeError("an Outcome has no truth value; compare its status")

    def map_text(self, clean: Callable[[str], str]) -> Outcome:
        """The same judgement with `clean` applied to every text that people read."""
        mapped = self._map_findings(lambda finding: finding.map_text(clean))
        return replace(mapped, summary=clean(self.summary) or "-")

    def map_remedies(self, spoken: Callable[[str], str]) -> Outcome:
        """The same judgement with `spoken` applied to what is to be done about it."""
        return self._map_findings(lambda f: replace(f, remedy=f.remedy and spoken(f.remedy)))

    def _map_findings(self, change: Callable[[Finding], Finding]) -> Outcome:
        findings, notes = map(change, self.findings), map(change, self.notes)
        return replace(self, findings=tuple(findings), notes=tuple(notes))

    @property
    def blocking(self) -> tuple[Finding, ...]:
        """The findings that are not advice: defects, and what could not be checked."""
        return tuple(finding for finding in self.findings if not finding.advice)

    @property
    def advice(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.advice)

    def strictly(self) -> Outcome:
        """The same judgement where advice blocks as well."""
        if not self.advice:
            return self
        findings = tuple(replace(finding, advice=False) for finding in self.findings)
        summary = self.summary if self.status is Status.FAILED else _headline(findings)
        return replace(self, status=Status.FAILED, summary=summary, findings=findings)

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

        `remarks` are advice; `facts` are what later gates read from its evidence.
        """
        judged = Judgement(checked, advice=remarks)
        return judged.settle(summary, artifacts=artifacts, facts=facts)

    @classmethod
    def failed(
        cls,
        findings: tuple[Finding, ...],
        summary: str = "",
        *,
        checked: int = 0,
    ) -> Outcome:
        """The gate found the defects in `findings` (one or more)."""
        summary = summary or _headline(findings)
        return cls(Status.FAILED, summary, checked, findings)

    @classmethod
    def unchecked(cls, reason: str, remedy: str) -> Outcome:
        """The gate could not be judged here: why, and what would make it possible."""
        return cls(Status.UNCHECKED, reason, findings=(Finding(reason, remedy=remedy),))

    @classmethod
    def not_applicable(cls, reason: str) -> Outcome:
        """The gate has nothing to judge: by which setting, level or absence."""
        return cls(Status.NOT_APPLICABLE, reason)


def _headline(findings: tuple[Finding, ...]) -> str:
    first = next((finding for finding in findings if not finding.advice), None)
    more = sum(not finding.advice for finding in findings) - 1
    return (first.message if first else "") + (f" (and {more} more)" if more > 0 else "")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was looked at (`checked`, how many things), and what was found. Judgements add up.

    `defects` block. `advice` does not, unless the project sets `strict`. `unchecked` is what could
    not be judged, with what would make it possible. `notes` are as in an Outcome.
    """

    checked: int = 0
    defects: tuple[Finding, ...] = ()
    advice: tuple[Finding, ...] = ()
    unchecked: tuple[Finding, ...] = ()
    notes: tuple[Finding, ...] = ()

    def __add__(self, other: Judgement) -> Judgement:
        return Judgement(
            self.checked + other.checked,
            self.defects + other.defects,
            self.advice + other.advice,
            self.unchecked + other.unchecked,
            self.notes + other.notes,
        )

    @classmethod
    def one(
        cls, finding: Finding | None = None, *, advice: bool = False, checked: int = 1
    ) -> Judgement:
        """That of one question: nothing found, a defect, or advice."""
        found = () if finding is None else (finding,)
        return cls(checked, advice=found) if advice else cls(checked, found)

    def as_advice(self) -> Judgement:
        """The same with its defects as advice: what nobody promised, or what was so before."""
        return replace(self, defects=(), advice=self.defects + self.advice)

    def settle(
        self,
        summary: str,
        *,
        failed: str = "",
        artifacts: tuple[Artifact, ...] = (),
        facts: Mapping[str, str] | None = None,
    ) -> Outcome:
        """The outcome. `summary` is that of a pass, `failed` that of a failure if it has its own.

        What is found twice is said once.
        """
        defects, unchecked, notes = map(_once, (self.defects, self.unchecked, self.notes))
        advice = tuple(replace(f, advice=True) for f in _once(self.advice) if f not in defects)
        if defects:
            status, said = Status.FAILED, failed or _headline(defects)
            unchecked = tuple(replace(f, message=f"not checked: {f.message}") for f in unchecked)
        elif unchecked:
            status, said = Status.UNCHECKED, _headline(unchecked)
        else:
            status, said = Status.PASSED, summary
        findings = (*defects, *unchecked, *advice)
        return Outcome(status, said, self.checked, findings, artifacts, dict(facts or {}), notes)


def _once(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    return tuple(dict.fromkeys(findings))


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
    `needs` names gates whose evidence or files it reads. `cost` is its usual duration in seconds on
    a small project and only orders the start. `valid` is how long its evidence counts; None is
    never reused. `writes` are the folders below `.release/` that it makes anew. `echoes` says that
    what its commands print is meant for people, who see it when they run the gate alone.
    """

    name: str
    title: str
    check: Callable[[Project, Shell], Outcome]
    applies: Callable[[Project, Level | None], str | None] = lambda _project, _level: None
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
    were judged), `key` is the digest of every input and `inputs` the digest of each kind of them,
    `started` is in UTC, `seconds` the duration, `run` the run of CI that it was made in, ""
    elsewhere.
    """

    gate: str
    outcome: Outcome
    commit: str
    tree: str
    started: datetime
    dirty: bool = False
    key: str = ""
    key_after: str = ""
    level: str | None = None
    tools: Mapping[str, str] = field(default_factory=dict)
    commands: tuple[tuple[str, ...], ...] = ()
    seconds: float = 0.0
    log: str | None = None
    run: str = ""
    reused: bool = False
    inputs: Mapping[str, str] = field(default_factory=dict)

    @property
    def stable(self) -> bool:
        """Whether the inputs were the same before and after the judgement."""
        return bool(self.key) and self.key == self.key_after

    def fresh(self, key: str, valid: timedelta | None, now: datetime) -> bool:
        """Whether this pass or failure may stand in for running the gate again."""
        known = self.outcome.status in {Status.PASSED, Status.FAILED}
        if valid is None or not known or not self.stable:
            return False
        return self.key == key and self.recent(valid, now)

    def recent(self, valid: timedelta, now: datetime) -> bool:
        """Whether it is at most `valid` old; a run beside this one may begin later."""
        return -BESIDE <= now - self.started <= valid

    def as_json(self) -> dict[str, Any]:
        """The contents of its file: all that is known, what the outcome says beside the rest."""
        known = asdict(self)
        del known["outcome"], known["reused"]
        artifacts = [artifact.as_json() for artifact in self.outcome.artifacts]
        return {
            "schema": 1,
            "gate": self.gate,
            **asdict(self.outcome),
            **known,
            "artifacts": artifacts,
            "started": self.started.astimezone(UTC).isoformat(),
            "seconds": round(self.seconds, 3),
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
                    findings=tuple(map(Finding.from_json, data["findings"])),
                    artifacts=tuple(
                        Artifact(_text(a["path"]), _exactly(a["size"], int), _text(a["sha256"]))
                        for a in data["artifacts"]
                    ),
                    facts={_text(k): _text(v) for k, v in data["facts"].items()},
                    notes=tuple(map(Finding.from_json, data["notes"])),
                ),
                commit=_text(data["commit"]),
                tree=_text(data["tree"]),
                dirty=_exactly(data["dirty"], bool),
                key=_text(data["key"]),
                key_after=_text(data["key_after"]),
                inputs={_text(k): _text(v) for k, v in data["inputs"].items()},
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
    version before and after. `edits` are all files that change; `commands` are run after them and
    may write what matches the globs `writes`, and nothing else. `commit_message` is None where
    there is nothing to commit; `entry_from` names the changelog whose entry goes into it once the
    commands have written it, and `made` is the diff of what they write, where it was tried out.
    `branch` is the branch that gets the commit, made anew where
    `new_branch` says so, and `release_branch` the one that releases are made from; `pushes` are
    full refspecs for `remote`. `notes` is what a person should know.
    """

    name: str
    base: str
    previous: str | None
    version: str
    day: date
    edits: tuple[Edit, ...] = ()
    commands: tuple[tuple[str, ...], ...] = ()
    writes: tuple[str, ...] = ()
    made: str = ""
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
        raise TypeError(f"{value!r} is not of type {kind.__name__}")
    return value


def _optional(value: Any, kind: type[T]) -> T | None:
    return None if value is None else _exactly(value, kind)
