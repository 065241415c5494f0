"""Builds a container image and looks into it, with docker, podman or buildah: whichever works.

Nothing is pushed or tagged under a name of the project's, and whatever is made is removed again.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import struct
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from release.errors import CannotCheck
from release.run.cache import standing_cache
from release.run.lacks import NETWORK
from release.text.escaping import sentence
from release.text.masking import is_secret

if TYPE_CHECKING:
    from release.gates.docker.dockerfile import Instruction
    from release.run.processes import Completed
    from release.run.shell import Shell

CLIENTS = ("docker", "podman", "buildah")
# A host name that no registry has: podman and buildah would look a bare name up elsewhere.
NAMES = "localhost/nox-release"
PROBE_SECONDS = 60.0
ASIDE_SECONDS = 60.0
# Inside a container or without privileges buildah's default isolation and storage often cannot
# work while these do.
BUILDAH_FALLBACKS: tuple[Mapping[str, str], ...] = (
    {"BUILDAH_ISOLATION": "chroot"},
    {"BUILDAH_ISOLATION": "chroot", "STORAGE_DRIVER": "vfs"},
)
CONTEXT_LINES = 3
TAIL_LINES = 40
CLIPPED = 300
# Lines that engines print about themselves, between those of the commands that they run.
NOISE = re.compile(
    r"STEP \d|-->|COMMIT |\[[+\d]|subprocess exited|-{3,}$|Trying to pull|Getting image|Copying "
    r"|Writing manifest|Storing signatures|Resolved |time=\"|\s*\d+ \|| > \[|[=#]> |exit status \d"
    r"|#\d+ (?!\d)|\S*:\d+$|Successfully |Step \d|Sending build|Removing |\[Warning\]"
)
BUILDKIT_PREFIX = re.compile(r"^(?:#\d+ )?\d+\.\d+ ")
ERROR_LINE = re.compile(r"^(?:error|error response from daemon|the command '.*' returned\b)", re.I)
# An instruction that was run and failed, as opposed to an image that was not had.
RAN = re.compile(r'building at STEP "RUN |process ".*" did not complete|returned a non-zero code')
NOT_PULLED = re.compile(
    r"creating build container|initializing source|pinging container registry|reading manifest"
    r"|failed to resolve source metadata|failed to do request|failed to authorize"
    r"|failed to fetch (?:anonymous|oauth) token|pull access denied|toomanyrequests"
    r"|error response from daemon: (?:get|head) |did not resolve to an alias|dial tcp"
    r"|--from=\S*[./:]\S*: no stage or image found",
    re.I,
)
MISSING = re.compile(r"manifest unknown|manifest for .* not found|: not found$", re.I)
# A server that a step looks for in its own container, where none runs: no other network has it.
OWN_SERVER = re.compile(
    r"^(?!.*proxy).*(?:\blocalhost\b|\b127\.0\.0\.1\b|::1\b).*\b(?:refused|connect to server)", re.I
)
# The engine's own storage: emptied meanwhile by somebody else, or full.
STORAGE = re.compile(
    r"identifier is not a (?:container|layer)|(?:container|layer) not known"
    r"|no space left on device|database is locked",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Image:
    """What an engine says of an image: its USER ("" for none), labels, and size in bytes."""

    user: str
    labels: Mapping[str, str]
    size: int


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a build failed.

    `cause` is "no base" when an image that it starts from could not be pulled, "missing base" when
    the registry does not have it, "offline" when a command of its found no network, and None for
    any other reason. `line` is the instruction's, where the engine names it.
    """

    message: str
    cause: str | None
    line: int | None


