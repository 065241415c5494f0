"""The publishing policy: what no general linter demands of the workflows that publish.

Each rule is a pure function over the model that yields what breaks it. `RULES` names them all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from release.gates.workflows import checks, commands, expressions, harmless
from release.gates.workflows.backend import TAKES_2_5, version_of, writes_2_5
from release.gates.workflows.model import Command, Job, Model, Node, Step, Uses, Workflow, shown
from release.gates.workflows.pins import look_up, stated
from release.gates.workflows.publishing import (
    ATTESTERS,
    DOWNLOAD,
    PUBLISHER,
    PUBLISHER_IMAGE,
    PUBLISHERS,
    Context,
    Expected,
    Publication,
    attests,
    builds,
    input_of,
    may_publish,
    obscure,
    obscure_values,
    publishes_by_action,
    uses_any,
)
from release.gates.workflows.split import split
from release.gates.workflows.triggers import PUBLISHED, Scenario, tag_filter, tag_scenario
from release.model import Finding
from release.text.versions import parse

# What a publishing job may use beside the download and the publisher.
HARMLESS = frozenset(["step-security/harden-runner"])
TOOLS = frozenset(["astral-sh/setup-uv", "actions/setup-python"])
KEEP = frozenset(["actions/checkout", "actions/upload-artifact", "sigstore/cosign-installer"])
SCOPES = {"contents": "read", "id-token": "write"}
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
    r"\bpoetry\b.{0,200}?\bconfig\b.{0,200}?(?:pypi-token|http-basic)\.|\.netrc\b"
    r"|\bkeyring\b.{0,200}?\bset\b.{0,200}?" + "pypi"
)
# Lines that only make sure that there is no credential.
CLEANS = re.compile(
    r"\s*(?:-?\s*run:\s*)?(?:unset(?:\s+-v)?(?:\s+\w+)+"
    r"|(?:test|\[)\s+!\s+-[efs]\s+[\"']?[\w~$/{}]{0,100}\.(?:pypirc|netrc)[\"']?(?:\s+\])?"
    r"|rm\s+(?:-f\s+|--force\s+)?(?:--\s+)?[\"']?[\w~$/{}]{0,100}\.(?:pypirc|netrc)[\"']?)\s*"
)
ALL_SECRETS = re.compile(r"\$\{\{[^}]{0,500}?\bsecrets\b(?!\s*(?:\.\s*[\w-]|\[\s*'))")
TOKEN_INPUT = re.compile(r"(?:test_)?pypi_(?:api_)?(?:token|password|key)|index_token")
UPLOAD_URL = re.compile(r"https://upload[.]" + "pypi" + r"[.]org/legacy/?")
# Variables of publishers, and whether they may not be on, not be off, or not be at all.
INPUT_VARIABLES = {
    "INPUT_USER": "always",
    "INPUT_PASSWORD": "always",
    "INPUT_REPOSITORY_URL": "always",
    "INPUT_ATTESTATIONS": "off",
    "INPUT_SKIP_EXISTING": "on",
    "UV_PUBLISH_NO_ATTESTATIONS": "on",
    "UV_PUBLISH_CHECK_URL": "always",
    "UV_PUBLISH_USERNAME": "always",
    "TWINE_USERNAME": "always",
    "TWINE_ATTESTATIONS": "off",
}
# Commands of git that leave a commit, or take files of another one.
MOVES = frozenset(
    """checkout switch pull merge rebase reset restore clone cherry-pick am worktree
    archive""".split()  # noqa: SIM905
)
GIT_OPTIONS = frozenset(["-C", "-c", "--git-dir", "--work-tree", "--namespace"])
OWN_COMMIT = re.compile(r"GITHUB_SHA\b|\bgithub\.sha\b|(?:^|=)HEAD$")
# What carries or signs the files, or publishes them.
VITAL = frozenset([*PUBLISHERS, *ATTESTERS, DOWNLOAD, "actions/upload-artifact"])
# Fails where a job of those that it is told has failed.
DECIDES = "re-actors/alls-green"
PER_RUN = re.compile(
    r"\bgithub\.(?:ref_name|ref|sha|run_id|run_number)(?![\w-])"
    r"|\binputs\.[\w-]*tag|\bgithub\.event\.(?:inputs\.[\w-]*tag|release\.tag_name)",
    re.I,
)
PROBES = ("x", "nightly")
# What somebody without write access can bring about.
OUTSIDE = frozenset(
    """pull_request pull_request_target pull_request_review pull_request_review_comment issues
    issue_comment discussion discussion_comment fork watch workflow_run""".split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class Breach:
    """What breaks a rule.

    It `blocks` where it harms users, lets somebody else publish, or is certain to fail; else it is
    advice. A remark only says what could not be judged or is a matter of taste.
    """

    rule: str
    finding: Finding
    remark: bool = False
    blocks: bool = False


def _breach(
    rule: str,
    message: str,
    where: Node | Step | Job | Command | Publication,
    remedy: str,
    *,
    remark: bool = False,
    blocks: bool = False,
) -> Breach:
    return Breach(rule, Finding(message, shown(where.path), where.line, remedy), remark, blocks)


def environment(context: Context) -> Iterator[Breach]:
    expected = context.expected
    for job in context.jobs:
        told = job.environment
        remedy = f"environment: {shown(expected.environment or 'pypi')}"
        if told is None or not told.text:
            yield _breach(
                "environment",
                f"the publishing job {job.label} has no environment",
                job,
                f"add {remedy}, and protect it in the repository's settings",
                blocks=expected.environment is not None,
            )
        elif "${{" in told.text:
            yield _breach(
                "environment",
                f"only a run can tell the environment of {job.label}",
                told,
                f"write its name: {remedy}",
            )
        elif (
            expected.environment is not None
            # GitHub compares them so.
            and told.text.casefold() != expected.environment.casefold()
        ):
            yield _breach(
                "environment",
                f"its environment is {shown(told.text)}, and the declared publisher's"
                f" {shown(expected.environment)}",
                told,
                f"write {remedy}, or correct tool.release.gates.setup.environment",
                blocks=True,
            )
        name = context.model.workflows[job.path].name
        if expected.file is not None and name != expected.file:
            yield _breach(
                "environment",
                f"{shown(name)} publishes, and the declared publisher is {shown(expected.file)}",
                job,
                "publish from that file, or correct tool.release.gates.setup.workflow",
                blocks=True,
            )


def permissions(context: Context) -> Iterator[Breach]:
    remedy = "permissions: {contents: read, id-token: write}"
    for job in context.jobs:
        node = job.permissions
        trusted = not _has_token(context, job)  # `token` and `inputs` tell of the others.
        if node is None or node.null:
            yield _breach(
                "permissions",
                f"the publishing job {job.label} has the default permissions",
                job,
                f"state them: {remedy}",
                blocks=trusted,
            )
            continue
        if node.table is None:
            yield _breach(
                "permissions",
                f"the publishing job {job.label} has {shown(node.text or '')}",
                node,
                f"write {remedy}",
                blocks=trusted and job.grants("id-token") == "none",
            )
            continue
        extra = [
            (scope, value)
            for scope, value in node.table.items()
            if (value.text or "").lower() not in ("none", SCOPES.get(scope, "none"))
        ]
        for scope, value in extra:
            yield _breach(
                "permissions",
                f"the publishing job {job.label} has {shown(scope)}: {shown(value.text or '')}",
                value,
                f"drop it: {remedy}",
            )
        if job.grants("id-token") == "none":
            yield _breach(
                "permissions",
                f"the publishing job {job.label} lacks id-token: write",
                node,
                f"publish by Trusted Publishing: {remedy}",
                blocks=trusted,
            )
        if job.grants("contents") == "none":
            yield _breach(
                "permissions",
                f"the publishing job {job.label} has no contents: read",
                node,
                f"the policy's form is {remedy}",
                remark=True,
            )


def _has_token(context: Context, job: Job) -> bool:
    """Whether a job publishes by a token or a password, and so needs no identity."""
    given = [job.node, context.model.workflows[job.path].node.get("env")]
    return any(
        CREDENTIAL.fullmatch(key)
        or any(INDEX_SECRET.search((m[1] or m[2])[:200]) for m in SECRET.finditer(node.text or ""))
        for root in given
        if root is not None
        for key, node in root.walk()
    ) or any(
        "password" in p.step.inputs and not p.step.inputs["password"].null
        for p in context.publications
        if p.job.key == job.key
    )


def steps(context: Context) -> Iterator[Breach]:
    remedy = "do it in a job that this one needs; here only download, check digests and publish"
    for job in context.jobs:
        for node, what in harmless.surroundings(context.model.workflows[job.path], job):
            yield _breach(
                "steps",
                f"the publishing job {job.label} {what}",
                node,
                "drop it; the job's steps must run nothing but what they show",
            )
        published = {id(p.step) for p in context.publications if p.job.key == job.key}
        tools = any(p.command is not None for p in context.publications if p.job.key == job.key)
        for step in job.steps:
            if id(step) in published and (step.uses is not None or _is_hidden(context, step)):
                continue
            if step.uses is not None:
                name = step.uses.repository
                fine = name in HARMLESS or name == DOWNLOAD or (tools and name in TOOLS)
                if not fine and not publishes_by_action(step) and name != PUBLISHER:
                    yield _breach(
                        "steps",
                        f"the publishing job {job.label} uses {shown(step.uses.target)}",
                        step,
                        remedy,
                        blocks=builds(step),
                    )
                continue
            for command in step.commands:
                what = "" if command.via else harmless.unfit(step, command)
                if what:
                    yield _breach(
                        "steps",
                        f"the publishing job {job.label} {what}",
                        command,
                        remedy,
                        blocks=_runs_project(command),
                    )


def _runs_project(command: Command) -> bool:
    """Whether a command that is not harmless may run the project's code, or what that requires."""
    return commands.program(command.words)[:1] not in (("gh",), ("git",))


