from __future__ import annotations

import importlib.util
import io
import json
import os
import shlex
import shutil
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from types import ModuleType

import pytest

from release.errors import CannotCheck
from release.gates import build
from release.gates.build import (
    _last_lines,
    judge_imports,
    judge_twine,
    judge_wheel_contents,
    required_by_extras,
)
from release.model import Evidence, Status
from release.project import read_project
from release.run.environments import looks_like_network, reason
from tests.built import replace_tool
from tests.support import GIT_ENVIRONMENT, PYPROJECT, Judge, commit, git, make_project, write

slow = pytest.mark.slow
DATA = Path(__file__).parents[2] / "data" / "build"
HTTPX = ("httpx-0.28.1-py3-none-any.whl", "httpx-0.28.1.tar.gz")
# What is not about building twice is built once.
ONCE = '\n[tool.release.gates.build]\nreproducible = "no"\n'
CODE = '__version__ = "1.2.3"\n\ndef main() -> None:\n    print("small")\n'


def saved(name: str) -> str:
    return (DATA / f"{name}.txt").read_text(encoding="utf-8")


def messages(evidence: Evidence) -> str:
    return "\n".join(finding.message for finding in evidence.outcome.findings)


# --- what tools say -------------------------------------------------------------------------------


def test_twine_counts_only_with_every_file_that_it_passed() -> None:
    assert judge_twine(0, saved("twine-passed"), HTTPX).checked == 2
    with pytest.raises(CannotCheck, match="passed 2 of 3 files"):
        judge_twine(0, saved("twine-passed"), (*HTTPX, "another.whl"))
    with pytest.raises(CannotCheck, match="passed 0 of 2 files"):
        judge_twine(0, "", HTTPX)


@pytest.mark.parametrize(
    ("name", "file", "said"),
    [
        ("twine-broken", "demo-1.0-py3-none-any.whl", 'line 4: Error: Unknown directive type "nos'),
        ("twine-nothing", "demo-1.1-py3-none-any.whl", "`long_description` missing."),
        ("twine-invalid", "demo-1.2-py3-none-any.whl", "'foo >=1 || <3' is invalid for 'requires"),
    ],
)
def test_what_twine_refuses_fails_and_what_it_warns_about_is_advice(
    name: str, file: str, said: str
) -> None:
    judged = judge_twine(1, saved(name), [file])
    [fault] = judged.defects + judged.advice

    assert said in fault.message
    assert fault.remedy
    # An index takes a description that merely is not there.
    assert (fault in judged.advice) is (name == "twine-nothing")


def test_twine_that_crashes_gave_no_verdict() -> None:
    crash = f"Checking {HTTPX[0]}: Traceback (most recent call last):\nOSError: no such thing"

    with pytest.raises(CannotCheck, match="OSError: no such thing"):
        judge_twine(1, crash, HTTPX)


def test_stray_files_at_top_level_fail_and_can_be_allowed() -> None:
    judged = judge_wheel_contents(1, saved("contents-openmed"), "", ())

    assert [fault.message for fault in judged.defects] == [
        (
            "check-wheel-contents W003: Wheel contains non-module at library toplevel: LICENSE,"
            " NOTICE, README.md, models.jsonl, pyproject.toml"
        ),
        "check-wheel-contents W010: Toplevel library directory contains no Python modules: gates/",
    ]
    allowed = ("gates", "LICENSE", "NOTICE", "*.md", "*.jsonl", "*.toml")
    assert judge_wheel_contents(1, saved("contents-openmed"), "", allowed).defects == ()


def test_a_stub_beside_its_module_is_no_stray_file() -> None:
    assert judge_wheel_contents(1, saved("contents-black"), "", ()).defects == ()


def test_a_common_name_is_fine_for_the_project_that_is_called_so() -> None:
    said = "x.whl: W005: Wheel contains common toplevel name in library:\n  build/\n  tests/\n"

    (fault,) = judge_wheel_contents(1, said, "", (), {"build"}).defects
    assert fault.message == (
        "check-wheel-contents W005: Wheel contains common toplevel name in library: tests/"
    )
    assert judge_wheel_contents(1, said, "", ("tests",), {"build"}).defects == ()


def test_check_wheel_contents_must_give_a_verdict() -> None:
    assert judge_wheel_contents(0, saved("contents-httpx"), "", ()).checked == 1
    for status, stderr in ((0, ""), (1, "BadZipFile: File is not a zip file"), (2, "Usage:")):
        with pytest.raises(CannotCheck, match="no verdict"):
            judge_wheel_contents(status, "", stderr, ())


