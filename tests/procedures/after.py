"""What `verify` and `status` answer to a world that shows something else than a whole release."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from release.model import Judgement
from release.observe import attestations, installing, verify
from release.observe.attestations import Attested, Identity, Seen
from release.observe.expected import Expected
from release.world.index import ServedFile
from release.world.standing import next_step
from tests.procedures.model import After
from tests.world.test_standing import WHOLE

BUILT = {"thing-1.0-py3-none-any.whl": "a" * 64, "thing-1.0.tar.gz": "b" * 64}
EXPECTED = Expected("thing", "1.0", "", "v1.0", "c" * 40, BUILT, "build's evidence")
REPOSITORY = "https://github.com/o/thing"
OURS = Identity(REPOSITORY, "release.yml", "refs/tags/v1.0", "c" * 40)
PUBLISHER = {"kind": "GitHub", "repository": "o/thing"}
CLAIMS = {
    "issuer": "https://token.actions.githubusercontent.com",
    "repository": REPOSITORY,
    "workflow": f"{REPOSITORY}/.github/workflows/release.yml@refs/tags/v1.0",
    "ref": "refs/tags/v1.0",
    "commit": "c" * 40,
}


def status(sentence: str, world: str, answer: str, **seen: Any) -> After:
    """A state of the world, and the next safe step in it; for a whole release there is none."""

    def said(*, planted: bool) -> str:
        step = next_step(replace(WHOLE, **seen) if planted else WHOLE, "patch").step
        return step.value.removeprefix("finished")

    return After(sentence, "status", world, answer, said)


def serving(sentence: str, world: str, answer: str, served: Mapping[str, str]) -> After:
    """Files that the index serves, by their digests."""

    def said(*, planted: bool) -> str:
        shown = served if planted else BUILT
        files = [ServedFile(name, "1.0", f"/{name}", digest) for name, digest in shown.items()]
        return spoken(verify.judge_files(EXPECTED, files, shown))

    return After(sentence, "verify", world, answer, said)


def attested(
    sentence: str, world: str, answer: str, error: str = "", **claims: str | None
) -> After:
    """What stands in the attestation of each file; no attestation where `claims` are None."""

    def said(*, planted: bool) -> str:
        shown = Attested(PUBLISHER, CLAIMS)
        if planted:
            shown = Attested(PUBLISHER, {**CLAIMS, **{k: str(v) for k, v in claims.items()}}, error)
        none = planted and None in claims.values()
        seen = Seen(dict.fromkeys(BUILT, () if none else (shown,)), renewed=True)
        return spoken(attestations.judge(list(BUILT), seen, OURS, promised=True))

    return After(sentence, "verify", world, answer, said)


def imported(sentence: str, world: str, answer: str) -> After:
    """What is installed from the index by its name, and imported."""

    def said(*, planted: bool) -> str:
        failed = {"thing": "No module named 'other'"} if planted else {}
        probe = {"version": "1.0", "modules": ["thing"], "failed": failed}
        return spoken(installing.judge_imports(probe, "thing", "1.0"))

    return After(sentence, "verify", world, answer, said)


def spoken(judged: Judgement) -> str:
    return "; ".join(f.message for f in (*judged.defects, *judged.unchecked, *judged.advice))
