"""Tokens, users and passwords of an index, and what else changes how the publisher publishes."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from release.gates.workflows import commands
from release.gates.workflows.model import Node, shown
from release.gates.workflows.publishing import PUBLISHER, Context, Publication
from release.gates.workflows.rules.breach import Breach, say
from release.text import toml

SECRET = re.compile(r"\bsecrets\s*(?:\.\s*([\w-]+)|\[\s*'([^'\n]+)')")
INDEX_SECRET = re.compile(
    r"PYPI|(?:^|_)(?:TWINE|UV_PUBLISH)(?:_|$)"
    r"|(?:^|_)(?:HATCH|FLIT|POETRY|PDM)_(?:\w+_)?(?:TOKEN|PASSWORD|AUTH|API_KEY)$",
    re.I,
)
CREDENTIAL = re.compile(
    r"(?<![A-Za-z0-9_])(TWINE_PASSWORD|UV_PUBLISH_(?:TOKEN|PASSWORD)|HATCH_INDEX_AUTH|FLIT_PASSWORD"
    r"|POETRY_PYPI_TOKEN_\w+|POETRY_HTTP_BASIC_\w+_PASSWORD|PDM_PUBLISH_PASSWORD"
    r"|MATURIN_(?:PYPI_TOKEN|PASSWORD)|PYPI_(?:API_)?(?:TOKEN|PASSWORD))(?![A-Za-z0-9_])"
)
PYPIRC = re.compile(r"(?<![\w-])\.pypirc\b")
STORED = re.compile(
    r"\bpoetry\b.{0,200}?\bconfig\b.{0,200}?(?:pypi-token|http-basic)\."
    r"|\bkeyring\b.{0,200}?\bset\b.{0,200}?pypi|[._]netrc\b",
    re.I,
)
# Lines that only make sure that there is no credential.
CLEANS = re.compile(r"\s*(?:-?\s*run:\s*)?(?:unset|rm|(?:test|\[)\s+!)\s[^;&|]*")
TOKEN_INPUT = re.compile(r"(?:test_)?pypi_(?:api_)?(?:token|password|key)|index_token")
STANDS_HERE = "a token of an index stands here"
UPLOAD_URL = re.compile(r"https://upload[.]" + "pypi" + r"[.]org/legacy/?")
# Variables that say to a publisher what its inputs and options may not say.
VARIABLE = re.compile(
    r"UV_PUBLISH_(?:NO_ATTESTATIONS|CHECK_URL|USERNAME)|TWINE_USERNAME"
    r"|INPUT_(?:USER|PASSWORD|REPOSITORY[_-]URL|ATTESTATIONS|SKIP[_-]EXISTING)"
)
USERS = ("--username", "--password", "--token", "-u", "-p", "-t", "--user", "--auth")
TRUSTED = "drop it; publish by Trusted Publishing"
DELETE = "publish by Trusted Publishing, and delete it"
BY_HAND = 'where only a person uploads, with a token of theirs: tool.release.publish = "by hand"'


# --- What the publisher is told


def inputs(context: Context) -> Iterator[Breach]:
    for one in context.publications:
        yield from _variables(context, one)
        if one.command is not None:
            yield from _options(one, commands.program(one.command.words))
            continue
        for name, node in one.step.inputs.items():
            yield from _input(name.lower().replace("_", "-"), node)


def _input(name: str, node: Node) -> Iterator[Breach]:
    if name == "skip-existing" and node.is_true:
        message = "skip-existing lets a file of other bytes pass unnoticed"
        yield say(node, message, "drop it; a release is uploaded once")
    elif name == "attestations" and node.text.strip().lower() != "true":
        message = "attestations are switched off, or may be"
        yield say(node, message, "drop it; they are made by default")
    elif name in ("user", "password"):
        message = f"{name} takes the place of Trusted Publishing, and switches attestations off"
        yield say(node, message, "drop it", blocks=True)
    elif name == "repository-url" and _is_elsewhere(node.text):
        yield say(node, "repository-url is not the index's address", "drop it")


def _is_elsewhere(text: str) -> bool:
    """Whether an address is, or may be, neither the index's nor that of the index for tests."""
    told = re.findall(r"https?://[^\s'\"]+", text) if "${{" in text else [text]
    return bool(text.strip()) and not (
        told and all(UPLOAD_URL.fullmatch(url.strip()) or commands.for_tests(url) for url in told)
    )


def _variables(context: Context, one: Publication) -> Iterator[Breach]:
    workflow = context.model.workflows[one.job.path].node
    for env in (workflow.mapping("env"), one.job.node.mapping("env"), one.step.env):
        for name, node in env.items():
            if node.text and VARIABLE.fullmatch(name):
                message = f"{shown(name)} changes how the publisher publishes"
                yield say(node, message, TRUSTED, blocks="USER" in name or "PASSWORD" in name)


