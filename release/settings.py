"""`[tool.release]`: one typed model, the source of its errors, defaults and JSON Schema."""

from __future__ import annotations

import difflib
import os
import re
import shlex
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from graphlib import CycleError, TopologicalSorter
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from release.errors import ConfigurationError, Problem
from release.model import BUILT_IN_GATES, Level, Required

SHELL_SYNTAX = re.compile(r"^(?:&&|\|\|?|;|&|[0-9]?[<>]{1,2}.*)$|`|\$\(")
IN_TOML = {
    "model_type": "must be a table",
    "dict_type": "must be a table",
    "mapping_type": "must be a table",
    "tuple_type": 'must be a list, such as ["..."]',
    "string_type": "must be text",
}
GATE_NAME = re.compile(r"^[a-z][a-z0-9_]*$")

# Names of sessions that are no gates.
ACTIONS = (
    "release_preflight",
    "bump",
    "tag",
    "cut",
    "rehearse",
    "publish",
    "verify",
    "status",
    "render",
    "adopt",
    "prove",
)


def _kebab(name: str) -> str:
    return name.replace("_", "-")


def _inside(value: str) -> str:
    path = PurePosixPath(value.replace("\\", "/"))
    if path.is_absolute() or re.match(r"^[A-Za-z]:", value) or ".." in path.parts or not value:
        raise ValueError("must be a path inside the repository, relative to its root")
    return value


def _command(value: object) -> object:
    if isinstance(value, str):
        try:
            value = shlex.split(value)
        except ValueError as error:
            raise ValueError(f"cannot be split into words ({error})") from None
        for word in value:
            if SHELL_SYNTAX.search(word):
                raise ValueError(
                    f"holds {word!r}, and no shell runs it; write each command as an entry of its"
                    " own, or give a list of words"
                )
    if value == []:
        raise ValueError("is empty")
    return value


def _tag_template(value: str) -> str:
    if value.count("{version}") != 1 or re.search(r"[{}]", value.replace("{version}", "")):
        raise ValueError("must hold {version} exactly once and no other braces")
    if re.search(r"[\x00-\x20~^:?*\[\\\x7f]|\.\.|@\{|^[-/]|//|/$|\.$", value):
        raise ValueError("does not make a valid git tag name (see git check-ref-format)")
    return value


def _template(*fields: str) -> AfterValidator:
    """A validator for text in which `{field}` stands for something, and no other braces do."""

    def check(value: str) -> str:
        if re.search(r"[{}]", re.sub("|".join(rf"\{{{field}\}}" for field in fields), "", value)):
            known = ", ".join(f"{{{field}}}" for field in fields)
            raise ValueError(f"holds braces that stand for nothing; known are {known}")
        return value

    return AfterValidator(check)


def _prerelease_template(value: str) -> str:
    if sorted(re.findall(r"\{(\w+)\}", value)) != ["base", "pre"]:
        raise ValueError("must hold {base} and {pre} once each")
    _tag_template(re.sub(r"\{base\}(.*)\{pre\}", r"{version}\1", value))
    return value


Text = Annotated[
    str, StringConstraints(min_length=1, strip_whitespace=True, pattern=r"^[^\x00\r\n]*$")
]
InsidePath = Annotated[str, AfterValidator(_inside)]
Words = Annotated[
    tuple[Text, ...],
    BeforeValidator(_command, json_schema_input_type=str | list[str]),
]
Subject = Annotated[Text, _template("version", "previous", "name", "subject", "date")]
Seconds = Annotated[int, Field(ge=1, le=86_400)]


class _Table(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=False, alias_generator=_kebab, populate_by_name=False
    )


class GateSettings(_Table):
    """What every gate takes."""

    required: Required | None = Field(
        None, description="Whether the verdict needs it: always, only in CI, or never."
    )
    timeout: Seconds = Field(900, description="Time limit of the whole gate in seconds.")
    valid_hours: Annotated[int, Field(ge=0, le=24 * 90)] | None = Field(
        None,
        description="How many hours its pass counts on an unchanged tree; 0 runs it each time.",
    )
    levels: tuple[Level, ...] | None = Field(
        None, description="The kinds of release that it applies to; all of them unless set."
    )
    strict: bool | None = Field(
        None, description="Whether its advice blocks a release; as tool.release.strict unless set."
    )