def test_an_installers_complaint_is_told_in_one_line() -> None:
    missing = (
        "error: No solution found when resolving dependencies\n  cause: Because nothing-like-it was"
        " not found in the package registry and you require nothing-like-it, we can conclude that"
        " your requirements are unsatisfiable.\n"
    )
    offline = (
        "error: Request failed after 3 retries in 4.4s\n  cause: Failed to fetch: http://x.test/y/\n"
        "  cause: tcp connect error\n  cause: Connection refused (os error 111)\n"
    )
    pip = "WARNING: ignored\nERROR: No matching distribution found for nothing-like-it>=3\n"

    assert reason(missing).startswith("Because nothing-like-it was not found")
    assert reason(offline) == (
        "Request failed after 3 retries in 4.4s: Failed to fetch: http://x.test/y/"
    )
    assert reason(pip) == "No matching distribution found for nothing-like-it>=3"
    assert [looks_like_network(text) for text in (missing, offline, pip)] == [False, True, False]


def test_a_build_that_finds_no_network_is_unchecked_and_not_a_defect(tmp_path: Path) -> None:
    project = read_project(make_project(tmp_path / "small"))
    error = {"step": "sdist", "kind": "hook", "message": "", "said": saved("backend-offline")}
    offline = build._explain(project, error, again=False)
    assert isinstance(offline, CannotCheck)
    assert "urllib.error.URLError" in str(offline)
    assert "reaches the hosts" in str(offline)
    failed = build._explain(project, error | {"said": "KeyError: 'name'"}, again=False)
    assert not isinstance(failed, CannotCheck)


def test_a_compiler_that_is_not_there_leaves_the_build_unchecked(tmp_path: Path) -> None:
    project = read_project(make_project(tmp_path / "small"))
    for said in (
        "error: toolchain '1.97-x86_64-unknown-linux-gnu' is not installed\nRuntimeError: Cargo",
        "running build_ext\nerror: command 'gcc' failed: No such file or directory\n",
        "../meson.build:1:0: ERROR: Unknown compiler(s): [['cc'], ['gcc']]\n",
    ):
        error = {"step": "wheel", "kind": "hook", "message": "", "said": said}
        found = build._explain(project, error, again=False)
        assert isinstance(found, CannotCheck)
        assert "install what the project's build needs" in str(found)


def test_of_a_project_that_does_not_build_while_it_is_installed_the_backends_error_is_told() -> (
    None
):
    said = saved("install-offline")
    assert reason(said) == (
        "Failed to build `zipp @ file:///copy`:"
        " urllib.error.URLError: <urlopen error [Errno -2] Name or service not known>"
    )
    assert looks_like_network(said)


def test_of_a_failed_build_the_error_is_told_and_not_what_led_there() -> None:
    python = 'Traceback (most recent call last):\n  File "x.py", line 3\n    a\nKeyError: "name"\n'
    cargo = "error: no toolchain\nhelp: install it\nError: returned non-zero exit status 1"

    assert _last_lines(python, 3) == 'KeyError: "name"'
    assert _last_lines(cargo, 2) == "error: no toolchain / help: install it"
    assert _last_lines("a\nb\n\nc\n", 2) == "b / c"
    assert _last_lines("", 2) == "it said nothing"


def events(*found: Mapping[str, object]) -> str:
    return "\n".join(json.dumps(event) for event in found)


def step(name: str, event: str = "end", **details: object) -> Mapping[str, object]:
    return {"step": name, "event": event, "value": None, **details}


METADATA_STEP = step("metadata", value="1.2.3")


def imports(text: str, **details: object) -> list[str]:
    settings = {"timed_out": False, "last_line": "it died", "version": "1.2.3", "main": "demo"}
    judged = judge_imports(text, **{**settings, "extras": (), **details})  # type: ignore[arg-type]
    return [found.message for found in (*judged.defects, *judged.unchecked)]


def test_imports_and_versions_that_fit_have_no_fault() -> None:
    text = events(METADATA_STEP, step("import demo"), step("version", value="1.2.3"), step("all"))

    assert imports(text) == []


@pytest.mark.parametrize(
    ("event", "details", "said"),
    [
        (step("import demo", "begin"), {"timed_out": True}, "import demo takes longer than 60 s"),
        (step("import demo", "begin"), {}, "import demo ends the interpreter: it died"),
        (step("metadata", value="1.0"), {}, "importlib.metadata says 1.0, the wheel is of version"),
        (step("version", value="1.2.4"), {}, "demo.__version__ says 1.2.4, the wheel is of"),
        (
            step(
                "import demo", "error", type="KeyError", message="'x'", missing=None, place="d.py:3"
            ),
            {},
            "import demo fails in a clean environment: KeyError: 'x' (d.py:3)",
        ),
    ],
)
def test_an_import_that_goes_wrong_is_told(
    event: Mapping[str, object], details: Mapping[str, object], said: str
) -> None:
    [found] = imports(events(METADATA_STEP, event), **details)

    assert said in found


def test_a_module_that_needs_an_extra_is_a_remark_unless_it_is_the_main_one() -> None:
    def missing(name: str) -> Mapping[str, object]:
        return step(
            f"import {name}", "error", type="ImportError", message="no x", missing="x", place=""
        )

    text = events(METADATA_STEP, step("import demo"), missing("demo_server"), step("all"))

    assert imports(text, extras={"y"}) == []
    assert len(imports(text, extras=())) == 1
    assert len(imports(events(METADATA_STEP, missing("demo")), extras={"x"})) == 1


