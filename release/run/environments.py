"""Isolated environments: made once, from pins with hashes, and again only when those change."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from release.errors import CannotCheck
from release.model import Gate
from release.project.declared import requirement_name
from release.project.git import LOCAL_VARIABLES
from release.run.processes import Completed

STAMP = "nox-release.json"
Run = Callable[[Sequence[str]], Completed]
NETWORK_REMEDY = "look at the log; pip's or uv's configuration must reach a package index"
PROGRAM_REMEDY = "install what the project's build needs, so that it is found here (see the log)"
NO_PROGRAM = re.compile(
    r"^.*(?:toolchain '[^'\n]+' is not installed|can't find Rust compiler|Unknown compiler\(s\)"
    r"|unable to execute '[^'\n]+'|command '[^'\n]+' failed: No such file"
    r"|Program '[^'\n]+' not found|CMAKE_\w+_COMPILER not set).*$",
    re.M,
)
BACKEND_FAILED = "cause: The build backend returned an error"
BUILD_NETWORK_REMEDY = (
    "run it where the project's build reaches the hosts that it asks (see the log)"
)


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment at `path`.

    `search_path` goes first on the import path of what runs in it: of one that holds the project,
    its own source folder where that has everything the installed package does, so that the files
    of the tree are what is judged.
    """

    path: Path
    search_path: tuple[str, ...] = ()

    @property
    def bin(self) -> Path:
        return self.path / ("Scripts" if os.name == "nt" else "bin")

    @property
    def python(self) -> str:
        return str(self.bin / ("python.exe" if os.name == "nt" else "python"))

    def find(self, name: str) -> str | None:
        """The path of a program that is installed in the environment, None if it is not."""
        return shutil.which(name, path=str(self.bin))

    def tool(self, name: str) -> str:
        """As `find`, but raises CannotCheck for a missing program."""
        found = self.find(name)
        if found is None:
            raise CannotCheck(
                f"{name} is not in the environment {self.path.name}",
                f"delete {self.path} and run this again",
            )
        return found

    def variables(self, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
        """`environ` as a process inside this environment should see it."""
        env = seen(environ)
        env["VIRTUAL_ENV"] = str(self.path)
        env["PATH"] = os.pathsep.join([str(self.bin), environ.get("PATH", os.defpath)])
        if self.search_path:
            env["PYTHONPATH"] = os.pathsep.join(self.search_path)
        return env

    def distributions(self) -> dict[str, str]:
        """Names (normalised) and versions of what is installed."""
        return {
            canonicalize_name(match[1]): match[2]
            for folder in self.site_packages()
            for entry in folder.glob("*.dist-info")
            if (match := re.fullmatch(r"(.+)-([^-]+)\.dist-info", entry.name))
        }

    def versions_of(self, tools: Sequence[str]) -> dict[str, str]:
        """The versions of those tools (names or requirements) that are installed."""
        there = self.distributions()
        wanted = map(requirement_name, tools)
        return {name: there[name] for name in wanted if name in there}

    def site_packages(self) -> list[Path]:
        if os.name == "nt":
            return [self.path / "Lib" / "site-packages"]
        return sorted(self.path.glob("lib/python*/site-packages"))


# Of the caller's own environment: a gate's process must not see another virtual environment,
# extra import folders, or the wish not to cache bytecode (every start would parse anew).
UNSEEN = LOCAL_VARIABLES | frozenset(
    [
        "PYTHONPATH",
        "PYTHONHOME",
        "PYTHONSTARTUP",
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONSAFEPATH",
        "__PYVENV_LAUNCHER__",
        "VIRTUAL_ENV",
        "CONDA_PREFIX",
        "PIP_REQUIRE_VIRTUALENV",
        "PIP_RESPECT_VIRTUALENV",
        "PIP_USER",
        "UV_SYSTEM_PYTHON",
        "UV_PYTHON",
        "UV_PROJECT_ENVIRONMENT",
        "UV_PROJECT",
        "NOX_CURRENT_SESSION",
    ]
)


def seen(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What a gate's process sees of the caller's environment.

    A token that is empty, as CI makes one of a secret that is not there, is none: zizmor and others
    would ask with it and be refused.
    """
    return {
        name: value
        for name, value in environ.items()
        if name not in UNSEEN and (value or not name.endswith("_TOKEN"))
    }


@contextlib.contextmanager
def variables(wanted: Mapping[str, str | None]) -> Iterator[None]:
    """Other environment variables of this process; None is for those that must not be there."""
    kept = {name: os.environ.get(name) for name in wanted}

    def put(values: Mapping[str, str | None]) -> None:
        for name, value in values.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    put(wanted)
    try:
        yield
    finally:
        put(kept)


@functools.cache
def find_uv() -> str | None:
    """The uv to use: the one installed beside nox, else the one on PATH, else None."""
    with contextlib.suppress(ImportError, FileNotFoundError):
        import uv

        return str(uv.find_uv_bin())
    return shutil.which("uv")


def module_of(gate: Gate) -> Path | None:
    """The file that a gate's check is written in; None for a check that is not a function."""
    code = getattr(gate.check, "__code__", None)
    return Path(code.co_filename) if code else None


def lock_of(gate: Gate) -> Path | None:
    """The file with a gate's pinned tools (requirements with hashes), None where it has none.

    It lies beside the module of the gate's check: `lock.txt` in a package that is the gate's own,
    `NAME.lock.txt` beside a module, which may hold other gates.
    """
    module = module_of(gate)
    if module is None:
        return None
    own = module.name == "__init__.py"
    lock = module.with_name("lock.txt" if own else f"{gate.name}.lock.txt")
    return lock if lock.is_file() else None


def pinned_version(gate: Gate, distribution: str) -> str:
    """The version to which a gate's lock pins a distribution. Raises KeyError if it does not."""
    lock = lock_of(gate)
    text = lock.read_text(encoding="utf-8") if lock else ""
    match = re.search(rf"^{re.escape(distribution)}==([^\s;\\]+)", text, re.M)
    if match is None:
        raise KeyError(distribution)
    return match[1]


def requirements_of(gate: Gate, tools: Sequence[str]) -> list[str]:
    """What to ask an installer for: the pinned version of each tool, its name without a lock."""
    if lock_of(gate) is None:
        return list(tools)
    return [f"{tool}=={pinned_version(gate, tool)}" for tool in tools]


def digest_of_tools(gate: Gate) -> str:
    """A digest of what a gate's tools are, by lock or by name, and of their interpreter."""
    return digest_of(*_named_tools(gate), sys.version, sys.base_prefix)


def digest_of_lock(gate: Gate) -> str:
    """A digest of what a gate's tools are, which is the same on every machine."""
    return digest_of(*_named_tools(gate))


def _named_tools(gate: Gate) -> Sequence[bytes | str]:
    lock = lock_of(gate)
    return [lock.read_bytes()] if lock else gate.tools


def installer(environment: Environment, pip_of: Environment | None = None) -> list[str]:
    """The start of a command that installs into the environment.

    Without uv it is pip's: the environment's own, or that of `pip_of` for one that has none.
    """
    uv = find_uv()
    if uv:
        return [uv, "pip", "install", "--quiet", "--python", environment.python]
    pip = [(pip_of or environment).python, "-m", "pip"]
    return [*pip, "--python", environment.python, "install", "--quiet", "--no-input"]


def create(path: Path, python: str, run: Run, *, bare: bool = False) -> Environment:
    """Make an empty environment at `path`, replacing what is there.

    `python` is an interpreter's path or a version request; `bare` leaves pip out of it even where
    there is no uv to do its work. Raises CannotCheck when no such interpreter can be had.
    """
    _remove(path)
    uv = find_uv()
    if uv:
        command = [uv, "venv", "--quiet", "--no-project", "--python", python, str(path)]
    else:
        command = [sys.executable, "-m", "virtualenv", "--quiet", "--python", python, str(path)]
        command += ["--no-seed"] if bare else []
    done = run(command)
    if done.status != 0:
        raise CannotCheck(
            f"Python {python} is not on this machine ({done.last_line})",
            "install that Python, or set [tool.release] python to one that is there",
        )
    return Environment(path)


def tools_name(gate: Gate) -> str:
    """The name of the folder that holds a gate's tools: what shares it has the same pins.

    It is made of the interpreter that this process's own one derives from, so that every
    installation of this program on one machine finds it.
    """
    return f"{gate.name}-{digest_of_tools(gate)[:16]}"


def ensure_tools(gate: Gate, path: Path, run: Run) -> Environment:
    """The environment at `path` holding exactly the locked tools of `gate`.

    Those of a gate without a lock are installed by name, with what they require. It is installed
    into again when the pins, the interpreter or the installed files changed. Raises CannotCheck
    when the tools cannot be installed.
    """
    wanted = digest_of_tools(gate)
    environment = Environment(path)
    if is_intact(environment, wanted):
        return environment
    if not Path(environment.python).exists() or _has_anything(environment):
        create(path, sys.executable, run)
    lock = lock_of(gate)
    pinned = ["--require-hashes", "--no-deps", "-r", str(lock)]
    done = run([*installer(environment), *(pinned if lock else gate.tools)])
    if done.status != 0:
        raise CannotCheck(
            f"the tools of {gate.name} were not installed: {reason(done.stderr)}", NETWORK_REMEDY
        )
    stamp(environment, wanted)
    return environment


def stamp(environment: Environment, wanted: str, **facts: str) -> None:
    """Note in the environment what was installed into it, and what that looks like on disk."""
    data = {"wanted": wanted, "installed": fingerprint(environment), **facts}
    (environment.path / STAMP).write_text(json.dumps(data), encoding="utf-8")


def read_stamp(environment: Environment) -> dict[str, str]:
    """What `stamp` noted; empty when it noted nothing readable."""
    try:
        data = json.loads((environment.path / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def is_intact(environment: Environment, wanted: str) -> bool:
    """Whether it was stamped for `wanted`, and nothing was installed or removed since."""
    noted = read_stamp(environment)
    return (
        noted.get("wanted") == wanted
        and Path(environment.python).exists()
        and noted.get("installed") == fingerprint(environment)
    )


def fingerprint(environment: Environment) -> str:
    """A digest of what is installed: each distribution with its RECORD's size and time."""
    parts: list[str] = []
    for folder in environment.site_packages():
        for entry in sorted(folder.glob("*.dist-info")):
            with contextlib.suppress(OSError):
                record = (entry / "RECORD").stat()
                parts.append(f"{entry.name} {record.st_size} {record.st_mtime_ns}")
    return digest_of(*parts)


def _has_anything(environment: Environment) -> bool:
    return any(set(environment.distributions()) - {"pip", "setuptools", "wheel"})


def _remove(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        if not (path / "pyvenv.cfg").exists() and any(path.iterdir()):
            raise CannotCheck(
                f"{path} is in the way: it is not a virtual environment", "move it elsewhere"
            )
        shutil.rmtree(path)


def digest_of(*parts: bytes | str) -> str:
    """The sha256 of the parts, each with its length, so that no two lists give the same."""
    digest = hashlib.sha256()
    for item in parts:
        part = item.encode("utf-8", "surrogateescape") if isinstance(item, str) else item
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


def looks_like_network(text: str) -> bool:
    """Whether an installer (uv, pip), or a build that it ran, complains about the network."""
    return bool(
        re.search(
            r"error sending request|dns error|connection (refused|reset|error)|failed to fetch"
            r"|timed out|temporary failure in name resolution|could not fetch url|newconnection"
            r"|network (is unreachable|was disabled)|HTTP status (server error|5\d\d)"
            r"|name or service not known|nameresolutionerror|getaddrinfo failed"
            r"|nodename nor servname|no route to host",
            text,
            re.I,
        )
    )


def missing_program(text: str) -> str:
    """The line in which a build says that a compiler or the like is not there; empty for none."""
    found = NO_PROGRAM.search(text)
    return found[0].strip() if found else ""


def reason(text: str) -> str:
    """The line of an installer's complaint (uv's or pip's) that says what is wrong."""
    lines = [line.strip(" ×╰─▶├│") for line in text.splitlines()]
    causes = [line.removeprefix("cause: ") for line in lines if line.startswith("cause: ")]
    errors = [line.partition(": ")[2] for line in lines if line.lower().startswith("error: ")]
    for line in (*causes, *lines):
        if line.startswith("Because"):
            return line
    built = [line for line in lines if line.startswith(BACKEND_FAILED)]
    if built:  # What the backend said is quoted below, its own error last.
        said = [line for line in lines if line and not line.startswith(("hint: ", *built))]
        causes = [missing_program(text) or said[-1]]
    said = [*errors[:1], *causes[:1]] or [line for line in lines if line][-1:]
    return ": ".join(said) or "no reason given"
