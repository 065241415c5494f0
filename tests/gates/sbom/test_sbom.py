from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from release.errors import CannotCheck
from release.gates.sbom import cyclonedx, parse
from release.model import Artifact, Evidence, Finding, Status
from tests.built import judge_built, make_built_project, replace_tool
from tests.support import Judge

DATA = Path(__file__).parents[2] / "data" / "sbom"
WHEEL = Artifact("dist/small_thing-1.2.3-py3-none-any.whl", 10, "a" * 64)
SDIST = Artifact("dist/small_thing-1.2.3.tar.gz", 20, "b" * 64)
INSTALLED = {
    "anyio": "4.16.0",
    "idna": "3.20",
    "small-thing": "1.2.3",
    "typing-extensions": "4.16.0",
}


@pytest.fixture
def found() -> dict[str, Any]:
    """What cyclonedx-py said of an environment with the small project and two dependencies."""
    document: dict[str, Any] = parse((DATA / "environment.json").read_text(encoding="utf-8"))
    return document


@pytest.fixture
def document(found: dict[str, Any]) -> dict[str, Any]:
    return cyclonedx.with_root(found, "small-thing", (WHEEL, SDIST))


def problems(
    document: dict[str, Any],
    version: str = "1.2.3",
    private: Sequence[str] = ("/home/somebody",),
) -> list[str]:
    return [
        finding.message
        for finding in cyclonedx.problems(
            document,
            project="small-thing",
            version=version,
            files=(WHEEL, SDIST),
            installed=INSTALLED,
            private=private,
        )
    ]


