"""Who published the files of a release: their attestations, verified and compared.

The libraries of PyPI and Sigstore verify, in an environment of their own, that an attestation is of
these bytes, signed by the publisher that it is filed under, and in the transparency log. That
publisher is a repository and a workflow; which commit it ran for, and for which ref, stands in the
certificate and is compared here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from release.errors import CannotCheck
from release.model import Finding, Judgement
from release.run.shell import Shell
from release.world.index import ServedFile
from release.world.integrity import provenance_of

SCRIPT = Path(__file__).with_name("_check_attestations.py")
GITHUB_ISSUER = "https://token.actions.githubusercontent.com"
NONE_REMEDY = (
    "no attestation can be added to a file that is published: release the next version by Trusted"
    " Publishing, without a password"
)
UNTOLD_REMEDY = (
    "nothing shows who published it; a mirror may leave attestations out: ask the index itself, by"
    " PIP_INDEX_URL or UV_DEFAULT_INDEX"
)
WRONG_REMEDY = (
    "do not install it: yank it, and find out who published it before anything else is released"
)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who must have published: what is None is not compared.

    `repository` is the address of its page, `workflow` a file's name.
    """

    repository: str | None = None
    workflow: str | None = None
    ref: str | None = None
    commit: str | None = None


@dataclass(frozen=True, slots=True)
class Attested:
    """One attestation of a file: whom its publisher is, what its certificate claims.

    `error` says why it does not verify, and is empty where it does.
    """

    publisher: Mapping[str, str]
    claims: Mapping[str, str]
    error: str = ""

    @property
    def by(self) -> str:
        """Who published, in a few words."""
        claims = self.claims
        if "workflow" not in claims:
            return self.publisher.get("email") or self.publisher.get("kind") or "somebody"
        workflow = claims["workflow"].partition("@")[0].rpartition("/")[2]
        where = claims.get("repository", "").removeprefix("https://")
        of = f" at {claims['ref']}" if claims.get("ref") else ""
        commit = f" ({claims['commit'][:12]})" if claims.get("commit") else ""
        return f"{where}, {workflow}{of}{commit}"


@dataclass(frozen=True, slots=True)
class Seen:
    """The attestations of files by their names, and whether the trusted root could be renewed."""

    files: Mapping[str, tuple[Attested, ...]]
    renewed: bool


def provenances(
    project: str, version: str, files: Sequence[ServedFile], index: str
) -> Mapping[str, Any]:
    """The provenance objects that an index serves, by the names of their files.

    Raises CannotCheck when it cannot be asked.
    """
    found = {
        file.name: provenance_of(project, version, file.name, index, file.provenance)
        for file in files
    }
    return {name: said for name, said in found.items() if said is not None}


def verified(shell: Shell, found: Mapping[str, Any], digests: Mapping[str, str]) -> Seen:
    """Verify provenance objects against the digests of their files.

    Raises CannotCheck where the libraries cannot be had or their answer cannot be read.
    """
    if not found:
        return Seen({}, renewed=True)
    files = [
        {"name": name, "sha256": digests[name], "provenance": said} for name, said in found.items()
    ]
    answer, last = shell.answer(SCRIPT, asked={"files": files})
    try:
        return read(answer)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise CannotCheck(
            f"the attestations could not be verified: {last or 'no answer'}",
            f"look at {shell.folder.name}/logs/{shell.gate.name}.log",
        ) from None


def read(answer: Any) -> Seen:
    """What the script said. Raises KeyError, TypeError, ValueError for anything else."""
    files = {
        name: tuple(
            Attested(_texts(item["publisher"]), _texts(item["claims"]), str(item["error"]))
            for item in items
        )
        for name, items in answer["files"].items()
    }
    return Seen(files, renewed=answer["trust"] == "renewed")


def _texts(table: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in table.items() if value is not None}


def judge(
    names: Sequence[str], seen: Seen, wanted: Identity, *, promised: bool, own: bool = True
) -> Judgement:
    """The verdict on the attestations of files.

    Where they are `promised`, a file without one is a defect; of a project that is not one's own it
    cannot be told who published it. One that does not verify, or is of somebody else than `wanted`,
    always is a defect: a forged one is worse than none.
    """
    if not (promised or any(seen.files.values())):
        return Judgement()
    total = Judgement(len(names))
    bare = [name for name in names if not seen.files.get(name)]
    if bare:
        said = Finding(
            f"no attestation of {', '.join(bare)}", remedy=NONE_REMEDY if own else UNTOLD_REMEDY
        )
        if promised and not own:
            total += Judgement(unchecked=(said,))
        else:
            total += Judgement(defects=(said,)) if promised else Judgement(advice=(said,))
    for name in names:
        for attested in seen.files.get(name, ()):
            total += _judge_one(name, attested, wanted)
    return total


def _judge_one(name: str, attested: Attested, wanted: Identity) -> Judgement:
    if attested.error:
        said = f"an attestation of {name} does not verify: {attested.error}"
        return Judgement(1, (Finding(said, remedy=WRONG_REMEDY),))
    wrong = list(differences(attested, wanted))
    if wrong:
        said = f"{name} was published by somebody else: {'; '.join(wrong)}"
        return Judgement(1, (Finding(said, remedy=WRONG_REMEDY),))
    return Judgement(1)


def differences(attested: Attested, wanted: Identity) -> list[str]:
    """What differs between an attestation that verifies and who must have published.

    A claim that the certificate does not have differs from any that is wanted.
    """
    claims = attested.claims
    workflow = claims.get("workflow", "").partition("@")[0].rpartition("/")[2]
    compared = {
        "repository": (claims.get("repository", ""), wanted.repository),
        "workflow": (workflow, wanted.workflow),
        "ref": (claims.get("ref", ""), wanted.ref),
        "commit": (claims.get("commit", ""), wanted.commit),
    }
    found = [
        f"{name} {is_ or '(none)'} instead of {should}"
        for name, (is_, should) in compared.items()
        if should is not None and not _same(name, is_, should)
    ]
    github = wanted.repository is not None and wanted.repository.startswith("https://github.com/")
    if github and claims.get("issuer") != GITHUB_ISSUER:
        found.append(f"issuer {claims.get('issuer') or '(none)'} instead of {GITHUB_ISSUER}")
    return found


def _same(name: str, one: str, other: str) -> bool:
    # GitHub's names are the same in whatever case.
    return one.lower() == other.lower() if name == "repository" else one == other
