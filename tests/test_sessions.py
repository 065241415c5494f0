"""What people type, through real nox in a process of its own."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil
import pytest

from release.registry import ACTIONS, installed
from release.run.processes import MARKER
from tests.support import git, make_project, with_remote, write

NAMES = tuple(installed())
ROOT = Path(__file__).resolve().parent.parent
NOXFILE = ROOT / "noxfile.py"
SESSIONS = [*ACTIONS, *NAMES]
CHECK = 'run = ["git --version"]\nproject = false\n'


class Nox:
    """Runs nox with this repository's noxfile, its environments in a folder shared by all tests."""

    def __init__(self, tools: Path) -> None:
        self.tools = tools

    def command(self, *arguments: str, noxfile: Path = NOXFILE) -> list[str]:
        return [sys.executable, "-m", "nox", "--noxfile", str(noxfile), *arguments]

    def environment(self, **more: str) -> dict[str, str]:
        cache = {"NOX_RELEASE_CACHE": str(self.tools)}
        return {**os.environ, **cache, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", **more}

    def __call__(
        self,
        *arguments: str,
        noxfile: Path = NOXFILE,
        cwd: Path = ROOT,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments, noxfile=noxfile),
            capture_output=True,
            text=True,
            cwd=cwd,
            env=self.environment(**(env or {})),
            timeout=300,
            check=False,
        )


@pytest.fixture
def nox(tools_folder: Path) -> Nox:
    return Nox(tools_folder)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_project(tmp_path / "thing")


def snapshot(root: Path) -> dict[str, bytes | str]:
    """Every file of a project but those below `.release/`, and git's refs."""
    found: dict[str, bytes | str] = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and ".git" not in path.parts and ".release" not in path.parts
    }
    if (root / ".git").exists():
        found["refs"] = git(root, "for-each-ref")
        found["status"] = git(root, "status", "--porcelain")
    return found


def session_names(noxfile: Path = NOXFILE) -> list[str]:
    out = subprocess.run(
        [sys.executable, "-m", "nox", "--noxfile", str(noxfile), "--list"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ).stdout
    return [match[1] for match in re.finditer(r"^[*-] (\w+)", out, re.M)]


def test_the_list_reads_like_the_checklist(nox: Nox) -> None:
    done = nox("--list")
    lines = re.findall(r"^[*-] (\w+) -> (.+)$", done.stdout, re.M)
    listed = dict(lines)
    assert [name for name, _ in lines][: len(SESSIONS)] == SESSIONS
    assert all(len(text) > 20 and text.endswith(".") for text in listed.values())


def test_every_session_prints_its_help_and_does_nothing(nox: Nox, root: Path) -> None:
    done = nox("-s", *SESSIONS, "--", "--help", "--project", str(root))
    assert done.returncode == 0
    _, *usages = done.stdout.split("usage: nox -s ")
    helps = {text.split()[0]: text for text in usages}
    assert list(helps) == SESSIONS
    options = dict.fromkeys(("bump", "tag", "cut", "adopt"), "--dry-run")
    options |= {"rehearse": "--faults", "publish": "--index", "verify": "--wait"}
    options |= {"status": "--do", "prove": "GATE", "render": "--check"}
    assert not [name for name in SESSIONS if options.get(name, "--fresh") not in helps[name]]
    assert not (root / ".release").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--frsh"], "--frsh"),
        pytest.param(["major", "minor"], "minor", marks=pytest.mark.slow),
        (["huge"], "huge"),
        pytest.param(["--project"], "--project", marks=pytest.mark.slow),
    ],
)
def test_arguments_that_are_not_taken_are_named_with_the_usage(
    nox: Nox, arguments: Sequence[str], said: str
) -> None:
    done = nox("-s", "release_preflight", "--", *arguments)
    assert done.returncode == 1
    assert said in done.stderr
    assert "usage: nox -s release_preflight --" in done.stderr
    assert "Traceback" not in done.stderr


