"""The checklist: the gates of a project, and the verdict on all of them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from graphlib import CycleError, TopologicalSorter
from typing import Any

from release.errors import ConfigurationError, UsageError
from release.model import Evidence, Finding, Gate, Level, Required, Status, Verdict
from release.project import Project
from release.registry import known
from release.run.commands import own_gate
from release.text.commands import as_called
from release.text.escaping import counted, visible
from release.text.versions import next_version


def checklist(project: Project) -> dict[str, Gate]:
    """Every gate of a project by name: installed, from its settings, and from its noxfile.

    Raises ConfigurationError when a gate of the noxfile has the name of another one, or needs
    gates that do not exist or that need it.
    """
    own = project.settings.gates.own
    gates = known() | {name: own_gate(name, table) for name, table in own.items()}
    problems = [
        Finding(f"gate {name!r} exists already", "noxfile.py", remedy="give it another name")
        for name in project.extra
        if name in gates
    ]
    gates |= project.extra
    problems += [
        Finding(
            f"gate {gate.name!r} needs {need!r}, which is not a gate",
            "noxfile.py",
            remedy=f"gates: {', '.join(gates)}",
        )
        for gate in project.extra.values()
        for need in gate.needs
        if need not in gates
    ]
    if not problems:
        try:
            TopologicalSorter({name: gate.needs for name, gate in gates.items()}).prepare()
        except CycleError as error:
            cycle = " needs ".join(reversed(error.args[1]))
            problems.append(Finding(f"gates need each other: {cycle}", "noxfile.py"))
    if problems:
        raise ConfigurationError(*problems)
    return gates


def require_known(names: Iterable[str], gates: Mapping[str, Gate]) -> None:
    """Raise UsageError for names that no gate of the checklist has."""
    problems = []
    for name in dict.fromkeys(names):
        if name not in gates:
            near = difflib.get_close_matches(name, gates, 1)
            remedy = f"did you mean {near[0]!r}?" if near else f"gates: {', '.join(gates)}"
            problems.append(Finding(f"{name!r} is not a gate", remedy=remedy))
    if problems:
        raise UsageError(*problems)


# What is said of a failure that was not judged anew.
AS_BEFORE = "as before; --fresh to run again"


@dataclass(frozen=True, slots=True)
class Report:
    """A judged checklist, or a part of one: what every format renders."""

    project: str
    version: str | None
    level: Level | None
    commit: str
    tree: str
    dirty: bool
    verdict: Verdict
    gates: tuple[Evidence, ...]
    required: Mapping[str, Required]
    left_to_ci: tuple[str, ...]
    titles: Mapping[str, str]
    seconds: float
    moved: tuple[str, ...] = ()
    disturbed: tuple[str, ...] = ()
    judges: str = ""
    part: bool = False

    def of(self, status: Status) -> tuple[Evidence, ...]:
        """The evidence of the gates that ended so."""
        return tuple(evidence for evidence in self.gates if evidence.outcome.status is status)

    def is_spared(self, gate: str) -> bool:
        """Whether the verdict does not ask for a gate."""
        return self.required.get(gate) == "never"

    @property
    def when(self) -> datetime:
        """When the last of its gates was judged, in UTC."""
        return max(evidence.started for evidence in self.gates).astimezone(UTC)

    @property
    def suggestions(self) -> str:
        """How many pieces of advice there are, such as: 14 suggestions; "" for none."""
        advice = sum(len(evidence.outcome.advice) for evidence in self.gates)
        return counted(advice, "suggestion") if advice else ""

    @property
    def counts(self) -> str:
        """The verdict in numbers, such as: ready; 3 to check, 14 suggestions."""
        numbers = (
            (len(self.of(Status.FAILED)), "failed"),
            (len(self.of(Status.UNCHECKED)), "to check"),
        )
        counted = [f"{number} {what}" for number, what in numbers if number]
        said = ", ".join([*counted, *filter(None, [self.suggestions])])
        return f"{self.verdict.value}; {said}" if said else self.verdict.value

    def as_json(self) -> dict[str, Any]:
        """The contents of `preflight.json`."""
        return {
            "schema": 1,
            "project": self.project,
            "version": self.version,
            "level": self.level.value if self.level else None,
            "judges": self.judges,
            "commit": self.commit,
            "tree": self.tree,
            "dirty": self.dirty,
            "verdict": self.verdict.value,
            "left_to_ci": list(self.left_to_ci),
            "seconds": round(self.seconds, 2),
            "disturbed": list(self.disturbed),
            "gates": [
                {
                    "name": evidence.gate,
                    "status": evidence.outcome.status.value,
                    "required": self.required[evidence.gate],
                    "summary": evidence.outcome.summary,
                    "checked": evidence.outcome.checked,
                    "seconds": round(evidence.seconds, 2),
                    "reused": evidence.reused,
                    "findings": [finding.as_json() for finding in evidence.outcome.findings],
                    "notes": [note.as_json() for note in evidence.outcome.notes],
                    "tools": dict(evidence.tools),
                    "log": evidence.log,
                }
                for evidence in self.gates
            ],
            "artifacts": [
                {"name": a.name, "size": a.size, "sha256": a.sha256}
                for evidence in self.gates
                for a in evidence.outcome.artifacts
            ],
        }


def judges(project: Project, level: Level | None) -> str:
    """Which release the checklist judges, in a sentence."""
    version = project.target_version(level)
    if level is not None:
        return f"judges {version or 'the next release'}, as a {level.value} release"
    last = max(project.merged.values(), default=None)
    if last is not None and (project.after_release or version is None):
        steps = [f"`-- {kind}` ({next_version(last, kind)})" for kind in (Level.PATCH, Level.MINOR)]
        return f"{last} is released; this is what comes after it: {', '.join(steps)}"
    if version is None:
        return "judges a release whose version its tag will tell"
    if version.is_devrelease:
        return f"judges {version.base_version}, which is to come of {version}"
    if version in project.released_here.values():
        return f"judges {version}, which is tagged on this commit"
    if not project.released:
        return f"judges {version}, which no tag marks as released"
    return f"judges {version}, which was never released"


def requirements(project: Project, gates: Iterable[Gate]) -> dict[str, Required]:
    """When each gate is required: by the settings, else by the gate's own default."""
    return {
        gate.name: project.settings.gates.of_gate(gate).required or gate.required for gate in gates
    }