class CommandSettings(GateSettings):
    """A gate that runs commands; each must exit with 0."""

    run: tuple[Words, ...] | None = Field(
        None, description="The commands, run one after the other without a shell."
    )
    install: tuple[Text, ...] = Field(
        (), description="Requirements to install into its environment."
    )
    groups: tuple[Text, ...] | None = Field(
        None, description="Dependency groups of pyproject.toml to install into its environment."
    )
    extras: tuple[Text, ...] | None = Field(
        None, description="Extras of the project to install into its environment."
    )
    env: Mapping[str, str] = Field(
        default_factory=dict, description="Environment variables for its commands."
    )
    broken: tuple[Words, ...] = Field(
        (),
        description="Commands that break a throwaway copy of the project so that this gate must"
        " fail; prove runs them in place of its own guesses.",
    )


class OwnGateSettings(CommandSettings):
    """A gate that the project adds: a name and its commands."""

    run: tuple[Words, ...] = Field(
        min_length=1, description="The commands, run one after the other without a shell."
    )
    title: Text | None = Field(None, description="Its line in the checklist.")
    needs: tuple[Text, ...] = Field((), description="Gates that must have passed first.")
    project: bool = Field(
        True, description="Whether its environment holds the project and its dependencies."
    )


class BuildSettings(GateSettings):
    """What the distributions must and must not hold."""

    expected: tuple[InsidePath, ...] = Field(
        (), description="Globs of files, each of which must match in the wheel."
    )
    expected_sdist: tuple[InsidePath, ...] = Field(
        (), description="Globs of files, each of which must match in the sdist."
    )
    unwanted: tuple[Text, ...] = Field(
        (), description="Further globs of files that no distribution may hold."
    )
    allowed: tuple[Text, ...] = Field(
        (), description="Globs of files that are wanted although a default rule reports them."
    )
    reproducible: Literal["wheel", "all", "no"] = Field(
        "wheel", description="Which distributions must be identical when built twice."
    )
    imports: tuple[Text, ...] | None = Field(
        None, description="Modules to import from the installed wheel; detected unless set."
    )


class AuditIgnore(_Table):
    """A known vulnerability that is accepted for a while."""

    id: Text = Field(description="The advisory's identifier or one of its aliases.")
    reason: Text = Field(description="Why it does not matter here.")
    expires: date = Field(description="The last day on which it is ignored.")


class AuditSettings(GateSettings):
    """Where advisories come from, and which ones are accepted for now."""

    valid_hours: Annotated[int, Field(ge=0, le=24)] | None = Field(
        None, description="How many hours its pass counts, a day at most: advisories come daily."
    )

    service: Literal["pypi", "osv"] = Field("pypi", description="The advisory source.")
    osv_url: Annotated[str, StringConstraints(pattern=r"^https?://")] | None = Field(
        None, description='Address of an OSV-compatible API, for service = "osv".'
    )
    ignore: tuple[AuditIgnore, ...] = Field((), description="Accepted vulnerabilities.")


class DockerSettings(GateSettings):
    """How the image is built and what is checked inside it."""

    file: InsidePath | None = Field(None, description="The Dockerfile; detected unless set.")
    context: InsidePath = Field(".", description="The build context.")
    target: Text | None = Field(None, description="The stage to build.")
    build_args: Mapping[str, str] = Field(default_factory=dict, description="Build arguments.")
    python: Text = Field("python", description="The interpreter to call inside the image.")
    root: bool = Field(False, description="Whether the image may run as root.")
    labels: bool = Field(
        True, description="Whether OCI labels for version and revision are demanded."
    )
    max_megabytes: Annotated[int, Field(ge=1)] | None = Field(
        None, description="The largest size accepted, in MB (10^6 bytes)."
    )


class ChangelogGateSettings(GateSettings):
    """What the changelog is held to."""

    plain_language: bool = Field(True, description="Whether words of advertisement are reported.")
    words: tuple[Text, ...] = Field(
        (), description="Further words or phrases that the changelog must not hold."
    )
    allowed_words: tuple[Text, ...] = Field(
        (), description="Words or phrases of the built-in list that are fine here."
    )
    amended: Mapping[str, Text] = Field(
        default_factory=dict,
        description="Released versions whose section was changed afterwards, with the reason.",
    )


