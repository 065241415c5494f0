"""Runs commands so that none outlives its gate, fills the disk or hangs for ever."""

from __future__ import annotations

import codecs
import contextlib
import ctypes
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from release.errors import CannotCheck, Interrupted
from release.text.masking import Mask

COLOUR = re.compile(r"\x1b\[[\d;]*m")
LOG_LIMIT = 5_000_000
KEPT_HEAD = 8_000_000
KEPT_TAIL = 200_000
GRACE_SECONDS = 2.0
CHUNK = 65_536
LONGEST_SECRET = 8_192
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
LOCK_SECONDS = 3600
LOCK_POLL = 0.2
MARKER = "NOX_RELEASE_GATE"
# For the git that tools start: what the user's configuration names to watch files is not started.
NO_MONITOR = {
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "core.fsmonitor",
    "GIT_CONFIG_VALUE_0": "false",
}
# What a tool may take that parses what others wrote; Go, node, GHC and PostgreSQL reserve more
# addresses than that without using them, and are only watched.
PARSER_MEMORY = 4 << 30
MOST_OF_MEMORY = 0.75
WATCH_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Completed:
    """A command that ended: what it was, how it ended, and what it said (text, UTF-8).

    Output beyond eight million characters a stream loses its middle; `truncated` says so.
    `seconds` is its duration.
    """

    command: tuple[str, ...]
    status: int
    stdout: str
    stderr: str
    seconds: float
    truncated: bool

    def without(self, text: str) -> Completed:
        """The same where neither stream says `text`."""
        return replace(
            self, stdout=self.stdout.replace(text, ""), stderr=self.stderr.replace(text, "")
        )

    @property
    def last_line(self) -> str:
        """The last line that says something, from the error stream if there is one."""
        for text in (self.stderr, self.stdout):
            for line in reversed(COLOUR.sub("", text).splitlines()):
                if line.strip():
                    return line.strip()
        return f"exit status {self.status}"


class Log:
    """A gate's log file: masked, and capped at five million characters.

    It takes the place of whatever was there, a link for example. What is written also goes to
    `echo`, where one is given.
    """

    def __init__(self, path: Path, mask: Mask, echo: IO[str] | None = None) -> None:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        self._file: IO[str] = open(handle, "w", encoding="utf-8", errors="replace")  # noqa: SIM115
        Path(name).chmod(0o644)
        Path(name).replace(path)
        self._echo = echo
        self.mask = mask
        self._written = 0
        self._dropped = 0
        self._lock = threading.Lock()

    def write(self, text: str) -> None:
        with self._lock:
            text = self.mask(text)
            if self._echo is not None:
                # Closed, or gone, it costs the echo, never the verdict.
                with contextlib.suppress(OSError, ValueError):
                    self._echo.write(text)
                    self._echo.flush()
            kept = text[: max(LOG_LIMIT - self._written, 0)]
            try:
                self._file.write(kept)
                self._file.flush()
            except OSError:  # a full disk costs the log, never the verdict
                kept = ""
            self._written += len(kept)
            self._dropped += len(text) - len(kept)

    def close(self) -> None:
        with self._lock:
            if self._file.closed:
                return
            with contextlib.suppress(OSError):
                if self._dropped:
                    self._file.write(f"\n[{self._dropped} more characters were dropped]\n")
            with contextlib.suppress(OSError):
                self._file.close()


class _Kept:
    """The head and the tail of a stream."""

    def __init__(self) -> None:
        self._head: list[str] = []
        self._head_size = 0
        self._tail: deque[str] = deque()
        self._tail_size = 0
        self.truncated = False

    def add(self, text: str) -> None:
        if self._head_size < KEPT_HEAD:
            self._head.append(text)
            self._head_size += len(text)
            return
        self._tail.append(text)
        self._tail_size += len(text)
        while self._tail_size - len(self._tail[0]) >= KEPT_TAIL:
            self._tail_size -= len(self._tail.popleft())
            self.truncated = True

    def text(self) -> str:
        return "".join([*self._head, *self._tail])