def verdict(
    gates: Iterable[Evidence], required: Mapping[str, Required], in_ci: bool
) -> tuple[Verdict, tuple[str, ...]]:
    """The verdict, and the gates that are left to CI.

    Outside CI a gate that is required in CI may stay unchecked; it is then left to CI. A failure
    of such a gate is known already, so it blocks wherever it is seen.
    """
    asked = [(each, required[each.gate]) for each in gates if required[each.gate] != "never"]
    failed = any(each.outcome.status is Status.FAILED for each, _ in asked)
    unchecked = [(e.gate, rule) for e, rule in asked if e.outcome.status is Status.UNCHECKED]
    left = tuple(name for name, rule in unchecked if rule == "ci" and not in_ci)
    if failed:
        return Verdict.BLOCKED, left
    return (Verdict.INCOMPLETE if len(left) < len(unchecked) else Verdict.READY), left


def _spoken(evidence: Evidence) -> Evidence:
    return replace(evidence, outcome=evidence.outcome.map_remedies(as_called))


def make_report(
    project: Project,
    gates: Mapping[str, Gate],
    evidence: Mapping[str, Evidence],
    *,
    level: Level | None,
    in_ci: bool,
    seconds: float,
    moved: tuple[str, ...] = (),
    disturbed: tuple[str, ...] = (),
    part: bool = False,
) -> Report:
    """Judge the checklist, or a part of it.

    `moved` lists files that changed while it ran, `disturbed` those of them that git minds: then
    no commit was judged as a whole, and the verdict is not `ready`. `seconds` is its duration.
    """
    required = requirements(project, gates.values())
    found = tuple(_spoken(evidence[name]) for name in gates)
    result, left = verdict(found, required, in_ci)
    if disturbed and result is Verdict.READY:
        result = Verdict.INCOMPLETE
    facts = project.git
    target = project.target_version(level)
    version = project.version
    if target is not None and (level is not None or target.is_devrelease):
        version = str(target) if level is not None else target.base_version
    if version is None and "build" in evidence:
        version = evidence["build"].outcome.facts.get("version")
    return Report(
        project=project.name,
        version=visible(version) if version else None,
        judges=visible(judges(project, level)),
        level=level,
        commit=(facts.commit if facts else None) or "",
        tree=(facts.tree if facts else None) or "",
        dirty=facts.dirty if facts else True,
        verdict=result,
        gates=found,
        required=required,
        left_to_ci=left,
        titles={name: gate.title for name, gate in gates.items()},
        seconds=seconds,
        moved=moved,
        disturbed=disturbed,
        part=part,
    )