class DocsSettings(CommandSettings):
    """How the documentation is built."""

    folder: InsidePath | None = Field(
        None,
        description="Sphinx's source folder, or the folder of mkdocs.yml; detected unless set.",
    )


class StaticAnalysisSettings(CommandSettings):
    """What looks for dangerous code."""

    tool: Literal["bandit", "ruff"] = Field("bandit", description="The tool, unless run is set.")
    baseline: InsidePath | None = Field(
        None, description="A baseline of bandit's: findings in it are known and accepted."
    )
    severity: Literal["low", "medium", "high"] = Field(
        "medium", description="The least severity of bandit's findings that fails the gate."
    )


class SecretIgnore(_Table):
    """A finding of the secret scanner that is none, or is accepted."""

    fingerprint: Text | None = Field(
        None, description="The finding's fingerprint, as the gate prints it."
    )
    path: Text | None = Field(
        None, description="In place of a fingerprint: a glob of files, such as those of tests."
    )
    rule: Text | None = Field(
        None, description="In place of a fingerprint: the rule's name, such as private-key."
    )
    reason: Text = Field(description="Why it is no secret, or of no use to anybody.")

    @model_validator(mode="after")
    def _names_some(self) -> Self:
        if (self.fingerprint is None) == (self.path is None and self.rule is None):
            raise ValueError("an entry names a fingerprint, or else a path, a rule or both")
        if self.rule is None and self.path is not None and not self.path.strip("*./"):
            raise ValueError("an entry must not accept every file; name the files, or a rule")
        return self


class SecretsSettings(GateSettings):
    """What the secret scanner may leave aside."""

    baseline: InsidePath | None = Field(
        None, description="A baseline file of fingerprints with reasons; detected unless set."
    )
    ignore: tuple[SecretIgnore, ...] = Field((), description="Findings that are accepted.")
    exclude: tuple[Text, ...] = Field((), description="Globs of files that are not scanned.")


class MigrationsSettings(CommandSettings):
    """How the project migrates a database, and what its migrations promise."""

    env: Mapping[str, str] = Field(
        default_factory=dict,
        description="Environment variables for its commands; {url}, {user}, {password}, {host},"
        " {port} and {database} are those of the scratch database.",
    )
    migrate: tuple[Words, ...] = Field((), description="Commands that apply all migrations.")
    status: tuple[Words, ...] = Field((), description="Commands that say what is applied.")
    folder: InsidePath | None = Field(None, description="The folder of migration files.")
    transactional: bool = Field(
        False, description="Whether a migration that fails half way must leave nothing."
    )
    advisory_lock: bool = Field(
        False, description="Whether two migrators at once must not get in each other's way."
    )
    checksums: bool = Field(
        False, description="Whether a changed migration that was applied must be refused."
    )

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        proofs = [name for name in ("transactional", "advisory_lock", "checksums")
                  if getattr(self, name)]  # fmt: skip
        if proofs and not (self.migrate and self.folder):
            raise ValueError(f"{_kebab(proofs[0])} needs migrate and folder")
        if self.status and not self.migrate:
            raise ValueError("status needs migrate")
        for name, value in self.env.items():
            named = name == "DATABASE_URL" or re.match(r"postg\w+(?:\+\w+)?://", value, re.I)
            if named and "{url}" not in value and "{database}" not in value:
                raise ValueError(f"env.{name} names a database; write {{url}} or {{database}}")
        return self


class CiSettings(GateSettings):
    """Which checks of the forge must be green."""

    workflows: tuple[Text, ...] = Field(
        (),
        description="Workflows (names or files) or checks (names) that must have succeeded; all of"
        " them unless set.",
    )
    wait_minutes: Annotated[int, Field(ge=0, le=360)] = Field(
        0, description="How long checks that still run are waited for."
    )


class SetupSettings(GateSettings):
    """The one-time set-up of publishing, and what a person confirmed of it."""

    owner: Text | None = Field(
        None, description="The forge's owner; told from the remote unless set."
    )
    repository: Text | None = Field(
        None, description="The repository's name; told from the remote unless set."
    )
    workflow: Text | None = Field(
        None, description="The publishing workflow's file name; detected unless set."
    )
    environment: Text | None = Field(
        None, description="The publishing environment; detected from the workflow unless set."
    )
    protected: bool = Field(
        False, description="Whether an environment that nothing protects is a defect."
    )
    archive: Text | None = Field(
        None, description="The archive that takes each release, such as zenodo; or none."
    )
    confirmed: Mapping[str, date] = Field(
        default_factory=dict,
        description="What a person looked at and found right, with the day: publisher, environment,"
        " archive.",
    )
    pending_since: date | None = Field(
        None, description="The day on which the pending publisher was registered."
    )


