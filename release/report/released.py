"""What publish, verify and status have to say, as lines of text."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

from release.change.publishing import Published
from release.model import Finding, Judgement, Status
from release.observe.housekeeping import Row
from release.observe.verify import Verified
from release.text.escaping import counted, sentence
from release.world.standing import ASIDE, BAD, GOOD, OPEN, Standing

VERDICTS = {
    Status.PASSED: "verified",
    Status.FAILED: "NOT WHAT WAS RELEASED",
    Status.UNCHECKED: "not all of it could be verified",
}
OF_A_TAG = frozenset(["branch", "stated"])  # without one, there is nothing to be glad of
UNTOLD = "it can be installed and used; nothing here tells who built it, or of what"
TITLES: Mapping[str, str] = {
    "files": "version files",
    "local_tag": "tag here",
    "remote_tag": "tag on the remote",
    "branch": "release branch",
    "stated": "files at the tag",
    "checks": "checks",
    "run": "publishing run",
    "index": "index",
    "attestations": "attestations",
    "forge": "forge release",
    "image": "image",
    "archive": "archive",
}


def published_lines(done: Published) -> Iterator[str]:
    """How an upload ended, and what comes next."""
    sent, there = len(done.sent), len(done.there)
    if not sent:
        yield f"nothing to upload: the index has every file of {done.version}, byte for byte"
    else:
        before = f", {there} were there" if there else ""
        yield f"published {done.version}: {counted(sent, 'file')} uploaded{before}"
    yield f"next: nox -s verify -- {done.version} --wait 10"


def verified_lines(verified: Verified) -> Iterator[str]:
    """A line for each part, what to do about it, and the verdict."""
    wanted = verified.expected
    for part in verified.parts:
        yield from _part(part.title, part.judgement)
    outcome = verified.outcome()
    yield ""
    verdict = VERDICTS[outcome.status]
    attested = any(p.judgement.checked for p in verified.parts if p.title == "attestations")
    if outcome.status is Status.PASSED and wanted.digests is None and not attested:
        verdict = UNTOLD
    yield f"{wanted.name} {wanted.version}: {verdict}"


def _part(title: str, judged: Judgement) -> Iterator[str]:
    mark = BAD if judged.defects else OPEN if judged.unchecked else GOOD
    if mark is GOOD and not judged.checked:
        mark = ASIDE
    findings = (*judged.defects, *judged.unchecked)
    notes = "; ".join(sentence(note.message) for note in judged.notes)
    if not findings:
        yield f"{mark} {title}" + (f": {notes}" if notes else "")
    for finding in findings:
        yield from _finding(mark, title, finding)
    if findings and notes:
        yield f"  {title}: {notes}"
    for finding in judged.advice:
        yield from _finding("!", title, finding)


def _finding(mark: str, title: str, finding: Finding) -> Iterator[str]:
    yield f"{mark} {title}: {sentence(finding.message)}"
    if finding.remedy:
        yield f"  → {sentence(finding.remedy)}"


def by_hand(verified: Verified) -> Iterator[str]:
    """Commands that verify the same without this program, for today's tools."""
    wanted = verified.expected
    name, repository = wanted.name, wanted.identity.repository
    yield "By hand:"
    yield _command("pip", "download", "--no-deps", f"{name}=={wanted.version}")
    for file in verified.files[:2]:
        if repository and (wanted.promised or wanted.digests is None):
            words = ("pypi-attestations", "verify", "pypi", "--repository", repository)
            yield _command(*words, f"pypi:{file.name}")
    publishing, forge = wanted.publishing, wanted.repository
    if publishing is not None and forge is not None and wanted.commit and publishing.by_tag:
        yield _command("gh", "release", "view", wanted.tag, "--repo", forge.slug)
        signer = f"{forge.slug}/.github/workflows/{publishing.workflow}"
        yield (
            _command(
                *("gh", "attestation", "verify", "FILE", "--repo", forge.slug),
                *("--signer-workflow", signer, "--source-ref", f"refs/tags/{wanted.tag}"),
                *("--source-digest", wanted.commit, "--deny-self-hosted-runners"),
            )
            + "  # of what actions/attest signed"
        )
    if wanted.image:
        yield _command("docker", "buildx", "imagetools", "inspect", wanted.image)


def _command(*words: str) -> str:
    return f"  $ {shlex.join(words)}"


def status_lines(standing: Standing, rows: tuple[Row, ...] = ()) -> Iterator[str]:
    """What is, what is missing, and what to type."""
    seen = standing.observation
    yield f"{seen.project} {seen.version}"
    yield ""
    width = max(map(len, TITLES.values()))
    without = not any(seen.looks[tag].state.name == "THERE" for tag in ("local_tag", "remote_tag"))
    for field, title in TITLES.items():
        found = seen.looks[field]
        if found.state.name != "NOT_EXPECTED":
            mark = ASIDE if without and field in OF_A_TAG else found.state.mark
            yield f"{mark} {title:<{width}}  {sentence(found.said)}"
    if rows:
        yield ""
        yield "Afterwards:"
        for row in rows:
            yield f"{row.mark} {sentence(row.said)}"
            if row.remedy:
                yield f"  → {sentence(row.remedy)}"
    yield ""
    if not standing.ended:
        yield f"{sentence(standing.why)}."
    yield f"{'Done' if standing.ended else 'Next'}: {sentence(standing.what)}"
    for command in standing.commands:
        yield f"  $ {command}"