def component(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(c for c in document["components"] if c["name"] == name)
    return found


def test_a_complete_document_has_no_problems(document: dict[str, Any]) -> None:
    assert problems(document) == []


def test_the_project_becomes_the_root_and_leaves_the_components(document: dict[str, Any]) -> None:
    root = document["metadata"]["component"]
    assert (root["name"], root["version"]) == ("small-thing", "1.2.3")
    assert root["purl"] == "pkg:pypi/small-thing@1.2.3"
    assert [c["name"] for c in document["components"]] == ["anyio", "idna", "typing_extensions"]


def test_the_root_names_each_file_with_its_digest(document: dict[str, Any]) -> None:
    assert document["metadata"]["component"]["externalReferences"] == [
        {
            "type": "distribution",
            "url": "small_thing-1.2.3-py3-none-any.whl",
            "hashes": [{"alg": "SHA-256", "content": "a" * 64}],
        },
        {
            "type": "source-distribution",
            "url": "small_thing-1.2.3.tar.gz",
            "hashes": [{"alg": "SHA-256", "content": "b" * 64}],
        },
    ]


def test_the_roots_own_hash_is_that_of_the_wheel(document: dict[str, Any]) -> None:
    root = document["metadata"]["component"]
    assert root["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]


def test_serial_number_and_time_are_dropped(found: dict[str, Any]) -> None:
    found["serialNumber"] = "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79"
    found["metadata"]["timestamp"] = "2026-11-21T02:00:00+00:00"
    completed = cyclonedx.with_root(found, "small-thing", (WHEEL, SDIST))
    assert "serialNumber" not in completed
    assert "timestamp" not in completed["metadata"]


def test_what_was_found_is_not_altered(found: dict[str, Any]) -> None:
    before = copy.deepcopy(found)
    cyclonedx.with_root(found, "small-thing", (WHEEL, SDIST))
    assert found == before


def test_a_document_without_the_project_is_reported(found: dict[str, Any]) -> None:
    found["components"] = [c for c in found["components"] if c["name"] != "small-thing"]
    document = cyclonedx.with_root(found, "small-thing", (WHEEL, SDIST))
    assert "the document does not describe small-thing" in problems(document)


def test_a_document_of_another_version_is_reported(document: dict[str, Any]) -> None:
    assert "the document says small-thing 1.2.3, built was 1.2.4" in problems(document, "1.2.4")


def test_a_root_that_is_something_else_is_reported(document: dict[str, Any]) -> None:
    document["metadata"]["component"]["name"] = "large-thing"
    document["metadata"]["component"]["purl"] = "pkg:pypi/large-thing@1.2.3"
    assert problems(document) == [
        "the document describes large-thing, not small-thing",
        "small-thing 1.2.3 has the package URL of something else: pkg:pypi/large-thing@1.2.3",
    ]


def test_a_file_that_the_root_lacks_is_reported(found: dict[str, Any]) -> None:
    document = cyclonedx.with_root(found, "small-thing", (WHEEL,))
    assert problems(document) == [
        f"the document lacks small_thing-1.2.3.tar.gz with sha256 {'b' * 64}"
    ]


def test_a_file_with_another_digest_is_reported(document: dict[str, Any]) -> None:
    references = document["metadata"]["component"]["externalReferences"]
    references[0]["hashes"][0]["content"] = "c" * 64
    assert problems(document) == [f"the document lacks {WHEEL.name} with sha256 {'a' * 64}"]


def test_a_missing_dependency_is_reported(document: dict[str, Any]) -> None:
    document["components"].remove(component(document, "idna"))
    assert "runtime dependency idna 3.20 is not listed" in problems(document)


def test_a_dependency_of_another_version_is_reported(document: dict[str, Any]) -> None:
    component(document, "idna")["version"] = "3.19"
    assert problems(document) == [
        "runtime dependency idna 3.20 is not listed",
        "idna 3.19 is listed but not installed",
    ]


def test_versions_that_are_spelled_differently_are_the_same(document: dict[str, Any]) -> None:
    component(document, "anyio")["version"] = "4.16"
    assert problems(document) == []


def test_a_component_that_is_not_installed_is_reported(document: dict[str, Any]) -> None:
    extra = {**component(document, "idna"), "name": "pip", "version": "26.3", "bom-ref": "pip"}
    document["components"].append({**extra, "purl": "pkg:pypi/pip@26.3"})
    assert problems(document) == [
        "pip 26.3 is listed but not installed",
        "pip 26.3 is listed, and nothing that the project needs requires it",
    ]


def test_an_installed_distribution_that_nothing_requires_is_reported(
    document: dict[str, Any],
) -> None:
    document["dependencies"] = [d for d in document["dependencies"] if d["ref"] != "anyio==4.16.0"]
    assert problems(document) == [
        "typing_extensions 4.16.0 is listed, and nothing that the project needs requires it"
    ]


def test_a_graph_that_names_no_component_is_reported(document: dict[str, Any]) -> None:
    document["dependencies"].append({"ref": "anyio==4.16.0", "dependsOn": ["sniffio==1.3"]})
    assert "the dependency graph names sniffio==1.3, no component" in problems(document)


@pytest.mark.parametrize("purl", [{}, {"purl": ""}, {"purl": None}])
def test_a_dependency_without_package_url_is_reported_with_its_cause(
    document: dict[str, Any], purl: dict[str, str | None]
) -> None:
    del component(document, "idna")["purl"]
    component(document, "idna").update(purl)
    assert problems(document) == [
        "idna 3.20 has no package URL: it was installed from a file or a folder"
    ]


@pytest.mark.parametrize(
    "purl",
    [
        "pkg:pypi/idna@3.19",
        "pkg:pypi/idnb@3.20",
        "pkg:npm/idna@3.20",
        "pkg:pypi/idna",
        "idna",
    ],
)
def test_a_package_url_of_something_else_is_reported(document: dict[str, Any], purl: str) -> None:
    component(document, "idna")["purl"] = purl
    assert problems(document) == [f"idna 3.20 has the package URL of something else: {purl}"]


def test_a_package_url_may_have_qualifiers(document: dict[str, Any]) -> None:
    component(document, "idna")["purl"] = (
        "pkg:pypi/idna@3.20?vcs_url=git%2Bhttps://example.invalid/idna@1#sub/folder"
    )
    assert problems(document) == []


@pytest.mark.parametrize(
    "url", ["file:///srv/wheels/idna.whl", "FILE:///C:/idna.whl", "../x/home/somebody/idna"]
)
def test_a_place_on_this_machine_is_reported(document: dict[str, Any], url: str) -> None:
    component(document, "idna")["externalReferences"].append({"type": "distribution", "url": url})
    assert problems(document) == [f"idna names a place on this machine: {url}"]


def test_every_problem_is_reported_at_once(document: dict[str, Any]) -> None:
    document["components"].remove(component(document, "idna"))
    del component(document, "anyio")["purl"]
    del document["metadata"]["component"]["externalReferences"]
    assert len(problems(document)) >= 4


def test_every_problem_says_what_to_do(document: dict[str, Any]) -> None:
    document["components"] = []
    del document["metadata"]["component"]["purl"]
    found: tuple[Finding, ...] = cyclonedx.problems(
        document,
        project="small-thing",
        version="2",
        files=(),
        installed=INSTALLED,
        private=("small",),
    )
    assert len(found) > 5
    assert all(finding.remedy for finding in found)


def test_the_readable_text_lists_the_project_its_files_and_its_dependencies(
    document: dict[str, Any],
) -> None:
    assert cyclonedx.as_text(document).splitlines() == [
        "small-thing 1.2.3",
        "",
        "licence  MIT",
        "purl     pkg:pypi/small-thing@1.2.3",
        f"sha256   {'a' * 64}  small_thing-1.2.3-py3-none-any.whl",
        f"sha256   {'b' * 64}  small_thing-1.2.3.tar.gz",
        "",
        "3 runtime dependencies",
        "",
        "name               version  licence       purl",
        "anyio              4.16.0   MIT           pkg:pypi/anyio@4.16.0",
        "idna               3.20     BSD-3-Clause  pkg:pypi/idna@3.20",
        "typing_extensions  4.16.0   PSF-2.0       pkg:pypi/typing-extensions@4.16.0",
    ]


def test_the_readable_text_says_that_there_are_no_dependencies(document: dict[str, Any]) -> None:
    document["components"] = []
    assert cyclonedx.as_text(document).endswith("\nNo runtime dependencies.\n")


@pytest.mark.parametrize(
    ("stated", "line"),
    [
        ([{"expression": "MIT OR Apache-2.0"}], "MIT OR Apache-2.0"),
        ([{"license": {"id": "MIT"}}, {"license": {"name": "MIT License"}}], "MIT"),
        ([{"license": {"name": "License :: OSI Approved :: BSD License"}}], "BSD License"),
        ([{"license": {"name": "Free\nas in beer"}}], "Free as in beer"),
        ([{"license": {"name": "x" * 500}}], "x" * 59 + "…"),
        ([], "not declared"),
        ([{"license": {"name": " "}}], "not declared"),
    ],
)
def test_a_licence_is_one_line_and_exact_where_it_can_be(stated: list[Any], line: str) -> None:
    assert cyclonedx.licence({"licenses": stated}) == line


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"bomFormat": "SPDX"}'])
def test_an_answer_that_is_no_cyclonedx_document_leaves_the_gate_unchecked(text: str) -> None:
    with pytest.raises(CannotCheck, match="cyclonedx-py gave no"):
        parse(text)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, tools_folder: Path) -> tuple[Path, Evidence]:
    """The small project with dependencies, judged once."""
    root = make_built_project(tmp_path_factory.mktemp("sbom") / "small thing é", ["anyio>=4"])
    return root, judge_built(Judge(tools_folder), root, "sbom")


def texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    return [value] if isinstance(value, str) else []


@pytest.mark.network
def test_the_document_describes_the_wheel_and_its_runtime_closure(
    built: tuple[Path, Evidence],
) -> None:
    root, evidence = built
    assert evidence.outcome.status is Status.PASSED, evidence.outcome
    document = json.loads((root / ".release/sbom/small-thing.cdx.json").read_text("utf-8"))
    names = {c["name"] for c in document["components"]}
    assert {"anyio", "idna"} <= names
    assert not names & {"small-thing", "pip", "setuptools"}
    assert document["metadata"]["component"]["name"] == "small-thing"
    assert evidence.outcome.checked == len(names) + 1
    assert evidence.outcome.facts["components"] == str(len(names))


@pytest.mark.network
def test_the_document_holds_the_digests_that_build_recorded(built: tuple[Path, Evidence]) -> None:
    import hashlib

    root, _ = built
    document = json.loads((root / ".release/sbom/small-thing.cdx.json").read_text("utf-8"))
    stated = {
        reference["url"]: reference["hashes"][0]["content"]
        for reference in document["metadata"]["component"]["externalReferences"]
    }
    assert stated == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (root / ".release/dist").iterdir()
    }


@pytest.mark.network
def test_document_and_readable_text_are_artefacts_with_their_digests(
    built: tuple[Path, Evidence],
) -> None:
    root, evidence = built
    assert [artifact.path for artifact in evidence.outcome.artifacts] == [
        "sbom/small-thing.cdx.json",
        "sbom/small-thing.cdx.txt",
    ]
    assert all((root / ".release" / a.path).stat().st_size for a in evidence.outcome.artifacts)


