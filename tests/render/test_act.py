"""Rendered workflows, run for real on this machine: what reaches the index, and what does not."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from release import render
from release.project import read_project
from tests.render.acting import BIN, Acted, act
from tests.render.releases import Releases
from tests.render.shapes import make_shape, write
from tests.render.trusted import Publisher, TrustingIndex
from tests.support import commit, git, with_remote
from tests.support import write as write_files

pytestmark = [
    pytest.mark.slow,
    pytest.mark.network,
    # One worker after the other: act keeps its workspaces by the names of jobs.
    pytest.mark.xdist_group("act"),
    pytest.mark.skipif(not (BIN / "act").exists(), reason="no act"),
]
# What stands in for the outside: a person's word, and no hook of this machine's.
CONFIRMED = "confirmed = {{ publisher = 2026-11-01, environment = 2026-11-01 }}"
HERE = {
    "[tool.release]": 'index = "{index}"',
    "[tool.release.gates.setup]": CONFIRMED,
    "[tool.release.workflows]": "hook = false",
}
# Of a procedure's settings, those that its workflows are made of.
SHAPING = ("[tool.release]", *(f"[tool.release.{name}]" for name in (
    "workflows", "gates.workflows", "gates.setup"
)))  # fmt: skip
PUSH = "push"
FILES = ["small_thing-1.2.3-py3-none-any.whl", "small_thing-1.2.3.tar.gz"]
DOUBLE = """

def double(number: int) -> int:
    return number * 2


def main() -> None:
    print(double(21))
"""
# What a session leaves behind, without its work.
MADE = """\
mkdir -p .release/dist .release/sbom
for name in small_thing-1.2.3-py3-none-any.whl small_thing-1.2.3.tar.gz; do
  echo "$name" > ".release/dist/$name"