class Processes:
    """The commands of one gate (or of one run): all of them can be stopped at once."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._cancelled = threading.Event()
        self._started = False
        self.marker = uuid.uuid4().hex

    @property
    def cancelled(self) -> bool:
        return self._cancelled.is_set()

    def wait(self, seconds: float) -> None:
        """Let time pass. Raises Interrupted as soon as the run is cancelled."""
        if self._cancelled.wait(seconds):
            raise Interrupted

    def cancel(self) -> None:
        """Stop every running command with its children; later commands refuse to start."""
        self._cancelled.set()
        with self._lock:
            running = list(self._running)
        for process in running:
            _signal_group(process, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        for process in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
            _signal_group(process, _kill_signal())
        self.sweep()

    def sweep(self) -> int:
        """Kill what commands left behind, even outside their process group; how many there were."""
        if not self._started:  # to look at every process of the machine takes a while
            return 0
        import psutil

        left = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.pid != os.getpid() and process.environ().get(MARKER) == self.marker:
                    process.kill()
                    left.append(process)
        psutil.wait_procs(left, timeout=GRACE_SECONDS)
        return len(left)

    def run(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        timeout: float,
        log: Log,
        limit: float | None = None,
        memory: int | None = None,
    ) -> Completed:
        """Run a command to its end, its output going to `log` as it comes.

        Raises CannotCheck when it cannot be started, takes longer than `timeout` seconds, or more
        memory than three quarters of the machine's, and Interrupted when the run is cancelled
        meanwhile; either way none of its processes is left. `limit` is the time limit to name,
        where `timeout` is only what is left of it. `memory` is a lower limit, in bytes; the system
        (Linux) refuses it more addresses than that.
        """
        if self.cancelled:
            raise Interrupted
        log.write(f"$ {' '.join(command)}\n")
        started = time.monotonic()
        self._started = True
        try:
            process = subprocess.Popen(
                list(command),
                cwd=cwd,
                env={**NO_MONITOR, **env, MARKER: self.marker},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=os.name != "nt",
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        except (FileNotFoundError, NotADirectoryError):
            raise CannotCheck(
                f"{command[0]} is not installed",
                f"install {Path(command[0]).name}, or set the gate's commands",
            ) from None
        except (OSError, ValueError) as error:
            raise CannotCheck(
                f"{command[0]} cannot be started: {error}", "look at the file it names"
            ) from None
        with self._lock:
            self._running.add(process)
        kept = _Kept(), _Kept()
        assert process.stdout is not None
        assert process.stderr is not None
        readers = [
            threading.Thread(target=_pump, args=(stream, keep, log), daemon=True)
            for stream, keep in zip((process.stdout, process.stderr), kept, strict=True)
        ]
        try:
            for reader in readers:
                reader.start()
            if self.cancelled:  # between the look at it above and the start
                raise Interrupted
            try:
                status = _ended(process, timeout, memory)
            except subprocess.TimeoutExpired:
                raise CannotCheck(
                    f"{Path(command[0]).name} was stopped after {limit or timeout:.0f} s",
                    "raise the gate's timeout in [tool.release.gates], or make it faster",
                ) from None
        finally:
            _stop(process)
            for reader in readers:
                reader.join(GRACE_SECONDS)
            with self._lock:
                self._running.discard(process)
        if self.cancelled:
            raise Interrupted
        seconds = time.monotonic() - started
        log.write(f"[exit status {status}, {seconds:.2f} s]\n")
        return Completed(
            tuple(command),
            status,
            kept[0].text(),
            kept[1].text(),
            seconds,
            kept[0].truncated or kept[1].truncated,
        )


def _ended(process: subprocess.Popen[bytes], timeout: float, memory: int | None) -> int:
    """The status of a process that ended within its limits.

    Raises subprocess.TimeoutExpired and, where one of its processes takes too much memory,
    CannotCheck.
    """
    import psutil

    most = int(psutil.virtual_memory().total * MOST_OF_MEMORY)
    if memory is not None:
        _limit_addresses(process.pid, memory)
        most = min(most, memory)
    deadline = time.monotonic() + timeout
    while True:
        left = deadline - time.monotonic()
        try:
            return process.wait(max(min(left, WATCH_SECONDS), 0))
        except subprocess.TimeoutExpired:
            if left <= WATCH_SECONDS:
                raise
        if _largest(process.pid) > most:
            raise CannotCheck(
                f"{Path(str(process.args[0])).name} was stopped: it took more than"  # type: ignore[index]
                f" {most / 1e9:.1f} GB of memory",
                "look for a file that expands without end, or run it where there is more memory",
            )


def _limit_addresses(pid: int, memory: int) -> None:
    import psutil

    if sys.platform == "linux":
        with contextlib.suppress(psutil.Error, OSError, ValueError):
            psutil.Process(pid).rlimit(psutil.RLIMIT_AS, (memory, memory))


def _largest(pid: int) -> int:
    """The memory of the largest one of a process and its children, in bytes."""
    import psutil

    sizes = [0]
    with contextlib.suppress(psutil.Error, OSError):
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.Error, OSError):
                sizes.append(one.memory_info().rss)
    return max(sizes)


def _pump(stream: IO[bytes], kept: _Kept, log: Log) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    pending = ""
    with contextlib.suppress(ValueError, OSError), stream:
        while chunk := stream.readline(CHUNK):
            text = decoder.decode(chunk)
            kept.add(text)
            pending += text
            if pending.endswith("\n"):
                log.write(pending)
                pending = ""
            elif len(pending) > CHUNK:
                # A secret may lie across the end: it is masked whole, or waits for its rest.
                pending = log.mask(pending)
                log.write(pending[:-LONGEST_SECRET])
                pending = pending[-LONGEST_SECRET:]
    log.write(pending)


@contextlib.contextmanager
def locked(path: Path, cancelled: Callable[[], bool]) -> Iterator[None]:
    """Hold a lock file, waiting for another process or thread that does.

    Raises Interrupted when `cancelled` says so meanwhile, and CannotCheck after an hour.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path)
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        if cancelled():
            raise Interrupted
        try:
            lock.acquire(timeout=LOCK_POLL)
            break
        except Timeout:
            if time.monotonic() > deadline:
                raise CannotCheck(
                    "another run has held its lock for an hour", "stop that run, then start again"
                ) from None
    try:
        yield
    finally:
        lock.release()


