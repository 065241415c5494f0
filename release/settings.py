"""`[tool.release]`: one typed model, the source of its errors, defaults and JSON Schema."""

from __future__ import annotations

import difflib
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SkipValidation,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
    field_validator,
)

from release.errors import ConfigurationError
from release.model import Finding, Gate, Level, Required
from release.registry import ACTIONS, NAME, known, resolve
from release.text.toml import line_of

SHELL_SYNTAX = re.compile(r"^(?:&&|\|\|?|;|&|[0-9]?[<>]{1,2}.*)$|`|\$\(")
IN_TOML = {
    "model_type": "must be a table",
    "dict_type": "must be a table",
    "mapping_type": "must be a table",
    "tuple_type": 'must be a list, such as ["..."]',
    "string_type": "must be text",
}
T = TypeVar("T", bound=BaseModel)


def kebab(name: str) -> str:
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


def _label(value: str) -> str:
    if "," in value:
        raise ValueError("must be one label, without a comma: a forge takes it for several")
    return value


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


class Table(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=False, alias_generator=kebab, populate_by_name=False
    )


class GateSettings(Table):
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

    def secrets(self) -> Mapping[str, str]:
        """Values of the table that may be secrets, by a name, to be masked like variables."""
        return {}


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

    @field_validator("run")
    @classmethod
    def _some_commands(cls, run: tuple[Words, ...] | None) -> tuple[Words, ...] | None:
        if run == ():
            raise ValueError("must not be empty: name at least one, or take it out")
        return run


class OwnGateSettings(CommandSettings):
    """A gate that the project adds: a name and its commands."""

    run: tuple[Words, ...] = Field(
        description="The commands, run one after the other without a shell."
    )
    title: Text | None = Field(None, description="Its line in the checklist.")
    needs: tuple[Text, ...] = Field((), description="Gates that must have passed first.")
    project: bool = Field(
        True, description="Whether its environment holds the project and its dependencies."
    )


@dataclass(frozen=True)
class Gates:
    """The tables of gates, as each gate's own model read them."""

    tables: Mapping[str, GateSettings] = field(default_factory=dict)

    @property
    def own(self) -> Mapping[str, OwnGateSettings]:
        """The gates that the project adds, by name."""
        return {n: table for n, table in self.tables.items() if isinstance(table, OwnGateSettings)}

    def of(self, name: str, kind: type[T]) -> T:
        """The settings of one gate; defaults where it has no table.

        `kind` is the gate's model, or one that it derives from.
        """
        table = self.tables.get(name)
        if table is None:
            return kind()
        assert isinstance(table, kind)
        return table

    def of_gate(self, gate: Gate) -> GateSettings:
        """The settings of a gate, as the model that it names reads them."""
        return self.of(gate.name, settings_of(gate))

    def with_table(self, name: str, table: GateSettings) -> Gates:
        """The same with another table for one gate."""
        return Gates({**self.tables, name: table})


class ChangelogSettings(Table):
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


class CommitSettings(Table):
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


class BumpSettings(Table):
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


def _literal(value: str) -> str:
    if "${{" in value:
        raise ValueError("holds ${{, which a workflow would take for the start of an expression")
    return value


Literally = Annotated[Text, AfterValidator(_literal)]
WorkflowFile = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*\.ya?ml$")]


class WorkflowSettings(Table):
    """What `render` writes: workflows, a hook, and the procedure in prose.

    The publishing workflow's file and environment are those of [tool.release.gates.setup], and what
    starts it is tool.release.publishing.
    """

    provenance: Literal["none", "inline", "reusable"] | None = Field(
        None,
        description="Where files are attested and verified before they are published: in the"
        " publishing workflow, in provenance.yml, or not; inline where workflows are strict.",
    )
    bundles: bool = Field(
        False, description="Whether the attestations are attached to the release on the forge."
    )
    forge_release: bool = Field(False, description="Whether a release is made on the forge, too.")
    dry_run: bool = Field(
        False, description="Whether a person can start the publishing workflow as a dry run."
    )
    image: bool = Field(
        False,
        description="Whether the container image is judged in its own job, too; nothing pushes it.",
    )
    gate: WorkflowFile | None = Field(
        None,
        description="A workflow of its own for the checklist, whose files publishing takes.",
    )
    postgres: (
        Annotated[str, StringConstraints(pattern=r"^[\w./:-]+@sha256:[0-9a-f]{64}$")] | None
    ) = Field(None, description="The PostgreSQL image, with its digest, for the checklist.")
    ci: bool = Field(True, description="Whether ci.yml is written.")
    runners: Annotated[int, Field(ge=2, le=64)] | None = Field(
        None, description="On how many machines ci.yml shares the checklist; on one unless set."
    )
    sessions: tuple[
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")], ...
    ] = Field((), description="Sessions of the noxfile that ci.yml runs beside the checklist.")
    dependabot: bool = Field(False, description="Whether dependabot.yml is written.")
    install: tuple[Literally, ...] = Field(
        (), description="What pip installs before a session; this nox-release unless set."
    )
    hook: bool = Field(True, description="Whether .githooks/pre-push is written.")
    document: InsidePath = Field("RELEASING.md", description="Where the procedure is written.")


