"""prove: each gate's defects in throwaway copies; what cannot fail is named, nothing is touched."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import release.prove.copies
import release.prove.proving
from release.errors import ReleaseError
from release.model import Evidence, Finding, Gate, Outcome, Required
from release.prove.proof import Proof, Proofs, Proved, Shown
from release.prove.proving import Listener, prove
from release.registry import Installed, installed, resolve
from release.report.prove import clean_line, gate_lines, verdict_line
from release.run.runner import judge as judge_one
from release.run.scratch import scratch as another_run
from release.run.shell import Shell
from tests.gates.docker import test_docker
from tests.support import FILES, PYPROJECT, Judge, commit, git, make_project, with_remote, write

network = pytest.mark.network
machine = test_docker.machine
DATA = Path(__file__).parents[1] / "data"
AKSARA = Path(__file__).parents[1] / "projects" / "aksara" / "src" / "aksara"
CHANGELOG = "# Changelog\n\n## [1.2.3] - 2026-01-01\n\n- Doubles negative numbers, too.\n"
MIGRATE = "python -m small_thing.migrate"
SETTINGS = f"""
[tool.release.schemas]
sources = [
    {{ name = "record", file = "src/small_thing/record.py", search = "SCHEMA = {{version}}" }},
]
[tool.release.gates.migrations]
migrate = ["{MIGRATE}"]
folder = "src/small_thing/migrations"
[tool.release.gates.ci]
workflows = ["Checks"]
"""
# Something for every gate but docker to judge; its migrator is Aksara's.
WHOLE: dict[str, str | bytes | None] = {
    "CHANGELOG.md": CHANGELOG,
    "CITATION.cff": "cff-version: 1.2.0\nmessage: Cite it.\ntitle: Small thing\nversion: 1.2.3\n"
    "authors:\n  - name: The maintainers\n",
    ".zenodo.json": '{"title": "Small thing", "creators": [{"name": "Maintainer, A"}]}\n',
    "SCHEMAS.md": "| Schema | Version |\n|---|---|\n| record | 1 |\n",
    "src/small_thing/record.py": "SCHEMA = 1\n",
    "src/small_thing/migrator.py": (AKSARA / "migrator.py")
    .read_bytes()
    .replace(b'files("aksara")', b'files("small_thing")'),
    "src/small_thing/migrate.py": "from small_thing.migrator import run\n\nrun('migrate')\n",
    **{
        f"src/small_thing/migrations/{path.name}": path.read_bytes()
        for path in sorted((AKSARA / "migrations").iterdir())
    },
    "docs/index.md": "# Small thing\n\nIt is small.\n",
    "mkdocs.yml": "site_name: Small thing\n",
    ".githooks/pre-push": "#!/bin/sh\n",
    ".github/workflows/release.yml": (DATA / "workflows/release.yml").read_bytes(),
}
OWN_MODULES = {name: textwrap.dedent(text) for name, text in FILES.items() if name.endswith(".py")}
LIGHT = ("tree", "setup", "changelog")


class Heard(Listener):
    """What is told of a proof as it goes on."""

    def __init__(self) -> None:
        self.clean: Mapping[str, Evidence] = {}
        self.names: list[str] = []

    def judged(self, clean: Mapping[str, Evidence], seconds: float) -> None:
        assert seconds > 0
        self.clean = clean

    def shown(self, gate: Proved) -> None:
        self.names.append(gate.gate)


def table(root: Path, text: str, *, publish: bool = False, dependencies: Sequence[str] = ()) -> str:
    """A pyproject.toml whose releases go to no index, or to one that is an empty folder."""
    index = root.parent / "index"
    index.mkdir(parents=True, exist_ok=True)
    where = f'index = "{index.as_uri()}"' if publish else "publish = false"
    wanted = f"dependencies = {json.dumps(dependencies)}\n\n[project.scripts]"
    pyproject = PYPROJECT.replace("[project.scripts]", wanted)
    return f"{pyproject}\n[tool.release]\n{where}\n{text}\n"


def project_with(
    tmp_path: Path,
    text: str = "",
    files: Mapping[str, str | bytes | None] | None = None,
    *,
    publish: bool = False,
    dependencies: Sequence[str] = (),
) -> Path:
    root = tmp_path / "small-thing"
    pyproject = table(root, text, publish=publish, dependencies=dependencies)
    make_project(root, {"pyproject.toml": pyproject.encode(), **(files or {})})
    with_remote(root)
    return root


def run(judge: Judge, root: Path, *names: str, gates: Mapping[str, Gate] | None = None) -> Proofs:
    return prove(judge.run(root, gates=gates), names, Heard())


def of(proofs: Proofs, gate: str) -> Proved:
    return next(found for found in proofs.gates if found.gate == gate)


def everything_below(root: Path) -> dict[str, tuple[bytes, int]]:
    """Every file of a repository with its bytes and time, evidence aside.

    But for the time of objects: git sets it for those that it finds there and need not write.
    """
    return {
        path.relative_to(root).as_posix(): (
            path.read_bytes(),
            0 if "objects" in path.parts else path.stat().st_mtime_ns,
        )
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".release" not in path.parts
    }


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files of this test alone."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.mark.slow
@network
def test_every_defect_of_the_table_is_seen_but_where_another_one_shows_more(
    tmp_path: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    root = project_with(tmp_path, SETTINGS, WHOLE, publish=True, dependencies=["psycopg[binary]"])
    git(root, "config", "core.hooksPath", ".githooks")
    git(root, "remote", "set-url", "origin", "https://github.com/o/small-thing")
    heard = Heard()
    proofs = prove(judge.run(root), (), heard)
    seen = {(gate.gate, line.defect) for gate in proofs.gates for line in gate.lines}
    wanted = {
        (gate, defect.name)
        for gate, one in installed().items()
        for defect in resolve(one.gate.defects)
        if gate != "docker" and not defect.fallback
    }
    assert not [line for gate in proofs.gates for line in gate_lines(gate) if line[0] in "✗?"]
    assert seen == wanted | {("docker", "")}
    assert {gate.gate for gate in proofs.gates if gate.proof is Proof.PROVED} == {*dict(wanted)}
    assert all(line.proof is Proof.PROVED for gate in proofs.gates[:-1] for line in gate.lines)
    assert proofs.whole
    # In the order of the checklist, whichever is done with first.
    assert heard.names == [gate.gate for gate in proofs.gates] == [*installed()]


@pytest.mark.slow
@test_docker.engine_test
def test_an_image_that_cannot_be_built_is_seen(
    request: pytest.FixtureRequest, tmp_path: Path, judge: Judge
) -> None:
    base = request.getfixturevalue("machine").base
    root = project_with(tmp_path, files={"Dockerfile": test_docker.GOOD.format(base=base)})
    proofs = run(judge, root, "docker")
    assert proofs.of(Proof.PROVED) == ("docker",), proofs


@network
def test_a_package_that_does_not_import_is_tried_where_no_test_can_be_planted(
    tmp_path: Path, judge: Judge
) -> None:
    root = project_with(
        tmp_path,
        "[tool.release.gates.test]\nrun = [\"python -c 'import small_thing'\"]",
        {"tests/test_small_thing.py": None},
    )
    proofs = run(judge, root, "test")
    assert [line.defect for line in of(proofs, "test").lines if line.proof is Proof.PROVED] == [
        "a package that does not import"
    ]
    assert proofs.whole


class TestGatesThatCannotFailInTheirOwnWay:
    """A broken import or a syntax error is not proof of a gate that lets all else pass."""

    @pytest.mark.slow
    @network
    def test_of_lint_and_typecheck(self, tmp_path: Path, judge: Judge) -> None:
        root = project_with(
            tmp_path,
            '[tool.ruff.lint]\nselect = ["E", "F"]\nper-file-ignores = {"*" = ["ALL"]}\n'
            "[tool.mypy]\nignore_errors = true\n",
        )
        proofs = run(judge, root, "lint", "typecheck")
        assert proofs.of(Proof.CANNOT_FAIL) == ("lint", "typecheck")
        (line,) = of(proofs, "lint").lines
        path = "src/small_thing/planted_defect.py"
        assert f"planted in {path}: return a_name_that_nobody_defined" in line.remedy
        assert ".release/logs/prove-lint.log" in line.remedy
        log = (root / ".release/logs/prove-lint.log").read_text(encoding="utf-8")
        assert "+    return a_name_that_nobody_defined" in log
        assert "ruff check" in log

    @network
    def test_of_lint_that_finds_something_else(self, tmp_path: Path, judge: Judge) -> None:
        (tmp_path / "small-thing").mkdir()
        root = project_with(
            tmp_path,
            '[tool.ruff.lint]\nselect = ["CPY"]\npreview = true\n',
            {name: f"# Copyright 2026 A\n{text}" for name, text in OWN_MODULES.items()},
        )
        (line,) = of(run(judge, root, "lint"), "lint").lines
        assert line.proof is Proof.NOT_SHOWN
        assert "failed for another reason" in line.said
        assert "CPY001" in line.said

    @pytest.mark.slow
    @network
    def test_of_tests_whose_failures_are_swallowed(self, tmp_path: Path, judge: Judge) -> None:
        conftest = (
            "import pytest\n\n\n@pytest.hookimpl(wrapper=True)\n"
            "def pytest_runtest_makereport(item, call):\n    report = yield\n"
            '    if report.failed:\n        report.outcome = "passed"\n    return report\n'
        )
        root = project_with(tmp_path, files={"tests/conftest.py": conftest})
        proofs = run(judge, root, "test")
        assert proofs.of(Proof.CANNOT_FAIL) == ("test",)
        assert "planted by nox-release" in of(proofs, "test").lines[0].remedy


class TestGatesOfTheProjectsOwn:
    @pytest.mark.parametrize(
        "command",
        [
            ["sh", "-c", 'test -z "$(git diff --name-only origin/main)"'],
            pytest.param(
                ["sh", "-c", 'test "$(git rev-list --count HEAD)" = 1'], marks=pytest.mark.slow
            ),
        ],
    )
    def test_one_that_fails_for_any_commit_shows_nothing(
        self, tmp_path: Path, judge: Judge, command: list[str]
    ) -> None:
        root = project_with(
            tmp_path, f"[tool.release.gates.a]\nproject = false\nrun = [{json.dumps(command)}]"
        )
        proofs = run(judge, root, "a", "tree")
        assert proofs.of(Proof.NOT_SHOWN) == ("a",)
        line = of(proofs, "a").lines[0]
        assert "does not pass a harmless commit either" in line.said
        assert "tool.release.gates.a.broken" in line.remedy

    @pytest.mark.parametrize(
        "words",
        [
            "git log -1 --format=%an | grep -q '^A Maintainer$'",
            "git log -1 --format=%ce | grep -q '^maintainer@'",
            "git log -1 --format=%s | grep -q '^Start$'",
        ],
    )
    def test_who_commits_and_with_which_message_fails_none(
        self, tmp_path: Path, judge: Judge, words: str
    ) -> None:
        command = json.dumps(["sh", "-c", words])
        root = project_with(tmp_path, f"[tool.release.gates.a]\nproject = false\nrun = [{command}]")
        line = of(run(judge, root, "a"), "a").lines[0]
        assert line.said.startswith("passed all the same")

    def test_no_program_and_no_configuration_is_emptied(self, tmp_path: Path, judge: Judge) -> None:
        root = project_with(
            tmp_path,
            "[tool.release.gates.a]\nproject = false\n"
            'run = ["python tools", "make -C checks all", "python load.py --config rules.json"]',
            {
                "tools/__main__.py": "print('fine')\n",
                "checks/Makefile": "all:\n\ttrue\n",
                "load.py": "import json, sys\n\njson.load(open(sys.argv[2]))\n",
                "rules.json": "{}\n",
            },
        )
        proofs = run(judge, root, "a")
        assert [line.defect for line in of(proofs, "a").lines] == ["a package that does not import"]
        assert proofs.of(Proof.NOT_SHOWN) == ("a",)

    @pytest.mark.parametrize(
        "command",
        [
            "for f in src/*/*.py; do grep -q raise $f && exit 1; done; exit 0",
            "set -e; ! grep -q raise src/small_thing/__init__.py; test -s README.md; true",
        ],
    )
    def test_a_line_that_ends_well_is_not_accused_by_its_looks(
        self, tmp_path: Path, judge: Judge, command: str
    ) -> None:
        words = json.dumps(["sh", "-c", command])
        root = project_with(tmp_path, f"[tool.release.gates.a]\nproject = false\nrun = [{words}]")
        assert Proof.CANNOT_FAIL is not of(run(judge, root, "a"), "a").proof

    def broken(self, tmp_path: Path, judge: Judge, broken: str, check: str) -> Proved:
        root = project_with(
            tmp_path,
            "[tool.release.gates.a]\nproject = false\n"
            f"run = [['sh', '-c', '{check}']]\nbroken = [{broken}]",
        )
        return of(run(judge, root, "a"), "a")

    def test_what_breaks_one_can_be_said(self, tmp_path: Path, judge: Judge) -> None:
        found = self.broken(tmp_path, judge, '"git rm --quiet README.md"', "test -s README.md")
        assert found.proof is Proof.PROVED
        assert found.lines[0].defect == "what `broken` breaks (git rm --quiet README.md)"

    def test_one_that_lets_pass_what_should_break_it_cannot_fail(
        self, tmp_path: Path, judge: Judge
    ) -> None:
        found = self.broken(tmp_path, judge, '"git rm --quiet README.md"', "test -s LICENSE")
        assert found.proof is Proof.CANNOT_FAIL
        assert "planted in README.md" in found.lines[0].remedy

    @pytest.mark.parametrize(
        ("broken", "said"),
        [
            ('"git status"', "nothing is changed"),
            ('"git rm nowhere"', "git rm nowhere: exit status 128"),
            ('"no-such-program"', "no-such-program"),
        ],
    )
    def test_what_breaks_nothing_is_told(
        self, tmp_path: Path, judge: Judge, broken: str, said: str
    ) -> None:
        found = self.broken(tmp_path, judge, broken, "test -s README.md")
        assert found.proof is Proof.NOT_SHOWN
        assert said in found.lines[0].said
        assert found.lines[0].remedy


@network
@pytest.mark.parametrize(
    ("command", "proof"),
    [
        ("true", Proof.CANNOT_FAIL),
        pytest.param("sh -c 'test -s README.md'", Proof.NOT_SHOWN, marks=pytest.mark.slow),
    ],
)
def test_a_gate_whose_commands_let_everything_pass_is_named(
    tmp_path: Path, judge: Judge, command: str, proof: Proof
) -> None:
    root = project_with(tmp_path, f'[tool.release.gates.lint]\nrun = ["{command}"]')
    proofs = run(judge, root, "tree", "lint")
    assert proofs.of(proof) == ("lint",)
    line = of(proofs, "lint").lines[0]
    assert line.said.startswith("passed all the same")
    assert "tool.release.gates.lint." in line.remedy
    assert proofs.of(Proof.PROVED) == ("tree",)
    assert not proofs.whole


@network
def test_what_a_gate_of_the_projects_own_judges_is_tried(tmp_path: Path, judge: Judge) -> None:
    check = "import json, sys\n\njson.load(open(sys.argv[1]))\n"
    root = project_with(
        tmp_path,
        '[tool.release.gates.data]\nrun = ["python check.py data.json"]\nproject = false\n'
        '[tool.release.gates.blind]\nrun = ["python -c pass"]\nproject = false\n'
        '[tool.release.gates.green]\nrun = ["true"]\nproject = false\n',
        {"check.py": check, "data.json": "{}\n"},
    )
    proofs = run(judge, root, "data", "blind", "green")
    assert proofs.of(Proof.PROVED) == ("data",)
    passed, failed = of(proofs, "data").lines
    assert passed.proof is Proof.NOT_APPLICABLE
    assert passed.said.startswith("passed all the same")
    assert failed.defect == "data.json, emptied"
    assert proofs.of(Proof.CANNOT_FAIL) == ("green",)
    # Nobody knows what it must not let pass, so it is not accused; but it is not proof either.
    assert proofs.of(Proof.NOT_SHOWN) == ("blind",)
    assert "tool.release.gates.blind.broken" in of(proofs, "blind").lines[0].remedy
    assert not proofs.whole


def test_a_gate_of_the_noxfile_is_tried(tmp_path: Path, judge: Judge) -> None:
    def check(project: object, shell: Shell) -> Outcome:
        text = (shell.root / "src/small_thing/__init__.py").read_text(encoding="utf-8")
        if "raise" in text:
            return Outcome.failed((Finding("it raises"),))
        return Outcome.passed(1, "it does not raise")

    gate = Gate("raises", "nothing raises", check)
    blind = Gate("blind", "nothing at all", lambda _project, _shell: Outcome.passed(1, "fine"))
    root = project_with(tmp_path)
    proofs = run(judge, root, "raises", "blind", gates={"raises": gate, "blind": blind})
    assert proofs.of(Proof.PROVED) == ("raises",)
    assert proofs.of(Proof.NOT_SHOWN) == ("blind",)


def test_a_gate_that_fails_already_proves_nothing(tmp_path: Path, judge: Judge) -> None:
    text = "# Changelog\n\n## 1.2.3 - 2026-01-01\n\n- A.\n\n## 1.2.3 - 2026-01-01\n\n- B.\n"
    root = project_with(tmp_path, files={"CHANGELOG.md": text})
    proofs = run(judge, root, "changelog", "tree")
    assert proofs.of(Proof.NOT_SHOWN) == ("changelog",)
    line = of(proofs, "changelog").lines[0]
    assert line.said.startswith("fails already: ")
    assert "second section" in line.said
    assert "fix it first" in line.remedy
    assert not proofs.whole


def test_a_defect_that_cannot_be_planted_is_no_proof(tmp_path: Path, judge: Judge) -> None:
    register = "| Schema | Version |\n|---|---|\n| record | 1 |\n"
    root = project_with(tmp_path, "[tool.release.schemas]", {"SCHEMAS.md": register})
    proofs = run(judge, root, "schemas")
    assert proofs.of(Proof.NOT_SHOWN) == ("schemas",)
    assert "nothing to plant it in" in of(proofs, "schemas").lines[0].said
    assert not proofs.whole


def test_another_reason_is_no_proof(
    tmp_path: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = installed()["tree"].gate
    other = replace(tree, defects=(replace(resolve(tree.defects)[0], says="something else"),))
    gates = {**installed(), "tree": Installed(other, "", "")}
    monkeypatch.setattr("release.registry.installed", lambda: gates)
    proofs = run(judge, project_with(tmp_path), "tree")
    assert proofs.of(Proof.NOT_SHOWN) == ("tree",)
    said = of(proofs, "tree").lines[0].said
    assert said == "failed for another reason: 1 untracked file: planted-by-nox-release"
    assert "planted in planted-by-nox-release: planted" in of(proofs, "tree").lines[0].remedy


def test_a_gate_whose_need_fails_already_is_not_tried(tmp_path: Path, judge: Judge) -> None:
    root = project_with(
        tmp_path,
        '[tool.release.gates.a]\nproject = false\nrun = ["false"]\n'
        '[tool.release.gates.b]\nproject = false\nneeds = ["a"]\nrun = ["true"]',
    )
    (line,) = of(run(judge, root, "b"), "b").lines
    assert line.proof is Proof.NOT_SHOWN
    assert (line.said, line.remedy) == ("needs a, which failed", "fix it first: nox -s a")


def test_the_forge_is_stood_in_for_without_any_credential(
    tmp_path: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "a-token-that-nobody-may-see")
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "kept.example")
    root = project_with(tmp_path, '[tool.release.gates.ci]\nworkflows = ["Checks"]')
    git(root, "remote", "set-url", "origin", "https://github.com/o/small-thing")
    seen: list[str | None] = []
    from release.world import forge, web

    real = web.get

    def get(url: str, who: str, **more: object) -> object:
        seen.append(str(more["token"]) if more["token"] else None)
        assert url.startswith("http://127.0.0.1:")
        assert os.environ["no_proxy"] == "kept.example,127.0.0.1,localhost"
        return real(url, who, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(forge, "get", get)
    proofs = run(judge, root, "ci", "tree")
    assert proofs.of(Proof.PROVED) == ("tree", "ci")
    assert "Checks ended with failure" in of(proofs, "ci").lines[0].said
    assert seen
    assert set(seen) == {None}
    assert os.environ["GITHUB_TOKEN"] == "a-token-that-nobody-may-see"
    assert os.environ["no_proxy"] == "kept.example"


@pytest.mark.slow
@network
def test_evidence_that_still_counts_stands_in_for_judging_the_clean_copy(
    tmp_path: Path, judge: Judge
) -> None:
    root = project_with(tmp_path)
    judge(root, "lint")
    judge(root, "sbom")
    heard = Heard()
    proofs = prove(judge.run(root), ("lint", "sbom"), heard)
    assert proofs.of(Proof.PROVED) == ("lint", "sbom")
    assert {name for name, found in heard.clean.items() if found.reused} == {
        "lint",
        "build",
        "sbom",
    }


def test_evidence_that_cannot_be_copied_is_judged_anew(
    tmp_path: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object, **_options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def check(_project: object, shell: Shell) -> Outcome:
        path = shell.folder_for("made") / "it"
        path.write_bytes((shell.root / "src/small_thing/__init__.py").read_bytes())
        if b"raise" in path.read_bytes():
            return Outcome.failed((Finding("it raises"),))
        return Outcome.passed(1, "made", artifacts=(shell.artifact(path),))

    gate = Gate("makes", "it makes something", check, writes=("made",))
    root = project_with(tmp_path)
    judge_one(judge.run(root), gate, {})
    for reused in (True, False):
        heard = Heard()
        assert prove(judge.run(root, gates={"makes": gate}), ("makes",), heard).whole
        assert heard.clean["makes"].reused is reused
        if reused:
            monkeypatch.setattr(shutil, "copytree", full)


class TestTheRepositoryIsOnlyRead:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        root = project_with(tmp_path, files={"CHANGELOG.md": WHOLE["CHANGELOG.md"]})
        for name in ("pre-commit", "post-commit", "post-checkout", "reference-transaction"):
            write(root, {f".githooks/{name}": f"#!/bin/sh\ntouch {tmp_path}/ran\n"})
            (root / ".githooks" / name).chmod(0o755)
        commit(root, "Hooks")
        git(root, "push", "--quiet", "origin", "main")
        git(root, "config", "core.hooksPath", ".githooks")
        (tmp_path / "ran").unlink(missing_ok=True)
        write(root, {"README.md": "# Changed\n", "new.txt": "new\n"})
        git(root, "status")
        return root

    def test_byte_for_byte_and_no_hook_runs(
        self, root: Path, judge: Judge, tmp_path: Path, scratch: Path
    ) -> None:
        remote = tmp_path / "small-thing.git"
        before = everything_below(root), everything_below(remote)
        proofs = run(judge, root, *LIGHT)
        assert proofs.of(Proof.PROVED) == ("tree", "setup", "changelog")
        assert proofs.dirty
        assert (everything_below(root), everything_below(remote)) == before
        assert not (tmp_path / "ran").exists()
        assert not [*scratch.iterdir()]

    @pytest.mark.slow
    def test_also_when_it_is_interrupted(
        self, root: Path, judge: Judge, scratch: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = everything_below(root)
        real = release.prove.proving._plant_and_judge

        def interrupted(*arguments: object) -> object:
            signal.raise_signal(signal.SIGINT)
            return real(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(release.prove.proving, "_plant_and_judge", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(judge, root, *LIGHT)
        assert everything_below(root) == before
        assert not [*scratch.iterdir()]

    @pytest.mark.slow
    def test_also_when_it_is_killed(
        self, root: Path, judge: Judge, scratch: Path, tmp_path: Path
    ) -> None:
        write(
            root,
            {
                "pyproject.toml": table(
                    root,
                    "[tool.release.gates.slow]\nproject = false\n"
                    f"run = [['sh', '-c', 'echo $$ > {tmp_path}/under-way; exec sleep 60']]\n",
                ).encode()
            },
        )
        git(root, "-c", "core.hooksPath=/dev/null", "commit", "--quiet", "-am", "Slow")
        before = everything_below(root)
        program = (
            "import sys; from pathlib import Path; from tests.support import Judge\n"
            "from release.prove.proving import Listener, prove\n"
            "run = Judge(Path(sys.argv[1])).run(Path(sys.argv[2]))\n"
            "prove(run, ('slow', 'tree'), Listener())\n"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", program, str(judge.tools), str(root)],
            env={**os.environ, "TMPDIR": str(scratch)},
            cwd=Path(__file__).parents[2],
        )
        deadline = time.monotonic() + 60
        pid = tmp_path / "under-way"
        while not pid.exists() or not pid.read_text().strip():
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.05)
        process.kill()
        process.wait()
        os.kill(int(pid.read_text()), signal.SIGKILL)
        assert everything_below(root) == before
        (left,) = scratch.glob("nox-release-prove-*")
        with another_run("prove") as alive:
            assert run(Judge(judge.tools), root, "tree").whole
            assert [*scratch.glob("nox-release-prove-*")] == [alive] != [left]


def test_ctrl_c_tells_how_many_were_proved(tmp_path: Path, judge: Judge, scratch: Path) -> None:
    waits = f"grep -q raise src/*/__init__.py && touch {tmp_path}/under-way && sleep 60; true"
    root = project_with(
        tmp_path,
        f"[tool.release.gates.slow]\nproject = false\nrun = [{json.dumps(['sh', '-c', waits])}]",
    )
    program = "import sys; from release.cli import main; sys.exit(main())"
    process = subprocess.Popen(
        [sys.executable, "-c", program, "prove", "tree", "slow"],
        env={**os.environ, "TMPDIR": str(scratch), "PYTHONPATH": str(Path(__file__).parents[2])},
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    with process:
        assert process.stdout is not None
        before = next(line for line in process.stdout if line.startswith("✓ tree: a tag"))
        deadline = time.monotonic() + 60
        while not (tmp_path / "under-way").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        told = process.stdout.read()
    assert process.returncode == 130
    assert "on another commit" in before
    assert "interrupted: 1 of 1 gates shown are proved" in told
    assert "slow" not in told
    assert not [*scratch.glob("nox-release-prove-*")]


class TestRepositoriesOfEveryShape:
    @pytest.mark.slow
    def test_a_worktree_with_a_detached_head(self, tmp_path: Path, judge: Judge) -> None:
        root = project_with(tmp_path, files={"CHANGELOG.md": WHOLE["CHANGELOG.md"]})
        tree = tmp_path / "linked"
        git(root, "worktree", "add", "--quiet", "--detach", str(tree))
        proofs = run(judge, tree, *LIGHT)
        assert proofs.of(Proof.PROVED) == ("tree", "changelog")
        assert proofs.of(Proof.NOT_APPLICABLE) == ("setup",)

    def test_a_branch_that_is_not_the_release_branch(self, tmp_path: Path, judge: Judge) -> None:
        root = project_with(tmp_path)
        git(root, "switch", "--quiet", "--create", "work")
        write(root, {"new.txt": "new\n"})
        commit(root)
        assert run(judge, root, "tree").whole

    @pytest.mark.slow
    def test_without_a_remote(self, tmp_path: Path, judge: Judge) -> None:
        root = project_with(tmp_path)
        git(root, "remote", "remove", "origin")
        assert run(judge, root, "tree").whole

    def test_a_shallow_clone(self, tmp_path: Path, judge: Judge) -> None:
        root = project_with(tmp_path, files={"CHANGELOG.md": WHOLE["CHANGELOG.md"]})
        write(root, {"new.txt": "new\n"})
        commit(root)
        shallow = tmp_path / "shallow"
        git(tmp_path, "clone", "--quiet", "--depth=1", root.as_uri(), str(shallow))
        proofs = run(judge, shallow, "tree", "changelog")
        assert "shallow" in of(proofs, "tree").lines[0].said
        assert proofs.of(Proof.PROVED) == ("changelog",)

    @pytest.mark.slow
    def test_a_partial_clone_says_what_is_missing(self, tmp_path: Path, judge: Judge) -> None:
        root = project_with(tmp_path)
        write(root, {"README.md": "# Another\n"})
        commit(root)
        git(root, "config", "uploadpack.allowFilter", "true")
        partial = tmp_path / "partial"
        git(tmp_path, "clone", "--quiet", "--filter=blob:none", root.as_uri(), str(partial))
        with pytest.raises(ReleaseError, match="a partial clone, without 1 objects"):
            run(judge, partial, "tree")
        git(partial, "fetch", "--quiet", "--refetch", "--no-filter", "origin")
        assert run(judge, partial, "changelog", "tree").of(Proof.PROVED) == ("tree",)

    @pytest.mark.slow
    def test_whatever_the_users_git_is_told(
        self, tmp_path: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told = tmp_path / "gitconfig"
        told.write_text(
            "[safe]\nbareRepository = explicit\n[clone]\ndefaultRemoteName = upstream\n"
            "[init]\ndefaultBranch = trunk\n"
        )
        root = project_with(tmp_path)
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(told))
        assert run(judge, root, "tree").whole

    @network
    def test_a_part_of_a_repository(self, tmp_path: Path, judge: Judge) -> None:
        root = make_project(tmp_path / "all" / "packages" / "small-thing")
        top = tmp_path / "all"
        shutil.rmtree(root / ".git")
        git(top, "init", "--quiet", "--initial-branch=main")
        write(top, {"other/file.txt": "other\n"})
        commit(top)
        proofs = run(judge, root, "tree", "lint")
        assert proofs.whole, proofs

    @pytest.mark.slow
    def test_submodules_are_there_in_the_copies(self, tmp_path: Path, judge: Judge) -> None:
        other = tmp_path / "other"
        other.mkdir()
        write(other, {"data.json": "{}\n"})
        git(other, "init", "--quiet", "--initial-branch=main")
        commit(other)
        root = project_with(
            tmp_path,
            '[tool.release.gates.data]\nproject = false\nrun = ["grep -q . part/data.json"]',
        )
        local = ("-c", "protocol.file.allow=always")
        git(root, *local, "submodule", "--quiet", "add", str(other), "part")
        commit(root)
        proofs = run(judge, root, "data", "tree")
        assert proofs.whole, proofs

    def test_no_repository_is_an_error(self, tmp_path: Path, judge: Judge) -> None:
        write(tmp_path / "plain", {"pyproject.toml": PYPROJECT})
        with pytest.raises(ReleaseError, match="not in a git repository"):
            run(judge, tmp_path / "plain")

    def test_unknown_gates_are_an_error_each(self, project: Path, judge: Judge) -> None:
        with pytest.raises(ReleaseError) as raised:
            run(judge, project, "lind", "tst", "tree", "xyzzy")
        said = [(problem.message, problem.remedy or "") for problem in raised.value.problems]
        assert said[:2] == [
            ("'lind' is not a gate", "did you mean 'lint'?"),
            ("'tst' is not a gate", "did you mean 'test'?"),
        ]
        assert said[2][0] == "'xyzzy' is not a gate"
        assert said[2][1].startswith("gates: tree, ")


def proofs_of(*gates: Proved, in_ci: bool = False) -> Proofs:
    return Proofs("small-thing", "c" * 40, False, gates, in_ci, 1.5)


def proved(gate: str, proof: Proof, required: Required = "always") -> Proved:
    line = Shown("a defect", proof, "it said", "do this", 0.5)
    return Proved(gate, proof, (line,), required)


class TestVerdict:
    @pytest.mark.parametrize(
        ("proof", "required", "in_ci", "whole"),
        [
            (Proof.PROVED, "always", False, True),
            (Proof.NOT_APPLICABLE, "always", False, True),
            (Proof.NOT_SHOWN, "always", False, False),
            (Proof.NOT_SHOWN, "ci", False, True),
            (Proof.NOT_SHOWN, "ci", True, False),
            (Proof.NOT_SHOWN, "never", True, True),
            (Proof.CANNOT_FAIL, "always", False, False),
            (Proof.CANNOT_FAIL, "ci", False, False),
            (Proof.CANNOT_FAIL, "never", False, True),
        ],
    )
    def test_it_is_proved_when_all_that_is_needed_is(
        self, proof: Proof, required: Required, in_ci: bool, whole: bool
    ) -> None:
        found = proofs_of(proved("tree", Proof.PROVED), proved("a", proof, required), in_ci=in_ci)
        assert found.whole is whole

    def test_nothing_at_all_is_no_proof(self) -> None:
        assert not proofs_of(proved("docs", Proof.NOT_APPLICABLE)).whole

    def test_the_last_line_counts_and_names(self) -> None:
        found = proofs_of(
            proved("tree", Proof.PROVED),
            proved("test", Proof.CANNOT_FAIL),
            proved("docs", Proof.NOT_SHOWN),
            proved("docker", Proof.NOT_SHOWN, "ci"),
            proved("lint", Proof.CANNOT_FAIL, "never"),
            proved("schemas", Proof.NOT_APPLICABLE),
        )
        assert verdict_line(found) == (
            "small-thing at cccccccccccc: NOT PROVED: 1 gate proved by 1 defect;"
            " 1 cannot fail (test); 1 not shown (docs); 1 not shown, left to CI (docker);"
            " 1 not proved, never required (lint); 1 not applicable  1.5 s"
        )

    def test_what_is_not_proved_stands_out_with_what_to_do(self) -> None:
        assert [*gate_lines(proved("tree", Proof.PROVED))] == ["✓ tree: a defect: it said  0.5 s"]
        assert [*gate_lines(proved("test", Proof.CANNOT_FAIL))] == [
            "✗ test: a defect: CANNOT FAIL: it said  0.5 s",
            "  → do this",
        ]

    def test_a_line_fits_the_terminal(self) -> None:
        long = Shown("a defect", Proof.PROVED, "very " * 40, seconds=1.0)
        (line,) = gate_lines(Proved("tree", Proof.PROVED, (long,), "always"), 80)
        assert len(line) == 80
        assert line.endswith("…  1.0 s")
        (whole,) = gate_lines(Proved("tree", Proof.PROVED, (long,), "always"))
        assert long.said.strip() in whole

    def test_the_clean_copy_is_told_of(self, project: Path, judge: Judge) -> None:
        found = {"lint": judge(project, "docs"), "tree": judge(project, "tree")}
        line = clean_line(found, 2.0)
        assert line == "a clean copy: 1 unchecked (tree), 1 not applicable  2.0 s"
