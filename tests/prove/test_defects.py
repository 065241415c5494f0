"""The defects that `prove` plants: each changes a copy, or says why it cannot."""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from release.errors import ReleaseError
from release.gates.changelog import defects as changelog_defects
from release.gates.docker import defects as docker_defects
from release.gates.docs import defects as docs_defects
from release.gates.documents import defects as documents_defects
from release.gates.migrations import defects as migrations_defects
from release.gates.parity import defects as parity_defects
from release.gates.ratchet import defects as ratchet_defects
from release.gates.sbom import defects as sbom_defects
from release.gates.schemas import defects as schemas_defects
from release.gates.secrets import defects as secrets_defects
from release.gates.setup import defects as setup_defects
from release.gates.static_analysis import defects as static_analysis_defects
from release.gates.test import defects as test_defects
from release.gates.tree import defects as tree_defects
from release.gates.versions import defects as versions_defects
from release.model import Artifact, Evidence, Outcome
from release.project import read_project
from release.prove.own_defects import always_green, declared_defect, harmless_commit, own_defects
from release.registry import installed, resolve
from release.run.planting import CannotPlant, Copy, Defect, commit
from tests.support import PYPROJECT, git, make_project, with_remote, write

SCHEMAS = """
[tool.release.schemas]
sources = [{ name = "record", file = "src/small_thing/record.py", search = "SCHEMA = {version}" }]
[tool.release.gates.migrations]
migrate = ["migrate"]
folder = "migrations"
"""
EVERYTHING: dict[str, str | bytes | None] = {
    "pyproject.toml": PYPROJECT + SCHEMAS,
    "CHANGELOG.md": "# Changelog\n\n## [1.2.3] - 2026-01-01\n\n- A change.\n",
    "CITATION.cff": "cff-version: 1.2.0\ntitle: Small thing\nversion: 1.2.3\n",
    ".zenodo.json": "{}\n",
    "SCHEMAS.md": "| Schema | Version |\n|---|---|\n| record | 1 |\n",
    "src/small_thing/record.py": "SCHEMA = 1\n",
    "migrations/1.sql": "CREATE TABLE t (id integer);\n",
    "docs/index.md": "# Small thing\n",
    "mkdocs.yml": "site_name: Small thing\n",
    "Dockerfile": "FROM python:3.13\n",
}
DEFECTS = {name: resolve(one.gate.defects) for name, one in installed().items()}
PLANTED = [
    pytest.param(defect, id=f"{gate}-{defect.name}")
    for gate, all_of_it in DEFECTS.items()
    for defect in all_of_it
]


def evidence(gate: str) -> Evidence:
    return Evidence(
        gate=gate,
        outcome=Outcome.passed(1, "ok"),
        commit="",
        tree="",
        dirty=False,
        key="",
        key_after="",
        level=None,
        tools={},
        commands=(),
        started=datetime.now(UTC),
        seconds=0.0,
        log=None,
    )


def copy_of(root: Path) -> Copy:
    scratch = root.parent / "scratch"
    scratch.mkdir(exist_ok=True)
    clean = {"tree": evidence("tree")}
    return Copy(read_project(root), clean, root / ".release", scratch, "http://127.0.0.1:1")


@pytest.fixture
def everything(tmp_path: Path) -> Path:
    root = make_project(tmp_path / "small-thing", EVERYTHING)
    with_remote(root)
    return root


def state(root: Path) -> tuple[str, ...]:
    """All that git sees of a copy: files, refs, configuration."""
    files = git(root, "status", "--porcelain", "--ignored", "--untracked-files=all")
    return files, git(root, "for-each-ref"), git(root, "config", "--list"), git(root, "diff")


def test_every_gate_has_a_defect() -> None:
    assert all(DEFECTS.values())


@pytest.mark.parametrize("defect", PLANTED)
def test_a_defect_changes_the_copy_or_what_is_read_of_it(everything: Path, defect: Defect) -> None:
    copy = built(everything)
    before = state(everything), wheel_of(everything)
    defect.plant(copy)
    amended = defect.amend(copy, copy.project)
    after = state(everything), wheel_of(everything)
    assert after != before or amended.settings != copy.project.settings
    re.compile(defect.says)


def test_a_control_changes_the_copy_too(everything: Path) -> None:
    for control in {defect.control for found in DEFECTS.values() for defect in found}:
        if control is not None:
            before = state(everything)
            control(copy_of(everything))
            assert state(everything) != before, control
            git(everything, "stash", "--include-untracked")