class Engine:
    """A container client whose engine answered, built an image and ran a program in it.

    `client` is its program, `version` the engine's version. Every command ends by `deadline` (of
    the monotonic clock); CannotCheck is raised when one takes longer.
    """

    def __init__(self, shell: Shell, client: str, env: Mapping[str, str], deadline: float) -> None:
        self.client = client
        self.version = ""
        self._shell = shell
        self._env = env
        self.deadline = deadline

    def build(
        self,
        image: str,
        folder: Path,
        *,
        file: str = "Dockerfile",
        context: str = ".",
        target: str | None = None,
        arguments: Mapping[str, str] | None = None,
    ) -> Completed:
        """Build an image from a file and a context below `folder`; returns how the build ended.

        Build arguments whose names or values look secret are handed over in the environment, so
        that no list of processes shows them; one that has no value is taken from the environment.
        """
        words = ["build", "--file", f"./{file}", "--tag", image]
        if self.client != "docker":
            # Only docker's own format knows HEALTHCHECK, SHELL and ONBUILD.
            words += ["--format", "docker", "--layers=false"]
        if target:
            words += ["--target", target]
        env: dict[str, str] = {}
        for name, value in (arguments or {}).items():
            if is_secret(name, value):
                words += ["--build-arg", name]
                env |= {name: value} if value else {}
            else:
                words += ["--build-arg", f"{name}={value}"]
        words += [context if context == "." else f"./{context}"]
        with self._alone():
            before = self._working()
            try:
                return self._call(*words, cwd=folder, env=env)
            except BaseException:
                # Killed in the middle, podman and buildah leave the container that they worked in,
                # under no name that could be chosen: one that was not there before.
                for left in sorted(self._working() - before):
                    self._discard("rm", left)
                raise

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Let one run of this user at a time have containers: whose is whose nothing tells."""
        if self.client == "docker":
            yield
            return
        folder = standing_cache()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._shell.lock(folder / f"{self.client}.lock"):
            yield

    def run(self, image: str, program: str, *arguments: str) -> Completed:
        """Run a program of the image in a new container, as the image's own user.

        Returns how it ended; the container is gone afterwards.
        """
        name = f"nox-release-{uuid.uuid4().hex[:12]}"
        with self._alone():
            try:
                if self.client != "buildah":
                    return self._call(
                        "run", "--rm", "--name", name, "--entrypoint", program, image, *arguments
                    )
                made = self._call("from", "--pull-never", "--name", name, image)
                if made.status != 0:
                    return made
                return self._call("run", name, "--", program, *arguments)
            finally:
                self._discard("rm", *(() if self.client == "buildah" else ("--force",)), name)

    def inspect(self, image: str) -> Image:
        """Configuration and size of a local image. Raises CannotCheck when the engine has none."""
        words = ("image", "inspect") if self.client != "buildah" else ("inspect", "--type", "image")
        done = self._call(*words, image)
        if done.status != 0:
            raise CannotCheck(
                f"{self.client} built the image and does not have it: {done.last_line}",
                "use a builder that keeps images locally (docker buildx use default)",
            )
        try:
            return read_image(done.stdout)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise CannotCheck(
                f"{self.client} describes the image in an unknown way: {error!r}",
                "read the log, and report this",
            ) from None

    @contextlib.contextmanager
    def temporary_image(self) -> Iterator[str]:
        """A name for an image that is removed afterwards, if it was made."""
        name = f"{NAMES}:{uuid.uuid4().hex[:12]}"
        try:
            yield name
        finally:
            words = ("rmi",) if self.client == "buildah" else ("image", "rm")
            self._discard(*words, "--force", name)

    def probe(self) -> str | None:
        """Find out whether the engine works; returns the reason why it does not, or None.

        A client can be there without its engine, and an engine that answers may still be unable to
        run anything (no runtime, no privileges), which would look like a defect of the Dockerfile.
        So a tiny image is built, with a program run both while it is built and afterwards.
        """
        asked = self._call(*ASK[self.client])
        if asked.status != 0:
            return asked.last_line
        try:
            self.version, machine = read_engine(self.client, asked.stdout)
        except (ValueError, TypeError, KeyError):
            return f"gives no answer that is understood: {sentence(asked.stdout, CLIPPED)}"
        if self.client == "buildah":
            self.version = self._call("--version").stdout.partition("version ")[2].split(" ")[0]
        folder = self._shell.work / f"probe-{uuid.uuid4().hex[:12]}"
        folder.mkdir()
        program = exit_program(machine)
        lines = ["FROM scratch", "COPY probe /probe", *(['RUN ["/probe"]'] if program else [])]
        (folder / "Dockerfile").write_text("\n".join([*lines, ""]), encoding="utf-8")
        (folder / "probe").write_bytes(program or b"")
        (folder / "probe").chmod(0o755)
        with self.temporary_image() as image:
            done = self.build(image, folder)
            if done.status == 0 and program:
                done = self.run(image, "/probe")
        return None if done.status == 0 else engine_error(done)

    def _call(
        self, *words: str, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> Completed:
        left = max(1.0, self.deadline - time.monotonic())
        return self._shell.run(
            self.client, *words, cwd=cwd, env={**self._env, **(env or {})}, timeout=left
        )

    def _working(self) -> set[str]:
        """The containers in which builds are at work; docker's are its engine's own affair."""
        if self.client == "docker":
            return set()
        return set(self._aside(*WORKING[self.client]).split())

    def _discard(self, *words: str) -> None:
        self._shell.note(f"$ {self.client} {' '.join(words)}")
        self._aside(*words)

    def _aside(self, *words: str) -> str:
        """The output of a command that must run even when the gate is being stopped.

        Not by way of the shell, which then starts nothing any more, and in a session of its own, so
        that a second Ctrl-C does not reach it.
        """
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            return subprocess.run(
                [self.client, *words],
                env={**os.environ, **self._env},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=ASIDE_SECONDS,
                start_new_session=True,
                check=False,
            ).stdout
        return ""


ASK = {
    "docker": ("version", "--format", "{{json .Server}}"),
    "podman": ("info", "--format", "json"),
    "buildah": ("info",),
}
WORKING = {
    "podman": ("ps", "--all", "--external", "--quiet", "--no-trunc"),
    "buildah": ("containers", "--quiet"),
}


def find_engine(shell: Shell) -> Engine:
    """The first client of docker, podman and buildah whose engine really works.

    Raises CannotCheck with every client's own reason when none does.
    """
    deadline = time.monotonic() + shell.timeout
    reasons: list[str] = []
    for client in CLIENTS:
        reason = None
        for env in ({}, *(BUILDAH_FALLBACKS if client == "buildah" else ())):
            if env.keys() & os.environ.keys():
                continue
            engine = Engine(shell, client, env, min(deadline, time.monotonic() + PROBE_SECONDS))
            try:
                failed = engine.probe()
            except CannotCheck as error:
                failed = error.reason
            if failed is None:
                engine.deadline = deadline
                shell.versions[client] = engine.version
                return engine
            reason = reason or failed
            if failed == f"{client} is not installed":
                break
        reasons.append(reason if reason and reason.startswith(client) else f"{client}: {reason}")
    raise no_engine(reasons)


def no_engine(reasons: Sequence[str]) -> CannotCheck:
    """Why each client was not taken, in one sentence, and what to do about it."""
    missing = [reason.endswith(" is not installed") for reason in reasons]
    remedy = "install docker, podman or buildah"
    if all(missing):
        said = "no container engine: none of docker, podman and buildah is installed"
        return CannotCheck(said, remedy)
    if not missing[0]:
        remedy = "start docker's engine, or install podman or buildah"
    said = "; ".join(sentence(reason, CLIPPED) for reason in reasons)
    return CannotCheck(f"no container engine works: {said}", remedy)


def read_engine(client: str, text: str) -> tuple[str, str]:
    """Version (empty for buildah) and architecture, from what a client's answer to ASK says.

    Raises ValueError, TypeError or KeyError when it says something else.
    """
    data = json.loads(text)
    if client == "docker":
        return str(data["Version"]), str(data["Arch"])
    if client == "podman":
        return str(data["version"]["Version"]), str(data["host"]["arch"])
    return "", str(data["host"]["arch"])


def read_image(text: str) -> Image:
    """What `docker image inspect`, `podman image inspect` or `buildah inspect` says of one image.

    Raises ValueError, TypeError, KeyError or AttributeError when it says something else.
    """
    data: Any = json.loads(text)
    if isinstance(data, list):
        config, size = data[0]["Config"], data[0]["Size"]
    else:
        config = data["Docker"]["config"]
        size = sum(layer["size"] for layer in json.loads(data["Manifest"])["layers"])
    return Image(str(config.get("User") or ""), dict(config.get("Labels") or {}), int(size))


def engine_error(done: Completed) -> str:
    """The line with which an engine says why it cannot run anything."""
    for line in (*done.stderr.splitlines(), *done.stdout.splitlines()):
        if line.startswith(("error running container", "OCI runtime", "docker: Error")):
            return line.strip()
    return done.last_line


def read_failure(
    stdout: str, stderr: str, file: str, instructions: Sequence[Instruction]
) -> Failure:
    """Why a build failed, out of what it printed; `file` is the Dockerfile's name."""
    errors = [line for line in stderr.splitlines() if ERROR_LINE.match(line.strip())]
    reason = (errors or _last(stderr, 1) or _last(stdout, 1) or ["no reason was given"])[-1].strip()
    said = dict.fromkeys([*_last(stdout, CONTEXT_LINES), *_last(stderr, CONTEXT_LINES)])
    tail = [*_last(stdout, TAIL_LINES), *_last(stderr, TAIL_LINES)]
    cause = None
    if NOT_PULLED.search(reason) and not RAN.search(reason):
        cause = "missing base" if MISSING.search(reason) else "no base"
    elif STORAGE.search(reason) and not RAN.search(reason):
        cause = "storage"
    elif any(map(NETWORK.search, tail)) and not any(map(OWN_SERVER.search, tail)):
        cause = "offline"
    shown = [reason, *(item for item in said if item != reason and cause != "no base")]
    message = " | ".join(sentence(line, CLIPPED) for line in shown)
    message = re.sub(r"^error: (failed to solve: )?", "", message, flags=re.I)
    return Failure(message, cause, _failed_line(reason, stderr, file, instructions))