def _options(one: Publication, run: tuple[str, ...]) -> Iterator[Breach]:
    name = run[0]
    if commands.option(run, "--skip-existing", "--no-attestations", "--check-url"):
        message = f"{name} is told to skip files that are there, or attestations"
        yield say(one, message, "drop --skip-existing, --check-url and --no-attestations")
    if "--trusted-publishing=never" in run or ("--trusted-publishing", "never") in pairwise(run):
        yield say(one, f"{name} is told not to publish as a trusted publisher", "drop it")
    if any("//" in to and _is_elsewhere(to) for to in commands.destinations(run)):
        yield say(one, f"{name} is given an address that is not the index's", "drop it")
    short = name in ("uv", "twine") and any(re.match(r"-[upt][^-]", word) for word in run[1:])
    if short or commands.option(run, *USERS):
        yield say(one, f"{name} is given a user, a password or a token", TRUSTED, blocks=True)
    if name not in ("uv", "curl") and not (name == "twine" and "--attestations" in run):
        yield say(one, f"{name} uploads no attestations", f"publish by {PUBLISHER}")


# --- Tokens, wherever they are


def names_token(key: str, node: Node) -> bool:
    """Whether a value of a workflow is a token of an index, by its name or by its secret's."""
    return bool(CREDENTIAL.fullmatch(key)) or any(True for _ in _secrets(node.text))


def _secrets(text: str) -> Iterator[str]:
    """The secrets in a text that are tokens of an index, by their names."""
    for match in SECRET.finditer(text):
        name = match[1] or match[2]
        if INDEX_SECRET.search(name[:200]):
            yield name


def token(context: Context) -> Iterator[Breach]:
    """What is said of a line that is said first."""
    seen: dict[tuple[str | None, int | None], Breach] = {}
    for breach in _tokens(context):
        seen.setdefault((breach.finding.path, breach.finding.line), breach)
    yield from seen.values()


def _tokens(context: Context) -> Iterator[Breach]:
    yield from _workflow_tokens(context)
    for path, text in context.model.sources.items():
        if path == ".pypirc":
            yield say(Node(path, 1), "holds credentials for uploads", DELETE, blocks=True)
        for breach in _tokens_in(text, path, 1):
            here = breach.finding.message == STANDS_HERE
            if here or not context.expected.by_hand:
                remedy = DELETE if here else f"{DELETE}; {BY_HAND}"
                yield replace(breach, finding=replace(breach.finding, remedy=remedy))
        if path == "pyproject.toml":
            yield from _pyproject_tokens(text, path)


def _workflow_tokens(context: Context) -> Iterator[Breach]:
    model = context.model
    publishing = {id(node) for job in context.jobs for _, node in job.node.walk()}
    for root in (*(w.node for w in model.workflows.values()), *model.actions.values()):
        for key, node in root.walk():
            yield from _tokens_of(key, node, publishing=id(node) in publishing)
    for workflow in model.workflows.values():
        call = workflow.triggers.get("workflow_call")
        for name, node in (call.mapping("secrets") if call is not None else {}).items():
            if INDEX_SECRET.search(name[:200]):
                yield _secret(node, name)


def _secret(node: Node, name: str) -> Breach:
    return say(node, f"the secret {shown(name)} is a token of an index", DELETE, blocks=True)


def _tokens_of(key: str, node: Node, *, publishing: bool) -> Iterator[Breach]:
    text = node.text
    for name in _secrets(text):
        yield _secret(node, name)
    if TOKEN_INPUT.fullmatch(key.lower().replace("-", "_")) and "secrets" in text:
        yield say(node, f"{shown(key)} is a token of an index", DELETE, blocks=True)
    if CREDENTIAL.fullmatch(key) and text:
        yield say(node, f"{shown(key)} is a credential for uploads", DELETE, blocks=True)
    yield from _tokens_in(text, node.path, node.line + node.block, publishing=publishing)


def _tokens_in(text: str, path: str, first: int, *, publishing: bool = False) -> Iterator[Breach]:
    """What of a text is a token or a password of an index.

    A .netrc is for any host: one of an index where the text names that, or its job publishes.
    """
    told = (".pypirc", "pypi-AgE", "poetry", "keyring")
    netrc = "netrc" in text and (publishing or "pypi" in text.lower())
    if not (netrc or CREDENTIAL.search(text) or any(word in text for word in told)):
        return
    for number, line in enumerate(text.split("\n"), first):
        if line.lstrip().startswith(("#", "//")) or CLEANS.fullmatch(line[:500]):
            continue
        if what := _token_in(line):
            yield say(Node(path, number), what, DELETE, blocks=True)


def _token_in(line: str) -> str:
    from release.gates.build.credentials import secret_kinds

    if "pypi-AgE" in line and "a token of a package index" in secret_kinds(
        line.encode(errors="replace")
    ):
        return STANDS_HERE
    if match := CREDENTIAL.search(line):
        return f"{match[1]} is a credential for uploads"
    if PYPIRC.search(line):
        return ".pypirc holds credentials for uploads"
    return "a credential for uploads is stored here" if STORED.search(line[:2000]) else ""


def _pyproject_tokens(text: str, path: str) -> Iterator[Breach]:
    try:
        tables = toml.loads(text).get("tool", {}).get("hatch", {}).get("publish", {})
        told = [(name, key) for name, table in tables.items() for key in table]
    except (tomllib.TOMLDecodeError, AttributeError, TypeError):
        return
    for name, key in told:
        if key in ("auth", "user", "password", "token"):
            message = f"{key} of [tool.hatch.publish.{shown(name)}] is a credential for uploads"
            line = toml.line_of(text, ("tool", "hatch", "publish", name, key)) or 1
            yield say(Node(path, line), message, DELETE, blocks=True)