@pytest.mark.parametrize(
    ("plant", "missing", "said"),
    [
        (
            versions_defects.disagreeing_version,
            {"src/small_thing/__init__.py": "A = 1\n"},
            "one place only",
        ),
        (changelog_defects.doubled_section, {}, "no changelog"),
        (changelog_defects.doubled_section, {"CHANGELOG.md": "# Changelog\n"}, "no section"),
        (
            documents_defects.missing_licence,
            {"pyproject.toml": '[project]\nname = "small-thing"\n'},
            "no li",
        ),
        (schemas_defects.unregistered_schema, {}, "names no source"),
        (docs_defects.dangling_reference, {}, "not known"),
        (migrations_defects.failing_migration, {}, "no folder of migrations"),
        (docker_defects.failing_image, {}, "no Dockerfile"),
        (
            parity_defects.private_classifier,
            {"pyproject.toml": f"{PYPROJECT}[tool.release]\npublish = false\n"},
            "no index",
        ),
        (
            test_defects.failing_test,
            {"tests/test_small_thing.py": None},
            "no module of tests",
        ),
        (parity_defects.long_summary, {}, "no wheel"),
    ],
)
def test_a_defect_that_cannot_be_planted_says_why(
    tmp_path: Path, plant: object, missing: dict[str, str | bytes | None], said: str
) -> None:
    root = make_project(tmp_path / "small-thing", missing)
    assert callable(plant)
    with pytest.raises(CannotPlant, match=said):
        plant(copy_of(root))


def test_no_file_is_untracked_where_git_ignores_them_all(project: Path) -> None:
    write(project, {".gitignore": "*\n"})
    with pytest.raises(CannotPlant, match="ignore"):
        tree_defects.untracked_file(copy_of(project))


def test_a_key_is_never_the_same(everything: Path) -> None:
    secrets_defects.private_key(copy_of(everything))
    first = (everything / "planted_key.txt").read_text()
    secrets_defects.private_key(copy_of(everything))
    assert (everything / "planted_key.txt").read_text() != first


def built(root: Path, version: str = "1.2.3", **files: str) -> Copy:
    """A copy beside which build made a wheel."""
    made = root / ".release"
    (made / "dist").mkdir(parents=True, exist_ok=True)
    name = f"small_thing-{version}"
    wheel = made / "dist" / f"{name}-py3-none-any.whl"
    told = {
        "small_thing/__init__.py": "",
        f"{name}.dist-info/METADATA": f"Metadata-Version: 2.4\nName: small-thing\n"
        f"Version: {version}\nSummary: A thing\n  of two lines\nLicense: MIT\n\nIt.\n\nIs.\n",
        **{f"{name}.dist-info/{place}": text for place, text in files.items()},
        f"{name}.dist-info/RECORD": "",
    }
    with zipfile.ZipFile(wheel, "w") as archive:
        for place, text in told.items():
            archive.writestr(place, text)
    artifact = Artifact(f"dist/{wheel.name}", wheel.stat().st_size, "")
    outcome = Outcome.passed(1, "built", artifacts=(artifact,), facts={"version": version})
    copy = copy_of(root)
    return replace(copy, clean={**copy.clean, "build": replace(evidence("build"), outcome=outcome)})


def wheel_of(root: Path) -> dict[str, bytes]:
    (wheel,) = (root / ".release" / "dist").iterdir()
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_metadata_are_planted_in_the_wheel_and_the_rest_stays(everything: Path) -> None:
    copy = built(everything)
    before = wheel_of(everything)
    sbom_defects.own_path(copy)
    parity_defects.private_classifier(copy)
    after = wheel_of(everything)
    place = "small_thing-1.2.3.dist-info/METADATA"
    assert after.pop(place).decode() == (
        "Metadata-Version: 2.4\nName: small-thing\nVersion: 1.2.3\nLicense: MIT\n"
        f"Summary: Planted, in {everything}.\nClassifier: Private :: Planted\n\nIt.\n\nIs.\n"
    )
    record = after.pop("small_thing-1.2.3.dist-info/RECORD").decode()
    assert [line.partition(",")[0] for line in record.split("\n")] == [
        *before,
        "",
    ]
    assert after.items() <= before.items()


@pytest.mark.parametrize(
    "text",
    ["", "def test_a():\n    pass\n", "import unittest\n\nclass TestA(unittest.TestCase): 0\n"],
)
def test_a_failing_test_stands_where_tests_are(tmp_path: Path, text: str) -> None:
    root = make_project(
        tmp_path / "small-thing", {"tests/check_it.py": text, "tests/data.py": "A = 1\n"}
    )
    test_defects.failing_test(copy_of(root))
    changed = git(root, "diff", "--name-only").split("\n")
    assert changed == [*(["tests/check_it.py"] if text else []), "tests/test_small_thing.py"]


