"""The last job of a rendered workflow makes a release on the forge, and can be run again."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from release import render
from release.project import read_project
from release.text import yaml
from tests.render.releases import Releases
from tests.render.shapes import make_shape

TAG = "v1.2.3"
FILES = {
    "dist/small_thing-1.2.3.tar.gz": "sdist",
    "dist/small_thing-1.2.3-py3-none-any.whl": "wheel",
    "receipt/receipt.json": "{}",
    "receipt/receipt.md": "# Receipt",
    "receipt/sbom/small-thing.cdx.json": "{}",
    "attestations/provenance.sigstore.json": "{}",
    "SHA256SUMS": "sums",
}
NAMES = {Path(name).name: hashlib.sha256(text.encode()).hexdigest() for name, text in FILES.items()}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path(sys.executable).with_name("gh").exists(), reason="no gh here"),
]


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> str:
    return script_of(make_shape(tmp_path_factory.mktemp("forge") / "small-thing", "ajolopy"))


def script_of(root: Path) -> str:
    """What the job runs once it has the files."""
    files = {file.path: file.text for file in render.files(read_project(root))}
    jobs = yaml.load(files[f"{render.WORKFLOWS}/release.yml"])["jobs"]
    return str(jobs["forge-release"]["steps"][-1]["run"])


@pytest.fixture
def forge() -> Iterator[Releases]:
    with Releases() as found:
        yield found


class Job:
    """Runs the job on a machine of its own, on the files that it is given."""

    def __init__(self, folder: Path, script: str, forge: Releases) -> None:
        self.folder, self.script, self.forge, self.runs = folder, script, forge, 0

    def __call__(
        self, tag: str = TAG, without: Sequence[str] = (), end: str = "", **other: str
    ) -> subprocess.CompletedProcess[str]:
        self.runs += 1
        here = self.folder / str(self.runs)
        for name, text in FILES.items():
            if Path(name).name in without:
                continue
            path = here / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(other.get(path.suffix[1:], text))
        found = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        env = {"PATH": found, "HOME": str(here), "TAG": tag, "START": "v", "END": end}
        env |= self.forge.environment
        command = ["bash", "-e", "-c", self.script]
        return subprocess.run(command, cwd=here, env=env, capture_output=True, text=True)


@pytest.fixture
def job(tmp_path: Path, script: str, forge: Releases) -> Job:
    return Job(tmp_path, script, forge)


def test_a_release_gets_all_its_files_and_is_published_then(job: Job, forge: Releases) -> None:
    done = job()
    assert done.returncode == 0, done.stderr
    [made] = forge.releases
    assert (made["tag_name"], made["draft"], made["prerelease"]) == (TAG, False, False)
    assert made["generate_release_notes"]
    assert forge.files(TAG) == {name: f"sha256:{digest}" for name, digest in NAMES.items()}


@pytest.mark.parametrize(
    ("tag", "early"),
    [
        ("v1.2.3-rc1", True),
        ("v1.2.3.dev4", True),
        ("v1.2.3.post1", False),
        ("v1.2.3a1.post1", True),
    ],
)
def test_a_candidate_is_a_pre_release(tag: str, early: bool, job: Job, forge: Releases) -> None:
    assert job(tag).returncode == 0
    assert forge.releases[0]["prerelease"] is early


def test_a_file_that_no_release_must_have_is_not_waited_for(job: Job, forge: Releases) -> None:
    lacking = ["small-thing.cdx.json", "receipt.md"]
    done = job(without=lacking)
    assert done.returncode == 0, done.stderr
    assert {*NAMES} - {*forge.files(TAG)} == {*lacking}


@pytest.mark.parametrize(
    ("tag", "early"), [("v1.2.3-final", False), ("v1.2.3rc1-final", True), ("v1.2.3", False)]
)
def test_what_stands_behind_the_version_is_no_mark_of_a_candidate(
    tag: str, early: bool, tmp_path: Path, forge: Releases
) -> None:
    root = make_shape(tmp_path / "small-thing", "chap-checker")
    text = (root / "pyproject.toml").read_text()
    chosen = '[tool.release]\ntag = "v{version}-final"\n'
    (root / "pyproject.toml").write_text(text.replace("[tool.release]\n", chosen))
    (tmp_path / "runs").mkdir()
    done = Job(tmp_path / "runs", script_of(root), forge)(tag, end="-final")
    assert done.returncode == 0, done.stderr
    assert forge.releases[0]["prerelease"] is early


def test_a_file_that_a_person_added_stays_and_disturbs_nothing(job: Job, forge: Releases) -> None:
    assert job().returncode == 0
    notes = hashlib.sha256(b"theirs").hexdigest()
    theirs = {"id": "n", "name": "notes.pdf", "state": "uploaded", "digest": f"sha256:{notes}"}
    forge.releases[0]["assets"].append({**theirs, "url": "x"})
    done = job()
    assert done.returncode == 0, done.stderr
    assert forge.files(TAG)["notes.pdf"] == f"sha256:{notes}"
    forge.releases[0]["assets"] = [{**theirs, "digest": None, "url": "x"}]
    assert job().returncode == 0
    assert {*forge.files(TAG)} == {*NAMES}


def test_a_draft_that_a_person_made_is_marked_as_the_tag_says(job: Job, forge: Releases) -> None:
    forge.broken = {"SHA256SUMS"}
    assert job("v1.2.3-rc1").returncode != 0
    forge.releases[0]["prerelease"] = False
    assert job("v1.2.3-rc1").returncode == 0
    assert forge.releases[0]["prerelease"]


@pytest.mark.parametrize("name", ["SHA256SUMS", "receipt.md", "small_thing-1.2.3.tar.gz"])
def test_an_upload_that_broke_off_is_finished_by_the_next_run(
    name: str, job: Job, forge: Releases
) -> None:
    forge.broken = {name}
    assert job().returncode != 0
    assert [one["draft"] for one in forge.releases] == [True]
    done = job()
    assert done.returncode == 0, done.stderr
    [made] = forge.releases
    assert not made["draft"]
    assert sorted(forge.files(TAG)) == sorted(NAMES)
    assert sorted(forge.uploads) == sorted([*NAMES, name]), "no file twice but the broken one"


def test_a_release_that_is_whole_stays_as_it_is(job: Job, forge: Releases) -> None:
    assert job().returncode == 0
    before = len(forge.uploads)
    assert job().returncode == 0
    assert (len(forge.releases), len(forge.uploads)) == (1, before)


def test_files_with_other_bytes_stop_it_before_anything_is_replaced(
    job: Job, forge: Releases
) -> None:
    forge.broken = {"small_thing-1.2.3.tar.gz"}
    assert job().returncode != 0
    before = forge.files(TAG), len(forge.uploads)
    done = job(whl="another wheel")
    assert done.returncode != 0
    assert "small_thing-1.2.3-py3-none-any.whl: FAILED" in done.stdout
    assert (forge.files(TAG), len(forge.uploads)) == before