def _is_hidden(context: Context, step: Step) -> bool:
    return any(p.step is step and p.via for p in context.publications)


def ref(context: Context) -> Iterator[Breach]:
    manual = context.expected.manual
    for one in context.publications:
        workflow = context.model.workflows[one.job.path]
        reached = [
            s for s in context.scenarios(workflow) if context.reachable(one.job, s, one.step)
        ]
        branches = sorted({s.event for s in reached if not s.is_tag})
        if branches:
            condition = "github.ref_type == 'tag'"
            yield _breach(
                "ref",
                f"{one.job.label} publishes from refs that are no tags, too"
                f" ({', '.join(map(shown, branches))})",
                one.job,
                f"add if: {condition}"
                + ("" if manual else " && github.event_name == 'push'")
                + f" to {one.job.label}",
                blocks=bool(OUTSIDE & set(branches)),
            )
        early = sorted({t for s in reached if s.event == "release" for t in s.types} - PUBLISHED)
        if early:
            yield _breach(
                "ref",
                f"{one.job.label} publishes when a release is {shown(early[0])}, too",
                workflow.triggers.get("release", workflow.node),
                "write types: [published]",
            )
        pushed = [s for s in reached if s.is_tag and s.event != "workflow_dispatch"]
        if manual and pushed:
            node = workflow.triggers[pushed[0].event]
            yield _breach(
                "ref",
                'a person publishes (publishing = "manual"), and here a tag does, too',
                node,
                "trigger it by workflow_dispatch alone",
                blocks=True,
            )
        elif manual and not branches and not any(s.event == "workflow_dispatch" for s in reached):
            yield _breach(
                "ref",
                f"nobody can start {one.job.label}, which publishes by hand",
                one.job,
                "trigger it by workflow_dispatch",
                blocks=True,
            )