def test_code_goes_to_the_end_of_a_package_that_is_one_module(tmp_path: Path) -> None:
    text = PYPROJECT.replace("small-thing", "shop").replace("small_thing", "shop")
    files: dict[str, str | bytes | None] = {
        "pyproject.toml": text,
        "src/shop.py": "A = 1\n",
        "src/small_thing/__init__.py": None,
        "src/small_thing/py.typed": None,
    }
    root = make_project(tmp_path / "shop", files)
    static_analysis_defects.shell_command(copy_of(root))
    found = (root / "src/shop.py").read_text()
    assert found.startswith("A = 1\n\n\nimport subprocess\n\n\ndef planted_defect(")
    compile(found, "shop.py", "exec")


def test_a_planted_file_is_committed_although_the_project_ignores_such_names(
    tmp_path: Path,
) -> None:
    root = make_project(tmp_path / "small-thing", {".gitignore": "*.txt\n*.py\n"})
    secrets_defects.private_key(copy_of(root))
    commit(root)
    assert "planted_key.txt" in git(root, "ls-files")


def test_a_commit_in_a_copy_runs_no_hook(tmp_path: Path) -> None:
    hook = "#!/bin/sh\ntouch ran\n"
    root = make_project(tmp_path / "small-thing", {f".githooks/{n}": hook for n in HOOKS})
    for path in (root / ".githooks").iterdir():
        path.chmod(0o755)
    git(root, "config", "core.hooksPath", ".githooks")
    git(root, "config", "commit.gpgSign", "true")
    before = git(root, "log", "-1", "--format=%an %ae %cn %ce %B")
    secrets_defects.private_key(copy_of(root))
    commit(root)
    assert not (root / "ran").exists()
    assert git(root, "rev-list", "--count", "HEAD") == "2"
    assert git(root, "log", "-1", "--format=%an %ae %cn %ce %B") == before


HOOKS = ("pre-commit", "commit-msg", "post-commit", "reference-transaction", "post-checkout")


def test_a_section_is_doubled_where_it_stands(tmp_path: Path) -> None:
    text = b"# Changelog\r\n\r\n## 1.2.3\r\n\r\n- New.\r\n\r\n## 1.2.2\r\n\r\n- Old.\r\n"
    root = make_project(tmp_path / "small-thing", {"CHANGELOG.md": text})
    changelog_defects.doubled_section(copy_of(root))
    found = (root / "CHANGELOG.md").read_bytes()
    section = b"## 1.2.3\r\n\r\n- New.\r\n\r\n"
    assert found == text.replace(section, section * 2)


def test_a_confirmation_is_of_a_day_to_come(everything: Path) -> None:
    from release.gates.setup.settings import SetupSettings

    copy = copy_of(everything)
    confirmed = (
        setup_defects.day_to_come(copy, copy.project)
        .settings.gates.of("setup", SetupSettings)
        .confirmed
    )
    assert confirmed["publisher"] > (datetime.now(UTC) + timedelta(days=30)).date()


@pytest.mark.parametrize("version", ["1.2.3", "0.4.0.dev0", "0.1rc1", "1!2.0"])
def test_the_last_release_has_a_file_more(everything: Path, version: str) -> None:
    copy = built(everything, version)
    kept = wheel_of(everything)
    ratchet_defects.richer_release(copy)
    folder = copy.scratch / "index" / "small-thing"
    (wheel,) = folder.glob("*.whl")
    assert wheel.name == "small_thing-0-py3-none-any.whl"
    assert f'href="{wheel.name}"' in (folder / "index.html").read_text()
    with zipfile.ZipFile(wheel) as archive:
        assert "planted-defect.txt" in archive.namelist()
    assert wheel_of(everything) == kept
    index = ratchet_defects.planted_index(copy, copy.project).settings.index
    assert index == (copy.scratch / "index").as_uri()


@pytest.mark.parametrize("version", ["0.0.0.dev4+g1", "0", ""])
def test_no_release_comes_before_the_lowest_version(everything: Path, version: str) -> None:
    with pytest.raises(CannotPlant, match="no final version"):
        ratchet_defects.richer_release(built(everything, version))


@pytest.mark.parametrize(
    ("commands", "green"),
    [
        ([["true"]], True),
        ([["/bin/true"], ["echo", "no tests yet"]], True),
        ([["sh", "-c", " exit 0 "]], True),
        ([["bash", "-c", "echo no tests yet"]], True),
        ([["sh", "-c", "pytest || true"]], False),
        ([["sh", "-c", "for f in *.py; do check $f || exit 1; done; exit 0"]], False),
        ([["sh", "-c", "set -e; check; true"]], False),
        ([["sh", "-c", "echo $(check)"]], False),
        ([], False),
        ([["true"], ["pytest"]], False),
        ([["sh", "-c", "pytest"]], False),
        ([["python", "-c", "pass"]], False),
        ([["tool", "|| true"]], False),
    ],
)
def test_commands_that_end_well_whatever_there_is_are_known(
    commands: list[list[str]], green: bool
) -> None:
    assert always_green(commands) is green


