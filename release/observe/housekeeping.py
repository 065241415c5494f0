"""Where a release stands, and what is left to tidy up once it is out.

The latter is advice: none of it holds anything up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from release.change import situation
from release.change.situation import Request, Situation
from release.change.steps import STEPS
from release.errors import CannotCheck, ReleaseError
from release.gates.documents import readmes
from release.gates.documents.badges import judge
from release.gates.workflows.rules.credentials import INDEX_SECRET
from release.observe.expected import expected
from release.observe.status import Scene, checks_state, observed
from release.project import Project, read_text
from release.project.git import git
from release.text.versions import parse
from release.world.remote import RemoteRefs
from release.world.standing import (
    GOOD,
    OPEN,
    Archive,
    Attestations,
    Checks,
    Files,
    Observation,
    Standing,
    Step,
    stand,
)

DUE = "!"


@dataclass(frozen=True, slots=True)
class Row:
    """One thing to look after: how it stands, in a sentence, and what to do about it."""

    mark: str
    said: str
    remedy: str = ""


def look(project: Project, version: str | None) -> tuple[Standing, tuple[Row, ...]]:
    """Where a release stands under the project's policy, and what is left to tidy up once it is
    finished.

    Raises ReleaseError where there is no version to look at, UsageError for one that is none.
    """
    scene = Scene(project, expected(project, version), datetime.now(UTC))
    seen = observed(scene)
    found = stand(seen, project.settings.recovery)
    if found.step is Step.CUT and seen.looks["files"].state is Files.BEFORE:
        found = _cut_or_another(project, found)
    return found, rows(scene, seen) if found.step is Step.NOTHING else ()


def _cut_or_another(project: Project, found: Standing) -> Standing:
    """A standing whose step is to cut a version; what a cut can make where it refuses that one."""
    try:
        there = situation.look(project)
    except ReleaseError:
        return found  # `cut` says so itself
    try:
        situation.wanted_version(there, Request(found.observation.version))
    except ReleaseError as error:
        problem = error.problems[0]
        can = " or ".join(_cuts(there)) or problem.remedy
        what = f"release another version: {can}"
        return replace(found, why=problem.message, what=what, commands=())
    return found


def _cuts(there: Situation) -> Iterator[str]:
    """Each version that a cut can make from here, with what to type for it."""
    made = set()
    for step in (str(there.current), *STEPS):
        try:
            version = situation.wanted_version(there, Request(step))
        except ReleaseError:
            continue
        if version not in made:
            made.add(version)
            yield f"`nox -s cut -- {step}`" + ("" if step == str(version) else f" ({version})")


def rows(scene: Scene, seen: Observation) -> tuple[Row, ...]:
    """What there is to look after, each as far as it can be seen."""
    looks: tuple[Callable[[Scene, Observation], Iterator[Row]], ...] = (
        badges,
        doi_badge,
        blocking_issues,
        branch_checks,
        sbom,
        development_version,
        tokens,
    )
    found: list[Row] = []
    for seek in looks:
        try:
            found += seek(scene, seen)  # with the rows that come before an error
        except CannotCheck as error:
            title = seek.__name__.replace("_", " ")
            found.append(
                Row(OPEN, f"{title}: could not be looked at: {error.reason}", error.remedy)
            )
    return tuple(found)


def _readme(scene: Scene) -> tuple[str, str] | None:
    names = readmes(scene.project.root)
    return (names[0], read_text(scene.project.root, names[0])) if names else None


def badges(scene: Scene, seen: Observation) -> Iterator[Row]:
    """Badges of README that state a version are of this release."""
    readme, version = _readme(scene), parse(seen.version)
    if readme is None or version is None or seen.later:
        return
    for finding in judge(readme[1], readme[0], version):
        yield Row(DUE, f"{finding.place}: {finding.message}", finding.remedy or "")


def doi_badge(scene: Scene, seen: Observation) -> Iterator[Row]:
    """README shows the DOI, once there is one."""
    readme = _readme(scene)
    if seen.looks["archive"].state is not Archive.THERE or readme is None:
        return
    if "zenodo" in readme[1].lower():
        yield Row(GOOD, f"{readme[0]} shows a DOI")
    else:
        doi = seen.looks["archive"].said
        yield Row(DUE, f"{readme[0]} shows no DOI", f"add the badge of {doi}, or of all versions")


def blocking_issues(scene: Scene, _seen: Observation) -> Iterator[Row]:
    """What held a release up is closed after it."""
    label = scene.project.settings.blocking_label
    if scene.forge is None or label is None:
        return
    found = scene.forge.open_issues(label)
    for number, title in found.items():
        yield Row(DUE, f"#{number} is open and labelled {label}: {title}", f"close #{number}")
    if not found:
        yield Row(GOOD, f"nothing that is labelled {label} is open")


def branch_checks(scene: Scene, _seen: Observation) -> Iterator[Row]:
    """CI on the release branch, after the tag."""
    refs = scene.refs
    head = refs.branch(scene.branch) if isinstance(refs, RemoteRefs) else None
    if scene.forge is None or head is None or head == scene.commit:
        return
    found = checks_state(scene.forge.checks(head), scene.wanted.tag)
    where = f"checks of {scene.branch} ({head[:12]})"
    if found.state is Checks.RED:
        yield Row(DUE, f"{where}: {found.said}", "fix them before the next release")
    else:
        yield Row(GOOD if found.state is Checks.GREEN else OPEN, f"{where}: {found.said}")


def sbom(scene: Scene, _seen: Observation) -> Iterator[Row]:
    """The SBOM that is committed with the next release describes this one."""
    commit, root = scene.wanted.commit, scene.project.root
    for path in scene.project.settings.sbom if commit else ():
        done = git(root, "diff", "--quiet", str(commit), "HEAD", "--", path, check=False)
        if done.returncode:
            yield Row(GOOD, f"{path} was refreshed after {scene.wanted.tag}")
        else:
            remedy = "nox -s sbom, and commit its files with the next release"
            yield Row(DUE, f"{path} is from before {scene.wanted.tag}", remedy)


def development_version(scene: Scene, seen: Observation) -> Iterator[Row]:
    """The files are back at a development version, where the project does that."""
    stated = parse(scene.project.version or "")
    if not scene.project.settings.development_version or stated is None:
        return
    if stated.is_devrelease and stated > (parse(seen.version) or stated):
        yield Row(GOOD, f"the files state {stated}")
    else:
        remedy = "set the next development version, such as 1.3.0.dev0, in its own commit"
        yield Row(DUE, f"the files state {stated}, not a development version", remedy)


def tokens(scene: Scene, seen: Observation) -> Iterator[Row]:
    """Once a release is out by Trusted Publishing, the tokens for it are to go."""
    if scene.forge is None or seen.looks["attestations"].state is not Attestations.COMPLETE:
        return
    pypirc = Path.home() / ".pypirc"
    if pypirc.is_file():
        yield Row(DUE, f"{pypirc} is there", "remove what it has for this project")
    publishing = scene.wanted.publishing
    environments = [publishing.environment] if publishing and publishing.environment else []
    # One at a time: a forge may show the secrets of the repository and refuse the environment's.
    for environment in ("", *environments):
        option = f" --env {environment}" if environment else ""
        where = f"the environment {environment}" if environment else "the repository"
        left = [name for name in scene.forge.secret_names(environment) if INDEX_SECRET.search(name)]
        if left:
            remedy = "; ".join(f"gh secret delete {name}{option}" for name in left)
            yield Row(DUE, f"secrets that {where} keeps: {', '.join(left)}", f"retire: {remedy}")
        else:
            yield Row(GOOD, f"{where} has no secret named like a token of an index")