class SchemaSource(Table):
    """Where a schema's version stands."""

    name: Annotated[Text, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")] = Field(
        description="The schema's name, as the register has it."
    )
    file: InsidePath = Field(description="The file that states the version.")
    search: Annotated[Text, _template("version")] = Field(
        description="The text around it, with {version} in its place."
    )


class SchemasSettings(Table):
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


class Settings(Table):
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
    publish: bool | Literal["by hand"] = Field(
        True,
        description="Whether releases go to a package index at all; by hand, where a person uploads"
        " them and no workflow does.",
    )
    index: Annotated[str, StringConstraints(pattern=r"^(https?|file)://")] | None = Field(
        None, description="The simple index that releases go to; pip's or uv's own unless set."
    )
    attestations: bool | None = Field(
        None,
        description="Whether every published file has an attestation (PEP 740); as the publishing"
        " workflow has it unless set.",
    )
    image: Annotated[Text, StringConstraints(pattern=r"^[\w.-]+(:\d+)?/[a-z0-9._/-]+$")] | None = (
        Field(
            None,
            description="The image that a release publishes, such as ghcr.io/OWNER/NAME; its tag is"
            " the version. None is looked for unless set.",
        )
    )
    recovery: Literal["patch", "retag"] = Field(
        "patch",
        description="What a release that failed after its tag was pushed, and before anything was"
        " published, is followed by: the next version, the tag staying where it is; or the same"
        " version, its tag deleted and made again.",
    )
    sbom: tuple[InsidePath, ...] = Field(
        (),
        description="Files of an SBOM that are committed after the release they describe, with the"
        " next one.",
    )
    development_version: bool = Field(
        False,
        description="Whether the files go back to a development version after each release.",
    )
    blocking_label: Annotated[Text, AfterValidator(_label)] | None = Field(
        None,
        description="The label of issues and pull requests that hold a release up; those still"
        " open after it are told by status.",
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
    workflows: WorkflowSettings | None = Field(
        None, description="What `render` writes; the gate workflows compares it where it is set."
    )
    by_products: tuple[Text, ...] = Field(
        (),
        description="Globs of files that the project's own commands write and no gate judges.",
    )
    gates: Annotated[Gates, SkipValidation, WithJsonSchema({"type": "object"})] = Field(
        default_factory=Gates, description="One table for each gate."
    )

    def is_strict(self, gate: Gate) -> bool:
        """Whether the advice of a gate blocks."""
        own = self.gates.of_gate(gate).strict
        return self.strict if own is None else own


def parse(
    table: Mapping[str, Any],
    source: str,
    path: str = "pyproject.toml",
    extra: Mapping[str, Gate] | None = None,
) -> Settings:
    """Turn the `[tool.release]` table into Settings.

    `table` is the parsed table, `source` the text of the file it came from (to name lines),
    `path` that file's name for messages, `extra` the gates of the noxfile. Raises
    ConfigurationError with every problem at once.
    """
    reading = _Reading(source, path, known(extra))
    rest = {key: value for key, value in table.items() if key != "gates"}
    settings = reading.model(Settings, rest, ())
    given = table.get("gates", {})
    tables = reading.gates(given) if isinstance(given, Mapping) else {}
    if not isinstance(given, Mapping):
        reading.add("tool.release.gates: must be a table", ("gates",))
    if reading.problems:
        raise ConfigurationError(*sorted(reading.problems, key=lambda problem: problem.line or 0))
    assert settings is not None
    return settings.model_copy(update={"gates": Gates(tables)})


@dataclass
class _Reading:
    """One reading of a table: what it is judged by, and every problem found so far."""

    source: str
    path: str
    known: Mapping[str, Gate]
    problems: list[Finding] = field(default_factory=list)

    def add(self, message: str, keys: Sequence[str], remedy: str = "") -> None:
        line = line_of(self.source, ("tool", "release", *keys))
        self.problems.append(Finding(message, self.path, line, remedy))

    def model(self, model: type[T], table: object, keys: tuple[str, ...]) -> T | None:
        """`table` as the model reads it; None, and its problems kept, where it does not."""
        try:
            return model.model_validate(table)
        except ValidationError as error:
            seen = set()
            for item in error.errors(include_url=False):
                if item["loc"] not in seen:
                    seen.add(item["loc"])
                    self._explain(item, model, keys)
        return None

    def gates(self, tables: Mapping[str, Any]) -> dict[str, GateSettings]:
        found: dict[str, GateSettings] = {}
        for name, table in tables.items():
            if kind := self._kind(name, table):
                made = self.model(kind, table, ("gates", name))
                if made is not None:
                    found[name] = made
        self._judge_needs(tables)
        return found

    def _kind(self, name: str, table: object) -> type[GateSettings] | None:
        """The model of a gate's table; None, and the problem kept, where there is none."""
        keys = ("gates", name)
        if name in self.known:
            return settings_of(self.known[name])
        if not NAME.match(name):
            message = f"gate name {name!r} is not lower-case letters, digits and underscores"
            self.add(message, keys, "rename it: it becomes a nox session")
        elif name in ACTIONS:
            message = f"gate name {name!r} is the name of a session that does something else"
            self.add(message, keys, "rename it")
        elif isinstance(table, Mapping) and "run" not in table:
            hint = difflib.get_close_matches(name, self.known, 1, cutoff=0.75)
            own = 'a gate of your own has commands: run = ["..."]'
            remedy = f"did you mean {hint[0]!r}?" if hint else own
            self.add(f"[tool.release.gates.{name}] is not a gate, and has no run", keys, remedy)
        else:
            return OwnGateSettings
        return None

    def _judge_needs(self, tables: Mapping[str, Any]) -> None:
        """Gates that need gates which do not exist, or that need them."""
        names = (*self.known, *tables)
        graph = {name: _needs(table) for name, table in tables.items() if name not in self.known}
        for name, needs in graph.items():
            for need in needs:
                if need not in names:
                    message = f"gate {name!r} needs {need!r}, which is not a gate"
                    self.add(message, ("gates", name, "needs"), _nearest(need, names))
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            cycle = error.args[1]
            message = f"gates need each other: {' needs '.join(reversed(cycle))}"
            self.add(message, ("gates", cycle[0], "needs"), "drop one of these needs")

    def _explain(self, item: Any, model: type[BaseModel], above: tuple[str, ...]) -> None:
        inside = tuple(part for part in item["loc"] if isinstance(part, str))
        keys = (*above, *inside)
        dotted = ".".join(("tool", "release", *keys))
        if item["type"] == "extra_forbidden":
            message = f"unknown key {keys[-1]!r} in [{dotted.rpartition('.')[0]}]"
            self.add(message, keys, _nearest(keys[-1], _keys_beside(model, inside)))
        elif item["type"] == "missing":
            parent = ".".join(("tool", "release", *keys[:-1]))
            self.add(f"[{parent}] lacks {keys[-1]!r}", keys[:-1], f"add {keys[-1]} = ...")
        else:
            given = item.get("input")
            said = IN_TOML.get(item["type"]) or item["msg"].removeprefix("Value error, ")
            said = said[:1].lower() + said[1:]
            shown = f" (it is {given!r})" if isinstance(given, str | int | float | bool) else ""
            self.add(f"{dotted}: {said}{shown}", keys)


def settings_of(gate: Gate) -> type[GateSettings]:
    """The model of a gate's table in [tool.release.gates]."""
    model = resolve(gate.settings)
    assert isinstance(model, type)
    assert issubclass(model, GateSettings)
    return model


def _needs(table: object) -> list[str]:
    needs = table.get("needs") if isinstance(table, Mapping) else None
    return [name for name in needs if isinstance(name, str)] if isinstance(needs, list) else []


def _keys_beside(model: type[BaseModel], keys: tuple[str, ...]) -> tuple[str, ...]:
    """The keys that the table holding the last of `keys` takes; `model` is the outermost table."""
    for key in keys[:-1]:
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        inner = _table_in(fields[key].annotation) if key in fields else None
        if inner is None:
            break
        model = inner
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


def json_schema(tool_name: str = "release") -> dict[str, Any]:
    """The JSON Schema (draft 7) of the `[tool.release]` table.

    The signature is the one that validate-pyproject expects of a `validate_pyproject.tool_schema`
    entry point; `tool_name` is the table's name below `[tool]`.
    """
    schema = _standalone(Settings)
    gates = {name: _standalone(settings_of(gate)) for name, gate in known().items()}
    schema["properties"]["gates"] |= {
        "properties": gates,
        "additionalProperties": _standalone(OwnGateSettings),
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": f"urn:nox-release:{tool_name}",
        **schema,
    }


def _standalone(model: type[BaseModel]) -> Any:
    schema = model.model_json_schema()
    return _inline(schema, schema.pop("$defs", {}))


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


def environment_is_of_pull_request(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether this runs in CI on what a pull request would make of a branch."""
    return environment_is_ci(environ) and (
        environ.get("GITHUB_EVENT_NAME") in {"pull_request", "merge_group"}
        or environ.get("CI_PIPELINE_SOURCE") == "merge_request_event"
    )


if __name__ == "__main__":
    import json

    from release.settings import json_schema  # the module that the gates know, not this second copy

    print(json.dumps(json_schema(), indent=2))