class Waiver(_Table):
    """A rule that this project does not follow in one place, and why."""

    rule: Text = Field(description="The rule's name.")
    file: Text | None = Field(None, description="A glob of the files; all of them unless set.")
    reason: Text = Field(description="Why it is right here.")


class WorkflowsSettings(GateSettings):
    """Rules of the publishing policy that do not hold here."""

    waive: tuple[Waiver, ...] = Field((), description="Rules that are waived, with reasons.")


class Loss(_Table):
    """Something that a release loses on purpose."""

    what: Text = Field(description="What is lost, as the gate names it.")
    reason: Text = Field(description="Why.")


class RatchetSettings(GateSettings):
    """What a release may lose against the last one."""

    size_percent: Annotated[int, Field(ge=1, le=1000)] = Field(
        50, description="How much larger or smaller a distribution may get, in per cent."
    )
    accept: tuple[Loss, ...] = Field((), description="Losses that are meant.")
    compatible_minors: bool = Field(
        False, description="Whether minor releases before 1.0 may break nothing, like later ones."
    )
    frozen_patches: bool = Field(
        False, description="Whether a patch release may add nothing to the public API."
    )


class ParitySettings(GateSettings):
    """What the index takes."""

    max_megabytes: Annotated[int, Field(ge=1, le=10_000)] = Field(
        100, description="The largest file that the index takes, in MB of 2^20 bytes."
    )


class Gates(BaseModel):
    """Settings of the built-in gates, and the gates that the project adds."""

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, OwnGateSettings] = Field(init=False)

    tree: GateSettings = GateSettings()  # type: ignore[call-arg]
    versions: GateSettings = GateSettings()  # type: ignore[call-arg]
    changelog: ChangelogGateSettings = ChangelogGateSettings()  # type: ignore[call-arg]
    documents: GateSettings = GateSettings()  # type: ignore[call-arg]
    schemas: GateSettings = GateSettings()  # type: ignore[call-arg]
    ci: CiSettings = CiSettings()  # type: ignore[call-arg]
    setup: SetupSettings = SetupSettings()  # type: ignore[call-arg]
    workflows: WorkflowsSettings = WorkflowsSettings()  # type: ignore[call-arg]
    docs: DocsSettings = DocsSettings()  # type: ignore[call-arg]
    static_analysis: StaticAnalysisSettings = StaticAnalysisSettings()  # type: ignore[call-arg]
    secrets: SecretsSettings = SecretsSettings()  # type: ignore[call-arg]
    migrations: MigrationsSettings = MigrationsSettings()  # type: ignore[call-arg]
    parity: ParitySettings = ParitySettings()  # type: ignore[call-arg]
    ratchet: RatchetSettings = RatchetSettings()  # type: ignore[call-arg]
    lint: CommandSettings = CommandSettings()  # type: ignore[call-arg]
    typecheck: CommandSettings = CommandSettings()  # type: ignore[call-arg]
    test: CommandSettings = CommandSettings()  # type: ignore[call-arg]
    build: BuildSettings = BuildSettings()  # type: ignore[call-arg]
    sbom: GateSettings = GateSettings()  # type: ignore[call-arg]
    audit: AuditSettings = AuditSettings()  # type: ignore[call-arg]
    docker: DockerSettings = DockerSettings()  # type: ignore[call-arg]

    @property
    def own(self) -> Mapping[str, OwnGateSettings]:
        """The gates that the project adds, by name."""
        return self.__pydantic_extra__ or {}

    def of(self, name: str) -> GateSettings:
        """The settings of one gate; defaults for a gate that a noxfile defines."""
        if name in self.own:
            return self.own[name]
        found = getattr(self, name, None) if name in BUILT_IN_GATES else None
        return found if isinstance(found, GateSettings) else GateSettings()  # type: ignore[call-arg]


class ChangelogSettings(_Table):
    """Where the changelog is, and how a release writes its section."""

    file: InsidePath | None = Field(None, description="The changelog; detected unless set.")
    kinds: tuple[Text, ...] = Field(
        ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"),
        description="The subsections of a release, in their order.",
    )
    heading: Annotated[Text, _template("version", "date")] | None = Field(
        None,
        description="How a release's heading reads, such as [{version}] — {date}; like the last"
        " one unless set.",
    )