def test_a_command_is_forgiven_only_what_an_extra_brings() -> None:
    text = events(
        METADATA_STEP,
        step("import demo"),
        step("script demo", "error", type="ImportError", message="no x", missing="x.y", place=""),
        step("all"),
    )

    assert imports(text, extras={"x"}) == []
    assert len(imports(text, extras={"y"})) == 1


def test_what_extras_require_is_read_from_the_markers() -> None:
    lines = ["jinja2; extra == 'docs'", "h11>=1", "Py-YAML>1; python_version>'3' and extra=='x'"]

    assert required_by_extras([*lines, "broken ||"]) == {"jinja2", "py_yaml"}


def test_a_probe_that_did_not_run_to_its_end_gave_no_verdict() -> None:
    with pytest.raises(CannotCheck, match="was not tried: it died"):
        imports("")
    with pytest.raises(CannotCheck, match="not seen to end"):
        imports(events(METADATA_STEP, step("import demo")))


# --- the driver and the copies --------------------------------------------------------------------


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The driver, with a stand-in for pypa/build, which only the gate's tools have."""
    stand_in = ModuleType("build")
    errors = {
        name: type(name, (Exception,), {}) for name in ("BuildException", "BuildBackendException")
    }
    vars(stand_in).update(errors)
    monkeypatch.setitem(sys.modules, "build", stand_in)
    monkeypatch.setitem(sys.modules, "pyproject_hooks", ModuleType("pyproject_hooks"))
    file = Path(build.__file__).with_name("_build_driver.py")
    spec = importlib.util.spec_from_file_location("driver", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("kind", [TypeError, SystemExit])
def test_whatever_breaks_in_the_driver_is_an_error_of_that_build(
    kind: type[BaseException], driver: ModuleType, tmp_path: Path
) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise kind("broke")

    vars(sys.modules["build"])["ProjectBuilder"] = breaks
    one = {"source": str(tmp_path), "work": str(tmp_path), "env": {}}
    answer = driver.main({"python": "python", "install": [], "builds": [one]})
    (result,) = answer["builds"]
    assert result["error"]["message"] == f"{kind.__name__}: broke"


def packed(folder: Path, *members: tuple[str, bytes, str]) -> tarfile.TarFile:
    """A tar of members (name, type, link); files hold their own name."""
    with tarfile.open(folder / "made.tar", "w") as archive:
        for name, kind, link in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.mode = kind, link, 0o400
            info.size = len(name) if kind == tarfile.REGTYPE else 0
            archive.addfile(info, io.BytesIO(name.encode()))
    return tarfile.open(folder / "made.tar")


@pytest.mark.skipif(not hasattr(tarfile, "data_filter"), reason="this Python has no filter")
@pytest.mark.parametrize(
    "members",
    [
        [("a-1/../../up", tarfile.REGTYPE, "")],
        [("a-1/link", tarfile.SYMTYPE, "/etc")],
        [("a-1/link", tarfile.SYMTYPE, "../../up")],
        [("a-1/link", tarfile.SYMTYPE, "sub/../../../up")],
        [("a-1/link", tarfile.LNKTYPE, "../up")],
        [("a-1/pipe", tarfile.FIFOTYPE, "")],
        [("a-1/device", tarfile.CHRTYPE, "")],
    ],
)
def test_an_archive_that_reaches_outside_is_refused(
    members: list[tuple[str, bytes, str]], driver: ModuleType, tmp_path: Path
) -> None:
    (tmp_path / "up").write_text("untouched")
    with packed(tmp_path, *members) as archive, pytest.raises(tarfile.TarError):
        driver.extract(archive, tmp_path / "out", 100)
    assert (tmp_path / "up").read_text() == "untouched"


def test_an_archive_that_is_too_large_is_not_unpacked(driver: ModuleType, tmp_path: Path) -> None:
    members = [("a-1/one", tarfile.REGTYPE, ""), ("a-1/two", tarfile.REGTYPE, "")]
    with (
        packed(tmp_path, *members) as archive,
        pytest.raises(tarfile.TarError, match="far more than its size"),
    ):
        driver.extract(archive, tmp_path / "out", 2 * len("a-1/one") - 1)
    assert not (tmp_path / "out").exists()


def test_the_time_of_a_signed_commit_is_read_where_git_shows_signatures(project: Path) -> None:
    unsigned = git(project, "cat-file", "commit", "HEAD")
    head, message = unsigned.split("\n\n", 1)
    kind = "SSH SIGNATURE"
    lines = [f"gpgsig -----BEGIN {kind}-----", " none", f" -----END {kind}-----"]
    file = project.parent / "commit"
    file.write_text("\n".join([head, *lines, "", message, ""]))
    git(project, "reset", git(project, "hash-object", "-t", "commit", "-w", str(file)))
    git(project, "config", "log.showSignature", "true")
    moment = datetime.fromisoformat(GIT_ENVIRONMENT["GIT_COMMITTER_DATE"])
    assert build._commit_time(read_project(project)) == moment.timestamp()


# --- whole projects -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def built(tools_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Evidence]:
    """A project with an old sdist in its `.release/dist`, and the evidence of its build."""
    root = make_project(tmp_path_factory.mktemp("built") / "small-thing")
    stale = root / ".release" / "dist" / "small_thing-1.2.2.tar.gz"
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"old")
    return root, Judge(tools_folder)(root, "build")