def test_the_projects_own_commands_are_tried_with_the_data_that_they_name(tmp_path: Path) -> None:
    files: dict[str, str | bytes | None] = {
        "tools/check.py": "",
        "data.json": "{}",
        "rules.json": "{}",
        "a/b.txt": "b",
        "run.txt": "",
        "Makefile": "",
        "setup.cfg": "",
    }
    root = make_project(tmp_path / "small-thing", files)
    (root / "run.txt").chmod(0o755)
    words = (
        "tools/check.py data.json --config rules.json a a/b.txt missing ../x / run.txt setup.cfg"
    )
    commands = [["python", *words.split()], ["make", "-C", "a"], ["sh", "data.json", "Makefile"]]
    found = own_defects(commands, read_project(root))
    assert [defect.name for defect in found] == [
        "a package that does not import",
        "data.json, emptied",
        "a/b.txt, emptied",
    ]
    for defect in found[1:]:
        assert defect.control is not None
        defect.control(copy_of(root))
    assert (root / "data.json").read_bytes() == b"{}\n"
    for defect in found[1:]:
        defect.plant(copy_of(root))
    assert (root / "data.json").read_bytes() == b""
    assert (root / "a/b.txt").read_bytes() == b""


@pytest.mark.parametrize("files", [{}, {"src/small_thing/__init__.py": None}])
def test_a_harmless_commit_changes_something(
    tmp_path: Path, files: dict[str, str | bytes | None]
) -> None:
    root = make_project(tmp_path / "small-thing", files)
    harmless_commit(copy_of(root))
    changed = "src/small_thing/__init__.py" if not files else "README.md"
    assert git(root, "diff", "--name-only") == changed
    assert declared_defect([["rm", "a"]], harmless_commit).name == "what `broken` breaks (rm a)"


@pytest.mark.parametrize("name", ["CITATION.cff", ".zenodo.json", "CHANGELOG.md", "Dockerfile"])
def test_nothing_is_written_through_a_link_out_of_the_copy(everything: Path, name: str) -> None:
    outside = everything.parent / name
    (everything / name).rename(outside)
    (everything / name).symlink_to(outside)
    before = outside.read_bytes()
    plants = {
        "CITATION.cff": documents_defects.false_citation,
        ".zenodo.json": documents_defects.broken_deposit,
        "CHANGELOG.md": changelog_defects.doubled_section,
        "Dockerfile": docker_defects.failing_image,
    }
    with pytest.raises((CannotPlant, ReleaseError), match="out of the repository"):
        plants[name](copy_of(everything))
    assert outside.read_bytes() == before


@pytest.mark.parametrize(
    "licence", ['license-files = ["../KEPT"]', 'license = {{ file = "{outside}" }}']
)
def test_no_licence_is_taken_from_outside_of_the_copy(tmp_path: Path, licence: str) -> None:
    outside = tmp_path / "KEPT"
    outside.write_text("MIT\n")
    text = f'[project]\nname = "small-thing"\n{licence}\n'.replace("{outside}", str(outside))
    pyproject = text.replace("{{", "{").replace("}}", "}")
    root = make_project(tmp_path / "small-thing", {"pyproject.toml": pyproject})
    documents_defects.missing_licence(copy_of(root))
    assert outside.is_file()
    assert not (root / "LICENSE").exists()


PATH = "src/small_thing/planted_defect.py"


@pytest.mark.parametrize(
    ("gate", "text", "seen"),
    [
        ("lint", f"{PATH}: F821: Undefined name `a_name_that_nobody_defined`", True),
        ("lint", f"{PATH}: F821 undefined name 'a_name_that_nobody_defined'", True),
        ("lint", f"{PATH}: D103: Missing docstring in public function", False),
        ("lint", f"{PATH}: is not formatted", False),
        ("typecheck", f'{PATH}: return-value: Incompatible return value type (got "str")', True),
        (
            "typecheck",
            f'{PATH}: reportReturnType: Type "str" is not assignable to return type "int"',
            True,
        ),
        (
            "typecheck",
            f'{PATH}: error: Expression of type "str" is incompatible with return type "int"',
            True,
        ),
        ("typecheck", f"{PATH}: no-untyped-def: Function is missing a type annotation", False),
        ("static_analysis", f"{PATH}: B602: subprocess call with shell=True identified", True),
        ("static_analysis", f"{PATH}: S602: `subprocess` call with `shell=True`", True),
        ("static_analysis", f"{PATH}: S404: `subprocess` module is possibly insecure", False),
        ("documents", "CITATION.cff: version is 1, and the project's version is 2", False),
    ],
)
def test_only_what_names_the_very_defect_is_a_proof(gate: str, text: str, seen: bool) -> None:
    assert any(re.search(defect.says, text) for defect in DEFECTS[gate]) is seen