def broken(text: str | bytes | None) -> dict[str, str | bytes | None]:
    return {"pyproject.toml": text}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        pytest.param(broken(None), "no pyproject.toml in", marks=pytest.mark.slow),
        (broken("[project\n"), "pyproject.toml:1: is not valid TOML"),
        pytest.param(
            broken("name = 'x'\n"),
            "pyproject.toml: has no [project] table with a name",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            broken(b"[project]\nname = 'caf\xe9'\n"),
            "pyproject.toml:2: is not UTF-8",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            broken("[project]\nname = '../evil'\n"),
            "'../evil' is not a valid project name",
            marks=pytest.mark.slow,
        ),
        (
            broken("[project]\nname = 'x'\n[tool.release]\nbraanch = 1\ntag = 2\n"),
            "pyproject.toml:4: unknown key 'braanch'",
        ),
        ({".release": "in the way"}, ".release: cannot be written"),
    ],
    ids=["missing", "malformed", "no project", "not UTF-8", "name", "settings", "no write"],
)
def test_a_mistake_is_one_clear_error_and_changes_nothing(
    nox: Nox, root: Path, files: dict[str, str | bytes | None], said: str
) -> None:
    write(root, files)
    before = snapshot(root)
    done = nox("-s", "release_preflight", "lint", "--", "--project", str(root))
    assert done.returncode == 1
    assert done.stderr.count(said) == 2
    assert "Traceback" not in done.stderr + done.stdout
    assert snapshot(root) == before


def test_a_folder_that_git_does_not_trust_is_an_error_whose_remedy_works(
    nox: Nox, root: Path, tmp_path: Path
) -> None:
    somebody_else = {
        "GIT_TEST_ASSUME_DIFFERENT_OWNER": "1",
        "GIT_CONFIG_GLOBAL": str(tmp_path / "gitconfig"),
    }
    judged = ("-s", "changelog", "--", "--project", str(root))
    done = nox(*judged, env=somebody_else)
    assert done.returncode == 1
    assert "git cannot read this repository: fatal: detected dubious ownership" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    (remedy,) = (line for line in done.stderr.splitlines() if "safe.directory" in line)
    subprocess.run(shlex.split(remedy), check=True, env=nox.environment(**somebody_else))
    assert nox(*judged, env=somebody_else).returncode == 0


def test_a_machine_without_git_is_told_so(nox: Nox, root: Path, tmp_path: Path) -> None:
    done = nox("-s", "bump", "--", "minor", "--project", str(root), env={"PATH": str(tmp_path)})
    assert done.returncode == 1
    assert "git is not installed\n    install git and run this again" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


def test_both_mistakes_in_the_settings_are_reported_at_once(nox: Nox, root: Path) -> None:
    with (root / "pyproject.toml").open("a") as file:
        file.write("[tool.release]\nbraanch = 1\ntag = 2\n")
    done = nox("-s", "lint", "--", "--project", str(root))
    assert "braanch" in done.stderr
    assert "tool.release.tag" in done.stderr
    assert "2 problems" in done.stderr


def test_a_gate_alone_exits_by_its_verdict(nox: Nox, root: Path) -> None:
    with_remote(root)
    done = nox("-s", "tree", "--", "--project", str(root))
    assert done.returncode == 0, done.stderr
    assert "✓ tree: main at" in done.stdout
    write(root, {"untracked.txt": "x"})
    done = nox("-s", "tree", "--", "--project", str(root))
    assert done.returncode == 1
    assert "1 untracked file: untracked.txt" in done.stdout
    assert "→ add, ignore or remove" in done.stdout


@pytest.mark.slow
@pytest.mark.network
def test_the_whole_checklist_is_ready_and_then_reused(nox: Nox, tmp_path: Path) -> None:
    root = make_project(tmp_path / "sp ace" / "ünï-thing")
    with_remote(root)
    before = snapshot(root)
    done = nox("-s", "release_preflight", "--", "--project", str(root))
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^small-thing 1\.2\.3 at \w{12}: ready", done.stdout, re.M)
    assert snapshot(root) == before
    first = json.loads((root / ".release/preflight.json").read_text())
    assert [gate["name"] for gate in first["gates"]] == list(NAMES)
    assert {a["name"].rpartition(".")[2] for a in first["artifacts"]} >= {
        "whl",
        "gz",
        "json",
        "txt",
    }

    done = nox("-s", "release_preflight", "--", "--project", str(root))
    assert done.returncode == 0
    second = json.loads((root / ".release/preflight.json").read_text())
    reused = {gate["name"] for gate in second["gates"] if gate["reused"]}
    assert reused == {
        *("documents", "lint", "typecheck", "test", "static_analysis", "secrets"),
        *("build", "parity", "sbom"),
    }
    assert first["artifacts"] == second["artifacts"]
    assert snapshot(root) == before