@pytest.mark.network
def test_a_project_is_built_and_just_its_two_files_are_recorded(
    built: tuple[Path, Evidence],
) -> None:
    root, evidence = built

    outcome = evidence.outcome
    assert outcome.status is Status.PASSED, messages(evidence)
    assert outcome.summary == "small-thing 1.2.3: sdist and wheel, 7 files, reproducible, imports"
    assert outcome.findings == ()
    assert outcome.checked > 20
    names = ["small_thing-1.2.3-py3-none-any.whl", "small_thing-1.2.3.tar.gz"]
    assert sorted(path.name for path in (root / ".release" / "dist").iterdir()) == names
    assert sorted(artifact.name for artifact in outcome.artifacts) == names
    assert outcome.facts == {
        "name": "small-thing",
        "version": "1.2.3",
        "wheel": names[0],
        "sdist": names[1],
        "imports": "small_thing",
    }
    assert set(evidence.tools) == {"build", "twine", "check-wheel-contents"}
    assert git(root, "status", "--porcelain") == ""


@pytest.mark.slow
@pytest.mark.network
def test_the_same_commit_gives_the_same_bytes_on_another_day_and_in_another_folder(
    built: tuple[Path, Evidence], judge: Judge, tmp_path: Path
) -> None:
    root, first = built
    copy = tmp_path / "another folder"
    before = os.umask(0o077)
    try:
        git(tmp_path, "clone", "--quiet", str(root), str(copy))
        for path in copy.rglob("*.py"):
            os.utime(path, (2_000_000_000, 2_000_000_000))
        second = judge(copy, "build")
    finally:
        os.umask(before)

    assert second.outcome.status is Status.PASSED
    assert first.outcome.artifacts == second.outcome.artifacts


# For each: pyproject.toml, the package's folder, and whether its sdists carry their build's time.
BACKENDS = {
    "setuptools, flat, with data": (
        """\
        [build-system]
        requires = ["setuptools>=77"]
        build-backend = "setuptools.build_meta"

        [project]
        name = "small.thing"
        dynamic = ["version"]
        readme = "README.md"
        license = "MIT"
        scripts = { small = "small_thing:main" }

        [tool.setuptools]
        packages = ["small_thing"]
        package-data = { small_thing = ["web_ui/*.html"] }
        dynamic.version = { attr = "small_thing.__version__" }

        [tool.release.gates.build]
        expected = ["small_thing/web_ui/**"]
        """,
        "small_thing",
        True,
    ),
    "flit, src": (
        """\
        [build-system]
        requires = ["flit_core>=3.12"]
        build-backend = "flit_core.buildapi"

        [project]
        name = "small_thing"
        dynamic = ["version", "description"]
        readme = "README.md"
        license = "MIT"
        license-files = ["LICENSE"]
        scripts = { small = "small_thing:main" }
        """,
        "src/small_thing",
        False,
    ),
    "poetry, src": (
        """\
        [build-system]
        requires = ["poetry-core>=2"]
        build-backend = "poetry.core.masonry.api"

        [project]
        name = "small-thing"
        version = "1.2.3"
        description = "Small."
        readme = "README.md"
        requires-python = ">=3.9"

        [tool.poetry]
        packages = [{ include = "small_thing", from = "src" }]
        """,
        "src/small_thing",
        False,
    ),
    "uv, src": (
        """\
        [build-system]
        requires = ["uv_build"]
        build-backend = "uv_build"

        [project]
        name = "small-thing"
        version = "1.2.3"
        readme = "README.md"
        """,
        "src/small_thing",
        False,
    ),
    "pdm, flat": (
        """\
        [build-system]
        requires = ["pdm-backend"]
        build-backend = "pdm.backend"

        [project]
        name = "small-thing"
        dynamic = ["version"]
        readme = "README.md"

        [tool.pdm.version]
        source = "file"
        path = "small_thing/__init__.py"
        """,
        "small_thing",
        True,
    ),
    "hatch-vcs, src": (
        """\
        [build-system]
        requires = ["hatchling", "hatch-vcs"]
        build-backend = "hatchling.build"

        [project]
        name = "small-thing"
        dynamic = ["version"]
        readme = "README.md"

        [tool.hatch.version]
        source = "vcs"
        """,
        "src/small_thing",
        False,
    ),
}