done
echo > .release/receipt.json
echo > .release/sbom/small-thing.cdx.json
"""
Release = Callable[..., Acted]


@pytest.fixture
def release(tmp_path: Path, tools_folder: Path) -> Release:
    """Renders the workflows of a shape for a small project, pushes a tag, and runs one of them."""

    def run(
        shape: str,
        tag: str = "v1.2.3",
        event: str = PUSH,
        *,
        file: str = "release.yml",
        ref: str = "",
        dry_run: str | None = None,
        version: str = "1.2.3",
        chosen: str = "",
        files: dict[str, str | bytes | None] | None = None,
        **world: Any,
    ) -> Acted:
        root = make_shape(tmp_path / "small-thing", shape)
        (tmp_path / "index").mkdir()
        tables = re.split(r"(?m)^(?=\[)", (root / "pyproject.toml").read_text())
        kept = [t for t in tables if t.startswith(SHAPING) or not t.startswith("[tool.release")]
        settings = re.sub(r"(?m)^(sign-tags|protected) = .*\n", "", "".join(kept))
        for table, line in HERE.items():
            added = f"{table}\n{line.format(index=(tmp_path / 'index').as_uri())}\n"
            known = f"{table}\n" in settings
            settings = settings.replace(f"{table}\n", added) if known else f"{settings}\n{added}"
        table = "[tool.release.workflows]\n"
        settings = settings.replace(table, f"{table}{chosen}\n")
        settings = settings.replace('"1.2.3"', f'"{version}"')
        source = f'"""A small thing."""\n\n__version__ = "{version}"\n' + DOUBLE
        write_files(
            root,
            {
                "pyproject.toml": settings.encode(),
                "src/small_thing/__init__.py": source.encode(),
                **(files or {}),
            },
        )
        write(root, render.files(read_project(root)))
        commit(root, "Render")
        with_remote(root)
        git(root, "tag", "--annotate", "--message", "Release", tag)
        git(root, "push", "--quiet", "origin", tag)
        payload = {"ref": ref or f"refs/tags/{tag}"}
        inputs = {"inputs": {"dry_run": dry_run}} if dry_run else {}
        return act(root, file, event, payload | inputs, tools=tools_folder, **world)

    return run


def test_a_pushed_tag_publishes_the_files_that_were_judged(
    release: Release, tmp_path: Path
) -> None:
    with TrustingIndex(tmp_path / "served", Publisher()) as index:
        done = release("default", index=index)
        assert index.kept.files("small-thing") == done.published[0]["files"], done.log
    assert done.jobs == {"build": "success", "publish": "success"}, done.log
    [published] = done.published
    assert list(published["files"]) == FILES
    # No user, no password, no switch: it is the trusted publisher, and it attests.
    assert not any(published["given"].values())
    [handed] = done.given("actions/download-artifact")
    assert handed["files"] == published["files"]


@pytest.mark.parametrize(
    ("publisher", "claim"),
    [
        (Publisher(environment="release"), "environment"),
        (Publisher(workflow="publish.yml"), "job_workflow_ref"),
        (Publisher(repository="o/other-thing"), "job_workflow_ref, repository"),
    ],
)
def test_the_index_takes_nothing_of_another_publisher(
    publisher: Publisher, claim: str, release: Release, tmp_path: Path
) -> None:
    with TrustingIndex(tmp_path / "served", publisher) as index:
        done = release("default", index=index, programs={"nox-release": MADE})
        assert done.jobs == {"build": "success", "publish": "failure"}, done.log
        assert index.refused == [f"invalid-publisher: {claim}"]
        assert not index.kept.files("small-thing")


# Workflows that call others: the shape, its event, and what is set beside. The checklist is in a
# workflow that is called, in OpenMed's by one that is called itself.
CALLING = {
    "openmed": {"event": PUSH, "file": "publish.yml", "chosen": 'gate = "gate.yml"'},
    "aksara": {"event": "workflow_dispatch", "file": "publish.yml"},
}
calling = pytest.mark.parametrize("shape", CALLING)


@pytest.mark.parametrize(("shape", "version"), [("openmed", "1.2.3"), ("aksara", "1.2.3rc1")])
def test_what_a_called_workflow_judged_is_verified_and_published(
    shape: str, version: str, release: Release, tmp_path: Path
) -> None:
    publisher = Publisher(workflow="publish.yml")
    with TrustingIndex(tmp_path / "served", publisher) as index:
        done = release(shape, f"v{version}", version=version, index=index, **CALLING[shape])
        assert index.kept.files("small-thing") == done.published[0]["files"], done.log
    assert list(done.published[0]["files"]) == [name.replace("1.2.3", version) for name in FILES]
    verified = [line for line in done.gh.splitlines() if "attestation verify dist/" in line]
    assert len(verified) == len(FILES)
    assert all(f"--source-ref refs/tags/v{version}" in line for line in verified)
    assert [note["given"]["sbom_path"] for note in done.given("actions/attest")] == [
        "",
        "receipt/sbom/small-thing.cdx.json",
    ]


@pytest.mark.parametrize(("shape", "why"), [("openmed", "the tag"), ("aksara", "a gate")])
def test_a_called_workflow_that_fails_leaves_nothing_to_sign_or_publish(
    shape: str, why: str, release: Release
) -> None:
    broken = {"tests/test_small_thing.py": "def test_it() -> None:\n    raise AssertionError\n"}
    tag, files = ("v1.2.3", broken) if why == "a gate" else ("v1.2.4", {})
    done = release(shape, tag, files=files, **CALLING[shape])
    assert "success" not in done.jobs.values(), done.log
    assert ("AssertionError" if why == "a gate" else "v1.2.4") in done.log
    assert not done.given("actions/attest")
    assert not done.published


@calling
@pytest.mark.parametrize("job", ["attest", "verify", "publish"])
@pytest.mark.parametrize("how", ["change", "add"])
def test_what_was_tampered_with_between_workflows_stops_there(
    shape: str, job: str, how: str, release: Release
) -> None:
    done = release(shape, tamper=f"{job} {how}", programs={"nox-release": MADE}, **CALLING[shape])
    assert done.jobs.get(job) == "failure", done.log
    assert bool(done.given("actions/attest")) is (job != "attest")
    assert not done.published


def test_a_candidate_is_a_pre_release_with_all_its_files(release: Release) -> None:
    with Releases() as forge:
        done = release("ajolopy", "v1.2.3-rc1", version="1.2.3-rc.1", forge=forge)
        assert len(done.published) == 1, done.log
        [made] = forge.releases
        there = forge.files("v1.2.3-rc1")
    assert (made["draft"], made["prerelease"]) == (False, True), done.log
    published = {n: f"sha256:{digest}" for n, digest in done.published[0]["files"].items()}
    assert published.items() <= there.items()
    assert {*there} - {*published} == {
        "SHA256SUMS", "receipt.json", "receipt.md", "small-thing.cdx.json", "small-thing.cdx.txt",
        "provenance.sigstore.json", "sbom.sigstore.json",
    }  # fmt: skip
    [receipt] = [n for n in done.given("actions/attest") if "receipt" in n["given"]["subject_path"]]
    assert receipt["given"]["subject_path"].split() == ["dist/*", "receipt/receipt.*"]


def test_a_dry_run_builds_and_has_no_effect(release: Release) -> None:
    done = release("ophamin", event="workflow_dispatch", ref="refs/heads/main", dry_run="true")
    assert done.jobs["build"] == "success", done.log
    assert not done.published
    assert not done.given("actions/attest")
    assert not done.gh


def test_a_failing_gate_leaves_publishing_out_of_reach(release: Release) -> None:
    broken = "def test_it() -> None:\n    raise AssertionError\n"
    done = release("default", files={"tests/test_small_thing.py": broken})
    assert done.jobs == {"build": "failure"}
    assert not done.published


def test_a_tag_of_another_version_stops_before_any_effect(release: Release) -> None:
    done = release("chap-checker", "v1.2.4")
    assert "v1.2.4" in done.log
    assert set(done.jobs.values()) == {"failure"}
    assert not done.published
    assert not done.gh


@pytest.mark.parametrize("how", ["change", "add"])
def test_an_artefact_that_was_tampered_with_is_not_published(how: str, release: Release) -> None:
    done = release("default", tamper=f"publish {how}", programs={"nox-release": MADE})
    assert done.jobs == {"build": "success", "publish": "failure"}, done.log
    assert not done.published


def test_the_checklist_on_many_machines_has_one_verdict(release: Release) -> None:
    done = release("default", file="ci.yml", ref="refs/heads/main", chosen="runners = 3")
    assert done.jobs["preflight"] == "success", done.log
    assert done.jobs["parts"] == "success"
    assert len(done.given("actions/upload-artifact")) >= 2
