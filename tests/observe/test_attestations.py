"""Real attestations of real packages, verified; and every forgery of them, refused."""

from __future__ import annotations

import copy
import hashlib
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from release.errors import CannotCheck
from release.model import Judgement
from release.observe.attestations import (
    Attested,
    Identity,
    Seen,
    differences,
    judge,
    read,
    verified,
)
from release.observe.verify import TOOLS
from release.run.runner import open_shell
from release.world.distributions import download
from release.world.index import index_url, release_files
from tests.support import Judge

SDIST = "pypi_attestations-0.0.19.tar.gz"
REPOSITORY = "https://github.com/trailofbits/pypi-attestations"
COMMIT = "08802efe1f8e5fec4ad842d6b8ce97656092ee72"
RIGHT = Identity(REPOSITORY, "release.yml", "refs/tags/v0.0.19", COMMIT)
CLAIMS = {
    "issuer": "https://token.actions.githubusercontent.com",
    "repository": REPOSITORY,
    "workflow": f"{REPOSITORY}/.github/workflows/release.yml@refs/tags/v0.0.19",
    "ref": "refs/tags/v0.0.19",
    "commit": COMMIT,
}
PUBLISHER = {"kind": "GitHub", "repository": "trailofbits/pypi-attestations"}
GOOD = Attested(PUBLISHER, CLAIMS)


def test_who_published_is_compared_claim_by_claim() -> None:
    assert differences(GOOD, RIGHT) == []
    assert differences(GOOD, Identity()) == []
    other_case = Identity("https://github.com/TrailOfBits/pypi-attestations")
    assert differences(GOOD, other_case) == []


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Identity(repository="https://github.com/somebody/else"), "repository"),
        (Identity(workflow="publish.yml"), "workflow release.yml instead of publish.yml"),
        (Identity(ref="refs/tags/v0.0.20"), "ref refs/tags/v0.0.19"),
        (Identity(commit="0" * 40), "commit 08802efe"),
    ],
)
def test_somebody_else_is_a_defect(wanted: Identity, said: str) -> None:
    judged = judge([SDIST], Seen({SDIST: (GOOD,)}, renewed=True), wanted, promised=True)
    assert said in judged.defects[0].message
    assert "yank" in str(judged.defects[0].remedy)


def test_a_claim_that_is_not_there_differs() -> None:
    bare = Attested(PUBLISHER, {"repository": REPOSITORY})
    found = differences(bare, RIGHT)
    assert [line.split()[0] for line in found] == ["workflow", "ref", "commit", "issuer"]


def test_none_is_a_defect_where_one_is_promised_and_nothing_otherwise() -> None:
    none = Seen({}, renewed=True)
    assert judge([SDIST], none, RIGHT, promised=True).defects
    others = judge([SDIST], none, RIGHT, promised=True, own=False)
    assert (others.defects, "who published it" in str(others.unchecked[0].remedy)) == ((), True)
    assert judge([SDIST], none, RIGHT, promised=False) == Judgement()
    empty = Seen({SDIST: ()}, renewed=True)
    assert judge([SDIST], empty, RIGHT, promised=True).defects


def test_a_file_without_one_beside_others_is_advice() -> None:
    judged = judge(["a", SDIST], Seen({SDIST: (GOOD,)}, renewed=True), RIGHT, promised=False)
    assert "no attestation of a" in judged.advice[0].message


def test_one_that_does_not_verify_is_a_defect_whatever_is_promised() -> None:
    seen = Seen({SDIST: (Attested(PUBLISHER, {}, "bad signature"),)}, renewed=True)
    judged = judge([SDIST], seen, Identity(), promised=False)
    assert "bad signature" in judged.defects[0].message


@pytest.mark.parametrize(
    "answer", [None, {}, {"files": {"a": [{}]}, "trust": "kept"}, {"files": 1}]
)
def test_an_answer_that_is_none_is_refused(answer: Any) -> None:
    with pytest.raises((KeyError, TypeError, AttributeError)):
        read(answer)


# With the libraries, on what the index and the transparency log really have.


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that an sdist of pypi-attestations carries for its own tests."""
    folder = tmp_path_factory.mktemp("material")
    url = index_url(None)
    try:
        files = release_files("pypi-attestations", "0.0.30", url)
        sdist = next(file for file in files if file.name.endswith(".tar.gz"))
        path = download(sdist, url, folder)
    except CannotCheck as error:
        pytest.skip(error.reason)
    with tarfile.open(path) as archive:
        archive.extractall(folder, filter="data")
    return folder / "pypi_attestations-0.0.30" / "test" / "assets"


def judged(
    judge_: Judge, root: Path, found: Mapping[str, Any], digests: Mapping[str, str],
    wanted: Identity = RIGHT,
) -> Judgement:  # fmt: skip
    with open_shell(judge_.run(root), TOOLS) as shell:
        seen = verified(shell, found, digests)
    return judge(list(digests), seen, wanted, promised=True)


@pytest.mark.slow
@pytest.mark.network
def test_real_attestations_verify_and_forged_ones_do_not(
    project: Path, judge: Judge, material: Path
) -> None:
    data = (material / SDIST).read_bytes()
    provenance = json.loads((material / f"{SDIST}.provenance").read_text())
    digests = {SDIST: hashlib.sha256(data).hexdigest()}
    assert judged(judge, project, {SDIST: provenance}, digests).defects == ()
    other = Identity(REPOSITORY, "release.yml", "refs/tags/v0.0.19", "0" * 40)
    assert judged(judge, project, {SDIST: provenance}, digests, other).defects

    def forged(change: Any) -> Judgement:
        spoilt = copy.deepcopy(provenance)
        change(spoilt)
        return judged(judge, project, {SDIST: spoilt}, digests)

    def of(spoilt: Any) -> Any:
        return spoilt["attestation_bundles"][0]

    def other_repository(spoilt: Any) -> None:
        of(spoilt)["publisher"]["repository"] = "somebody/else"

    def other_workflow(spoilt: Any) -> None:
        of(spoilt)["publisher"]["workflow"] = "other.yml"

    def other_kind(spoilt: Any) -> None:
        of(spoilt)["publisher"] = {"kind": "GitLab", "repository": "a/b", "workflow_filepath": "c"}

    def other_signature(spoilt: Any) -> None:
        of(spoilt)["attestations"][0]["envelope"]["signature"] = "AAAA"

    def other_statement(spoilt: Any) -> None:
        of(spoilt)["attestations"][0]["envelope"]["statement"] = "e30="

    def out_of_the_log(spoilt: Any) -> None:
        material = of(spoilt)["attestations"][0]["verification_material"]
        material["transparency_entries"][0]["inclusionProof"]["hashes"].reverse()

    def no_bundles(spoilt: Any) -> None:
        spoilt["attestation_bundles"] = []

    def no_attestations(spoilt: Any) -> None:
        of(spoilt)["attestations"] = []

    def no_provenance(spoilt: Any) -> None:
        spoilt.clear()

    for change in (
        other_repository, other_workflow, other_kind, other_signature, other_statement,
        out_of_the_log, no_bundles, no_attestations, no_provenance,
    ):  # fmt: skip
        assert forged(change).defects, change.__name__
    # The environment is not signed, which is why nothing here relies on it.
    tampered = {SDIST: hashlib.sha256(data + b"\0").hexdigest()}
    assert judged(judge, project, {SDIST: provenance}, tampered).defects
    renamed = SDIST.replace("0.0.19", "0.0.20")
    assert judged(judge, project, {renamed: provenance}, {renamed: digests[SDIST]}).defects
    assert judged(judge, project, {}, digests).defects
