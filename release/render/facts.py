"""What the templates are told: the settings of a project, and what follows from them."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from release.errors import ConfigurationError
from release.gates.setup.settings import SetupSettings
from release.gates.workflows.pins import table
from release.gates.workflows.settings import WorkflowsSettings
from release.model import Finding
from release.project import Project, as_list, as_table, read_text
from release.project.git import default_branch
from release.registry import DISTRIBUTION
from release.render.escaped import job
from release.render.place import located
from release.settings import GateSettings, WorkflowSettings
from release.text import python

SESSIONS = "release.sessions"
WORKFLOW = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*\.ya?ml")
# What a filter of GitHub's takes for more than itself.
PATTERN = re.compile(r"([\\*?+\[\]!()|])")
PYTHONS = ("3.13", "3.12", "3.11")
CLASSIFIER = re.compile(r"(?m)^Programming Language :: Python :: 3\.(\d+)$")
OLDEST = 11  # the first that nox-release is for
# What a push must not break, and is judged in seconds.
CHECKS = ("lint", "typecheck", "test")
RESERVED = frozenset(["ci.yml", "provenance.yml"])


@dataclass(frozen=True)
class Facts:
    """What the templates are told: the settings that were chosen, and what follows from them."""

    chosen: WorkflowSettings
    name: str
    owner: str | None
    repository: str | None
    github: bool
    publish: bool
    by_hand: bool
    manual: bool
    workflow: str
    environment: str
    branch: str
    branches: tuple[str, ...]
    tags: tuple[str, ...]
    tag: str
    prefix: str
    suffix: str
    pull_request: str | None
    provenance: str
    hook: bool
    python: str
    pythons: tuple[str, ...]
    install: str
    sbom: str | None
    own_noxfile: bool

    @property
    def attested(self) -> bool:
        return self.provenance != "none"

    @property
    def when(self) -> str:
        """The condition under which something has effects outside; empty where that is always."""
        tag = "github.ref_type == 'tag'"
        if self.chosen.dry_run:
            return f"{tag} && !inputs.dry_run"
        return tag if self.manual else ""

    @property
    def needs(self) -> tuple[str, ...]:
        """The jobs that publishing needs."""
        made = ("provenance",) if self.provenance == "reusable" else ("build",)
        checked = ("verify",) if self.provenance == "inline" else ()
        return (*(("image",) if self.chosen.image else ()), *made, *checked)

    def session(self, name: str, *words: str) -> str:
        """The command that runs a session of ours in this repository."""
        if not self.own_noxfile:
            return " ".join([DISTRIBUTION, name, *words])
        return " ".join(["nox", "-s", name, *(["--", *words] if words else [])])

    def values(self) -> Mapping[str, Any]:
        """Everything by the names that the templates know it by."""
        chosen, reusable = self.chosen, self.provenance == "reusable"
        where, bundled = ("provenance",) * 2 if reusable else ("build", "attest")
        return {
            **chosen.model_dump(),
            **vars(self),
            "attested": self.attested,
            "when": self.when,
            "needs": self.needs,
            "receipt": self.attested or chosen.forge_release,
            "sources": dict.fromkeys(["publish", where, *([bundled] if chosen.bundles else [])]),
            "made": f"needs.{where}.outputs",
            "bundled": f"needs.{bundled}.outputs.attestations",
            "session": self.session,
            "program": "nox" if self.own_noxfile else DISTRIBUTION,
            "checks": [self.session(name) for name in CHECKS],
            "title": title,
            "pin": pin,
        }


def title(file: str) -> str:
    """The name of a workflow, from that of its file."""
    return file.rpartition(".")[0].replace("-", " ").replace("_", " ").capitalize()


def pin(action: str) -> str:
    """The newest commit of an action that the pin table has, with its version in a comment."""
    newest = max(table()[action], key=Version)
    return f"{action}@{table()[action][newest]} # v{newest}"


def read(project: Project, has_sessions: bool | None = None) -> Facts:
    """What follows from the settings of a project.

    Raises ConfigurationError with every contradiction, and for a forge that is not supported.
    """
    settings, setup = project.settings, project.settings.gates.of("setup", SetupSettings)
    chosen = _chosen(settings.workflows)
    manual = settings.publishing == "manual"
    github, place = located(project)
    known = default_branch(project.root, settings.remote) if project.git is not None else ""
    prefix, _, suffix = project.tag_template.partition("{version}")
    facts = Facts(
        chosen=chosen,
        name=project.name,
        owner=setup.owner or (place.owner if place else None),
        repository=setup.repository or (place.name if place else None),
        github=github,
        publish=settings.publish is True,
        by_hand=settings.publish == "by hand",
        manual=manual,
        workflow=setup.workflow or ("publish.yml" if manual else "release.yml"),
        environment=setup.environment or "pypi",
        branch=settings.branch or known or "main",
        # Not as this clone has it: what is rendered is the same in every clone.
        branches=(settings.branch,) if settings.branch else ("main", "master"),
        tags=_filters(project),
        tag=project.tag_of("1.2.3"),
        prefix=prefix,
        suffix=suffix,
        pull_request=settings.pull_request_branch,
        provenance=_provenance(project, chosen),
        hook=chosen.hook and not _has_hooks(project),
        python=_python(project),
        pythons=_others(project),
        install=shlex.join(chosen.install or (f"{DISTRIBUTION}[uv]=={version(DISTRIBUTION)}",)),
        sbom=_sbom(project),
        own_noxfile=_own_noxfile(project) if has_sessions is None else has_sessions,
    )
    problems = _problems(facts)
    if problems:
        raise ConfigurationError(*problems)
    return facts


def _chosen(settings: WorkflowSettings | None) -> WorkflowSettings:
    return settings or WorkflowSettings()  # type: ignore[call-arg]


def _provenance(project: Project, chosen: WorkflowSettings) -> str:
    """Where files are attested: as set, else in the workflow where workflows are strict."""
    if project.settings.publish is not True:
        return "none"
    own = project.settings.gates.of("workflows", WorkflowsSettings).strict
    strict = project.settings.strict if own is None else own
    return chosen.provenance or ("inline" if strict else "none")


def _sbom(project: Project) -> str | None:
    """The file that the gate sbom writes; None where no release waits for it."""
    if project.settings.gates.of("sbom", GateSettings).required == "never":
        return None
    return f"{canonicalize_name(project.name)}.cdx.json"


def _filters(project: Project) -> tuple[str, ...]:
    """The filters that take the tags of releases: those that go on with a digit."""
    templates = [project.tag_template]
    if project.settings.prerelease_tag:
        templates.append(project.settings.prerelease_tag.replace("{base}", "{version}"))
    starts = [PATTERN.sub(r"\\\1", text.partition("{version}")[0]) for text in templates]
    return tuple(f"{start}[0-9]*" for start in dict.fromkeys(starts))


def _python(project: Project) -> str:
    if project.settings.python:
        return project.settings.python
    try:
        wanted = SpecifierSet(project.requires_python or "")
    except InvalidSpecifier:
        return PYTHONS[0]
    return next((found for found in PYTHONS if f"{found}.99" in wanted), PYTHONS[0])


def _others(project: Project) -> tuple[str, ...]:
    """The other versions that the classifiers declare, as far as our sessions run on them."""
    if project.settings.python:
        return ()
    declared = as_list(as_table(project.pyproject.get("project")).get("classifiers"))
    found = CLASSIFIER.findall("\n".join(map(str, declared)))
    others = {int(minor) for minor in found} - {int(_python(project).partition(".")[2])}
    return tuple(f"3.{minor}" for minor in sorted(others) if minor >= OLDEST)


def _own_noxfile(project: Project) -> bool:
    """Whether the project's own noxfile has our sessions."""
    if not (project.root / "noxfile.py").is_file():
        return False
    try:
        return has_checklist(python.parse(read_text(project.root, "noxfile.py")))
    except (SyntaxError, ValueError, ConfigurationError):
        return False


