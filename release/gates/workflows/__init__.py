"""The workflows are sound, and those that publish keep to the publishing policy.

Judges `.github/workflows` with all that it calls: composite actions, scripts, nox sessions, targets
of Makefile and tox, tasks in pyproject.toml. By the workflow schema (check-jsonschema), by zizmor
without network, and by the rules of the policy, which no general linter knows:

environment   the publishing job has an environment; it and the file are the declared publisher's
permissions   the publishing job has contents: read and id-token: write, and no more
steps         the publishing job downloads, checks digests and publishes; nothing else runs in it
ref           publishing is reachable from tags alone, be it pushed or picked by a person
inputs        skip-existing is off, attestations are on, no user, no password
token         no token of an index anywhere
single        exactly one job publishes, once, and can run
hidden        no upload behind a session, a target or a script, and none that cannot be judged
reusable      the publishing job is in no workflow that others call
verified      publishing needs a verification of all files' attestations
soft          nothing on the way to publishing may fail unnoticed
isolation     what builds cannot sign, nor does what signs run code of the project's
checkout      what is built and attested is the commit that triggered the run
hand-off      artefacts travel by id or exact name, with a digest manifest
pins          the commits of actions are the versions of their comments
tags          the tag filter takes release tags and no others; a tag check precedes any effect
concurrency   a run that publishes is never cancelled
metadata      the pinned publisher takes the metadata version that the build backend writes

With a table [tool.release.workflows], a workflow that is missing or says something else than what
`render` writes blocks, as the rule `rendered`; newer pins and comments are left out of account.

Where a person publishes (publishing = "manual"), the workflow is started by workflow_dispatch
alone, and on the tag that is published: what is attested names it. An environment's protection
shows in no workflow, so the job says so itself: `if: github.ref_type == 'tag'`.

Blocks what harms: a token, a user or a password of an index; publishing that a pull request or
anybody can start, that goes on after a failure, or that is hidden behind a target or a script; what
looks like an upload and is not followed (a text for another program, a task of just, npm or invoke)
where its job could publish; template injection; code of the project in a job that may sign or
publish. Blocks what is certain to fail: an invalid workflow, no id-token: write, a publisher in a
workflow that others call, another file or environment than the declared publisher's, a publisher
that refuses the metadata, two for one tag. All else is advice, and a promise with `strict = true`
in [tool.release.gates.workflows].
zizmor's findings block where the project configures zizmor or runs it as a hook.

Noted are audits of zizmor's that are of low severity or that it is not sure of, and a tag filter
such as `v*` that fits every tag there is, where a tag check comes before any effect.

A rule, or an audit of zizmor's, that does not hold here on purpose is waived with a reason:
[[tool.release.gates.workflows.waive]] rule = "...", file = "...", reason = "...".
"""

from __future__ import annotations

import difflib
import fnmatch
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from release.errors import CannotCheck
from release.gates.workflows.model import Node, shown
from release.gates.workflows.pins import table
from release.gates.workflows.policy import RULES, judge
from release.gates.workflows.publishing import Context, Expected
from release.gates.workflows.read import FOLDER, Loaded, load
from release.gates.workflows.rendered import drift, with_remedy
from release.gates.workflows.rules.breach import Breach
from release.model import Finding, Gate, Judgement, Outcome
from release.project import as_table
from release.project.git import tags
from release.run import schema
from release.text.escaping import counted

if TYPE_CHECKING:
    from release.gates.workflows.settings import Waiver
    from release.project import Project
    from release.run.processes import Completed
    from release.run.shell import Shell

WORKFLOW_SCHEMA = "vendor.github-workflows"
ACTION_SCHEMA = "vendor.github-actions"
LOG_REMEDY = "look at the log; nox -s workflows -- --fresh runs it again"
SCALAR_FILTER = re.compile(
    r"\$\.on\.\w+(?:\.(?:branches|tags|paths|types)|\['(?:branches|tags|paths)-ignore'\])"
)
TRIVIAL = frozenset(["Informational", "Unknown", "Low"])
# The part of the gate's time limit that it may use: some workflows of 1 MB keep it busy for longer.
ZIZMOR_PART = 1 / 8
# What lets anybody who can name a branch or a pull request run code.
INJECTION = "template-injection"
ZIZMOR_FILES = tuple(
    f"{folder}zizmor.{end}" for folder in ("", ".github/") for end in ("yml", "yaml")
)