def _kill_signal() -> signal.Signals:
    return getattr(signal, "SIGKILL", signal.SIGTERM)


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError, OSError):
        if os.name == "nt":
            import psutil

            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
        else:
            os.killpg(process.pid, number)


@contextlib.contextmanager
def uninterrupted() -> Iterator[list[int]]:
    """Put SIGINT and SIGTERM off until the block is done, which may look at those that came.

    Raises KeyboardInterrupt at the end where one came. Only the main thread hears of signals; for
    others nothing is put off. What is ignored stays ignored.
    """
    caught: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield caught
        return
    heard = [n for n in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(n) != signal.SIG_IGN]
    previous = {number: signal.signal(number, lambda n, _: caught.append(n)) for number in heard}
    try:
        yield caught
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    if caught:
        raise KeyboardInterrupt


def adopt_orphans() -> None:
    """Become the parent of processes whose own one ends, where the system (Linux) lets one.

    A daemon that dropped its environment, and with it the mark of its gate, is found that way.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_orphans() -> None:
    """Kill what is left of this process's children, once every gate has ended."""
    import psutil

    left = psutil.Process().children(recursive=True)
    for process in left:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(left, timeout=GRACE_SECONDS)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a process and its group, gently first where it still runs."""
    if process.poll() is None:
        _signal_group(process, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)
    _signal_group(process, _kill_signal())
    process.wait()
