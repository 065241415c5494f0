"""setup: is what is set up once, outside of the repository, there?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from release.errors import ConfigurationError
from release.gates.setup import (
    Expected,
    Job,
    Seen,
    choose,
    judge_archive,
    judge_confirmations,
    judge_publisher,
    publishing_jobs,
    refuses,
)
from release.gates.setup.settings import SetupSettings
from release.gates.workflows.read import load
from release.model import Status
from release.world import web
from release.world.forge import Environment
from release.world.integrity import Publisher
from tests.forge_server import (
    REPOSITORY,
    SECRET,
    SLUG,
    ForgeServer,
    environment,
    hosting,
    refusal,
)
from tests.local_server import Reply
from tests.support import Judge, commit, git, said, write

TODAY = datetime.now(UTC).date()
PROJECTS = Path(__file__).parents[2] / "projects"
FILES = ("small_thing-1.2.2-py3-none-any.whl", "small_thing-1.2.2.tar.gz")
WORKFLOW = """\
name: Release
on:
  push:
    tags: ["v*"]
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - run: python -m build
  publish:
    runs-on: ubuntu-latest
    environment: {name: pypi, url: "https://x.example"}
    permissions: {id-token: write}
    steps:
      - uses: actions/download-artifact@v4
      - uses: pypa/gh-action-pypi-publish@v1.14.2