@pytest.mark.network
@pytest.mark.parametrize(
    "kind",
    # hatchling's is that of every other project here.
    [kind if "setuptools" in kind else pytest.param(kind, marks=slow) for kind in BACKENDS],
)
def test_every_build_backend_is_served(kind: str, judge: Judge, tmp_path: Path) -> None:
    pyproject, package, differs = BACKENDS[kind]
    root = tmp_path / "thing"
    root.mkdir()
    write(
        root,
        {
            "pyproject.toml": pyproject,
            "README.md": "# Small\n",
            "LICENSE": "MIT\n",
            ".gitignore": "__pycache__\n",
            f"{package}/__init__.py": f'"""Small."""\n\n{CODE}',
            f"{package}/web_ui/index.html": "<p>",
            "tests/test_it.py": "",
        },
    )
    git(root, "init", "--quiet", "--initial-branch=main")
    commit(root)
    git(root, "tag", "--annotate", "--message", "Release", "v1.2.3")

    evidence = judge(root, "build")

    outcome = evidence.outcome
    assert outcome.status is Status.PASSED, messages(evidence)
    assert outcome.facts["version"] == "1.2.3"
    assert outcome.facts["imports"] == "small_thing"
    assert "reproducible" in outcome.summary
    told = " ".join(note.message for note in outcome.notes)
    assert ("the sdist differs when it is built twice" in told) == differs
    assert "built twice" not in messages(evidence)


DEFECTS = {
    "pyproject.toml": PYPROJECT.replace(
        'small-thing = "small_thing:main"', 'small-thing = "small_thing:gone"'
    )
    + """
[tool.hatch.build]
ignore-vcs = true
[tool.hatch.build.targets.wheel]
packages = ["src/small_thing", "tests"]
[tool.hatch.build.targets.wheel.force-include]
"notes.txt" = "notes.txt"
[tool.hatch.build.targets.wheel.hooks.custom]

[tool.release.gates.build]
expected = ["small_thing/web_ui/**", "small_thing/*.py"]
expected-sdist = ["CHANGELOG.md"]
unwanted = ["*.psd"]
""",
    "hatch_build.py": """\
        import os

        from hatchling.builders.hooks.plugin.interface import BuildHookInterface


        class Hook(BuildHookInterface):
            def initialize(self, version, build_data):
                with open("made.txt", "w") as file:
                    file.write(os.getcwd())
                build_data["force_include"]["made.txt"] = "small_thing/made.txt"
        """,
    "notes.txt": "notes\n",
    "tests/__init__.py": "",
    "src/small_thing/__init__.py": """\
        import socket

        __version__ = "1.2.4"


        def main() -> None:
            pass


        try:
            socket.create_connection(("service.invalid", 443), timeout=1)
        except OSError:
            pass
        """,
    "src/small_thing/.env": "PASSWORD=hidden-away\n",
    "src/small_thing/logo.psd": "x",
    "src/small_thing/deploy.key": "-----BEGIN "
    "PRIVATE KEY-----\nTUlJRXZRSUJBREFOQmdrcWhraUc5dzBCQVFFRkFB\n-----END "
    "PRIVATE KEY-----\n",
}