def inputs(context: Context) -> Iterator[Breach]:
    for one in context.publications:
        yield from _variables(context, one)
        if one.command is not None:
            yield from _options(one)
            continue
        for name, node in one.step.inputs.items():
            plain = name.lower().replace("_", "-")
            if plain == "skip-existing" and node.is_true:
                yield _breach(
                    "inputs",
                    "skip-existing lets a file of other bytes pass unnoticed",
                    node,
                    "drop it; a release is uploaded once",
                )
            elif plain == "attestations" and (node.text or "").strip().lower() != "true":
                yield _breach(
                    "inputs",
                    "attestations are switched off, or may be",
                    node,
                    "drop it; they are made by default",
                )
            elif plain in ("user", "password"):
                yield _breach(
                    "inputs",
                    f"{plain} takes the place of Trusted Publishing, and switches attestations off",
                    node,
                    "drop it",
                    blocks=True,
                )
            elif plain == "repository-url" and _is_elsewhere(node.text or ""):
                yield _breach(
                    "inputs", "repository-url is not the index's address", node, "drop it"
                )


def _is_elsewhere(text: str) -> bool:
    """Whether an address is, or may be, neither the index's nor that of the index for tests."""
    told = re.findall(r"https?://[^\s'\"]+", text) if "${{" in text else [text]
    return bool(text.strip()) and not (
        told and all(UPLOAD_URL.fullmatch(url.strip()) or commands.for_tests(url) for url in told)
    )


def _variables(context: Context, one: Publication) -> Iterator[Breach]:
    """Variables that say to a publisher what its inputs and options may not say."""
    workflow = context.model.workflows[one.job.path].node
    callers = [caller.mapping("env") for caller in one.step.callers]
    for env in (workflow.mapping("env"), one.job.node.mapping("env"), *callers, one.step.env):
        for name, node in env.items():
            plain = name.upper().replace("-", "_")
            switch = INPUT_VARIABLES.get(plain)
            if switch is None or node.null or not node.text:
                continue
            if switch == "always" or (node.is_true and node.text != "0") is (switch == "on"):
                yield _breach(
                    "inputs",
                    f"{shown(name)} changes how the publisher publishes",
                    node,
                    "drop it; publish by Trusted Publishing, with attestations, every file once",
                    blocks=any(word in plain for word in ("USER", "PASSWORD")),
                )


def _options(one: Publication) -> Iterator[Breach]:
    assert one.command is not None
    run = commands.program(one.command.words)
    name = run[0]
    if commands.option(run, "--skip-existing", "--no-attestations", "--check-url"):
        yield _breach(
            "inputs",
            f"{name} is told to skip files that are there, or attestations",
            one,
            "drop --skip-existing, --check-url and --no-attestations",
        )
    if "--trusted-publishing=never" in run or ("--trusted-publishing", "never") in pairwise(run):
        yield _breach(
            "inputs", f"{name} is told not to publish as a trusted publisher", one, "drop it"
        )
    if any("//" in to and _is_elsewhere(to) for to in commands.destinations(run)):
        yield _breach(
            "inputs", f"{name} is given an address that is not the index's", one, "drop it"
        )
    if commands.option(
        run, "--username", "--password", "--token", "-u", "-p", "-t", "--user", "--auth"
    ) or any(re.match(r"-[upt][^-]", word) for word in run[1:] if name in ("uv", "twine")):
        yield _breach(
            "inputs",
            f"{name} is given a user, a password or a token",
            one,
            "drop it; publish by Trusted Publishing",
            blocks=True,
        )
    if name not in ("uv", "curl") and not (name == "twine" and "--attestations" in run):
        yield _breach("inputs", f"{name} uploads no attestations", one, f"publish by {PUBLISHER}")


def token(context: Context) -> Iterator[Breach]:
    remedy = "publish by Trusted Publishing, and delete it"
    seen: set[tuple[str, int]] = set()
    for breach in _tokens(context, remedy):
        place = (str(breach.finding.path), breach.finding.line or 0)
        if place not in seen:
            seen.add(place)
            yield breach


def _tokens(context: Context, remedy: str) -> Iterator[Breach]:
    model = context.model
    for root in (*(w.node for w in model.workflows.values()), *model.actions.values()):
        for key, node in root.walk():
            text = node.text or ""
            for match in SECRET.finditer(text):
                name = match[1] or match[2]
                if INDEX_SECRET.search(name[:200]):
                    yield _breach(
                        "token",
                        f"the secret {shown(name)} is a token of an index",
                        node,
                        remedy,
                        blocks=True,
                    )
            if ALL_SECRETS.search(text):
                yield _breach(
                    "token",
                    "only a run can tell which secrets are taken here",
                    node,
                    "name each secret",
                )
            if TOKEN_INPUT.fullmatch(key.lower().replace("-", "_")) and "secrets" in text:
                yield _breach(
                    "token", f"{shown(key)} is a token of an index", node, remedy, blocks=True
                )
            if CREDENTIAL.fullmatch(key) and text:
                yield _breach(
                    "token", f"{shown(key)} is a credential for uploads", node, remedy, blocks=True
                )
            yield from _tokens_in(text, node.path, node.line + node.block, remedy)
    for workflow in model.workflows.values():
        call = workflow.triggers.get("workflow_call")
        wanted = call.mapping("secrets") if call is not None else {}
        for name, node in wanted.items():
            if INDEX_SECRET.search(name[:200]):
                yield _breach(
                    "token",
                    f"the secret {shown(name)} is a token of an index",
                    node,
                    remedy,
                    blocks=True,
                )
    for path, text in model.sources.items():
        if path == ".pypirc":
            yield Breach(
                "token", Finding("holds credentials for uploads", path, 1, remedy), blocks=True
            )
        yield from _tokens_in(text, path, 1, remedy)
        if path == "pyproject.toml":
            yield from _pyproject_tokens(text, path, remedy)