def check(project: Project, shell: Shell) -> Outcome:
    from release.gates.workflows.settings import WorkflowsSettings

    loaded = load(project.top)
    if not loaded.there and project.settings.workflows is None:
        return Outcome.not_applicable(f"it has no workflows ({FOLDER})")
    settings = project.settings.gates.of("workflows", WorkflowsSettings)
    expected = expectations(project)
    if not loaded.is_whole:
        expected = replace(expected, publishes=False)
    breaches = [*with_remedy(judge(loaded.model, expected), RULES), *drift(project)]
    looked = Judgement(loaded.count + len(loaded.model.actions), tuple(loaded.faults))
    try:
        breaches += ask_tools(loaded, project, shell)
    except CannotCheck as error:
        looked += Judgement(unchecked=error.problems)
    judged = looked + weigh(breaches, settings.waive, complete=not looked.unchecked)
    jobs = Context(loaded.model, expected).jobs
    who = f"{jobs[0].path.rpartition('/')[2]} publishes" if jobs else "none of them publishes"
    return judged.settle(f"{counted(loaded.count, 'workflow')}; {who}")


def expectations(project: Project) -> Expected:
    """What the project declares that its workflows must agree with."""
    from release.gates.setup.settings import SetupSettings

    setup = project.settings.gates.of("setup", SetupSettings)
    requires = as_table(project.pyproject.get("build-system")).get("requires")
    # Whether development versions are released, only the project knows.
    unsettled = {tag for tag, version in project.released.items() if version.is_devrelease}
    there = tags(project.root) if project.git else ()
    return Expected(
        file=PurePosixPath(setup.workflow).name if setup.workflow else None,
        environment=setup.environment,
        manual=project.settings.publishing == "manual",
        publishes=project.settings.publish is True,
        by_hand=project.settings.publish == "by hand",
        tag_template=project.tag_template,
        tags=tuple(tag for tag in there if tag not in unsettled),
        released=frozenset(project.released.keys() - unsettled),
        tagged_version=project.version_source == "version control",
        requires=tuple(map(str, requires)) if isinstance(requires, list) else (),
        metadata_version=metadata_version(project.tool("hatch")),
        pins=table(),
    )


def metadata_version(hatch: Mapping[str, Any]) -> str | None:
    """The newest core metadata version that [tool.hatch] has written; None where one is free."""
    targets = as_table(as_table(hatch.get("build")).get("targets"))
    told = [as_table(targets.get(kind)).get("core-metadata-version") for kind in ("wheel", "sdist")]
    texts = [text for text in told if isinstance(text, str)]
    return max(texts) if len(texts) == len(told) else None


def weigh(
    breaches: Iterable[Breach], waivers: Sequence[Waiver], *, complete: bool = True
) -> Judgement:
    """What breaks rules; remarks and what is waived are noted.

    A waiver that matches nothing is told, unless the breaches are not `complete`.
    """
    breaches = list(dict.fromkeys(breaches))
    used: set[int] = set()
    parts: dict[str, list[Finding]] = {"defects": [], "advice": [], "notes": []}
    for breach in breaches:
        matching = [number for number, waiver in enumerate(waivers) if waives(waiver, breach)]
        used.update(matching)
        reason = f" (waived: {shown(waivers[matching[0]].reason)})" if matching else ""
        said = f"{breach.rule}: {breach.finding.message}{reason}"
        noted = bool(matching) or breach.remark
        kind = "notes" if noted else "defects" if breach.blocks else "advice"
        parts[kind].append(replace(breach.finding, message=said))
    idle = [waiver for number, waiver in enumerate(waivers) if number not in used]
    parts["advice"] += [_idle(waiver) for waiver in idle if complete or waiver.rule in RULES]
    defects, advice, notes = map(tuple, parts.values())
    return Judgement(0, defects, advice, notes=notes)


def waives(waiver: Waiver, breach: Breach) -> bool:
    if waiver.rule != breach.rule:
        return False
    path, file = breach.finding.path or "", waiver.file
    names = (path, path.rpartition("/")[2])
    return file is None or any(fnmatch.fnmatchcase(name, file) for name in names)


def _idle(waiver: Waiver) -> Finding:
    where = f" in {shown(waiver.file)}" if waiver.file else ""
    close = difflib.get_close_matches(waiver.rule, RULES, 1)
    remedy = "remove it from tool.release.gates.workflows.waive"
    if close and waiver.rule not in RULES:
        remedy = f"did you mean {close[0]}?"
    message = f"a waiver of {shown(waiver.rule)}{where} matches nothing"
    return Finding(message, "pyproject.toml", remedy=remedy)


