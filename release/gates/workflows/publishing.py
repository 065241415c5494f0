"""What publishes, and what comes before it: the questions that the rules of the policy share."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from release.gates.workflows import commands, expressions
from release.gates.workflows.model import Command, Job, Model, Step, Workflow
from release.gates.workflows.pins import Table
from release.gates.workflows.triggers import Scenario, scenarios

PUBLISHER = "pypa/gh-action-pypi-publish"
PUBLISHER_IMAGE = f"docker://ghcr.io/{PUBLISHER}"
DOWNLOAD = "actions/download-artifact"
UPLOAD = "actions/upload-artifact"
# Actions that publish, with the input that says so where they can do something else.
PUBLISHERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    PUBLISHER: ("", ()),
    "pyo3/maturin-action": ("command", ("upload", "publish")),
    "messense/maturin-action": ("command", ("upload", "publish")),
    "jrubics/poetry-publish": ("", ()),
    "etils-actions/pypi-auto-publish": ("", ()),
    "conchylicultor/pypi-build-publish": ("", ()),
}
BUILDERS = frozenset(
    ["hynek/build-and-inspect-python-package", "pypa/cibuildwheel", "pyo3/maturin-action"]
)
ATTESTERS = frozenset(
    """actions/attest actions/attest-build-provenance actions/attest-sbom astral-sh/attest-action
    sigstore/gh-action-sigstore-python""".split()  # noqa: SIM905
)
SIGNS = frozenset(
    [("sigstore", "sign"), ("sigstore", "attest"), ("cosign", "attest-blob"),
     ("cosign", "sign-blob"), ("pypi-attestations", "sign")]
)  # fmt: skip
# What verifies attestations, and the options that say what must be certain of a file's origin.
VERIFIES: Mapping[tuple[str, ...], Mapping[str, tuple[str, ...]]] = {
    ("gh", "attestation", "verify"): {
        "the workflow": ("--signer-workflow", "--cert-identity"),
        "the ref": ("--source-ref", "--cert-identity"),
        "the commit": ("--source-digest",),
    },
    ("sigstore", "verify", "github"): {
        "the workflow": ("--cert-identity",),
        "the ref": ("--cert-identity",),
        "the commit": ("--sha",),
    },
    ("sigstore", "verify", "identity"): {"the workflow and the ref": ("--cert-identity",)},
    ("pypi-attestations", "verify"): {"the workflow and the ref": ("--identity",)},
}


@dataclass(frozen=True)
class Expected:
    """What the project declares, as far as its workflows must agree with it.

    `file` and `environment` are those of the declared publisher, None where nothing is declared.
    `manual` says that a person publishes, not a tag; `publishes` that they publish to an
    index, and `by_hand` that a person uploads, from elsewhere.
    `tags` are the repository's, `released` those of them that are releases, `tag_template` how
    such a tag is spelled. `tagged_version` says that the tag defines the version. `requires` are
    the build requirements, `metadata_version` the one that the backend is told to write.
    """

    file: str | None = None
    environment: str | None = None
    manual: bool = False
    publishes: bool = True
    by_hand: bool = False
    tag_template: str = "v{version}"
    tags: tuple[str, ...] = ()
    released: frozenset[str] = frozenset()
    tagged_version: bool = False
    requires: tuple[str, ...] = ()
    metadata_version: str | None = None
    pins: Table = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Publication:
    """A step that publishes: by an action, by a command, or hidden behind what `via` names."""

    job: Job
    step: Step
    command: Command | None = None

    @property
    def via(self) -> str:
        return self.command.via if self.command is not None else ""

    @property
    def path(self) -> str:
        return self.command.path if self.command and not self.via else self.step.path

    @property
    def line(self) -> int:
        return self.command.line if self.command and not self.via else self.step.line


class Context:
    """The model, what is expected of it, and what several rules ask."""

    def __init__(self, model: Model, expected: Expected) -> None:
        self.model = model
        self.expected = expected
        self._running: dict[tuple[str, Scenario], dict[str, bool]] = {}

    @functools.cached_property
    def publications(self) -> tuple[Publication, ...]:
        """The publications that the rules judge: hidden ones only where there is no other."""
        return self.open or self.hidden

    @functools.cached_property
    def open(self) -> tuple[Publication, ...]:
        return tuple(p for job in self.model.jobs() for p in _publications(job) if not p.via)

    @functools.cached_property
    def hidden(self) -> tuple[Publication, ...]:
        return tuple(p for job in self.model.jobs() for p in _publications(job) if p.via)

    def publications_of(self, job: Job) -> list[Publication]:
        return [one for one in self.publications if one.job.key == job.key]

    def publications_in(self, workflow: Workflow) -> list[Publication]:
        return [one for one in self.publications if one.job.path == workflow.path]

    @functools.cached_property
    def jobs(self) -> tuple[Job, ...]:
        """The publishing jobs."""
        return tuple({p.job.key: p.job for p in self.publications}.values())

    @functools.cached_property
    def files(self) -> tuple[Workflow, ...]:
        """The publishing workflows."""
        paths = dict.fromkeys(job.path for job in self.jobs)
        return tuple(self.model.workflows[path] for path in paths)

    @functools.cached_property
    def callers(self) -> Mapping[str, tuple[Job, ...]]:
        """The jobs that call each workflow of this repository."""
        found: dict[str, tuple[Job, ...]] = {}
        for job in self.model.jobs():
            path = self.called(job)
            if path is not None:
                found[path] = (*found.get(path, ()), job)
        return found

    def called(self, job: Job) -> str | None:
        """The workflow of this repository that a job calls."""
        if job.uses is None or not job.uses.is_local:
            return None
        path = commands.normal(job.uses.target)
        return path if path in self.model.workflows else None

    def before(self, job: Job) -> list[Job]:
        """Everything that must have ended before a job starts, through calls of workflows too."""
        found: dict[tuple[str, str], Job] = {}
        waiting = [job]
        while waiting:
            one = waiting.pop()
            for source in (one, *self.callers.get(one.path, ())):
                needs = (self.model.job((source.path, name)) for name in source.needs)
                for needed in (inner for job in needs if job for inner in (job, *self.inner(job))):
                    if needed.key not in found:
                        found[needed.key] = needed
                        waiting.append(needed)
        found.pop(job.key, None)
        return list(found.values())

    def inner(self, job: Job) -> tuple[Job, ...]:
        """The jobs of the workflow of this repository that a job calls."""
        path = self.called(job)
        return tuple(self.model.workflows[path].jobs.values()) if path is not None else ()

    @functools.cached_property
    def path(self) -> tuple[Job, ...]:
        """The publishing jobs and everything before them."""
        found = {job.key: job for job in self.jobs}
        for job in self.jobs:
            found |= {one.key: one for one in self.before(job)}
        return tuple(found.values())

    @functools.cached_property
    def handlers(self) -> tuple[Job, ...]:
        """The jobs of the path that build, attest, verify or publish what is published."""
        publishing = {job.key for job in self.jobs}

        def handles(step: Step) -> bool:
            return builds(step) or attests(step) or any(verifications(step))

        return tuple(j for j in self.path if j.key in publishing or any(map(handles, j.steps)))

    def scenarios(self, workflow: Workflow, seen: frozenset[str] = frozenset()) -> list[Scenario]:
        """The kinds of runs that lead to a workflow, be it through others that call it."""
        found = list(scenarios(workflow))
        for caller in self.callers.get(workflow.path, ()):
            if caller.path not in seen:
                outer = self.model.workflows[caller.path]
                further = self.scenarios(outer, seen | {workflow.path})
                found += [replace(s, called=True) for s in further if self.reachable(caller, s)]
        return list(dict.fromkeys(found))

    def reachable(self, job: Job, scenario: Scenario, step: Step | None = None) -> bool:
        """Whether a job, and a step of it, may run in a scenario; False where it cannot."""
        return self._may_run(job, scenario) and (
            step is None
            or all(expressions.condition(c.text, scenario) is not False for c in step.told("if"))
        )

    def reached(self, one: Publication) -> list[Scenario]:
        """The scenarios in which something is published."""
        found = self.scenarios(self.model.workflows[one.job.path])
        return [scenario for scenario in found if self.reachable(one.job, scenario, one.step)]

    def tag_events(self, one: Publication) -> set[str]:
        """The events of tags for which something is published."""
        return {scenario.event for scenario in self.reached(one) if scenario.is_tag}

    def with_called(self, workflow: Workflow) -> Iterator[Job]:
        """The jobs of a workflow; those of a workflow that it calls in the place of its caller."""
        for job in workflow.jobs.values():
            yield from (job,) if self.called(job) in (None, job.path) else self.inner(job)

    def _may_run(self, job: Job, scenario: Scenario) -> bool:
        known = self._running.get((job.path, scenario))
        if known is None:
            known = _running_jobs(self.model.workflows[job.path], scenario)
            self._running[job.path, scenario] = known
        return known[job.id]


def _running_jobs(workflow: Workflow, scenario: Scenario) -> dict[str, bool]:
    """Whether each job of a workflow may run; False where it, or one it needs, cannot."""
    texts = {name: job.node.said("if") for name, job in workflow.jobs.items()}
    found = {
        name: not text.strip() or expressions.condition(text, scenario) is not False
        for name, text in texts.items()
    }
    waits = {name for name, text in texts.items() if not expressions.overrides(text)}
    for _ in workflow.jobs:
        needs = {name: workflow.jobs[name].needs for name in waits if found[name]}
        stopped = [n for n, needed in needs.items() if not all(found.get(o, True) for o in needed)]
        if not stopped:
            break
        found |= dict.fromkeys(stopped, False)
    return found


def _publications(job: Job) -> Iterator[Publication]:
    for step in job.steps:
        if publishes_by_action(step):
            yield Publication(job, step)
            continue
        env = {**job.node.mapping("env"), **step.env}
        variables = {name: node.text for name, node in env.items()}
        found = [c for c in step.commands if commands.uploads(c.words, variables)]
        # A hidden upload counts once, however many commands it takes.
        shown_ones = [c for c in found if not c.via]
        for command in shown_ones or found[:1]:
            yield Publication(job, step, command)


def publishes_by_action(step: Step) -> bool:
    """Whether a step is an action that publishes to the index, other than the one for tests."""
    if step.uses is None:
        return False
    is_image = step.uses.target.lower().startswith(PUBLISHER_IMAGE)
    action = PUBLISHER if is_image else step.uses.repository
    if action not in PUBLISHERS:
        return False
    name, values = PUBLISHERS[action]
    if name:
        return input_of(step, name) in values
    url = input_of(step, "repository-url", "repository_url")
    return not commands.for_tests(url)


def input_of(step: Step, *names: str) -> str:
    for name, node in step.inputs.items():
        if name.lower() in names:
            return node.text
    return ""


def uses_any(step: Step, actions: Iterable[str]) -> bool:
    return step.uses is not None and step.uses.repository in actions


def builds(step: Step) -> bool:
    if uses_any(step, BUILDERS):
        return not publishes_by_action(step)
    return any(commands.builds(command.words) for command in step.commands)


def attests(step: Step) -> bool:
    if uses_any(step, ATTESTERS):
        # A digest instead of files is that of an image.
        return "subject-digest" not in step.inputs
    if uses_any(step, BUILDERS):
        return input_of(step, "attest-build-provenance-github").lower() not in ("", "false")
    return any(commands.program(c.words)[:2] in SIGNS for c in step.commands)


def verifications(step: Step) -> Iterator[tuple[Command, str]]:
    """The commands that verify attestations, each with what it leaves open (empty for nothing)."""
    runs = [(command, commands.program(command.words)) for command in step.commands]
    # What a step signs and verifies at once are signatures, and no attestations.
    signs = any(run[:2] == ("sigstore", "sign") for _, run in runs)
    for command, run in runs:
        for verb, needed in VERIFIES.items():
            if run[: len(verb)] == verb and not (signs and verb[0] == "sigstore"):
                left = [w for w, names in needed.items() if not commands.option(run, *names)]
                yield command, " and ".join(left)