def _tokens_in(text: str, path: str, first: int, remedy: str) -> Iterator[Breach]:
    told = (".pypirc", "pypi-AgE", ".netrc", "poetry", "keyring")
    if not (CREDENTIAL.search(text) or any(word in text for word in told)):
        return
    from release.gates.build.credentials import secret_kinds

    for number, line in enumerate(text.split("\n"), first):
        if line.lstrip().startswith(("#", "//")) or CLEANS.fullmatch(line[:500]):
            continue
        what = ""
        if "pypi-AgE" in line and "a token of a package index" in secret_kinds(
            line.encode(errors="replace")
        ):
            what = "a token of an index stands here"
        elif match := CREDENTIAL.search(line):
            what = f"{match[1]} is a credential for uploads"
        elif PYPIRC.search(line):
            what = ".pypirc holds credentials for uploads"
        elif STORED.search(line[:2000]):
            what = "a credential for uploads is stored here"
        if what:
            yield Breach("token", Finding(what, shown(path), number, remedy), blocks=True)


def _pyproject_tokens(text: str, path: str, remedy: str) -> Iterator[Breach]:
    import tomllib

    from release.text import toml

    try:
        tables = toml.loads(text).get("tool", {}).get("hatch", {}).get("publish", {})
        told = [
            (name, key)
            for name, table in tables.items()
            for key in table
            if key in ("auth", "user", "password", "token")
        ]
    except (tomllib.TOMLDecodeError, AttributeError, TypeError):
        return
    for name, key in told:
        line = toml.line_of(text, ("tool", "hatch", "publish", name, key))
        yield Breach(
            "token",
            Finding(
                f"{key} of [tool.hatch.publish.{shown(name)}] is a credential for uploads",
                path,
                line,
                remedy,
            ),
            blocks=True,
        )


def single(context: Context) -> Iterator[Breach]:
    yield from _once(context)
    first, *others = context.open or (None,)
    for one in others:
        assert first is not None
        yield _breach(
            "single",
            f"{one.job.label} publishes, and so does {first.job.label}"
            f" ({shown(first.path)}:{first.line})",
            one,
            "publish in one place only",
            blocks=_for_one_tag(context, first, one),
        )
    if first is not None or context.hidden:
        yield from _idle(context)
        return
    if context.expected.publishes:
        how = "by hand" if context.expected.manual else "when a tag is pushed"
        yield Breach(
            "single",
            Finding(
                f"no job of these workflows is seen to publish {how}",
                ".github/workflows",
                None,
                f"add a publishing job ({PUBLISHER}), or set tool.release.publish = false",
            ),
        )


def _for_one_tag(context: Context, *found: Publication) -> bool:
    """Whether all of them publish for the same tag."""
    events = [
        {
            scenario.event
            for scenario in context.scenarios(context.model.workflows[one.job.path])
            if scenario.is_tag and context.reachable(one.job, scenario, one.step)
        }
        for one in found
    ]
    return bool(frozenset.intersection(*map(frozenset, events)))


def _once(context: Context) -> Iterator[Breach]:
    """Publications that run several times, or never."""
    for one in context.open:
        matrix = one.job.node.get("strategy", "matrix")
        if matrix is not None and not matrix.null:
            yield _breach(
                "single",
                f"{one.job.label} publishes once for each entry of its matrix",
                matrix,
                "publish in one job, without a matrix",
            )
        workflow = context.model.workflows[one.job.path]
        kinds = context.scenarios(workflow)
        if (kinds or "workflow_call" not in workflow.triggers) and not any(
            context.reachable(one.job, kind, one.step) for kind in kinds
        ):
            yield _breach(
                "single",
                f"{one.job.label} publishes under a condition that never holds",
                one,
                "correct its condition, or what triggers the workflow",
                blocks=True,
            )


def _idle(context: Context) -> Iterator[Breach]:
    """Remarks for targets and actions that could publish and that no workflow calls."""
    for path, action in context.model.actions.items():
        told = action.get("runs", "steps")
        for node in (told.items if told is not None else None) or ():
            uses, run = ((node.get(key) or node).text or "" for key in ("uses", "run"))
            own = split(run, path, node.line)
            if path not in context.model.called and (
                uses.lower().startswith((PUBLISHER, PUBLISHER_IMAGE))
                or any(commands.uploads(c.words) or commands.obscure(c) for c in own)
            ):
                yield _breach(
                    "single",
                    f"{shown(path)} could publish, too, and no workflow uses it",
                    node,
                    "drop it, so that there is one way to publish",
                    remark=True,
                )
    for target, found in context.model.targets.items():
        upload = next((c for c in found if commands.uploads(c.words)), None)
        if upload is not None and target not in context.model.called and not target.endswith(" "):
            yield _breach(
                "single",
                f"{shown(target)} could publish, too, and no workflow calls it",
                upload,
                "drop it, so that there is one way to publish",
                remark=True,
            )


def hidden(context: Context) -> Iterator[Breach]:
    for one in context.hidden:
        assert one.command is not None
        run = " ".join(commands.program(one.command.words)[:2])
        yield _breach(
            "hidden",
            f"{shown(one.via)} hides an upload: {shown(run)} at"
            f" {shown(one.command.path)}:{one.command.line}",
            one.step,
            f"publish in the workflow itself, by {PUBLISHER}",
            blocks=True,
        )
    told: set[tuple[str, int]] = set()
    for job in context.model.jobs():
        workflow = context.model.workflows[job.path]
        able = may_publish(job, workflow)
        found: list[tuple[Command | Node | Step, str]] = list(obscure_values(job, workflow))
        for step in job.steps:
            for place, text in obscure(step, able=able):
                via = place.via if isinstance(place, Command) else ""
                said = f"{via}: {text}" if via else text
                found.append((step if via else place, said))
        for where, text in found:
            if (where.path, where.line) not in told:
                told.add((where.path, where.line))
                yield _breach(
                    "hidden",
                    f"{shown(text.strip())} may publish; it could not be judged",
                    where,
                    f"publish by {PUBLISHER} alone, or waive the rule with the reason",
                )


