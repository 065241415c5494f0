"""A receipt that the forge's release carries says the same as the index and the tag."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from release.errors import CannotCheck
from release.model import Status
from release.observe.expected import Expected, Publishing, publishing_at
from release.observe.receipt import NAME, judge, judge_kept, missing
from release.project import Project, read_project
from release.report.receipt import receipt
from release.world.forge import Asset, Forge, Repository, Token
from tests.forge_server import SECRET, SLUG, ForgeServer, release
from tests.local_server import Reply
from tests.report.test_receipt import WHEEL, released, report
from tests.support import write

__all__ = ["released"]
SERVED = {WHEEL.name: WHEEL.sha256}
OTHER = "0" * 64
WORKFLOW = """\
on: {push: {tags: ["v*"]}}
jobs:
  publish:
    permissions: {id-token: write}
    steps: [{uses: pypa/gh-action-pypi-publish@v1}]
  forge-release:
    steps: [{run: "cp dist/* receipt/receipt.* files/"}, {run: gh release create v1 files/*}]
"""


@pytest.fixture
def text(released: Project) -> str:
    return receipt(report(released), released, {})[NAME] or ""


@pytest.fixture
def wanted(released: Project) -> Expected:
    assert released.git is not None
    return Expected("small-thing", "1.2.3", "", "v1.2.3", released.git.commit)


def changed(text: str, change: Callable[[Any], None]) -> str:
    data = json.loads(text)
    change(data)
    return json.dumps(data)


def test_the_receipt_that_is_written_agrees_with_what_it_was_written_for(
    text: str, wanted: Expected
) -> None:
    found = judge(text, wanted, SERVED)
    assert found.settle("well").status is Status.PASSED
    assert "these files, this tag and this commit" in found.notes[0].message


def test_a_receipt_that_says_something_else_is_wrong(text: str, wanted: Expected) -> None:
    def said(text: str, wanted: Expected = wanted, served: dict[str, str] = SERVED) -> str:
        return "; ".join(defect.message for defect in judge(text, wanted, served).defects)

    def digest(data: Any) -> None:
        data["subject"][0]["digest"]["sha256"] = OTHER

    assert f"other bytes of {WHEEL.name}" in said(changed(text, digest))
    assert "does not name more.whl" in said(text, served={**SERVED, "more.whl": OTHER})
    assert "the tag is v1.2.4" in said(text, replace(wanted, tag="v1.2.4"))
    assert f"commit is {'c' * 12}" in said(text, replace(wanted, commit="c" * 40))


def test_a_receipt_of_another_repository_is_wrong(released: Project, wanted: Expected) -> None:
    ours = replace(wanted, repository=Repository("github.com", "O", "small-thing", ""))
    for owner, wrong in (("o", False), ("o-evil", True)):
        run = {"GITHUB_REPOSITORY": f"{owner}/small-thing", "GITHUB_RUN_ID": "7"}
        run["GITHUB_SERVER_URL"] = "https://github.com"
        text = receipt(report(released), released, run)[NAME] or ""
        found = [defect.message for defect in judge(text, ours, SERVED).defects]
        assert any("the repository is" in message for message in found) is wrong


def test_the_receipt_that_is_kept_here_counts_for_its_own_tag(
    text: str, wanted: Expected, tmp_path: Path
) -> None:
    kept = tmp_path / NAME
    kept.write_text(text)
    assert judge_kept(kept, wanted, SERVED).settle("well").status is Status.PASSED
    assert judge_kept(kept, wanted, {WHEEL.name: OTHER}).defects
    other = judge_kept(kept, replace(wanted, tag="v1.2.4"), {WHEEL.name: OTHER})
    assert (other.defects, "of v1.2.3" in other.notes[0].message) == ((), True)
    kept.write_text("{")
    with pytest.raises(CannotCheck, match="not a receipt"):
        judge_kept(kept, wanted, SERVED)


def test_a_file_that_only_the_receipt_names_may_still_arrive(text: str, wanted: Expected) -> None:
    assert judge(text, wanted, {}).settle("well").status is Status.UNCHECKED


@pytest.mark.parametrize(
    "text", ["", "<html>", "[]", "[" * 100_000, '{"_type": 1}', '{"subject": []}'], ids=range(6)
)
def test_what_is_not_a_receipt_is_not_judged_as_one(text: str, wanted: Expected) -> None:
    with pytest.raises(CannotCheck, match="not a receipt"):
        judge(text, wanted, SERVED)


def test_one_is_missing_only_where_the_workflow_promises_it(
    tmp_path: Path, wanted: Expected, project: Path
) -> None:
    assert not missing(wanted).defects
    for text in (WORKFLOW, WORKFLOW.replace("receipt.*", "x")):
        write(project, {".github/workflows/release.yml": text})
        publishing = publishing_at(read_project(project), None)
        assert isinstance(publishing, Publishing)
        assert publishing.receipt is (text == WORKFLOW)
        assert bool(missing(replace(wanted, publishing=publishing)).defects) is publishing.receipt


def test_a_file_of_a_release_is_read_without_handing_the_token_on() -> None:
    with ForgeServer() as forge:
        forge.releases["v1"] = release("v1", {NAME: None})
        path = f"/repos/{SLUG}/releases/assets/1"
        forge.replies[path] = Reply(body=b'{"a": 1}')
        client = Forge(Repository("github.com", "o", "small-thing", forge.url), Token(SECRET, "x"))
        found = client.release("v1")
        assert found is not None
        assert client.text_of(found.assets[0]) == '{"a": 1}'
        away = {"Location": "http://127.0.0.1:9/elsewhere"}
        forge.replies[path] = Reply(302, headers=away)
        with pytest.raises(CannotCheck, match="redirects to another server"):
            client.text_of(Asset(NAME, None, 1))