def has_checklist(noxfile: ast.Module) -> bool:
    """Whether a noxfile imports our sessions, in whatever form and place."""
    return any(
        node.module == SESSIONS
        if isinstance(node, ast.ImportFrom)
        else isinstance(node, ast.Import) and SESSIONS in [alias.name for alias in node.names]
        for node in ast.walk(noxfile)
    )


def _has_hooks(project: Project) -> bool:
    """Whether another tool manages the hooks of clones, or other hooks are there."""
    names = (".pre-commit-config.yaml", "lefthook.yml", ".husky")
    return any((project.root / name).exists() for name in names)


def _problems(facts: Facts) -> Sequence[Finding]:
    found, chosen = [], facts.chosen

    def add(message: str, remedy: str) -> None:
        found.append(Finding(message, "pyproject.toml", remedy=remedy))

    table = "tool.release.workflows"
    if not WORKFLOW.fullmatch(facts.workflow) or facts.workflow in RESERVED:
        add(
            f"tool.release.gates.setup.workflow is {facts.workflow!r}, by which no file that"
            " publishes can be called",
            "name it like release.yml",
        )
    if chosen.gate in {*RESERVED, facts.workflow}:
        add(
            f"{table}.gate is {chosen.gate}, which another workflow is called",
            "name it otherwise",
        )
    if chosen.bundles and not (facts.attested and chosen.forge_release):
        add(
            f"{table}.bundles is set, and nothing makes bundles or takes them",
            'set provenance = "inline" and forge-release = true, or drop bundles',
        )
    if chosen.sessions and not chosen.ci:
        add(f"{table}.sessions are those of ci.yml, which is off", "set ci = true, or drop them")
    jobs = [job(name).lower() for name in chosen.sessions]
    if twice := [name for name in chosen.sessions if jobs.count(job(name).lower()) > 1]:
        add(f"{table}.sessions has {' and '.join(twice)}, which are one job", "drop all but one")
    return found