def reusable(context: Context) -> Iterator[Breach]:
    for job in context.jobs:
        node = context.model.workflows[job.path].triggers.get("workflow_call")
        if node is not None:
            yield _breach(
                "reusable",
                f"{job.label} publishes in a workflow that others call, which"
                " cannot be a trusted publisher",
                node,
                "publish in the top-level workflow; what only builds and attests may be called",
                blocks=True,
            )
    for job in context.model.jobs():
        if job.uses is not None and not job.uses.is_local and job.grants("id-token") == "write":
            yield _breach(
                "reusable",
                f"whether {shown(job.uses.target)} publishes is not seen here",
                job,
                "publish in the top-level workflow",
                remark=True,
            )


def verified(context: Context) -> Iterator[Breach]:
    for job in context.jobs:
        publishing = next(p for p in context.publications if p.job.key == job.key)
        published = checks.published_origins(context, publishing)
        reasons: list[tuple[Command, str]] = []
        covered: set[checks.Origin] = set()
        good = False
        for one in (*context.before(job), job):
            sound = False
            for step in one.steps:
                if step is publishing.step:
                    break
                for command, reason in checks.verified_in(context, one, step):
                    if not reason and not checks.always_runs(context, one, job):
                        reason = f"{one.label} may be skipped, and publishing goes on"
                    if reason:
                        reasons.append((command, reason))
                    elif (origins := checks.handled(context, one)) and not published & origins:
                        what = f"{one.label} verifies other files than {job.label} publishes"
                        reasons.append((command, what))
                    sound = sound or not reason
            if sound:
                good = True
                covered |= checks.handled(context, one)
        if good and not published - covered:
            continue
        if reasons:
            command, reason = reasons[0]
            yield _breach(
                "verified",
                f"the attestations are not verified as they must be: {reason}",
                command,
                "verify every file for this repository, workflow, ref and commit, without"
                " conditions, in a job that publishing needs",
            )
        else:
            yield _breach(
                "verified",
                f"nothing verifies the attestations of all files before {job.label} publishes",
                job,
                "add a job that attests and one that runs gh attestation verify with"
                " --signer-workflow, --source-ref and --source-digest on every file, and"
                " need both",
            )


def soft(context: Context) -> Iterator[Breach]:
    strict = {job.key for job in context.handlers}
    for job in context.path:
        yield from _soft_node(job.node, f"the job {job.label}")
        told = job.node.get("if")
        word = expressions.overrides(told.text) if told is not None and told.text else ""
        if told is not None and word and not _fails_for_needs(job):
            yield _breach(
                "soft",
                f"the job {job.label} runs under {word}, although one that it needs failed",
                told,
                f"drop {word}",
                blocks=True,
            )
        for step in job.steps:
            for node in (step.node, *step.callers):
                yield from _soft_node(node, f"the step {step.label}")
            if job.key in strict:
                for node in step.told("if"):
                    if word := expressions.overrides(node.text or ""):
                        yield _breach(
                            "soft",
                            f"the step {step.label} runs under {word}, although one"
                            " before it failed",
                            node,
                            f"drop {word}",
                            blocks=True,
                        )
            if any(reason for _, reason in checks.verified_in(context, job, step)):
                continue  # `verified` says so.
            for command in step.commands:
                run = commands.program(command.words)
                ignored = command.operator == "||" and (
                    run[:1] in (("true",), (":",)) or run[:2] == ("exit", "0")
                )
                if (ignored or run[:2] == ("set", "+e")) and not command.via:
                    said = "set +e" if run[:1] == ("set",) else f"|| {' '.join(run)}"
                    yield _breach(
                        "soft",
                        f"{said} hides a failure on the way to publishing",
                        command,
                        "let it fail, or test for what may be absent",
                    )


def _fails_for_needs(job: Job) -> bool:
    """Whether a job runs in any case in order to fail where one that it needs has failed."""
    return any(
        step.uses is not None
        and step.uses.repository == DECIDES
        and "needs" in (jobs.text or "")
        and step.node.get("if") is None
        for step in job.steps
        if (jobs := step.inputs.get("jobs")) is not None
    )


def _soft_node(node: Node, label: str) -> Iterator[Breach]:
    told = node.get("continue-on-error")
    if told is not None and not told.null and checks.is_on(told):
        yield _breach(
            "soft",
            f"{label} may fail, and publishing goes on (continue-on-error)",
            told,
            "drop continue-on-error",
            # What depends on the matrix concerns some of its runs, such as those of a new Python.
            blocks=label.startswith("the job") and "matrix." not in (told.text or ""),
        )


def isolation(context: Context) -> Iterator[Breach]:
    publishing = {job.key for job in context.jobs}
    names = {context.expected.environment} | {
        job.environment.text for job in context.jobs if job.environment is not None
    }
    for job in context.path:
        if job.key in publishing:
            continue
        if not any(map(builds, job.steps)):
            yield from _beside_signing(job)
            continue
        if job.grants("id-token") == "write":
            node = job.permissions or job.node
            yield _breach(
                "isolation",
                f"{job.label} builds, and may sign as the project (id-token: write)",
                node.get("id-token") or node,
                "attest in a job of its own that runs no project code",
                blocks=True,
            )
        told = job.environment
        if (
            told is not None
            and told.text
            and (told.text in names or re.search(r"pypi|publish|release", told.text, re.I))
        ):
            yield _breach(
                "isolation",
                f"{job.label} builds in the publishing environment {shown(told.text)}",
                told,
                "drop the environment there",
            )


