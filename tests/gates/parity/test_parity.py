"""parity: what the index would refuse is refused before."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from release.gates.parity import makes_wheels_anew, publishers
from release.model import Evidence, Level, Status
from release.project import read_project
from release.registry import installed
from release.run.runner import judge as judge_gate
from tests.archives import (
    LICENCED,
    METADATA,
    make_sdist,
    make_wheel,
    serve,
    with_broken_tools,
)
from tests.built import build_evidence, judge_built
from tests.support import PYPROJECT, Judge, commit, git, make_project, write

Make = Callable[[Path], object]


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """An index in a folder that has version 1.2.2 of the project."""
    serve(tmp_path / "index", make_sdist(tmp_path / "old", "1.2.2"))
    return tmp_path / "index"


@pytest.fixture
def root(tmp_path: Path, index: Path) -> Path:
    """The small project with a wheel and an sdist that the index takes."""
    root = make_project(tmp_path / "small-thing")
    set_settings(root, f'index = "{index.as_uri()}"')
    dist = root / ".release" / "dist"
    make_wheel(dist)
    make_sdist(dist)
    git(root, "tag", "v1.2.2")
    return root


def judged(judge: Judge, root: Path) -> Evidence:
    return judge_built(judge, root, "parity", fresh=True)


def said(evidence: Evidence) -> str:
    assert evidence.outcome.status is Status.FAILED, evidence.outcome
    assert all(finding.remedy for finding in evidence.outcome.findings)
    return "\n".join(finding.message for finding in evidence.outcome.findings)


def set_settings(root: Path, lines: str) -> None:
    write(root, {"pyproject.toml": f"{PYPROJECT}\n[tool.release]\n{lines}\n"})


def test_files_that_the_index_takes_pass(judge: Judge, root: Path) -> None:
    outcome = judged(judge, root).outcome
    assert outcome.status is Status.PASSED, outcome
    assert outcome.findings == ()
    assert outcome.checked > 20


def metadata(text: str, head: str = METADATA) -> Make:
    def make(dist: Path) -> None:
        make_wheel(dist, metadata=text, head=head)
        make_sdist(dist, metadata=text, head=head)

    return make


DEFECTS: dict[str, tuple[Make, str]] = {
    "an unknown classifier": (metadata("Classifier: Topic :: Nonsense\n"), "' is unknown"),
    "a deprecated classifier": (
        metadata("Classifier: Natural Language :: Ukranian\n"),
        "is deprecated; use Natural Language :: Ukrainian",
    ),
    "a private classifier": (
        metadata("Classifier: Private :: Do Not Upload\n"),
        "classifier: 'Private :: Do Not Upload' is unknown",
    ),
    "a requirement by an address": (
        metadata("Requires-Dist: x @ https://example.invalid/x.zip\n"),
        "x is required by an address",
    ),
    "a requirement that cannot be read": (metadata("Requires-Dist: x >> 1\n"), "requires-dist"),
    "a Requires-Python that cannot be read": (
        metadata("Requires-Python: three\n"),
        "requires-python",
    ),
    "a long label": (
        metadata(f"Project-URL: {'x' * 33}, https://example.invalid\n"),
        "has more than 32 characters",
    ),
    "an address that is none": (
        metadata("Project-URL: Home, example dot invalid\n"),
        "is not a valid address",
    ),
    "an address of another kind": (
        metadata("Home-Page: javascript:alert(1)\n"),
        "home-page: 'javascript:alert(1)' is not a valid address",
    ),
    "a mail address that is none": (
        metadata("Author-Email: A <a@example>\n"),
        "author-email",
    ),
    "a long summary": (
        metadata("", METADATA.replace("A small thing.", "x" * 513)),
        "summary: has more than 512 characters",
    ),
    "two licences": (metadata("License: MIT\n"), "license"),
    "a licence expression that is none": (
        metadata("", METADATA.replace("MIT", "Mine")),
        "license-expression",
    ),
    "a dynamic name": (metadata("Dynamic: Name\n"), "dynamic"),
    "an unknown field": (metadata("Colour: red\n"), "colour: is unknown"),
    "a field of later metadata": (
        metadata("", METADATA.replace("2.4", "2.1")),
        "license-expression",
    ),
    "metadata of the future": (metadata("", METADATA.replace("2.4", "9.9")), "up to version 2.5"),
    "a licence file that is missing": (metadata(LICENCED), "lacks LICENSE"),
    "a wheel without RECORD's lines": (
        lambda dist: make_wheel(dist, record=b""),
        "RECORD does not list",
    ),
    "a wheel whose RECORD has other digests": (
        lambda dist: make_wheel(dist, record=b"small_thing/__init__.py,sha256=AAAA,5\n"),
        "RECORD has a wrong digest or size of small_thing/__init__.py",
    ),
    "a command with a path": (
        lambda dist: make_wheel(
            dist, files={"{info}/entry_points.txt": "[console_scripts]\n../x = a:b\n"}
        ),
        "not valid names of commands: ../x",
    ),
    "a wheel that requires more than its sdist": (
        lambda dist: make_wheel(dist, metadata="Requires-Dist: rich\n"),
        "Requires-Dist differs",
    ),
    "an sdist of another version": (
        lambda dist: make_sdist(dist, "1.2.4", name="small_thing-1.2.3.tar.gz"),
        "must be called small_thing-1.2.4.tar.gz",
    ),
    "a second sdist": (
        lambda dist: shutil.copy(dist / "small_thing-1.2.3.tar.gz", dist / "small-thing.tar.gz"),
        "the index takes one sdist of a version",
    ),
    "bytes behind a wheel": (
        lambda dist: make_wheel(dist).write_bytes(make_wheel(dist).read_bytes() + b"more"),
        "small_thing-1.2.3-py3-none-any.whl has bytes behind its end",
    ),
    "a wheel that is none": (
        lambda dist: (dist / "small_thing-1.2.3-py3-none-any.whl").write_bytes(b"PK nothing"),
        "cannot be read",
    ),
    "an sdist that is none": (
        lambda dist: (dist / "small_thing-1.2.3.tar.gz").write_bytes(b"nothing"),
        "cannot be read",
    ),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_what_the_index_refuses_fails(judge: Judge, root: Path, name: str) -> None:
    make, expected = DEFECTS[name]
    make(root / ".release" / "dist")
    assert expected in said(judged(judge, root))


def test_a_licence_that_only_one_of_the_files_has_is_advice(judge: Judge, root: Path) -> None:
    dist = root / ".release" / "dist"
    make_sdist(dist, files={"LICENSE": b"MIT"}, metadata=LICENCED)
    outcome = judged(judge, root).outcome
    assert outcome.status is Status.PASSED
    (advice,) = outcome.advice
    assert advice.message == (
        "License-File differs: LICENSE in small_thing-1.2.3.tar.gz, nothing in"
        " small_thing-1.2.3-py3-none-any.whl"
    )


def test_a_licence_classifier_beside_a_licence_expression_is_taken(
    judge: Judge, root: Path
) -> None:
    metadata("Classifier: License :: OSI Approved :: MIT License\n")(root / ".release" / "dist")
    assert judged(judge, root).outcome.status is Status.PASSED


def test_a_duplicate_member_fails(judge: Judge, root: Path) -> None:
    path = root / ".release" / "dist" / "small_thing-1.2.3-py3-none-any.whl"
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("small_thing/__init__.py", b"other = 1\n")
    assert "holds twice: small_thing/__init__.py" in said(judged(judge, root))


def test_a_local_version_fails(judge: Judge, root: Path) -> None:
    dist = root / ".release" / "dist"
    shutil.rmtree(dist)
    make_wheel(dist, "1.2.3+abc")
    make_sdist(dist, "1.2.3+abc")
    assert "the index takes no local version (+abc)" in said(judged(judge, root))


def test_a_file_over_the_limit_fails(judge: Judge, root: Path, index: Path) -> None:
    set_settings(root, f'index = "{index.as_uri()}"\ngates.parity.max-megabytes = 1')
    make_wheel(root / ".release" / "dist", files={"small_thing/data.bin": bytes(1 << 20)})
    assert "has 1.0 MB, the index takes 1 MB" in said(judged(judge, root))


# --- the index ------------------------------------------------------------------------------------


def test_a_name_with_other_bytes_on_the_index_fails(
    judge: Judge, root: Path, tmp_path: Path, index: Path
) -> None:
    serve(index, make_wheel(tmp_path / "there", files={"small_thing/other.py": ""}))
    assert "small_thing-1.2.3-py3-none-any.whl is on the index with other bytes" in said(
        judged(judge, root)
    )


def test_the_same_bytes_on_the_index_are_noted(judge: Judge, root: Path, index: Path) -> None:
    serve(index, *(root / ".release" / "dist").iterdir())
    outcome = judged(judge, root).outcome
    assert outcome.status is Status.PASSED
    assert sorted(finding.message for finding in outcome.notes) == [
        "small_thing-1.2.3-py3-none-any.whl is on the index already, with this digest",
        "small_thing-1.2.3.tar.gz is on the index already, with this digest",
    ]


def test_a_release_that_no_tag_names_is_not_to_be_published_again(
    judge: Judge, root: Path, tmp_path: Path, index: Path
) -> None:
    git(root, "tag", "--delete", "v1.2.2")
    serve(index, make_sdist(tmp_path / "other", files={"more.txt": b"x"}))
    outcome = judged(judge, root).outcome
    assert outcome.status is Status.PASSED, outcome
    assert "the next version is to be built yet" in outcome.summary


def test_a_release_whose_version_no_file_that_is_read_states_is_over_after_its_tag(
    judge: Judge, root: Path, tmp_path: Path, index: Path
) -> None:
    own = PYPROJECT.replace('version = "1.2.3"', 'dynamic = ["version"]')
    own += '[tool.hatch.version]\nsource = "code"\npath = "v.py"\n'
    write(root, {"pyproject.toml": f'{own}[tool.release]\nindex = "{index.as_uri()}"\n'})
    commit(root)
    serve(index, make_wheel(tmp_path / "there", files={"small_thing/other.py": ""}))
    assert "on the index with other bytes" in said(judged(judge, root))
    git(root, "tag", "v1.2.3")
    write(root, {"README.md": "More.\n"})
    commit(root)
    outcome = judged(judge, root).outcome
    assert (outcome.status, outcome.summary.partition("; ")[2]) == (
        Status.PASSED,
        "the next version is to be built yet",
    )


def test_another_sdist_of_the_version_on_the_index_fails(
    judge: Judge, root: Path, tmp_path: Path, index: Path
) -> None:
    serve(index, make_sdist(tmp_path / "there", name="small-thing-1.2.3.zip"))
    assert "would be a second sdist of 1.2.3" in said(judged(judge, root))


def test_with_a_level_the_files_to_come_are_left_to_their_own_run(
    judge: Judge, root: Path, tmp_path: Path, index: Path
) -> None:
    serve(index, make_wheel(tmp_path / "there", files={"small_thing/other.py": ""}))
    run = judge.run(root, Level.MINOR, fresh=True)
    outcome = judge_gate(run, installed()["parity"].gate, {"build": build_evidence(run)}).outcome
    assert outcome.status is Status.PASSED
    assert "1.3.0 is to be built yet" in outcome.summary


def test_a_new_project_is_told(judge: Judge, root: Path, index: Path) -> None:
    shutil.rmtree(index / "small-thing")
    outcome = judged(judge, root).outcome
    assert outcome.status is Status.PASSED
    assert "the index knows no small-thing yet" in outcome.notes[0].message


def test_a_new_project_called_like_a_standard_module_fails(
    judge: Judge, root: Path, index: Path
) -> None:
    dist = root / ".release" / "dist"
    shutil.rmtree(dist)
    make_sdist(dist, head=METADATA.replace("small-thing", "asyncore"))
    text = said(judged(judge, root))
    assert "'asyncore' is a module of Python's standard library" in text


def test_an_index_that_cannot_be_asked_leaves_it_unchecked(judge: Judge, root: Path) -> None:
    set_settings(root, 'index = "http://127.0.0.1:9/simple/"')
    assert judged(judge, root).outcome.status is Status.UNCHECKED
    make_wheel(root / ".release" / "dist", record=b"")
    text = said(judged(judge, root))
    assert "RECORD does not list" in text
    assert "not checked: the package index cannot be asked" in text


def test_without_publishing_only_the_files_are_judged(judge: Judge, root: Path) -> None:
    set_settings(root, 'index = "http://127.0.0.1:9/simple/"\npublish = false')
    dist = root / ".release" / "dist"
    private = (
        "Classifier: Private :: Do Not Upload\nRequires-Dist: x @ https://example.invalid/x.zip\n"
    )
    make_wheel(dist, metadata=private)
    make_sdist(dist, metadata=private)
    outcome = judged(judge, root).outcome
    assert outcome.status is Status.PASSED, outcome
    assert "the index is not asked: [tool.release] publish = false" in outcome.summary
    make_wheel(dist, metadata=private, record=b"")
    assert "RECORD does not list" in said(judged(judge, root))


# --- the publisher --------------------------------------------------------------------------------


def test_a_publisher_that_refuses_the_metadata_fails(judge: Judge, root: Path) -> None:
    workflow = "jobs:\n  p:\n    steps:\n    - uses: pypa/gh-action-pypi-publish@v1.14.1\n"
    write(root, {".github/workflows/publish.yml": workflow})
    dist = root / ".release" / "dist"
    assert judged(judge, root).outcome.status is Status.PASSED
    head = METADATA.replace("2.4", "2.5")
    make_wheel(dist, head=head)
    make_sdist(dist, head=head)
    evidence = judged(judge, root)
    assert "pypa/gh-action-pypi-publish 1.14.1 takes them up to 2.4" in said(evidence)
    first = evidence.outcome.findings[0]
    assert (first.path, first.line) == (".github/workflows/publish.yml", 4)
    write(root, {".github/workflows/publish.yml": workflow.replace("14.1", "14.2")})
    assert judged(judge, root).outcome.status is Status.PASSED


def test_workflows_outside_the_repository_are_not_read(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "p.yml").write_text("- uses: pypa/gh-action-pypi-publish@v1.1.0\n")
    (root / ".github").mkdir()
    (root / ".github" / "workflows").symlink_to(outside)
    assert publishers(root.resolve()) == []


def test_only_what_publishes_to_the_index_itself_counts(root: Path) -> None:
    action = "pypa/gh-action-pypi-publish"
    write(
        root,
        {
            ".github/workflows/release.yml": f"""\
                on: {{push: {{tags: ["v[0-9]*"]}}}}
                jobs:
                  trial:
                    runs-on: ubuntu-latest
                    steps:
                      - uses: {action}@v1.12.2
                        with: {{repository-url: https://test.pypi.example/legacy/}}
                  publish:
                    runs-on: ubuntu-latest
                    steps:
                      # uses: {action}@v1.1.0
                      - uses: '{action}@v1.12.4' # as it was
                """,
            ".github/workflows/broken.yml": b"\xff\xfe: [",
        },
    )
    (found,) = publishers(root.resolve())
    assert (found.path, found.line, found.takes) == (".github/workflows/release.yml", 12, (2, 4))


# --- wheels for this machine ----------------------------------------------------------------------

PUBLISH = """\
on: {push: {tags: ["v[0-9]*"]}}
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - run: python -m build
  publish:
    runs-on: ubuntu-latest
    steps:
      - uses: pypa/gh-action-pypi-publish@v1.14.2
"""
LOCAL = "small_thing-1.2.3-cp311-cp311-linux_x86_64.whl"


@pytest.mark.parametrize(
    "step",
    [
        "- uses: pypa/cibuildwheel@v3.1.0",
        "- uses: PyO3/maturin-action@v1",
        "- run: pipx run cibuildwheel==3.1.0",
        "- run: auditwheel repair dist/*.whl",
        "- run: python -m build --sdist",
        "- run: hatch build -t sdist",
    ],
)
def test_a_wheel_for_this_linux_alone_fails_unless_others_are_published(
    judge: Judge, root: Path, index: Path, step: str
) -> None:
    dist = root / ".release" / "dist"
    for path in dist.glob("*.whl"):
        path.unlink()
    make_wheel(dist, name=LOCAL)
    refused = f"{LOCAL} is for linux_x86_64, which the index refuses"
    assert said(judged(judge, root)) == refused
    write(root, {".github/workflows/publish.yml": PUBLISH})
    assert said(judged(judge, root)) == refused
    write(root, {".github/workflows/ci.yml": f"on: push\njobs: {{a: {{steps: [{step[2:]!r}]}}}}\n"})
    assert said(judged(judge, root)) == refused
    write(root, {".github/workflows/publish.yml": PUBLISH.replace("- run: python -m build", step)})
    outcome = judged(judge, root).outcome
    assert outcome.status is Status.PASSED, outcome
    assert [finding.message for finding in outcome.findings] == [refused]


def test_what_a_publishing_workflow_calls_or_follows_makes_wheels_too(root: Path) -> None:
    called = "on: workflow_call\njobs:\n  a:\n    steps:\n      - uses: pypa/cibuildwheel@v3.1.0\n"
    calls = PUBLISH.replace(
        "jobs:\n", "jobs:\n  wheels:\n    uses: ./.github/workflows/wheels.yml\n"
    )

    def found(publish: str) -> bool:
        write(root, {".github/workflows/publish.yml": publish})
        write(root, {".github/workflows/wheels.yml": called})
        return makes_wheels_anew(read_project(root))

    assert not found(PUBLISH)
    assert found(calls)
    assert found(PUBLISH.replace("push: {tags:", "workflow_run: {workflows:"))


def test_the_settings_of_cibuildwheel_count_where_no_workflow_publishes(root: Path) -> None:
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    assert not makes_wheels_anew(read_project(root))
    write(root, {"pyproject.toml": f"{text}\n[tool.cibuildwheel]\nbuild = 'cp311-*'\n"})
    assert makes_wheels_anew(read_project(root))
    write(root, {".github/workflows/publish.yml": PUBLISH})
    assert not makes_wheels_anew(read_project(root))


# --- tools that break -----------------------------------------------------------------------------


def test_without_the_files_it_is_unchecked(judge: Judge, root: Path) -> None:
    run = judge.run(root, fresh=True)
    evidence = build_evidence(run)
    (root / ".release" / "dist" / "small_thing-1.2.3.tar.gz").unlink()
    outcome = judge_gate(run, installed()["parity"].gate, {"build": evidence}).outcome
    assert outcome.status is Status.UNCHECKED
    assert "is not what build made" in outcome.summary


def test_a_build_that_made_neither_leaves_it_unchecked(judge: Judge, root: Path) -> None:
    dist = root / ".release" / "dist"
    shutil.rmtree(dist)
    dist.mkdir()
    (dist / "notes.txt").write_text("nothing")
    assert judged(judge, root).outcome.status is Status.UNCHECKED


@pytest.mark.parametrize("printed", ["", "[]", "{}", "null"])
def test_a_reader_that_answers_nonsense_leaves_it_unchecked(
    root: Path, tmp_path: Path, printed: str
) -> None:
    outcome = judged(with_broken_tools(tmp_path, "parity", printed), root).outcome
    assert outcome.status is Status.UNCHECKED
    assert "the metadata were not read" in outcome.summary


def test_the_project_is_left_as_it_was(judge: Judge, root: Path) -> None:
    commit(root, "All")
    judged(judge, root)
    assert git(root, "status", "--porcelain") == ""