def _failed_line(
    reason: str, stderr: str, file: str, instructions: Sequence[Instruction]
) -> int | None:
    """The line of the instruction that failed, where the engine names one."""
    said = _words(reason)
    for one in instructions:
        if f"STEP {_words(f'{one.keyword} {one.rest}')}:" in said:
            return one.line
    name = re.escape(file.rpartition("/")[2])
    places = re.findall(rf"^(?:.*/)?{name}:(\d+)$", stderr, re.M)
    return int(places[-1]) if places else None


def _words(text: str) -> str:
    """A text without quotes, and without the signs of a JSON list, which buildah takes away."""
    return " ".join(re.sub(r"[\[\]\",]", " ", text).replace(" :", ":").split())


def _last(text: str, count: int) -> list[str]:
    """The last lines of a build's output that are neither the engine's own nor its verdict."""
    found: list[str] = []
    for raw in reversed(text.splitlines()):
        line = BUILDKIT_PREFIX.sub("", raw.rstrip())
        if line.strip() and not NOISE.match(line):
            found.insert(0, line.strip())
        if len(found) == count:
            break
    return found


def exit_program(machine: str) -> bytes | None:
    """A Linux program that exits with 0 and needs no library, None for a machine not known here.

    One ELF header, one program header (https://refspecs.linuxfoundation.org/elf/gabi4+/) and the
    system call exit(0).
    """
    known = {
        # xor edi, edi; mov eax, 60; syscall
        "amd64": (62, "31ff b83c000000 0f05"),
        # mov x0, 0; mov x8, 93; svc 0
        "arm64": (183, "000080d2 a80b80d2 010000d4"),
    }
    if machine not in known:
        return None
    number, code = known[machine][0], bytes.fromhex(known[machine][1])
    start, sizes = 0x400000, (64, 56)
    header = struct.pack(
        "<4s5B7xHHIQQQIHHHHHH",
        *(b"\x7fELF", 2, 1, 1, 0, 0),
        *(2, number, 1, start + sum(sizes), sizes[0], 0, 0),
        *(*sizes, 1, 0, 0, 0),
    )
    length = sum(sizes) + len(code)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, start, start, length, length, 0x10000)
    return header + segment + code