def _beside_signing(job: Job) -> Iterator[Breach]:
    """What a job that may sign runs beside, the first of it."""
    if job.grants("id-token") != "write":
        return
    for step in job.steps:
        where: Step | Command = step
        what = ""
        if step.uses is not None:
            known = {*HARMLESS, *TOOLS, *KEEP, *ATTESTERS, DOWNLOAD}
            if step.uses.repository not in known:
                what = f"uses {shown(step.uses.target)}"
        for command in step.commands:
            what = "" if command.via else harmless.unfit(step, command, signing=True)
            if what:
                where = command
                break
        if what:
            yield _breach(
                "isolation",
                f"{job.label} may sign as the project (id-token: write), and {what}",
                where,
                "attest in a job of its own that runs no project code",
                blocks=isinstance(where, Command) and _runs_project(where),
            )
            return


def checkout(context: Context) -> Iterator[Breach]:
    for job in context.handlers:
        if not any(attests(s) or builds(s) for s in job.steps):
            continue
        moved: list[Breach] = []
        for step in job.steps:
            moved += _checked_out(job, step)
            moves = [c for c in step.commands if not c.via and _moves(c)]
            moved += [
                _breach(
                    "checkout",
                    f"{job.label} runs {shown(' '.join(commands.program(c.words)[:4]))}, which may"
                    " lead to another commit than the one that is attested",
                    c,
                    "stay on the commit that triggered the run",
                )
                for c in moves
            ]
            line = checks.compares_commit(context, job, step)
            if line is not None and not any(c.line > line for c in moves):
                moved.clear()
            if builds(step) or attests(step):
                yield from moved
                moved.clear()
        yield from moved


def _checked_out(job: Job, step: Step) -> Iterator[Breach]:
    if not uses_any(step, ["actions/checkout"]):
        return
    told = input_of(step, "ref").strip()
    repository = input_of(step, "repository").strip()
    foreign = bool(repository) and not re.fullmatch(
        r"\$\{\{\s*github\.repository\s*\}\}", repository
    )
    # What stands beside the project may be from anywhere.
    if foreign and input_of(step, "path"):
        return
    if told and not re.fullmatch(r"\$\{\{\s*github\.(?:sha|ref)\s*\}\}", told):
        yield _breach(
            "checkout",
            f"{job.label} checks out {shown(told)}, which may be"
            " another commit than the one that is attested",
            step.inputs.get("ref", step.node),
            "drop ref, or compare git rev-parse HEAD with GITHUB_SHA",
        )
    if foreign:
        yield _breach(
            "checkout",
            f"{job.label} checks out {shown(repository)}",
            step.inputs.get("repository", step.node),
            "drop repository",
        )


def _moves(command: Command) -> bool:
    """Whether a command may leave the commit that was checked out, or take files of another."""
    run = list(commands.program(command.words))
    if run[:1] == ["gh"]:
        return run[1:3] in (["pr", "checkout"], ["repo", "clone"])
    if run[:1] != ["git"]:
        return False
    rest = run[1:]
    while rest and rest[0].startswith("-"):
        del rest[: 2 if rest[0] in GIT_OPTIONS else 1]
    verb, *words = rest or [""]
    if verb not in MOVES or any(OWN_COMMIT.search(word) for word in words):
        return False
    if verb == "restore":
        return any(word.startswith(("-s", "--source")) for word in words)
    if verb in ("checkout", "reset") and "--" in words:
        words = words[: words.index("--")]
    if verb in ("checkout", "reset"):
        return any(not word.startswith("-") for word in words)
    return True


def hand_off(context: Context) -> Iterator[Breach]:
    publishing = {job.key for job in context.jobs}
    for job in context.handlers:
        downloads = False
        for step in job.steps:
            for command in step.commands:
                run = commands.program(command.words)
                if run[:3] in (("gh", "run", "download"), ("gh", "release", "download")):
                    yield _breach(
                        "hand-off",
                        f"{job.label} takes files of other runs or releases",
                        command,
                        f"use {DOWNLOAD} with artifact-ids",
                    )
            if step.uses is None or "download-artifact" not in step.uses.repository:
                continue
            downloads = True
            if step.uses.repository != DOWNLOAD:
                yield _breach(
                    "hand-off",
                    f"{shown(step.uses.target)} takes artefacts of other runs",
                    step,
                    f"use {DOWNLOAD} with artifact-ids",
                )
                continue
            yield from _download(job, step)
        if job.key in publishing and downloads:
            one = next(p for p in context.publications if p.job.key == job.key)
            if reason := checks.why_unchecked(context, one):
                yield _breach(
                    "hand-off",
                    f"{job.label} {reason}",
                    job,
                    "download, run sha256sum --check on the SHA256SUMS that the build hands on,"
                    " and publish that folder next",
                )


def _download(job: Job, step: Step) -> Iterator[Breach]:
    exact = input_of(step, "name") or input_of(step, "artifact-ids")
    remedy = "name it: artifact-ids: ${{ needs.build.outputs.artifact-id }}"
    pattern = step.inputs.get("pattern")
    merged = step.inputs.get("merge-multiple")
    foreign = next((step.inputs[n] for n in ("run-id", "repository") if n in step.inputs), None)
    if pattern is not None and not pattern.null:
        yield _breach(
            "hand-off", f"{job.label} downloads all artefacts that match a pattern", pattern, remedy
        )
    elif not exact:
        yield _breach("hand-off", f"{job.label} downloads all artefacts of the run", step, remedy)
    if merged is not None and merged.is_true:
        yield _breach(
            "hand-off",
            f"{job.label} merges artefacts, of which one can replace files of another",
            merged,
            "drop merge-multiple; hand on one artefact",
        )
    if foreign is not None and (foreign.text or "").strip() not in (
        "${{ github.run_id }}",
        "${{ github.repository }}",
    ):
        yield _breach(
            "hand-off",
            f"{job.label} downloads artefacts of another run",
            foreign,
            "drop it; publish what this run built",
        )