class CommitSettings(_Table):
    """The text of a release's commit, and its signature."""

    message: Subject = Field("Release {version}", description="Its first line.")
    body: Literal["changelog", "none"] = Field(
        "changelog", description="What stands below: the changelog's entry, or nothing."
    )
    trailers: tuple[
        Annotated[Text, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]*: \S")], ...
    ] = Field((), description="Trailers such as Reviewed-by: NAME <ADDRESS>.")
    sign: bool | None = Field(
        None, description="Whether it is signed; as git is configured unless set."
    )


class BumpSettings(_Table):
    """What is done to a release's files beside the edits that are always made."""

    run: tuple[Words, ...] = Field(
        (),
        description="Commands to run after the edits, without a shell, such as uv lock.",
    )
    writes: tuple[Text, ...] = Field(
        (), description="Globs of files that those commands may change."
    )
    matches: Mapping[InsidePath, Annotated[int, Field(ge=1)]] = Field(
        default_factory=dict,
        description="How often the version stands in a file that [tool.bumpversion] lists, where it"
        " is more than once.",
    )


class SchemaSource(_Table):
    """Where a schema's version stands."""

    name: Annotated[Text, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")] = Field(
        description="The schema's name, as the register has it."
    )
    file: InsidePath = Field(description="The file that states the version.")
    search: Annotated[Text, _template("version")] = Field(
        description="The text around it, with {version} in its place."
    )


class SchemasSettings(_Table):
    """Versions of schemas, which are not those of the project."""

    register_file: InsidePath | None = Field(
        None, alias="register", description="The document whose table lists schemas and versions."
    )
    sources: tuple[SchemaSource, ...] = Field(
        (), description="Where the versions of the schemas stand in the code."
    )
    migrations: InsidePath = Field("migrations", description="The folder of migration scripts.")
    script: Annotated[Text, _template("schema", "old", "new")] = Field(
        "{schema}_v{old}_to_v{new}.*",
        description="The name (a glob) of the script that migrates a schema.",
    )
    subsection: Text = Field(
        "Schema migrations", description="The changelog's subsection for schemas."
    )
    major_script: Annotated[Text, _template("major")] | None = Field(
        None,
        description="The name (a glob) of the migration script that a major release must have,"
        " such as v{major}*.py.",
    )


class Settings(_Table):
    """The release procedure of one project."""

    package: Text | None = Field(None, description="The import package; detected unless set.")
    branch: Text | None = Field(
        None, description="The branch that releases are made from; the remote's default unless set."
    )
    remote: Text = Field("origin", description="The git remote that releases are pushed to.")
    tag: Annotated[str, AfterValidator(_tag_template)] = Field(
        "v{version}", description="How a release tag is spelled."
    )
    prerelease_tag: Annotated[str, AfterValidator(_prerelease_template)] | None = Field(
        None,
        description="How the tag of a pre-release is spelled where it is otherwise, such as"
        " v{base}-{pre} for v1.3.0-rc1.",
    )
    tag_message: Subject = Field("{name} {version}", description="The message of a tag.")
    sign_tags: bool | None = Field(
        None, description="Whether tags are signed; as git is configured unless set."
    )
    pull_request_branch: Annotated[str, AfterValidator(_tag_template)] | None = Field(
        None,
        description="The branch, such as chore/release-{version}, by which releases get onto the"
        " release branch through a pull request; straight onto it unless set.",
    )
    publishing: Literal["tag", "manual"] = Field(
        "tag", description="What publishes a release: the push of its tag, or a person."
    )
    publish: bool = Field(True, description="Whether releases go to a package index at all.")
    index: Annotated[str, StringConstraints(pattern=r"^(https?|file)://")] | None = Field(
        None, description="The simple index that releases go to; pip's or uv's own unless set."
    )
    python: Text | None = Field(
        None, description="The Python that environments are made with, such as 3.12."
    )
    strict: bool = Field(False, description="Whether the advice of gates blocks a release.")
    changelog: ChangelogSettings = Field(
        default_factory=lambda: ChangelogSettings(),  # type: ignore[call-arg]
        description="The changelog.",
    )
    commit: CommitSettings = Field(
        default_factory=lambda: CommitSettings(),  # type: ignore[call-arg]
        description="The commit of a release.",
    )
    bump: BumpSettings = Field(
        default_factory=lambda: BumpSettings(),  # type: ignore[call-arg]
        description="What else changes with the version.",
    )
    schemas: SchemasSettings | None = Field(None, description="Schemas with versions of their own.")
    by_products: tuple[Text, ...] = Field(
        (),
        description="Globs of files that the project's own commands write and no gate judges.",
    )
    gates: Gates = Field(default_factory=Gates, description="One table for each gate.")

    def is_strict(self, gate: str) -> bool:
        """Whether the advice of a gate blocks."""
        own = self.gates.of(gate).strict
        return self.strict if own is None else own