@pytest.fixture(scope="module")
def defects(tools_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """The evidence of a project that has many defects at once, all of which must be told."""
    root = make_project(tmp_path_factory.mktemp("defects") / "small-thing", DEFECTS)
    # Spelled unlike the default of tool.release.tag.
    git(root, "tag", "2.0.0")
    return Judge(tools_folder)(root, "build")


@pytest.mark.network
@pytest.mark.parametrize(
    "said",
    [
        "W005: Wheel contains common toplevel name in library: tests",
        "the wheel holds files named like credentials: small_thing/.env",
        "the sdist holds files named like credentials: src/small_thing/.env",
        "the wheel holds a private key: small_thing/deploy.key",
        "the wheel holds files that tool.release.gates.build.unwanted refuses: small_thing/logo",
        "W003: Wheel contains non-module at library toplevel: notes.txt",
        "nothing in the wheel matches 'small_thing/web_ui/**', which tool.release.gates.build.exp",
        "nothing in the sdist matches 'CHANGELOG.md'",
        "the wheel differs when it is built twice: content of small_thing/made.txt",
        "import small_thing asks the network for service.invalid at small_thing/__init__.py:11",
        "small_thing.__version__ says 1.2.4, the wheel is of version 1.2.3",
        "command small-thing fails in a clean environment: AttributeError",
        "the distributions are of version 1.2.3, and this commit is tagged 2.0.0",
    ],
)
def test_each_of_many_defects_is_told(defects: Evidence, said: str) -> None:
    assert defects.outcome.status is Status.FAILED
    assert said in messages(defects)


@pytest.mark.network
def test_no_secret_is_told_in_findings_and_every_fault_has_a_remedy(defects: Evidence) -> None:
    text = json.dumps(defects.as_json())

    assert "hidden-away" not in text
    assert "TUlJRXZR" not in text
    assert all(finding.remedy for finding in defects.outcome.findings)


@pytest.mark.network
def test_the_files_of_a_failed_build_are_kept_for_those_that_need_them(
    defects: Evidence,
) -> None:
    assert len(defects.outcome.artifacts) == 2


@pytest.mark.slow
@pytest.mark.network
def test_data_that_the_tree_has_and_the_wheel_lacks_is_told_unless_it_is_allowed(
    judge: Judge, tmp_path: Path
) -> None:
    pyproject = """\
        [build-system]
        requires = ["setuptools>=77"]
        build-backend = "setuptools.build_meta"

        [project]
        name = "small-thing"
        version = "1.2.3"
        readme = "README.md"

        [tool.setuptools]
        include-package-data = false

        [tool.release.gates.build]
        reproducible = "no"
        """
    root = make_project(
        tmp_path / "thing",
        {
            "pyproject.toml": pyproject,
            "MANIFEST.in": "graft src\n",
            "src/small_thing/static/app.js": "x",
            "src/small_thing/static/app.css": "x",
        },
    )

    evidence = judge(root, "build")
    assert evidence.outcome.status is Status.PASSED
    [lacking] = [f for f in evidence.outcome.advice if "lacks" in f.message]
    assert lacking.message == (
        "the wheel lacks 2 file(s) of the package: src/small_thing/static/app.css,"
        " src/small_thing/static/app.js"
    )

    allowed = 'allowed = ["small_thing/static"]\n'
    write(root, {"pyproject.toml": pyproject.replace("        ", "") + allowed})
    assert "lacks" not in messages(judge(root, "build"))


@pytest.mark.slow
@pytest.mark.network
def test_a_module_that_the_sdist_lacks_is_missing_from_the_wheel_too(
    judge: Judge, project: Path
) -> None:
    write(
        project,
        {
            "pyproject.toml": PYPROJECT
            + ONCE
            + "\n[tool.hatch.build.targets.sdist]\n"
            + 'only-include = ["src/small_thing/__init__.py"]\n',
            "src/small_thing/core.py": "",
        },
    )

    evidence = judge(project, "build")

    assert evidence.outcome.status is Status.PASSED
    said = "the wheel lacks 2 file(s) of the package: src/small_thing/core.py, "
    assert said in messages(evidence)


@pytest.mark.network
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"pyproject.toml": PYPROJECT.replace("hatchling.build", "hatchling.nothing")},
            "the build backend 'hatchling.nothing' cannot be imported: ",
        ),
        (
            {"pyproject.toml": PYPROJECT.replace('["hatchling"]', '["hatchling==0.0.1"]')},
            "(hatchling==0.0.1) cannot be installed: Because there is no version of hatchling",
        ),
        (
            {
                "pyproject.toml": PYPROJECT
                + "\n[tool.hatch.build.targets.wheel.force-include]\n'extra/a.txt' = 'a.txt'\n"
                + "[tool.hatch.build.targets.sdist]\nexclude = ['/extra']\n",
                "extra/a.txt": "",
            },
            "the wheel was not built: FileNotFoundError: Forced include not found: ",
        ),
        (
            {
                "pyproject.toml": "[build-system]\nrequires = ['setuptools']\n"
                "[project]\nname = 'small-thing'\nversion = '1.2.3'\n",
                "setup.py": "import sys\n\nsys.exit('error: the compiler is not there')\n",
            },
            "the sdist was not built: error: the compiler is not there",
        ),
    ],
    ids=["backend", "requirement", "only the sdist lacks it", "setup.py"],
)
def test_a_project_that_does_not_build_fails_and_says_why(
    judge: Judge, project: Path, changes: Mapping[str, str], said: str
) -> None:
    write(project, changes)

    evidence = judge(project, "build")

    assert evidence.outcome.status is Status.FAILED
    assert said in messages(evidence)
    assert evidence.outcome.findings[0].remedy
    assert list((project / ".release" / "dist").iterdir()) == []


@pytest.mark.slow
@pytest.mark.network
def test_a_readme_that_does_not_render_fails(judge: Judge, project: Path) -> None:
    readme = "Small\n=====\n\n.. nosuch:: x\n"
    write(
        project,
        {
            "README.rst": readme,
            "pyproject.toml": PYPROJECT.replace("README.md", "README.rst") + ONCE,
        },
    )

    evidence = judge(project, "build")

    assert evidence.outcome.status is Status.FAILED
    [finding] = evidence.outcome.findings
    assert "line 4: Error: Unknown directive type" in finding.message
    assert all(name in finding.message for name in (".whl", ".tar.gz"))


@pytest.mark.slow
@pytest.mark.network
def test_a_wheel_whose_requirements_nobody_can_install_fails(judge: Judge, project: Path) -> None:
    wanted = '[project]\ndependencies = ["iniconfig==0.0.0.0.1"]'
    write(project, {"pyproject.toml": PYPROJECT.replace("[project]", wanted) + ONCE})

    evidence = judge(project, "build")

    assert evidence.outcome.status is Status.FAILED
    assert (
        "the wheel and its requirements cannot be installed: Because there is no version"
        in messages(evidence)
    )
    for gate in ("test", "sbom"):  # who need it only say who says why
        found = judge(project, gate).outcome
        assert (found.status, found.findings[0].remedy) == (
            Status.UNCHECKED,
            "nox -s build says why",
        )


