"""Commands end: in time, with all their children, and without filling the disk."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from release.errors import CannotCheck, Interrupted
from release.run import processes as module
from release.run.processes import Completed, Log, Processes
from release.text.masking import MASK, Mask


class Fixture:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "log"
        self.log = Log(self.path, Mask({"A_TOKEN": "hush-hush"}))
        self.processes = Processes()

    def run(self, program: str, timeout: float = 20) -> Completed:
        return self.processes.run(
            [sys.executable, "-c", program],
            cwd=self.folder,
            env=dict(os.environ),
            timeout=timeout,
            log=self.log,
        )

    def logged(self) -> str:
        self.log.close()
        return self.path.read_text(encoding="utf-8")

    def alive(self) -> list[int]:
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(module.MARKER) == self.processes.marker:
                    found.append(process.pid)
            except (psutil.Error, OSError):
                continue
        return found


@pytest.fixture
def commands(tmp_path: Path) -> Iterator[Fixture]:
    found = Fixture(tmp_path)
    yield found
    found.log.close()


def test_a_command_gives_its_status_and_both_streams(commands: Fixture) -> None:
    done = commands.run("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    assert (done.status, done.stdout, done.stderr) == (3, "out\n", "err\n")
    assert done.last_line == "err"
    assert "out" in commands.logged()


def test_bytes_that_are_no_text_do_not_break_it(commands: Fixture) -> None:
    done = commands.run(r"import sys; sys.stdout.buffer.write(b'a\xff\xfeb')")
    assert done.stdout.startswith("a")


def test_a_command_without_output_is_described_by_its_status(commands: Fixture) -> None:
    assert commands.run("import sys; sys.exit(4)").last_line == "exit status 4"


def test_a_colour_alone_is_no_last_line(commands: Fixture) -> None:
    done = commands.run(r"print('\x1b[31mwrong\x1b[0m\n\x1b[39m')")
    assert done.last_line == "wrong"


def test_a_command_has_no_input_to_wait_for(commands: Fixture) -> None:
    assert commands.run("import sys; print(repr(sys.stdin.read()))").stdout == "''\n"


def test_a_missing_program_is_named(commands: Fixture, tmp_path: Path) -> None:
    with pytest.raises(CannotCheck, match="no-such-program is not installed"):
        commands.processes.run(
            ["no-such-program"], cwd=tmp_path, env=dict(os.environ), timeout=5, log=commands.log
        )


def test_a_program_that_cannot_be_executed_is_named(commands: Fixture, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("not a program")
    program.chmod(0o755)
    with pytest.raises(CannotCheck, match="cannot be started"):
        commands.processes.run([str(program)], cwd=tmp_path, env={}, timeout=5, log=commands.log)


def test_a_command_that_hangs_is_stopped_with_its_children(commands: Fixture) -> None:
    program = (
        "import subprocess, sys, time\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(3600)'])\n"
        "time.sleep(3600)"
    )
    with pytest.raises(CannotCheck, match="stopped after 1 s"):
        commands.run(program, timeout=1)
    assert not commands.alive()


def test_a_command_that_ignores_termination_is_killed(commands: Fixture) -> None:
    program = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(3600)"
    with pytest.raises(CannotCheck, match="stopped after"):
        commands.run(program, timeout=1)
    assert not commands.alive()


@pytest.mark.skipif(os.name == "nt", reason="sessions are a POSIX idea")
def test_a_child_that_leaves_the_session_is_swept_away(commands: Fixture) -> None:
    program = (
        "import subprocess, sys\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(3600)'],"
        " start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)"
    )
    assert commands.run(program).status == 0
    assert commands.alive()
    assert commands.processes.sweep() == 1
    assert not commands.alive()


@pytest.mark.skipif(os.name == "nt", reason="sessions are a POSIX idea")
def test_where_nothing_was_started_no_process_is_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("psutil.process_iter", lambda: pytest.fail("it looked"))
    assert Processes().sweep() == 0


def test_a_child_that_keeps_the_output_open_does_not_block(commands: Fixture) -> None:
    program = (
        "import subprocess, sys\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(3600)'],"
        " start_new_session=True)\n"
        "print('done')"
    )
    assert commands.run(program).stdout == "done\n"
    commands.processes.sweep()
    assert not commands.alive()


def test_cancelling_stops_what_runs_and_refuses_what_comes(commands: Fixture) -> None:
    timer = threading.Timer(0.5, commands.processes.cancel)
    timer.start()
    with pytest.raises(Interrupted):
        commands.run("import time; time.sleep(3600)")
    timer.join()
    assert not commands.alive()
    with pytest.raises(Interrupted):
        commands.run("print('late')")


def test_a_flood_of_output_is_capped_in_the_log_and_in_memory(
    commands: Fixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOG_LIMIT", 100_000)
    monkeypatch.setattr(module, "KEPT_HEAD", 50_000)
    monkeypatch.setattr(module, "KEPT_TAIL", 10_000)
    done = commands.run("for i in range(100_000): print('line', i)")
    assert done.truncated
    assert done.stdout.startswith("line 0\n")
    assert done.stdout.endswith("line 99999\n")
    assert len(done.stdout) < 200_000
    logged = commands.logged()
    assert "more characters were dropped" in logged
    assert len(logged) < 101_000


def test_a_line_without_an_end_is_capped_too(
    commands: Fixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT_HEAD", 50_000)
    monkeypatch.setattr(module, "KEPT_TAIL", 10_000)
    done = commands.run("import sys; sys.stdout.write('x' * 5_000_000)")
    assert len(done.stdout) < 300_000


def test_the_log_holds_no_secret(commands: Fixture) -> None:
    commands.run("print('the token is hush-hush')")
    logged = commands.logged()
    assert "hush-hush" not in logged
    assert MASK in logged


@pytest.mark.parametrize("before", [0, 65_530, 131_060, 200_000])
def test_a_secret_is_masked_wherever_it_stands_in_a_long_line(
    commands: Fixture, before: int
) -> None:
    commands.run(f"import sys; sys.stdout.write('x' * {before} + 'hush' + '-hush' + 'y' * 9000)")
    logged = commands.logged()
    assert "hush-hush" not in logged.partition("\n")[2]
    assert logged.count("x") >= before


@pytest.mark.skipif(sys.platform != "linux", reason="a matter of Linux")
def test_a_daemon_without_a_mark_is_ended_too(tmp_path: Path) -> None:
    program = (
        "import os, subprocess, sys\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from release.run.processes import adopt_orphans, end_orphans\n"
        "adopt_orphans()\n"
        "subprocess.run(['env', '-i', '/usr/bin/setsid', '-f', '/bin/sleep', '4321'])\n"
        "import psutil\n"
        "(child,) = psutil.Process().children()\n"
        "end_orphans()\n"
        "print(child.is_running())"
    )
    root = Path(module.__file__).parent.parent
    out = subprocess.run(
        [sys.executable, "-c", program, str(root)], capture_output=True, text=True, check=True
    ).stdout
    assert out == "False\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_costs_the_log_and_not_the_verdict(tmp_path: Path) -> None:
    log = Log(Path("/dev/full"), Mask({}))
    done = Processes().run(
        [sys.executable, "-c", "print('x' * 1_000_000)"],
        cwd=tmp_path,
        env=dict(os.environ),
        timeout=20,
        log=log,
    )
    log.close()
    assert (done.status, len(done.stdout)) == (0, 1_000_001)


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_command_killed_by_a_signal_says_so_by_its_status(commands: Fixture) -> None:
    assert commands.run("import os; os.kill(os.getpid(), 9)").status == -signal.SIGKILL


def test_waiting_ends_as_soon_as_the_run_is_cancelled(commands: Fixture) -> None:
    threading.Timer(0.2, commands.processes.cancel).start()
    with pytest.raises(Interrupted):
        commands.processes.wait(3600)
    with pytest.raises(Interrupted):
        commands.processes.wait(0)


def test_waiting_lasts_as_long_as_it_is_told(commands: Fixture) -> None:
    started = time.monotonic()
    commands.processes.wait(0.1)
    assert time.monotonic() - started >= 0.1


def test_a_command_that_takes_too_much_memory_is_stopped(
    commands: Fixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_OF_MEMORY", 60e6 / psutil.virtual_memory().total)
    monkeypatch.setattr(module, "WATCH_SECONDS", 0.1)
    program = (
        "import subprocess, sys\n"
        "subprocess.run([sys.executable, '-c', 'import time; x = b\"x\" * 90_000_000;"
        " time.sleep(60)'])"
    )
    with pytest.raises(CannotCheck, match=r"was stopped: it took more than 0\.1 GB of memory"):
        commands.run(program)
    assert not commands.alive()


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is one of Linux")
def test_a_tool_that_parses_is_refused_addresses_beyond_its_limit(commands: Fixture) -> None:
    done = commands.processes.run(
        [sys.executable, "-c", "import time; time.sleep(0.3); bytearray(600_000_000)"],
        cwd=commands.folder,
        env=dict(os.environ),
        timeout=20,
        log=commands.log,
        memory=500_000_000,
    )
    assert (done.status, done.last_line) == (1, "MemoryError")


def test_an_echo_that_is_closed_costs_no_verdict(tmp_path: Path) -> None:
    echo = io.StringIO()
    log = Log(tmp_path / "log", Mask({}), echo)
    echo.close()
    log.write("text\n")
    log.close()
    assert (tmp_path / "log").read_text(encoding="utf-8") == "text\n"