def parse(table: Mapping[str, Any], source: str, path: str = "pyproject.toml") -> Settings:
    """Turn the `[tool.release]` table into Settings.

    `table` is the parsed table, `source` the text of the file it came from (to name lines),
    `path` that file's name for messages. Raises ConfigurationError with every problem at once.
    """
    problems: list[Problem] = []
    settings: Settings | None = None
    try:
        settings = Settings.model_validate(table)
    except ValidationError as error:
        seen: set[tuple[int | str, ...]] = set()
        for item in error.errors(include_url=False):
            problem, location = _explain(item, source, path)
            if location not in seen:
                seen.add(location)
                problems.append(problem)
    problems += _check_gates(table, source, path)
    if problems:
        raise ConfigurationError(*sorted(problems, key=lambda problem: problem.line or 0))
    assert settings is not None
    return settings


def _check_gates(table: Mapping[str, Any], source: str, path: str) -> list[Problem]:
    """What the types cannot say: names of gates, and what they need."""
    gates = table.get("gates")
    if not isinstance(gates, Mapping):
        return []
    problems = [
        Problem(
            f"gate name {name!r} is not lower-case letters, digits and underscores",
            path,
            line_of(source, ("tool", "release", "gates", name)),
            "rename it: it becomes a nox session",
        )
        for name in gates
        if not GATE_NAME.match(name)
    ]
    problems += [
        Problem(
            f"gate name {name!r} is the name of a session that does something else",
            path,
            line_of(source, ("tool", "release", "gates", name)),
            "rename it",
        )
        for name in gates
        if name in ACTIONS
    ]
    known = (*BUILT_IN_GATES, *gates)
    graph: dict[str, list[str]] = {}
    for name, gate in gates.items():
        needs = gate.get("needs") if isinstance(gate, Mapping) else None
        graph[name] = [n for n in needs if isinstance(n, str)] if isinstance(needs, list) else []
        problems += [
            Problem(
                f"gate {name!r} needs {need!r}, which is no gate",
                path,
                line_of(source, ("tool", "release", "gates", name, "needs")),
                _nearest(need, known),
            )
            for need in graph[name]
            if need not in known
        ]
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        cycle = error.args[1]
        problems.append(
            Problem(
                f"gates need each other: {' needs '.join(reversed(cycle))}",
                path,
                line_of(source, ("tool", "release", "gates", cycle[0], "needs")),
                "drop one of these needs",
            )
        )
    return problems


def _explain(item: Any, source: str, path: str) -> tuple[Problem, tuple[int | str, ...]]:
    location = tuple(item["loc"])
    keys = tuple(part for part in location if isinstance(part, str))
    dotted = ".".join(("tool", "release", *keys))
    line = line_of(source, ("tool", "release", *keys))
    kind = item["type"]
    if kind == "extra_forbidden":
        message = f"unknown key {keys[-1]!r} in [{dotted.rpartition('.')[0]}]"
        return Problem(message, path, line, _nearest(keys[-1], _keys_beside(keys))), location
    own_gate = len(keys) >= 2 and keys[0] == "gates" and keys[1] not in BUILT_IN_GATES
    if kind == "missing" and own_gate and keys[2:] == ("run",):
        parent = ("tool", "release", *keys[:2])
        hint = difflib.get_close_matches(keys[1], BUILT_IN_GATES, 1, cutoff=0.75)
        remedy = (
            f"did you mean {hint[0]!r}?"
            if hint
            else 'a gate of your own has commands: run = ["..."]'
        )
        message = f"[{'.'.join(parent)}] is no built-in gate and has no run"
        return Problem(message, path, line_of(source, parent), remedy), location
    if kind == "missing":
        parent = ("tool", "release", *keys[:-1])
        message = f"[{'.'.join(parent)}] lacks {keys[-1]!r}"
        return Problem(message, path, line_of(source, parent), f"add {keys[-1]} = ..."), location
    given = item.get("input")
    said = IN_TOML.get(kind) or item["msg"].removeprefix("Value error, ")
    said = said[:1].lower() + said[1:]
    shown = f" (it is {given!r})" if isinstance(given, str | int | float | bool) else ""
    return Problem(f"{dotted}: {said}{shown}", path, line), location


