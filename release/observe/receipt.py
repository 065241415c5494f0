"""Compares the receipt that a forge's release carries with what is served and tagged.

`release.report.receipt` writes it. Whoever may write to the forge's release may replace it, so it
proves nothing by itself: one that says something else shows that something was replaced.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from release.errors import CannotCheck
from release.model import Finding, Judgement
from release.observe.expected import Expected

NAME = "receipt.json"
STATEMENT = "https://in-toto.io/Statement/v1"
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
TAG = "git:refs/tags/"
REMEDY = "find out which is right before anybody installs it: only one of them was judged"


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
    try:
        subjects, tag, commit = _read(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration, RecursionError):
        raise CannotCheck(
            f"{NAME} is not a receipt of a release",
            f"look at it; `gh release upload {expected.tag} {NAME}` attaches another one",
        ) from None
    wrong = list(_differences(subjects, served))
    if tag != expected.tag:
        wrong.append(f"the tag is {expected.tag}, and there {tag}")
    if expected.commit is not None and commit != expected.commit:
        wrong.append(f"the tag's commit is {expected.commit[:12]}, and there {commit[:12]}")
    defects = tuple(Finding(f"{NAME} says something else: {each}", remedy=REMEDY) for each in wrong)
    found = Judgement(len(subjects) + 2, defects)
    if missing := sorted(subjects.keys() - served.keys()):
        said = f"not there yet: {NAME} names {', '.join(missing)}, which the index does not serve"
        found += Judgement(unchecked=(Finding(said, remedy="wait a few minutes, and look again"),))
    elif not wrong:
        found += Judgement(notes=(Finding("it names these files, this tag and this commit"),))
    return found


def _differences(subjects: Mapping[str, str], served: Mapping[str, str]) -> Iterator[str]:
    for name, digest in served.items():
        if name not in subjects:
            yield f"it does not name {name}, which the index serves"
        elif subjects[name] != digest:
            yield f"the index serves other bytes of {name}"


def _read(said: Any) -> tuple[Mapping[str, str], str, str]:
    """The digests by file, the tag and its commit. Raises ValueError and the like."""
    if (said["_type"], said["predicateType"]) != (STATEMENT, TEST_RESULT):
        raise ValueError("another statement")
    configuration = said["predicate"]["configuration"]
    tagged = next(c for c in configuration if str(c.get("uri", "")).startswith(TAG))
    subjects = {str(s["name"]): str(s["digest"]["sha256"]).lower() for s in said["subject"]}
    return subjects, tagged["uri"].removeprefix(TAG), str(tagged["digest"]["gitCommit"])