"""
PUBLISHER = {
    "kind": "GitHub",
    "repository": SLUG,
    "workflow": "release.yml",
    "environment": "pypi",
}


def days(number: int) -> date:
    return TODAY - timedelta(days=number)


@pytest.fixture
def server(project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ForgeServer]:
    """GitHub with a protected environment, and an index with one attested release."""
    with hosting(project, monkeypatch, tmp_path) as found:
        monkeypatch.setattr(web, "CONNECT_SECONDS", 0.5)
        monkeypatch.setattr(web, "READ_SECONDS", 0.5)
        monkeypatch.setenv("PIP_INDEX_URL", f"{found.url}/simple/")
        for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL"):
            monkeypatch.delenv(name, raising=False)
        found.replies["/simple/"] = Reply()
        found.environments["pypi"] = environment("pypi", "required_reviewers")
        released(found, PUBLISHER)
        yield found


def released(
    server: ForgeServer, *publishers: Mapping[str, Any], uploaded: date | None = None
) -> None:
    """Let the index have 1.2.2, attested by these publishers (by none: without attestations).

    `uploaded` is the day of which it says so, in JSON; in HTML it cannot.
    """
    links = "".join(f'<a href="/f/{name}">{name}</a>' for name in FILES)
    page: Any = f"<!DOCTYPE html><html><body>{links}</body></html>".encode()
    kind = "text/html"
    if uploaded is not None:
        kind = "application/vnd.pypi.simple.v1+json"
        time = f"{uploaded}T12:00:00.000000Z"
        files = [
            {"filename": name, "url": f"/f/{name}", "hashes": {}, "upload-time": time}
            for name in FILES
        ]
        page = {"meta": {"api-version": "1.1"}, "name": "small-thing", "files": files}
    server.replies["/simple/small-thing/"] = Reply(body=page, headers={"Content-Type": kind})
    for name in FILES:
        path = f"/integrity/small-thing/1.2.2/{name}/provenance"
        reply = Reply(body=bundles(*publishers))
        server.replies[path] = reply if publishers else refusal(404, "No provenance available")


def bundles(*publishers: Mapping[str, Any]) -> dict[str, Any]:
    """A provenance by these publishers."""
    found = [{"publisher": publisher, "attestations": [{}]} for publisher in publishers]
    return {"version": 1, "attestation_bundles": found}


def unreleased(server: ForgeServer) -> None:
    """Let the index not know the project."""
    server.replies["/simple/small-thing/"] = Reply(404, b"")


def set_up(root: Path, settings: str = "", workflow: str | None = WORKFLOW, more: str = "") -> None:
    """Commit a publishing workflow and settings of the gate; `more` stands before them."""
    source = (root / "pyproject.toml").read_text()
    table = f"\n[tool.release]\n{more}\n[tool.release.gates.setup]\n{settings}\n"
    write(root, {"pyproject.toml": source + table})
    if workflow is not None:
        write(root, {".github/workflows/release.yml": workflow})
    commit(root)


class TestPublisher:
    def test_the_last_releases_attestation_shows_it(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        set_up(project)
        found = judge(project, "setup").outcome
        assert found.status is Status.PASSED
        assert found.summary == (
            "publisher as 1.2.2 shows it (release.yml); environment pypi has required reviewers"
        )
        assert found.checked == 2
        assert not found.findings

    @pytest.mark.parametrize(
        ("field", "value", "message"),
        [
            ("repository", "other/small-thing", "owner other, not o"),
            ("repository", "o/other", "repository other, not small-thing"),
            ("workflow", "publish.yml", "workflow publish.yml, not release.yml"),
            ("workflow", "Release.yml", "workflow Release.yml, not release.yml"),
            ("environment", "release", "environment release, not pypi"),
            ("kind", "GitLab", "kind GitLab, not GitHub"),
        ],
    )
    def test_each_field_that_differs_fails(
        self,
        project: Path,
        server: ForgeServer,
        judge: Judge,
        field: str,
        value: str,
        message: str,
    ) -> None:
        released(server, {**PUBLISHER, field: value})
        set_up(project)
        found = said(judge(project, "setup"))
        assert f"the last release, 1.2.2, was published from elsewhere: {message} |" in found
        assert (
            "PyPI project name: small-thing; owner: o; repository name: small-thing;"
            " workflow name: release.yml; environment name: pypi"
        ) in found

    def test_the_forges_names_are_the_same_in_any_case(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        released(server, {**PUBLISHER, "repository": SLUG.upper(), "environment": "PyPI"})
        set_up(project)
        assert judge(project, "setup").outcome.status is Status.PASSED

    def test_one_of_several_publishers_is_enough(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        released(server, {**PUBLISHER, "workflow": "old.yml"}, PUBLISHER)
        set_up(project)
        assert judge(project, "setup").outcome.status is Status.PASSED

    def test_a_publisher_without_an_environment_is_remarked(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        released(server, {**PUBLISHER, "environment": None})
        set_up(project)
        found = said(judge(project, "setup"), Status.PASSED)
        assert "the publisher names no environment" in found

    def test_a_publisher_with_an_environment_refuses_a_job_without(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        bare = WORKFLOW.replace('    environment: {name: pypi, url: "https://x.example"}\n', "")
        set_up(project, workflow=bare)
        assert "environment pypi, not none" in said(judge(project, "setup"))

    def test_where_the_day_of_the_last_release_is_not_known_a_confirmation_counts_with_a_remark(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        released(server, {**PUBLISHER, "workflow": "publish.yml"})
        set_up(project, f"confirmed.publisher = {days(2)}")
        found = said(judge(project, "setup"), Status.PASSED)
        assert "1.2.2 was published from elsewhere: workflow publish.yml" in found

    @pytest.mark.parametrize(
        ("uploaded", "status"),
        [(3, Status.PASSED), (2, Status.PASSED), (1, Status.FAILED)],
    )
    def test_the_index_tells_the_day_of_the_last_release(
        self, project: Path, server: ForgeServer, judge: Judge, uploaded: int, status: Status
    ) -> None:
        released(server, {**PUBLISHER, "workflow": "publish.yml"}, uploaded=days(uploaded))
        set_up(project, f"confirmed.publisher = {days(2)}")
        # The commit of the tag is of another day than the upload.
        git(project, "tag", "--annotate", "--message", "x", "v1.2.2", "HEAD~1")
        found = said(judge(project, "setup"), status)
        assert "published from elsewhere: workflow publish.yml" in found

    def test_what_the_remedy_says_mends_it_on_the_same_day(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        released(server, {**PUBLISHER, "workflow": "publish.yml"}, uploaded=TODAY)
        set_up(project)
        setting = f"confirmed.publisher = {TODAY}"
        assert f"set {setting} below" in said(judge(project, "setup"))
        pyproject = project / "pyproject.toml"
        pyproject.write_text(f"{pyproject.read_text()}{setting}\n")
        assert judge(project, "setup").outcome.status is Status.PASSED

    def test_what_cannot_be_compared_is_no_pass(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        git(project, "remote", "remove", "origin")
        released(server, {**PUBLISHER, "repository": "evil/evil"})
        set_up(project, f"confirmed.environment = {TODAY}")
        found = said(judge(project, "setup"), Status.UNCHECKED)
        assert "the index shows who published 1.2.2, and what to compare that with" in found
        assert "set owner, repository below [tool.release.gates.setup]" in found
        pyproject = project / "pyproject.toml"
        text = pyproject.read_text()
        pyproject.write_text(f'{text}owner = "o"\nrepository = "small-thing"\n')
        assert "owner evil, not o" in said(judge(project, "setup"))
        pyproject.write_text(f"{text}confirmed.publisher = {TODAY}\n")
        assert judge(project, "setup").outcome.status is Status.PASSED

    @pytest.mark.parametrize(
        ("owner", "workflow", "environment", "unknown"),
        [
            (None, "release.yml", "pypi", "owner"),
            ("o", None, "pypi", "workflow"),
            ("o", "release.yml", None, "environment"),
        ],
    )
    def test_each_field_that_is_not_known_leaves_it_unknown(
        self, owner: str | None, workflow: str | None, environment: str | None, unknown: str
    ) -> None:
        expected = Expected("x", owner, "small-thing", workflow, environment)
        seen = Seen(True, "1.0", (Publisher("GitHub", SLUG, "release.yml", "pypi"),), TODAY)
        part = judge_publisher(expected, seen, settings(), TODAY)
        assert (part.defects, part.notes) == ((), ())
        assert part.unchecked[0].message.endswith(f"is not known: {unknown}")

    def test_the_provenance_is_where_the_index_says(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        released(server, {**PUBLISHER, "workflow": "publish.yml"})
        elsewhere = Reply(body=bundles(PUBLISHER))
        server.replies["/proofs/it"] = elsewhere
        page = server.replies["/simple/small-thing/"]
        assert isinstance(page, Reply)
        named = page.body.replace(b"<a ", f'<a data-provenance="{server.url}/proofs/it" '.encode())
        server.replies["/simple/small-thing/"] = replace(page, body=named)
        set_up(project)
        assert judge(project, "setup").outcome.status is Status.PASSED
        assert "/proofs/it" in server.asked
        assert not [path for path in server.asked if path.startswith("/integrity")]

    def test_a_confirmation_before_the_last_release_does_not_outweigh_it(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        released(server, {**PUBLISHER, "workflow": "publish.yml"})
        set_up(project, "confirmed.publisher = 2025-12-31")
        git(project, "tag", "--annotate", "--message", "x", "v1.2.2", "HEAD~1")
        assert "was published from elsewhere" in said(judge(project, "setup"))

    def test_a_release_without_attestations_is_reported_with_the_fields(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        released(server)
        set_up(project)
        found = said(judge(project, "setup"), Status.PASSED)
        assert "cannot be seen: the index shows no attestation of 1.2.2" in found
        assert "under Manage, Publishing" in found
        assert "workflow name: release.yml" in found
        assert f"set confirmed.publisher = {TODAY} below [tool.release.gates.setup]" in found

    def test_a_confirmation_counts_where_nothing_is_to_be_seen(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        released(server)
        set_up(project, f"confirmed.publisher = {days(40)}")
        found = judge(project, "setup").outcome
        assert found.status is Status.PASSED
        assert f"publisher confirmed on {days(40)}" in found.summary

    def test_uv_publish_is_a_publisher_too(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        uses = "uses: pypa/gh-action-pypi-publish@v1.14.2"
        set_up(project, workflow=WORKFLOW.replace(uses, "run: uv publish"))
        assert judge(project, "setup").outcome.status is Status.PASSED

    def test_a_renamed_repository_is_what_counts(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        server.slug = "o/bigger-thing"
        set_up(project)
        found = said(judge(project, "setup"))
        assert "repository small-thing, not bigger-thing" in found
        assert "repository name: bigger-thing" in found

    def test_settings_name_another_repository(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        git(project, "remote", "set-url", "origin", "git@github.com:fork/small-thing.git")
        set_up(project, 'owner = "o"')
        assert judge(project, "setup").outcome.status is Status.PASSED


class TestFirstRelease:
    def test_it_is_reported_with_the_exact_fields(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        unreleased(server)
        set_up(project)
        found = said(judge(project, "setup"), Status.PASSED)
        assert "the index has no small-thing yet | register it on the index as a pending" in found
        assert (
            "PyPI project name: small-thing; owner: o; repository name: small-thing;"
            " workflow name: release.yml; environment name: pypi; then set"
            f" confirmed.publisher = {TODAY} below [tool.release.gates.setup]"
        ) in found

    def test_a_pending_publisher_counts_for_thirty_days(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        unreleased(server)
        set_up(project, f"confirmed.publisher = {days(10)}")
        found = judge(project, "setup").outcome
        assert found.status is Status.PASSED
        assert f"publisher pending since {days(10)}" in found.summary
        assert not found.findings

    def test_one_that_is_older_has_expired(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        unreleased(server)
        set_up(project, f"confirmed.publisher = {days(31)}")
        found = said(judge(project, "setup"))
        assert f"the pending publisher of {days(31)} has expired" in found
        assert "register it again (PyPI project name: small-thing;" in found


class TestIndexTrouble:
    @pytest.mark.parametrize(
        ("path", "reply"),
        [
            ("/simple/small-thing/", Reply(500, b"")),
            ("/simple/small-thing/", Reply(body=b"<html>hello</html>")),
            (f"/integrity/small-thing/1.2.2/{FILES[0]}/provenance", Reply(500, b"")),
            (f"/integrity/small-thing/1.2.2/{FILES[0]}/provenance", Reply(body=b'{"att')),
        ],
    )
    def test_an_index_that_does_not_answer_leaves_it_unchecked(
        self, project: Path, server: ForgeServer, judge: Judge, path: str, reply: Reply
    ) -> None:
        server.replies[path] = reply
        set_up(project)
        found = said(judge(project, "setup"), Status.UNCHECKED)
        assert "the trusted publisher was not observed: " in found
        assert "workflow name: release.yml" in found

    def test_a_confirmation_counts_meanwhile_with_a_remark(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        server.replies["/simple/small-thing/"] = Reply(500, b"")
        set_up(project, f"confirmed.publisher = {days(100)}")
        assert "the package index cannot be asked" in said(judge(project, "setup"), Status.PASSED)

    def test_an_index_that_is_a_folder_tells_nothing(
        self, project: Path, server: ForgeServer, judge: Judge, tmp_path: Path
    ) -> None:
        set_up(project, more=f'index = "{tmp_path.as_uri()}"')
        found = said(judge(project, "setup"), Status.UNCHECKED)
        assert "not observed: an index that is a folder" in found
        write(project, {"pyproject.toml": (project / "pyproject.toml").read_text()
                        + f"confirmed.publisher = {days(300)}\n"})  # fmt: skip
        assert judge(project, "setup").outcome.status is Status.PASSED


class TestEnvironment:
    def test_a_missing_one_fails(self, project: Path, server: ForgeServer, judge: Judge) -> None:
        server.environments = {"github-pages": environment("github-pages")}
        set_up(project, f"confirmed.environment = {TODAY}")
        found = said(judge(project, "setup"))
        assert f"{SLUG} has no environment pypi; the first run would make it" in found
        assert f"make it: {SLUG}, Settings, Environments, pypi" in found

    def test_one_without_protection_is_remarked(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        server.environments["pypi"] = environment("pypi")
        set_up(project)
        assert "nothing protects the environment pypi" in said(
            judge(project, "setup"), Status.PASSED
        )

    def test_one_without_protection_fails_where_it_must_have_one(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        server.environments["pypi"] = environment("pypi")
        set_up(project, "protected = true")
        assert "nothing protects the environment pypi" in said(judge(project, "setup"))

    def test_one_that_refuses_the_tag_fails(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        policy = {"protected_branches": False, "custom_branch_policies": True}
        server.environments["pypi"] = environment("pypi", "branch_policy", policy=policy)
        server.policies["pypi"] = [{"name": "main", "type": "branch"}]
        set_up(project)
        found = said(judge(project, "setup"))
        assert "pypi takes branch main only, so it refuses the tag v1.2.3" in found
        server.policies["pypi"].append({"name": "v*.*.*", "type": "tag"})
        assert judge(project, "setup").outcome.status is Status.PASSED

    def test_where_no_tag_starts_the_workflow_branches_will_do(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        policy = {"protected_branches": True, "custom_branch_policies": False}
        server.environments["pypi"] = environment("pypi", "branch_policy", policy=policy)
        set_up(project)
        assert "only protected branches may deploy to pypi" in said(judge(project, "setup"))
        by_hand = WORKFLOW.replace('  push:\n    tags: ["v*"]\n', "  workflow_dispatch:\n")
        write(project, {".github/workflows/release.yml": by_hand})
        assert judge(project, "setup").outcome.status is Status.PASSED

    @pytest.mark.parametrize(
        ("reply", "reason"),
        [
            (refusal(401, "Bad credentials"), "(401: Bad credentials)"),
            (refusal(403, "Resource not accessible"), "(403: Resource not accessible)"),
            (refusal(404, "Not Found"), "there is no access to it"),
            (refusal(429, "slow down", Retry_After="3600"), "rate limit is used up until"),
            (Reply(500, b""), "answers 500"),
            (Reply(body=b'{"name": "py'), "that its API does not describe"),
        ],
    )
    def test_one_that_cannot_be_seen_is_unchecked_or_confirmed(
        self,
        project: Path,
        server: ForgeServer,
        judge: Judge,
        monkeypatch: pytest.MonkeyPatch,
        reply: Reply,
        reason: str,
    ) -> None:
        monkeypatch.setenv("GITHUB_TOKEN", SECRET)
        server.replies[f"{REPOSITORY}/environments/pypi"] = reply
        server.replies[f"{REPOSITORY}/environments"] = reply
        set_up(project)
        evidence = judge(project, "setup")
        found = said(evidence, Status.UNCHECKED)
        assert reason in found
        assert f"set confirmed.environment = {TODAY} below [tool.release.gates.setup]" in found
        assert SECRET not in repr(evidence)
        write(project, {"pyproject.toml": (project / "pyproject.toml").read_text()
                        + f"confirmed.environment = {days(3)}\n"})  # fmt: skip
        found = said(judge(project, "setup"), Status.PASSED)
        assert reason in found

    def test_a_repository_that_is_not_shown_is_asked_about_once(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        server.replies[REPOSITORY] = refusal(404, "Not Found")
        set_up(project)
        assert "no access to it" in said(judge(project, "setup"), Status.UNCHECKED)
        assert not [path for path in server.asked if "environments" in path]

    def test_no_github_leaves_it_to_be_confirmed(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        git(project, "remote", "set-url", "origin", "https://gitlab.example/o/r.git")
        released(server)
        set_up(project)
        found = said(judge(project, "setup"), Status.PASSED)
        assert "owner: (the owner on GitHub)" in found
        assert "the remote origin is not on GitHub" in found

    def test_a_job_without_one_leaves_nothing_to_look_at(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        released(server, {**PUBLISHER, "environment": None})
        bare = WORKFLOW.replace('    environment: {name: pypi, url: "https://x.example"}\n', "")
        set_up(project, workflow=bare)
        found = judge(project, "setup").outcome
        assert (found.status, found.findings) == (Status.PASSED, ())
        assert "environment" not in found.summary

    @pytest.mark.parametrize(
        ("patterns", "tag", "refused"),
        [
            ((("tag", "v*"),), "v1.2.3", False),
            ((("tag", "v[0-9]*"),), "v1.2.3", False),
            ((("branch", "v*"),), "v1.2.3", True),
            ((("tag", "release/*"),), "release/1.2.3", False),
            ((("tag", "*"),), "release/1.2.3", True),
            ((("tag", "v2*"), ("tag", "v1.*")), "v1.2.3", False),
            ((("tag", "**/v*"),), "v1", False),
            ((("tag", "**/v*"),), "a/b/v1", False),
            ((("tag", "**/v*"),), "a/b/x1", True),
            ((("tag", "nightly/**/*"),), "v1.0.0", True),
            ((("tag", "nightly/**/*"),), "nightly/v1", False),
            ((("tag", "nightly/**/*"),), "nightly/a/b/v1", False),
            ((("tag", "**"),), "v1", False),
            ((("tag", "**"),), "a/v1", True),
            ((("tag", "a/**/b/**/c"),), "a/x/b/c", False),
            ((("tag", "a/**/b/**/c"),), "a/x/c", True),
            ((("tag", "v[^0]*"),), "v1.0.0", False),
            ((("tag", "v[^1]*"),), "v1.0.0", True),
            ((("tag", r"v1\.0"),), "v1.0", False),
            ((("tag", "**/" * 5000 + "v1"),), "v2", True),
            ((), "v1.2.3", True),
            (None, "v1.2.3", False),
            ((("tag", "*a" * 200),), "a" * 100, True),
        ],
    )
    def test_patterns_are_those_of_the_forge(
        self, patterns: tuple[tuple[str, str], ...] | None, tag: str, refused: bool
    ) -> None:
        found = refuses(Environment("pypi", (), False, patterns), tag)
        assert (found is not None) is refused


class TestArchive:
    def test_a_zenodo_file_without_a_confirmation_is_unchecked(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        write(project, {".zenodo.json": "{}"})
        set_up(project)
        found = said(judge(project, "setup"), Status.UNCHECKED)
        assert f"account/settings/github/repository/{SLUG}, switch it on" in found
        assert f"confirmed.archive = {TODAY}" in found

    def test_a_confirmation_counts(self, project: Path, server: ForgeServer, judge: Judge) -> None:
        set_up(project, f'archive = "zenodo"\nconfirmed.archive = {days(5)}', workflow=None)
        found = judge(project, "setup").outcome
        assert found.status is Status.PASSED
        assert found.summary == f"zenodo confirmed on {days(5)}"

    def test_none_says_that_there_is_none(self) -> None:
        assert judge_archive("None", None, SLUG, TODAY).unchecked == ()

    def test_another_archive_is_named(self) -> None:
        (found,) = judge_archive("figshare", None, None, TODAY).unchecked
        assert "whether figshare takes this repository's releases" in found.message


class TestConfirmations:
    def test_a_day_to_come_fails(self) -> None:
        (found,) = judge_confirmations({"archive": days(-1)}, TODAY).defects
        assert "is in the future" in found.message

    def test_one_that_is_older_than_a_year_is_remarked(self) -> None:
        part = judge_confirmations({"archive": days(366), "environment": days(365)}, TODAY)
        assert not part.defects
        (found,) = part.advice
        assert found.message == f"the archive was confirmed more than a year ago, on {days(366)}"


class TestHooks:
    HOOK = ".githooks/pre-push"

    def test_hooks_that_are_not_in_use_fail(
        self, project: Path, server: ForgeServer, judge: Judge, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(project, {self.HOOK: "#!/bin/sh\n"})
        commit(project)
        found = said(judge(project, "setup"))
        assert "hooks in .githooks/ are not in use | git config core.hooksPath" in found
        for elsewhere in ("nowhere", ".git/hooks", ".githooks/other"):
            git(project, "config", "core.hooksPath", elsewhere)
            found = said(judge(project, "setup", fresh=True))
            assert f"are not in use; git uses {elsewhere}" in found
        for here in (".githooks", "./.githooks/", str(project / ".githooks")):
            git(project, "config", "core.hooksPath", here)
            assert judge(project, "setup", fresh=True).outcome.summary == "hooks in use"
        git(project, "config", "--unset", "core.hooksPath")
        monkeypatch.setenv("CI", "true")
        assert judge(project, "setup", fresh=True).outcome.status is Status.NOT_APPLICABLE


class TestNothing:
    def test_a_project_that_nothing_publishes_has_nothing_to_judge(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        write(project, {".github/workflows/ci.yml": "on: push\njobs: {}\n"})
        found = judge(project, "setup").outcome
        assert found.status is Status.NOT_APPLICABLE
        assert "no workflow publishes it" in found.summary
        assert server.asked == []

    @pytest.mark.parametrize(
        ("setting", "said"),
        [("false", "tool.release.publish is off"), ('"by hand"', "releases are published by hand")],
    )
    def test_nor_has_one_that_no_workflow_publishes(
        self, project: Path, server: ForgeServer, judge: Judge, setting: str, said: str
    ) -> None:
        set_up(project, more=f"publish = {setting}")
        found = judge(project, "setup").outcome
        assert found.status is Status.NOT_APPLICABLE
        assert said in found.summary
        assert server.asked == []


Jobs = Callable[..., tuple[Job, ...]]


class TestDetection:
    @pytest.fixture
    def jobs(self, tmp_path: Path) -> Jobs:
        def found(*texts: str) -> tuple[Job, ...]:
            root = tmp_path.resolve()
            write(root, {f".github/workflows/{n}.yml": t.encode() for n, t in enumerate(texts)})
            return publishing_jobs(load(root))

        return found

    def test_a_real_workflow_is_understood(self) -> None:
        (found,) = publishing_jobs(load((PROJECTS / "openmed").resolve()))
        assert found == Job("publish.yml", "publish", "pypi", True)

    @pytest.mark.parametrize(
        ("triggers", "by_tag"),
        [
            ("on: {push: {tags: [v*]}}", True),
            ("on: {release: {types: [published]}}", True),
            ("on: release", True),
            ("on: [release, workflow_dispatch]", True),
            ("'on': {push: {branches: [main]}}", False),
            ("on: workflow_dispatch", False),
            ("on: 3", False),
            ("{}", False),
        ],
    )
    def test_what_starts_it_is_known(self, jobs: Jobs, triggers: str, by_tag: bool) -> None:
        job = "jobs: {p: {steps: [{run: uv publish}]}}"
        text = job if triggers == "{}" else f"{triggers}\n{job}"
        (found,) = jobs(text)
        assert found == Job("0.yml", "p", "", by_tag)

    @pytest.mark.parametrize(
        ("step", "counts"),
        [
            ("uses: PyPA/gh-action-pypi-publish@release/v1", True),
            ("uses: pypa/gh-action-pypi-publish-like@v1", False),
            ("run: uv publish", True),
            ("run: cd x && uv publish --check-url x", True),
            ("run: |\n          # uv publish\n          echo no", False),
            ("run: uv publish --index testpypi", False),
            ("run: |\n          uv publish --index testpypi\n          uv publish", True),
            ("uses: pypa/gh-action-pypi-publish@v1\n        with: {repository-url: //test.pypi.x}",
             False),
            ("uses: pypa/gh-action-pypi-publish@v1\n        with: {repository_url: ''}", True),
            ("run: echo pypa/gh-action-pypi-publish", False),
        ],
    )  # fmt: skip
    def test_steps_that_publish_are_known(self, jobs: Jobs, step: str, counts: bool) -> None:
        text = f"jobs:\n  p:\n    steps:\n      - {step}\n"
        assert bool(jobs(text)) is counts

    @pytest.mark.parametrize(
        "text",
        [
            "uv publish: [",
            "\tuv publish: x",
            "# uv publish\n" + "[" * 5000,
            "# uv publish\n" + "a: " + "[" * 200_000,
            "# uv publish\n" + "x: 1\n" * 300_000,
            "# uv publish\na: *unknown",
            "uv publish",
            "[uv publish]",
        ],
    )
    def test_a_publishing_file_that_cannot_be_read_is_named(self, jobs: Jobs, text: str) -> None:
        with pytest.raises(ConfigurationError) as caught:
            jobs(text)
        assert caught.value.problems[0].path == ".github/workflows/0.yml"

    @pytest.mark.parametrize(
        "text",
        [
            "# uv publish\na: &a {b: 1}\nc: {<<: *a}",
            "# uv publish\na: 2026-99-99",
            "jobs: [uv publish]",
            "jobs: {uv publish: 3}",
            "jobs: {p: {steps: uv publish}}",
            "jobs: {p: {steps: [uv publish, 3, {run: [x]}]}}",
        ],
    )
    def test_other_shapes_publish_nothing(self, jobs: Jobs, text: str) -> None:
        assert jobs(text) == ()

    def test_a_file_that_cannot_be_read_hides_no_other_that_publishes(self, jobs: Jobs) -> None:
        sound = "on: release\njobs: {p: {steps: [{run: uv publish}]}}\n"
        assert jobs("\t", sound, "a: " + "[" * 200_000) == (Job("1.yml", "p", "", True),)

    def test_a_job_that_publishes_by_a_local_action_is_known(
        self, jobs: Jobs, tmp_path: Path
    ) -> None:
        action = "runs: {using: composite, steps: [{run: uv publish, shell: bash}]}\n"
        write(tmp_path, {".github/actions/up/action.yml": action})
        used = "on: push\njobs: {p: {environment: pypi, steps: [{uses: ./.github/actions/up}]}}\n"
        assert jobs(used) == (Job("0.yml", "p", "pypi", False),)

    def test_several_publishing_jobs_must_be_told_apart(self) -> None:
        jobs = (Job("a.yml", "p", "pypi", True), Job("b.yml", "p", "pypi", True))
        _, problem = choose(jobs, settings())
        assert problem is not None
        assert "several jobs publish: a.yml (environment pypi), b.yml" in problem.message
        chosen, problem = choose(jobs, settings(workflow=".github/workflows/b.yml"))
        assert (chosen, problem) == (jobs[1], None)

    def test_an_expression_must_be_stated_in_the_settings(self) -> None:
        job = Job("a.yml", "p", "${{ inputs.where }}", True)
        _, problem = choose((job,), settings())
        assert problem is not None
        assert "is an expression" in problem.message
        assert choose((job,), settings(environment="pypi")) == (job, None)

    def test_a_workflow_that_is_set_must_be_there(
        self, project: Path, server: ForgeServer, judge: Judge
    ) -> None:
        set_up(project, 'workflow = "publish.yml"', workflow=None)
        assert "names .github/workflows/publish.yml, which is not there" in said(
            judge(project, "setup")
        )

    def test_a_workflow_outside_of_the_repository_is_refused(
        self, project: Path, server: ForgeServer, judge: Judge, tmp_path: Path
    ) -> None:
        (tmp_path / "outside").mkdir()
        (tmp_path / "outside" / "release.yml").write_text(WORKFLOW)
        (project / ".github").mkdir()
        (project / ".github" / "workflows").symlink_to(tmp_path / "outside")
        assert "leads out of the repository" in said(judge(project, "setup"))


def settings(**values: str) -> SetupSettings:
    return SetupSettings.model_validate(values)


def test_no_token_is_written_anywhere(
    project: Path, server: ForgeServer, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(project, "remote", "set-url", "origin", f"https://me:{SECRET}@github.com/{SLUG}")
    monkeypatch.setenv("GITHUB_TOKEN", SECRET)
    server.token = SECRET
    server.environments["pypi"] = environment("pypi", SECRET)
    set_up(project)
    evidence = judge(project, "setup")
    assert evidence.outcome.status is Status.PASSED
    assert f"Bearer {SECRET}" in server.authorised
    assert SECRET not in repr(evidence)
    assert all(
        SECRET.encode() not in path.read_bytes()
        for path in (project / ".release").rglob("*")
        if path.is_file()
    )