@pytest.mark.network
def test_an_undeclared_requirement_shows_although_the_tests_have_it(
    judge: Judge, project: Path
) -> None:
    files = {"src/small_thing/__init__.py": f"import pytest\n\n{CODE}"}
    write(project, {**files, "pyproject.toml": PYPROJECT + ONCE})

    evidence = judge(project, "build")

    assert evidence.outcome.status is Status.FAILED
    failed = [f for f in evidence.outcome.findings if f.message.startswith("import small_thing")]
    assert "No module named 'pytest'" in failed[0].message
    assert failed[0].remedy is not None
    assert "declare the distribution that has pytest" in failed[0].remedy


@pytest.mark.slow
@pytest.mark.network
def test_an_import_that_takes_too_long_is_unchecked(
    judge: Judge, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "IMPORT_SECONDS", 1)
    files = {"src/small_thing/__init__.py": f"import time\n\ntime.sleep(60)\n{CODE}"}
    write(project, {**files, "pyproject.toml": PYPROJECT + ONCE})

    evidence = judge(project, "build")

    assert evidence.outcome.status is Status.UNCHECKED
    assert (
        messages(evidence) == "import small_thing takes longer than 1 s; the log shows where it was"
    )
    log = (project / ".release" / "logs" / "build.log").read_text()
    assert "small_thing/__init__.py" in log


@pytest.mark.slow
@pytest.mark.network
def test_what_is_not_asked_for_is_not_judged(judge: Judge, project: Path) -> None:
    settings = '\n[tool.release.gates.build]\nreproducible = "no"\nimports = []\n'
    write(
        project,
        {
            "pyproject.toml": PYPROJECT.partition("[project.scripts]")[0] + settings,
            "src/small_thing/__init__.py": "import nothing_like_it\n",
        },
    )

    evidence = judge(project, "build")

    assert evidence.outcome.status is Status.PASSED, messages(evidence)
    assert evidence.outcome.summary == "small-thing 1.2.3: sdist and wheel, 6 files, installs"


