"""Compares receipts, of a forge's release or of this machine, with what is served and tagged.

`release.report.receipt` writes it. Whoever may write to the forge's release may replace it, so it
proves nothing by itself: one that says something else shows that something was replaced.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from release.errors import CannotCheck
from release.model import Finding, Judgement
from release.observe.expected import Expected

NAME = "receipt.json"
STATEMENT = "https://in-toto.io/Statement/v1"
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
TAG = "git:refs/tags/"
REMEDY = "find out which is right before anybody installs it: only one of them was judged"


@dataclass(frozen=True, slots=True)
class _Receipt:
    """The digests by file, the tag, its commit, and the address of the run, empty for none."""

    subjects: Mapping[str, str]
    tag: str
    commit: str
    run: str


def missing(expected: Expected) -> Judgement:
    """The verdict on a release without one: a defect where its workflow promises one."""
    if expected.publishing is None or not expected.publishing.receipt:
        return Judgement()
    said = f"the forge's release lacks {NAME}, which its workflow attaches"
    remedy = f"gh run download gives the one of the run; gh release upload {expected.tag} {NAME}"
    return Judgement(1, (Finding(said, remedy=remedy),))


def judge(text: str, expected: Expected, served: Mapping[str, str]) -> Judgement:
    """The verdict on a receipt beside a tag and the digests of the files that an index serves.

    Raises CannotCheck for what is not a receipt.
    """
    said = _parsed(text, f"look at it; `gh release upload {expected.tag} {NAME}` attaches another")
    wrong = [*_differences(said.subjects, served), *_of_another_release(said, expected)]
    defects = tuple(Finding(f"{NAME} says something else: {each}", remedy=REMEDY) for each in wrong)
    found = Judgement(len(said.subjects) + 2, defects)
    if missing := sorted(said.subjects.keys() - served.keys()):
        why = f"not there yet: {NAME} names {', '.join(missing)}, which the index does not serve"
        found += Judgement(unchecked=(Finding(why, remedy="wait a few minutes, and look again"),))
    elif not wrong:
        found += Judgement(notes=(Finding("it names these files, this tag and this commit"),))
    return found


def judge_kept(path: Path, expected: Expected, served: Mapping[str, str]) -> Judgement:
    """The same for the receipt that the last run of the checklist left on this machine.

    One of another tag says nothing about this release.
    """
    text = path.read_text(encoding="utf-8", errors="replace")
    said = _parsed(text, f"delete {path}, or run nox -s release_preflight at the tag")
    if said.tag != expected.tag:
        note = f"the {NAME} that is kept here is of {said.tag}: nothing to compare with"
        return Judgement(notes=(Finding(note),))
    return judge(text, expected, served)


def _of_another_release(said: _Receipt, expected: Expected) -> Iterator[str]:
    if said.tag != expected.tag:
        yield f"the tag is {expected.tag}, and there {said.tag}"
    if expected.commit is not None and said.commit != expected.commit:
        yield f"the tag's commit is {expected.commit[:12]}, and there {said.commit[:12]}"
    page = expected.repository.page.lower() if expected.repository else None
    if page and said.run and not said.run.lower().startswith(f"{page}/"):
        yield f"the repository is {page}, and there the run is {said.run}"


def _differences(subjects: Mapping[str, str], served: Mapping[str, str]) -> Iterator[str]:
    for name, digest in served.items():
        if name not in subjects:
            yield f"it does not name {name}, which the index serves"
        elif subjects[name] != digest:
            yield f"the index serves other bytes of {name}"


def _parsed(text: str, remedy: str) -> _Receipt:
    try:
        said = json.loads(text)
        if (said["_type"], said["predicateType"]) != (STATEMENT, TEST_RESULT):
            raise ValueError("another statement")
        configuration = said["predicate"]["configuration"]
        tagged = next(c for c in configuration if str(c.get("uri", "")).startswith(TAG))
        subjects = {str(s["name"]): str(s["digest"]["sha256"]).lower() for s in said["subject"]}
        run = str(said["predicate"].get("url") or "")
        tag, commit = tagged["uri"].removeprefix(TAG), str(tagged["digest"]["gitCommit"])
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration, RecursionError):
        raise CannotCheck(f"{NAME} is not a receipt of a release", remedy) from None
    return _Receipt(subjects, tag, commit, run)