def pins(context: Context) -> Iterator[Breach]:
    publishing = {workflow.path for workflow in context.files}
    publishing |= {job.path for job in context.path}
    told: set[str] = set()
    for path, uses in _all_uses(context):
        if uses.is_local:
            continue
        matters = path in publishing
        if not uses.is_pinned:
            if matters:
                yield _breach(
                    "pins",
                    f"{shown(uses.node.text or '')} is not pinned to a commit",
                    uses.node,
                    "pin it to a full commit, with its version in a comment",
                )
            continue
        if not uses.repository:
            continue
        pin = look_up(uses.repository, uses.ref, uses.node.comment, context.expected.pins)
        said = stated(uses.node.comment)
        if pin.wrong:
            what = f"is {pin.version}" if pin.version else f"is not {said}"
            yield _breach(
                "pins",
                f"{uses.repository} at {uses.ref[:12]} {what}, and the comment says {said}",
                uses.node,
                "correct the comment, or the commit",
            )
        elif matters and uses.repository not in told and (pin.version is None or said is None):
            told.add(uses.repository)
            action = shown(uses.repository)
            vital = pin.known and uses.repository in VITAL
            yield _breach(
                "pins",
                f"{action} {said or uses.ref[:12]} is not in the pin table"
                if pin.version is None
                else f"no comment names the version of {action}, {pin.version}",
                uses.node,
                "compare its commit with its release by hand"
                + (", and waive this, or pin a version of the table" if vital else "")
                if pin.version is None
                else f"add the comment # v{pin.version}",
                remark=not vital,
            )


def _all_uses(context: Context) -> Iterator[tuple[str, Uses]]:
    seen: set[tuple[str, int]] = set()
    for job in context.model.jobs():
        for uses in (job.uses, *(step.uses for step in job.steps)):
            # What a composite action uses, counts once for each workflow that it is used in.
            if uses is not None and (job.path, id(uses.node)) not in seen:
                seen.add((job.path, id(uses.node)))
                yield job.path, uses


def tags(context: Context) -> Iterator[Breach]:
    for workflow in context.files:
        unchecked = tuple(_tag_check(context, workflow))
        if not context.expected.manual:
            yield from _filter(context, workflow, checked=not unchecked)
        if not context.expected.tagged_version:
            yield from unchecked


def _filter(context: Context, workflow: Workflow, *, checked: bool) -> Iterator[Breach]:
    """What the tag filter of a push leaves out, and what it lets in.

    Where a tag is `checked` before it has an effect, tags that only might come are a remark, if
    they begin like those of releases.
    """
    expected = context.expected
    push = workflow.triggers.get("push")
    found = [p for p in context.publications if p.job.path == workflow.path]
    if push is None or not any(
        s.event == "push" and s.is_tag and any(context.reachable(p.job, s, p.step) for p in found)
        for s in context.scenarios(workflow)
    ):
        return
    where = push.get("tags") or push.get("tags-ignore") or push
    remedy = f'tags: ["{expected.tag_template.replace("{version}", "[0-9]*")}"]'
    start = expected.tag_template.partition("{version}")[0]
    # Tags of an older spelling, such as with a v in front, are not published again.
    spelled = {t for t in expected.released if t.removeprefix(start)[:1].isdigit()}
    # Of several publishing workflows, each may have its own tags.
    missed = sorted(
        tag for tag in spelled if not any(_publishes(context, one, tag) for one in context.files)
    )
    if missed:
        yield _breach(
            "tags",
            f"no release is published for tags like {shown(missed[-1])}"
            f" ({len(missed)} of {len(spelled)} release tags)",
            where,
            remedy,
        )
    others = [
        tag
        for tag in expected.tags
        if tag not in expected.released
        and parse(tag) is None
        and _publishes(context, workflow, tag)
    ]
    probes = [expected.tag_template.replace("{version}", "x"), *PROBES]
    extra = [*others, *(probe for probe in probes if _publishes(context, workflow, probe))]
    if extra:
        kind = "the tag" if others else "a tag such as"
        alike = not others and all(tag.startswith(start) for tag in extra)
        effect = "start a run that refuses it" if alike and checked else "be published"
        yield _breach(
            "tags",
            f"{kind} {shown(extra[0])}, which is no release, would {effect}",
            where,
            remedy,
            remark=alike and checked,
        )


def _publishes(context: Context, workflow: Workflow, tag: str) -> bool:
    """Whether the push of a tag leads to a publication of a workflow."""
    push = workflow.triggers.get("push")
    if push is None or not tag_filter(push.get("tags"), push.get("tags-ignore"))(tag):
        return False
    scenario = tag_scenario(tag)
    return any(
        context.reachable(p.job, scenario, p.step)
        for p in context.publications
        if p.job.path == workflow.path
    )


def _tag_check(context: Context, workflow: Workflow) -> Iterator[Breach]:
    """Jobs with side effects before which nothing compares the tag with the version."""
    kinds = [s for s in context.scenarios(workflow) if s.is_tag]
    found = []
    known: dict[tuple[tuple[str, str], int], bool] = {}
    for job in _with_called(context, workflow):
        effect = next((s for s in job.steps if _has_effect(s)), None)
        if effect is None and not _may_write(job):
            continue
        if not any(context.reachable(job, s) for s in kinds):
            continue
        own = job.steps[: job.steps.index(effect)] if effect is not None else ()
        reached = [s for s in kinds if context.reachable(job, s)]
        before = [(one, step) for one in context.before(job) for step in one.steps]
        for one, step in (*before, *((job, step) for step in own)):
            if (one.key, id(step)) not in known:
                known[one.key, id(step)] = checks.checks_tag(context, one, step)
            if (
                known[one.key, id(step)]
                and all(context.reachable(one, s, step) for s in reached)
                and checks.always_runs(context, one, job)
            ):
                break
        else:
            found.append(job)
    if found:
        names = ", ".join(job.label for job in found)
        yield _breach(
            "tags",
            f"nothing compares the tag with the version before what has effects outside ({names})",
            found[0],
            "compare GITHUB_REF_NAME with the project's version in a job that all need",
        )