def children(marker: str) -> list[int]:
    found = []
    for process in psutil.process_iter():
        try:
            if marker in " ".join(process.cmdline()) or (
                marker in process.environ().get("TEST_RUN", "") and MARKER in process.environ()
            ):
                found.append(process.pid)
        except (psutil.Error, OSError):
            continue
    return found


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize(
    ("number", "session"),
    [
        (signal.SIGINT, "slow"),
        (signal.SIGTERM, "slow"),
        pytest.param(signal.SIGINT, "release_preflight", marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, "release_preflight", marks=pytest.mark.slow),
    ],
)
def test_an_interruption_leaves_no_process_and_says_what_was_not_judged(
    nox: Nox, root: Path, number: signal.Signals, session: str
) -> None:
    started = root / "started"
    program = f"import time; open({str(started)!r}, 'w').close(); time.sleep(120)"
    write(
        root,
        {
            "noxfile.py": (ROOT / "templates/noxfile.py").read_bytes(),
            "pyproject.toml": (root / "pyproject.toml").read_text()
            + f"[tool.release.gates.slow]\nrun = [{json.dumps([sys.executable, '-c', program])}]\n"
            + "project = false\n",
        },
    )
    marker = f"{root.name}-{number}-{os.getpid()}-{session}"
    process = subprocess.Popen(
        nox.command("-s", session, noxfile=root / "noxfile.py"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=root,
        env=nox.environment(TEST_RUN=marker),
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not started.exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
    assert started.exists(), process.communicate()
    assert children(marker)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert not children(marker)
    if session == "release_preflight":
        assert "slow" in out
        assert "interrupted" in out
        data = json.loads((root / ".release/preflight.json").read_text())
        assert data["verdict"] != "ready"
    assert "Traceback" not in err


def test_the_noxfile_for_other_projects_has_the_same_checklist(root: Path) -> None:
    shutil.copy(ROOT / "templates/noxfile.py", root)
    with (root / "pyproject.toml").open("a") as file:
        file.write(f"[tool.release.gates.doctor]\n{CHECK}")
    assert session_names(root / "noxfile.py") == [*SESSIONS, "doctor"]


def test_no_session_of_the_noxfile_is_replaced(nox: Nox, root: Path) -> None:
    template = (ROOT / "templates/noxfile.py").read_text()
    own = "import nox\n\n\n@nox.session\ndef lint(session):\n    print('mine')\n\n\nSessions("
    write(root, {"noxfile.py": template.replace("Sessions(", own, 1)})
    names = session_names(root / "noxfile.py")
    assert [name for name in names if "lint" in name] == ["lint", "release_lint"]
    done = nox("-s", "lint", "--no-venv", noxfile=root / "noxfile.py")
    assert "mine" in done.stdout
    assert "has already been registered" not in done.stderr
    done = nox("-s", "release_lint", "--", "--help", noxfile=root / "noxfile.py")
    assert "nox -s release_lint --" in done.stdout
    done = nox("--list", noxfile=root / "noxfile.py")
    assert "(beside lint, which is this noxfile's own)" in done.stdout


def test_a_gate_of_commands_is_a_session(nox: Nox, root: Path) -> None:
    shutil.copy(ROOT / "templates/noxfile.py", root)
    with (root / "pyproject.toml").open("a") as file:
        file.write(f"[tool.release.gates.doctor]\n{CHECK}")
    done = nox("-s", "doctor", noxfile=root / "noxfile.py")
    assert done.returncode == 0
    assert "✓ doctor: git --version: ok" in done.stdout
    assert "git version" in done.stdout


def gate_of_the_docs() -> str:
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs/gates.md").read_text(), re.M | re.S)
    (block,) = (str(text) for text in blocks if "def no_todo" in text)
    return block


def test_the_python_gate_of_the_docs_works(nox: Nox, root: Path) -> None:
    write(root, {"noxfile.py": gate_of_the_docs(), "CHANGELOG.md": "# Changelog\n\nTODO\n"})
    done = nox("-s", "no_todo", noxfile=root / "noxfile.py")
    assert done.returncode == 1
    assert "CHANGELOG.md:3: a TODO is left" in done.stdout
    write(root, {"CHANGELOG.md": "# Changelog\n"})
    assert nox("-s", "no_todo", noxfile=root / "noxfile.py").returncode == 0
    assert "no_todo" in session_names(root / "noxfile.py")


def test_the_readme_shows_the_template_of_the_noxfile() -> None:
    template = (ROOT / "templates/noxfile.py").read_text()
    body = template[template.index("from release") :]
    assert body in (ROOT / "README.md").read_text()


def test_the_console_script_needs_no_noxfile(nox: Nox, root: Path) -> None:
    with_remote(root)
    program = "import sys; from release.cli import main; sys.exit(main())"
    env = nox.environment()

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", program, *arguments],
            capture_output=True, text=True, cwd=root, env=env, check=False,
        )  # fmt: skip

    done = run("tree")
    assert done.returncode == 0, done.stderr
    assert "✓ tree" in done.stdout
    assert "release_preflight" in run("--list").stdout
    assert run("--help").returncode == 0
    assert run().returncode == 2
    assert run("nonsense").returncode == 3
    assert git(root, "status", "--porcelain") == ""


def ci_files(folder: Path) -> dict[str, str]:
    """The variables of a job of GitHub Actions."""
    summary = folder / "summary.md"
    return {"CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}


def test_the_plan_is_one_line_of_json_and_runs_nothing(nox: Nox, root: Path) -> None:
    done = nox("-s", "release_preflight", "--", "--project", str(root), "--plan", "--runners", "3")
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    plan = json.loads(line)
    jobs = [*plan["first"], *plan["parts"], *plan["then"]]
    assert sorted(name for job in jobs for name in job["part"].split(",")) == sorted(NAMES)
    assert [job["name"] for job in jobs] == [f"{n}-of-{len(jobs)}" for n in (1, 2, 3)]
    assert not list((root / ".release/evidence").iterdir())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--plan", "--runners", "0"], "invalid number of machines value: '0'"),
        (["--part", "lnt"], "'lnt' is not a gate"),
        (["--part", "9/2"], "the plan has no part 9/2"),
        (["--plan", "--collect", "x"], "not allowed with"),
    ],
)
def test_a_part_or_plan_that_cannot_be_is_a_clear_error(
    nox: Nox, root: Path, arguments: list[str], said: str
) -> None:
    done = nox("-s", "release_preflight", "--", "--project", str(root), *arguments)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_job_of_github_shows_findings_on_their_lines_and_a_summary(
    nox: Nox, root: Path, tmp_path: Path
) -> None:
    write(root, {"CHANGELOG.md": "# Changelog\n\n## [Unreleased]\n\n## 1.2.3\n"})
    variables = ci_files(tmp_path)
    judged = ("-s", "release_preflight", "--", "--project", str(root))
    done = nox(*judged, "--part", "changelog,tree", env=variables)
    assert done.returncode == 1
    assert "a part of the checklist: blocked" in done.stdout
    commands = [line for line in done.stdout.splitlines() if line.startswith("::")]
    assert any(
        re.match(r"::error file=CHANGELOG\.md,line=\d+,title=changelog::", c) for c in commands
    )
    assert any("title=tree::1 untracked file: CHANGELOG.md%0Aadd, ignore" in c for c in commands)
    assert not Path(variables["GITHUB_STEP_SUMMARY"]).exists()
    done = nox(*judged, "--collect", str(root / ".release"), env=variables)
    assert done.returncode == 1
    summary = Path(variables["GITHUB_STEP_SUMMARY"]).read_text(encoding="utf-8")
    assert summary == (root / ".release/preflight.md").read_text(encoding="utf-8")
    assert not [line for line in done.stdout.splitlines() if line.startswith("::")]