@pytest.mark.network
def test_no_text_in_the_document_names_this_machine(built: tuple[Path, Evidence]) -> None:
    import getpass
    import platform
    import tempfile

    root, _ = built
    document = json.loads((root / ".release/sbom/small-thing.cdx.json").read_text("utf-8"))
    found = texts(document)
    for path in (str(root), str(root.parent), tempfile.gettempdir(), "file:", platform.node()):
        assert not [text for text in found if path in text]
    assert getpass.getuser() not in found
    assert "timestamp" not in document["metadata"]
    assert "serialNumber" not in document


@pytest.mark.network
def test_another_folder_another_day_and_another_epoch_give_the_same_bytes(
    built: tuple[Path, Evidence],
    judge: Judge,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root, _ = built
    other = make_built_project(tmp_path / "elsewhere")
    shutil.rmtree(other / ".release/dist")
    shutil.copytree(root / ".release/dist", other / ".release/dist")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    monkeypatch.setenv("LC_ALL", "C")
    judge_built(judge, other, "sbom")
    for name in ("small-thing.cdx.json", "small-thing.cdx.txt"):
        first, second = (r / ".release/sbom" / name for r in (root, other))
        assert first.read_bytes() == second.read_bytes()


@pytest.mark.slow
@pytest.mark.network
def test_another_wheel_of_the_same_version_is_described_anew(judge: Judge, tmp_path: Path) -> None:
    root = make_built_project(tmp_path / "thing")
    alone = judge_built(judge, root, "sbom").outcome
    text = root / ".release/sbom/small-thing.cdx.txt"
    assert alone.status is Status.PASSED
    assert alone.checked == 1
    assert "No runtime dependencies." in text.read_text(encoding="utf-8")
    make_built_project(root, ["idna"])
    assert judge_built(judge, root, "sbom", fresh=True).outcome.checked == 2
    assert "pkg:pypi/idna@" in text.read_text(encoding="utf-8")


Replace = Callable[[str, str | None], Judge]


@pytest.fixture
def replace(tmp_path: Path) -> Replace:
    """Puts another program in place of one of the gate's tools."""

    def replaced(program: str, script: str | None) -> Judge:
        return replace_tool(tmp_path / "tools", "sbom", program, script)

    return replaced


ALTER = """
path = sys.argv[sys.argv.index("--output-file") + 1]
done = subprocess.run([sys.executable, sys.argv[0] + "-real", *sys.argv[1:]])
document = json.load(open(path))
{change}
json.dump(document, open(path, "w"))
sys.exit(done.returncode)
"""


@pytest.mark.network
def test_a_dependency_that_the_tool_overlooks_fails_the_gate_and_leaves_no_document(
    replace: Replace, tmp_path: Path
) -> None:
    drop = 'document["components"] = [c for c in document["components"] if c["name"] != "idna"]'
    judge = replace("cyclonedx-py", ALTER.format(change=drop))
    root = make_built_project(tmp_path / "thing", ["idna"])
    sbom = root / ".release/sbom"
    sbom.mkdir()
    (sbom / "small-thing.cdx.json").write_text("of an earlier run")
    outcome = judge_built(judge, root, "sbom").outcome
    assert outcome.status is Status.FAILED
    assert any("runtime dependency idna" in f.message for f in outcome.findings)
    assert list(sbom.iterdir()) == []


@pytest.mark.network
def test_an_invalid_document_fails_the_gate_with_the_place(
    replace: Replace, tmp_path: Path
) -> None:
    spoil = 'document["components"][0]["type"] = "pudding"'
    judge = replace("cyclonedx-py", ALTER.format(change=spoil))
    root = make_built_project(tmp_path / "thing", ["idna"])
    outcome = judge_built(judge, root, "sbom").outcome
    assert outcome.status is Status.FAILED
    assert "not valid CycloneDX 1.6 at $.components[0].type: 'pudding'" in outcome.summary


@pytest.mark.network
@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ('sys.exit("it broke")', "cyclonedx-py failed: it broke"),
        pytest.param("", "cyclonedx-py gave no JSON", marks=pytest.mark.slow),
        pytest.param(None, "cyclonedx-py is not in the environment", marks=pytest.mark.slow),
    ],
)
def test_a_tool_that_breaks_leaves_the_gate_unchecked(
    replace: Replace, tmp_path: Path, script: str | None, reason: str
) -> None:
    judge = replace("cyclonedx-py", script)
    outcome = judge_built(judge, make_built_project(tmp_path / "thing"), "sbom").outcome
    assert outcome.status is Status.UNCHECKED
    assert reason in outcome.summary