@pytest.mark.slow
@pytest.mark.network
def test_what_a_command_makes_before_the_build_is_in_the_wheel_and_the_command_is_named(
    judge: Judge, project: Path
) -> None:
    script = "import pathlib; pathlib.Path('src/small_thing/made.txt').write_text('made')"
    settings = f"{ONCE}before = [{json.dumps(['python3', '-c', script])}]\n"
    write(project, {"pyproject.toml": PYPROJECT + settings})

    evidence = judge(project, "build")

    assert evidence.outcome.status is Status.PASSED, messages(evidence)
    [wheel] = (project / ".release" / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read("small_thing/made.txt") == b"made"
    [note] = evidence.outcome.notes
    assert note.message == f"ran before the build: {shlex.join(['python3', '-c', script])}"
    assert not (project / "src/small_thing/made.txt").exists()


@pytest.mark.parametrize(
    ("command", "status", "said"),
    [
        (
            ["python3", "-c", "raise SystemExit('no frontend')"],
            Status.FAILED,
            "fails in a clean copy of the project: no frontend",
        ),
        (["no-such-npm", "run", "build"], Status.UNCHECKED, "no-such-npm is not installed"),
    ],
)
def test_a_command_before_the_build_that_fails_or_is_not_there_is_named(
    judge: Judge, project: Path, command: list[str], status: Status, said: str
) -> None:
    write(project, {"pyproject.toml": f"{PYPROJECT}{ONCE}before = [{json.dumps(command)}]\n"})
    outcome = judge(project, "build").outcome
    assert outcome.status is status
    assert said in outcome.summary
    assert not list((project / ".release").glob("dist/*"))


@pytest.mark.slow
@pytest.mark.network
def test_what_a_command_makes_and_the_sdist_lacks_is_named(judge: Judge, project: Path) -> None:
    script = "import pathlib; pathlib.Path('src/small_thing/ui.js').write_text('made')"
    settings = f"[tool.release.gates.build]\nbefore = [{json.dumps(['python3', '-c', script])}]\n"
    settings += '[tool.hatch.build.targets.wheel]\nartifacts = ["*.js"]\n'
    write(project, {"pyproject.toml": PYPROJECT + settings, ".gitignore": "*.js\n"})
    outcome = judge(project, "build").outcome
    assert outcome.status is Status.PASSED
    assert [f.message for f in outcome.advice] == [
        "the sdist lacks what makes a file of the wheel: small_thing/ui.js"
    ]
    assert "reproducible" in outcome.summary


@pytest.mark.slow
@pytest.mark.network
def test_an_sdist_that_is_never_the_same_fails_where_settings_ask_for_it(
    judge: Judge, project: Path
) -> None:
    pyproject = (
        PYPROJECT.replace('"hatchling"', '"setuptools>=77"')
        .replace("hatchling.build", "setuptools.build_meta")
        .replace(
            "[project.scripts]",
            '[tool.release.gates.build]\nreproducible = "all"\n[project.scripts]',
        )
    )
    write(project, {"pyproject.toml": pyproject})

    evidence = judge(project, "build")

    assert evidence.outcome.status is Status.FAILED
    [finding] = evidence.outcome.findings
    assert "the sdist differs when it is built twice: the time of the build is" in finding.message
    assert "mtime of" in finding.message


@pytest.mark.slow
@pytest.mark.network
def test_a_project_without_a_commit_is_built_too(judge: Judge, project: Path) -> None:
    shutil.rmtree(project / ".git")

    evidence = judge(project, "build")

    assert evidence.outcome.status is Status.PASSED, messages(evidence)


@pytest.mark.slow
@pytest.mark.network
def test_constraints_for_the_projects_own_development_do_not_reach_the_clean_environment(
    judge: Judge, project: Path
) -> None:
    write(
        project,
        {
            "pyproject.toml": PYPROJECT
            + ONCE
            + '\n[tool.uv]\nconstraint-dependencies = ["idna>=3"]\n'
        },
    )

    assert judge(project, "build").outcome.status is Status.PASSED


@pytest.mark.network
def test_without_an_index_the_gate_is_unchecked(
    built: tuple[Path, Evidence],
    judge: Judge,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    nowhere = "http://127.0.0.1:9/simple"
    monkeypatch.setenv("UV_DEFAULT_INDEX", nowhere)
    monkeypatch.setenv("PIP_INDEX_URL", nowhere)
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)

    evidence = judge(make_project(tmp_path / "thing"), "build")

    assert evidence.outcome.status is Status.UNCHECKED
    assert "the sdist was not built: hatchling cannot be fetched" in messages(evidence)
    assert evidence.outcome.findings[0].remedy


@pytest.mark.network
@pytest.mark.parametrize(
    ("program", "script", "said"),
    [
        ("twine", None, "twine is not in the environment"),
        pytest.param("twine", "pass", "twine check passed 0 of 2 files", marks=slow),
        pytest.param(
            "check-wheel-contents",
            "raise SystemExit(3)",
            "check-wheel-contents gave no verdict",
            marks=slow,
        ),
    ],
)
def test_a_tool_that_is_missing_or_breaks_leaves_the_gate_unchecked(
    built: tuple[Path, Evidence],
    judge: Judge,
    tmp_path: Path,
    program: str,
    script: str | None,
    said: str,
) -> None:
    broken = tmp_path / "tools"
    root = make_project(tmp_path / "thing", {"pyproject.toml": PYPROJECT + ONCE})

    evidence = replace_tool(broken, "build", program, script)(root, "build")

    assert evidence.outcome.status is Status.UNCHECKED
    assert said in messages(evidence)


BACKEND = """\
import io, tarfile, zipfile
from pathlib import Path


def spoiled(path, kind):
    damage = Path("damage").read_text().split()
    data = path.read_bytes()
    flags = b"PK\\x01\\x02\\x14\\x03\\x14\\0"
    ways = {
        "cut-off": data[: len(data) // 2],
        "other-bytes": data[:20] + bytes(300),
        "another-content": data.replace(b"tiny", b"vast"),
        "encrypted": data.replace(flags + b"\\0", flags + b"\\1"),
    }
    if damage[0] == kind:
        path.write_bytes(ways[damage[1]])
    return path.name


def build_sdist(folder, settings=None):
    path = Path(folder, "small_thing-1.2.3.tar.gz")
    with tarfile.open(path, "w:gz") as archive:
        for name in ("pyproject.toml", "backend.py", "damage", "PKG-INFO"):
            archive.add(name, f"small_thing-1.2.3/{name}")
    return spoiled(path, "sdist")


def build_wheel(folder, settings=None, metadata=None):
    path = Path(folder, "small_thing-1.2.3-py3-none-any.whl")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("small_thing.py", "print('tiny')")
    return spoiled(path, "wheel")
"""


@pytest.mark.network
@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("sdist cut-off", "small_thing-1.2.3.tar.gz cannot be unpacked: "),
        pytest.param(
            "sdist other-bytes", "small_thing-1.2.3.tar.gz cannot be unpacked: ", marks=slow
        ),
        pytest.param(
            "wheel cut-off", "small_thing-1.2.3-py3-none-any.whl cannot be read: ", marks=slow
        ),
        ("wheel another-content", "small_thing-1.2.3-py3-none-any.whl cannot be read: Bad CRC-32"),
        pytest.param(
            "wheel encrypted",
            "small_thing-1.2.3-py3-none-any.whl cannot be read: File ",
            marks=slow,
        ),
    ],
)
def test_a_damaged_file_of_the_backends_is_a_defect_with_its_name(
    judge: Judge, tmp_path: Path, damage: str, said: str
) -> None:
    own = PYPROJECT.replace(
        'requires = ["hatchling"]', 'requires = []\nbackend-path = ["."]'
    ).replace("hatchling.build", "backend")
    metadata = "Metadata-Version: 2.4\nName: small-thing\nVersion: 1.2.3\n"
    files = {"pyproject.toml": own, "backend.py": BACKEND, "damage": damage, "PKG-INFO": metadata}

    evidence = judge(make_project(tmp_path / "thing", files), "build")

    assert evidence.outcome.status is Status.FAILED
    assert said in messages(evidence)
    assert "Traceback" not in messages(evidence)