def _with_called(context: Context, workflow: Workflow) -> Iterator[Job]:
    """The jobs of a workflow, with those of the workflows that it calls in their callers' place."""
    for job in workflow.jobs.values():
        path = context.called(job)
        if path is None or path == workflow.path:
            yield job
        else:
            yield from context.model.workflows[path].jobs.values()


def _may_write(job: Job) -> bool:
    node = job.permissions
    if node is None:
        return False
    if node.text is not None:
        return node.text == "write-all"
    return any(given.text == "write" for given in (node.table or {}).values())


def _has_effect(step: Step) -> bool:
    return (
        publishes_by_action(step)
        or uses_any(step, (*ATTESTERS, "softprops/action-gh-release", "ncipollo/release-action"))
        or any(
            commands.uploads(c.words)
            or commands.program(c.words)[:2]
            in (("gh", "release"), ("git", "push"), ("docker", "push"))
            for c in step.commands
        )
    )


def concurrency(context: Context) -> Iterator[Breach]:
    for workflow in context.files:
        found = [p for p in context.publications if p.job.path == workflow.path]
        reached = [
            s
            for s in context.scenarios(workflow)
            if any(context.reachable(p.job, s) for p in found)
        ]
        paths = {job.path for job in context.path}
        places = [workflow.node]
        places += [context.model.workflows[path].node for path in paths - {workflow.path}]
        places += [job.node for job in context.path]
        groups: dict[str, Node] = {}
        for node in places:
            told = node.get("concurrency")
            if told is None or told.null:
                continue
            cancel = told.get("cancel-in-progress")
            if cancel is not None and any(_cancels(cancel.text or "", s) for s in reached):
                yield _breach(
                    "concurrency",
                    "a run that publishes can be cancelled half way",
                    cancel,
                    "cancel-in-progress: false",
                )
            group = told if told.text is not None else told.get("group")
            if group is None:
                continue
            groups.setdefault(_group(context, group), group)
            if not _is_per_run(group.text or ""):
                yield _breach(
                    "concurrency",
                    "a run that publishes is cancelled while it waits, if one"
                    " more of its group comes",
                    group,
                    "put ${{ github.ref }} into the group",
                )
        yield from _cancelled_by_others(context, groups, {id(node) for node in places}, reached)


def _cancelled_by_others(
    context: Context, groups: Mapping[str, Node], own: set[int], reached: list[Scenario]
) -> Iterator[Breach]:
    """Groups are those of the whole repository: another workflow's run cancels ours, too."""
    kinds = {s.kind for s in reached}
    for workflow in context.model.workflows.values():
        scenarios = [
            s
            for s in context.scenarios(workflow)
            # A group of a ref is another one for other refs.
            if s.kind in kinds
        ]
        for node in (workflow.node, *(job.node for job in workflow.jobs.values())):
            told = node.get("concurrency")
            group = told.get("group") if told is not None else None
            cancel = told.get("cancel-in-progress") if told is not None else None
            if id(node) in own or group is None or cancel is None:
                continue
            if _group(context, group) in groups and any(
                _cancels(cancel.text or "", s) for s in scenarios
            ):
                yield _breach(
                    "concurrency",
                    "it cancels runs of its group, which is that of a run that publishes, too",
                    cancel,
                    "name the group otherwise",
                )


def _group(context: Context, group: Node) -> str:
    """The text of a group, with the name of its workflow."""
    name = context.model.workflows[group.path].node.get("name")
    named = (name.text if name is not None else None) or group.path
    text = re.sub(r"\$\{\{\s*github\.workflow\s*\}\}", lambda _: named, group.text or "")
    return re.sub(r"\s", "", text).lower()


def _is_per_run(text: str) -> bool:
    """Whether a group is another one for other runs, or for other refs."""
    return any(
        PER_RUN.search(re.sub(r"'[^']*'", "", part.partition("}}")[0]))
        for part in text[:5000].split("${{")[1:]
    )


def _cancels(text: str, scenario: Scenario) -> bool:
    if "${{" not in text:
        return text.strip().lower() == "true"
    inner = expressions.unwrapped(text.strip())
    if inner is None:
        return True
    return expressions.truth(expressions.evaluate(inner, scenario)) is not False


def metadata(context: Context) -> Iterator[Breach]:
    from packaging.version import Version

    expected = context.expected
    if expected.metadata_version and expected.metadata_version < "2.5":
        return
    backend = writes_2_5(context)
    if backend is None:
        return
    for one in context.publications:
        uses = one.step.uses
        if uses is None or uses.repository != PUBLISHER:
            continue
        version = version_of(uses, expected.pins)
        if version is not None and version < Version(TAKES_2_5):
            yield _breach(
                "metadata",
                f"{backend} writes metadata 2.5, which {PUBLISHER} {version} refuses",
                uses.node,
                f"use {PUBLISHER} {TAKES_2_5} or newer",
                blocks=True,
            )


Rule = Callable[[Context], Iterator[Breach]]
RULES: Mapping[str, Rule] = {
    "environment": environment,
    "permissions": permissions,
    "steps": steps,
    "ref": ref,
    "inputs": inputs,
    "token": token,
    "single": single,
    "hidden": hidden,
    "reusable": reusable,
    "verified": verified,
    "soft": soft,
    "isolation": isolation,
    "checkout": checkout,
    "hand-off": hand_off,
    "pins": pins,
    "tags": tags,
    "concurrency": concurrency,
    "metadata": metadata,
}


def judge(model: Model, expected: Expected) -> list[Breach]:
    """Everything in the model that breaks the policy, rule by rule."""
    context = Context(model, expected)
    return [breach for rule in RULES.values() for breach in rule(context)]