@pytest.mark.network
def test_an_environment_that_lacks_the_schemas_leaves_the_gate_unchecked(
    replace: Replace, tmp_path: Path
) -> None:
    remove = (
        "import cyclonedx, pathlib\n"
        '[p.unlink() for p in (pathlib.Path(cyclonedx.__file__).parent / "schema" / "_res")'
        '.glob("bom-1.6*.json")]'
    )
    judge = replace("cyclonedx-py", ALTER.format(change=remove))
    outcome = judge_built(judge, make_built_project(tmp_path / "thing"), "sbom").outcome
    assert outcome.status is Status.UNCHECKED
    assert "the document was not validated" in outcome.summary


@pytest.mark.network
def test_a_wheel_that_build_did_not_make_leaves_the_gate_unchecked(
    judge: Judge, tmp_path: Path
) -> None:
    from release.registry import installed
    from release.run.runner import judge as judge_gate
    from tests.built import build_evidence

    root = make_built_project(tmp_path / "thing")
    run = judge.run(root)
    needed = {"build": build_evidence(run)}
    wheel = next((root / ".release/dist").glob("*.whl"))
    wheel.write_bytes(wheel.read_bytes() + b"\0")
    outcome = judge_gate(run, installed()["sbom"].gate, needed).outcome
    assert outcome.status is Status.UNCHECKED
    assert "is not what build made" in outcome.summary


def test_without_a_package_index_the_gate_is_unchecked(
    judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_NO_CACHE", "1")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    root = make_built_project(tmp_path / "thing", ["surely-no-such-thing"])
    outcome = judge_built(judge, root, "sbom").outcome
    assert outcome.status is Status.UNCHECKED
    assert "127.0.0.1:9" in outcome.summary


@pytest.mark.slow
@pytest.mark.network
def test_the_gate_reads_what_the_build_gate_made(judge: Judge, project: Path) -> None:
    found = judge.all(project, "sbom")
    assert found["sbom"].outcome.status is Status.PASSED, found["sbom"].outcome
    text = (project / ".release/sbom/small-thing.cdx.txt").read_text()
    made = [a for a in found["build"].outcome.artifacts if a.path.startswith("dist/")]
    assert len(made) == 2
    assert all(f"{artifact.sha256}  {artifact.name}" in text for artifact in made)