def ask_tools(loaded: Loaded, project: Project, shell: Shell) -> Iterator[Breach]:
    """What the schema and zizmor find in the repository's files that are legible.

    Raises CannotCheck when a tool fails, takes too long or gives no report.
    """
    root = project.top
    model, nodes = loaded.model, loaded.nodes
    bad = {fault.path for fault in loaded.faults}
    for name, files in ((WORKFLOW_SCHEMA, model.workflows), (ACTION_SCHEMA, model.actions)):
        # It refuses what we refuse, such as a key that stands twice, without a report.
        paths = [path for path in files if path not in bad]
        if paths:
            options = ("--builtin-schema", name, "--force-filetype", "yaml")
            done = schema.ask(shell, options, paths, root)
            found = judge_schema(done, nodes)
            bad |= {breach.finding.path for breach in found}
            yield from found
    # zizmor refuses files that the schema refuses, and then judges none.
    good = [path for path in (*model.workflows, *model.actions) if path not in bad]
    if good:
        done = shell.run(
            *(shell.tools.tool("zizmor"), "--offline", "--format", "json", "--no-progress"),
            *("--color", "never", "--no-exit-codes", "--strict-collection", "--"),
            *good,
            cwd=root,
            timeout=shell.timeout * ZIZMOR_PART,
        )
        yield from judge_zizmor(done, promised=configures_zizmor(project))


def configures_zizmor(project: Project) -> bool:
    """Whether the project promises to please zizmor: it configures it, or runs it in a hook."""
    from release.project.declared import hook

    there = any((project.top / name).is_file() for name in ZIZMOR_FILES)
    return there or hook(project, "zizmor") is not None


def judge_schema(done: Completed, nodes: Mapping[str, Node]) -> list[Breach]:
    """What check-jsonschema printed about files. Raises CannotCheck for no report."""
    found = schema.faults(done)
    if any(not fault.path for fault in found):
        # Read by us, and not by it: a defect of one of both.
        raise CannotCheck(f"check-jsonschema could not read {found[-1].file}", LOG_REMEDY)
    return [_of_schema(fault, nodes.get(fault.file)) for fault in found if not _is_fine(fault)]


def _is_fine(fault: schema.Fault) -> bool:
    """Whether it is one text for a filter of an event, which only the schema wants in a list."""
    wanted = fault.message.endswith("is not of type 'array'")
    return wanted and bool(SCALAR_FILTER.fullmatch(fault.inner))


def _of_schema(fault: schema.Fault, node: Node | None) -> Breach:
    keys = schema.keys(fault.inner)
    for key in keys:
        items = dict(enumerate(node.items or ())) if node is not None else {}
        node = (items.get(key) if isinstance(key, int) else node and node.get(key)) or node
    message = ": ".join(filter(None, (shown(".".join(map(str, keys))), shown(fault.message))))
    line = node.line if node is not None else None
    remedy = "see the workflow syntax of GitHub Actions"
    return Breach("schema", Finding(message, fault.file, line, remedy), blocks=True)


def judge_zizmor(done: Completed, *, promised: bool = False) -> list[Breach]:
    """What `zizmor --format json --no-exit-codes` printed. Raises CannotCheck for no report.

    `promised` says that the project promises to please it.
    """
    try:
        report = json.loads(done.stdout)
        if done.status != 0 or not isinstance(report, list):
            raise ValueError(done.status)
        found = [_of_zizmor(item, promised) for item in report if not item["ignored"]]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        raise CannotCheck(f"zizmor gave no report: {done.last_line}", LOG_REMEDY) from None
    return found


def _of_zizmor(item: Mapping[str, Any], promised: bool) -> Breach:
    places = item["locations"]
    place = next((p for p in places if p["symbolic"]["kind"] == "Primary"), places[0])
    path = place["symbolic"]["key"]["Local"]["verbatim_path"]
    line = place["concrete"]["location"]["start_point"]["row"] + 1
    severity = item["determinations"]["severity"]
    confidence = item["determinations"]["confidence"]
    message = f"{item['desc']}: {place['symbolic']['annotation']} (zizmor, {severity.lower()})"
    return Breach(
        str(item["ident"]),
        Finding(shown(message), str(path), int(line), f"see {item['url']}"),
        severity in TRIVIAL or confidence in TRIVIAL,
        promised or item["ident"] == INJECTION,
    )


GATE = Gate(
    name="workflows",
    title="workflows are sound; publishing keeps to the policy",
    check=check,
    tools=("zizmor", "check-jsonschema"),
    cost=0.7,
    order=80,
    settings="release.gates.workflows.settings:WorkflowsSettings",
    defects="release.gates.workflows.defects:DEFECTS",
)