def _keys_beside(keys: tuple[str, ...]) -> tuple[str, ...]:
    """The keys that the table holding the last of `keys` takes."""
    model: type[BaseModel] = Settings
    for key in keys[:-1]:
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        if model is Gates:
            fields = {name: fields[name] for name in BUILT_IN_GATES}
        inner = _table_in(fields[key].annotation) if key in fields else OwnGateSettings
        if inner is None:
            break
        model = inner
    if model is Gates:
        return BUILT_IN_GATES
    return tuple(field.alias or name for name, field in model.model_fields.items())


def _table_in(annotation: Any) -> type[BaseModel] | None:
    """The model of a table in a type: T itself, that of T | None, or that of tuple[T, ...]."""
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def _nearest(key: str, valid: Sequence[str]) -> str:
    close = difflib.get_close_matches(key, valid, 1)
    listed = ", ".join(sorted(valid))
    return f"did you mean {close[0]!r}?" if close else f"valid keys: {listed}"


def line_of(source: str, keys: tuple[str, ...]) -> int | None:
    """The line (from 1) on which a key of a TOML document is defined.

    `source` is a valid TOML document and `keys` a path into it. The standard library's parser
    names no positions, so this asks it which prefix of the document first holds the key; only
    lines that hold the last key's text are tried. None when the document holds no such key.
    """
    while keys:
        if (line := _definition(source, keys)) is not None:
            return line
        keys = keys[:-1]
    return None


def _definition(source: str, keys: tuple[str, ...]) -> int | None:
    lines = source.splitlines(keepends=True)
    for start, text in enumerate(lines):
        if keys[-1] not in text:
            continue
        before = _parse_prefix(lines[:start])
        if before is None or _holds(before, keys):
            continue
        for end in range(start + 1, len(lines) + 1):
            after = _parse_prefix(lines[:end])
            if after is not None:
                if _holds(after, keys):
                    return start + 1
                break
    return None


def _parse_prefix(lines: Sequence[str]) -> Mapping[str, Any] | None:
    try:
        return tomllib.loads("".join(lines))
    except tomllib.TOMLDecodeError:
        return None


def _holds(data: Any, keys: tuple[str, ...]) -> bool:
    for key in keys:
        if isinstance(data, list):
            return any(_holds(item, keys[keys.index(key) :]) for item in data)
        if not isinstance(data, Mapping) or key not in data:
            return False
        data = data[key]
    return True


def json_schema(tool_name: str = "release") -> dict[str, Any]:
    """The JSON Schema (draft 7) of the `[tool.release]` table.

    The signature is the one that validate-pyproject expects of a `validate_pyproject.tool_schema`
    entry point; `tool_name` is the table's name below `[tool]`.
    """
    schema = Settings.model_json_schema()
    definitions = schema.pop("$defs")
    definitions["Gates"]["additionalProperties"] = {"$ref": "#/$defs/OwnGateSettings"}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": f"urn:nox-release:{tool_name}",
        **_inline(schema, definitions),
    }


def _inline(node: Any, definitions: Mapping[str, Any]) -> Any:
    """The schema without references: validators that embed it resolve them against their own."""
    if isinstance(node, list):
        return [_inline(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    rest = {key: _inline(value, definitions) for key, value in node.items() if key != "$ref"}
    if "$ref" in node:
        return {**_inline(definitions[node["$ref"].rpartition("/")[2]], definitions), **rest}
    return rest


def environment_is_ci(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether this runs in CI: `CI` is set to anything but an empty or false value."""
    return environ.get("CI", "").strip().lower() not in {"", "0", "false", "no"}


if __name__ == "__main__":
    import json

    print(json.dumps(json_schema(), indent=2))
