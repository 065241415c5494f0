"""What a gate's verdict depends on, as one digest."""

from __future__ import annotations

import fnmatch
import functools
import hashlib
import json
import os
import platform
import re
import stat
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from release.model import Evidence, Gate, Level
from release.run.environments import digest_of, digest_of_lock, module_of

# Folders that no gate judges: version control, environments, and the caches of tools, which are
# derived from the other inputs. Environments of other names are known by their pyvenv.cfg.
SKIPPED_FOLDERS = frozenset(
    [
        ".git",
        ".hg",
        ".svn",
        ".release",
        ".nox",
        ".tox",
        ".venv",
        "__pycache__",
        ".mypy_cache",
        ".ruff_cache",
        ".pytest_cache",
        ".hypothesis",
        ".pytype",
        ".pyre",
        ".idea",
        ".vscode",
        "node_modules",
        "htmlcov",
    ]
)
# What test runs and editable installs write as they go, and no gate reads. In a linked worktree
# `.git` is a file; the commit that it leads to is among the refs.
SKIPPED_FILES = (".git", ".coverage", ".coverage.*", "coverage.xml", "*.pyc", ".DS_Store")
SKIPPED_SUFFIX = ".egg-info"

# Variables that differ from terminal to terminal, from run to run and from step to step of a CI
# job, and that no tool judges by.
VOLATILE_VARIABLES = (
    "_", "PWD", "OLDPWD", "SHLVL", "TERM", "TERM_*", "COLORTERM", "COLUMNS", "LINES", "LS_COLORS",
    "WINDOWID", "DISPLAY", "WAYLAND_*", "XDG_SESSION_*", "XDG_RUNTIME_DIR", "DBUS_*", "SSH_*",
    "GPG_*", "TMUX*", "STY", "VSCODE_*", "ITERM_*", "KITTY_*", "WT_*", "INVOCATION_ID",
    "JOURNAL_STREAM", "PS1", "PROMPT_COMMAND", "HISTFILE*", "NOX_*", "PYTEST_CURRENT_TEST",
    "COV_CORE_*", "COVERAGE_PROCESS_START", "NO_COLOR", "FORCE_COLOR", "CLICOLOR*", "VIRTUAL_ENV*",
    "MAIL", "LOGNAME", "HOSTNAME", "SYSTEMD_*", "MEMORY_PRESSURE_*", "GITHUB_ACTION", "GITHUB_ENV",
    "GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STATE", "GITHUB_STEP_SUMMARY",
)  # fmt: skip
RACY_NANOSECONDS = 100_000_000


@dataclass(frozen=True, slots=True)
class TreeState:
    """The files of a project at one moment: their digest, and each file's own."""

    digest: str
    files: Mapping[str, str]

    def changed_since(self, earlier: TreeState) -> list[str]:
        """Paths that were added, removed or altered, sorted."""
        paths = earlier.files.keys() | self.files.keys()
        return sorted(p for p in paths if earlier.files.get(p) != self.files.get(p))


class Tree:
    """Reads the files of a project as gates can see them: tracked, untracked and ignored ones.

    git's view is not enough: it misses ignored files and edits to files that are marked
    assume-unchanged. A file is read again only when its size, inode, mode or times changed, or
    when it changed so lately that its time cannot tell.
    """

    def __init__(self, root: Path, by_products: Sequence[str] = ()) -> None:
        self._root = root
        self._by_products = tuple(by_products)
        self._seen: dict[str, tuple[tuple[int, ...], str]] = {}
        self._latest: tuple[int, TreeState] | None = None
        self._lock = threading.Lock()

    def read(self) -> TreeState:
        """The state now: at some moment between the call and its return.

        Callers that waited for one another share a walk that began after they all had called.
        Raises ConfigurationError for folders that are nested too deeply for a gate to read.
        """
        called = time.monotonic_ns()
        with self._lock:
            if self._latest is None or self._latest[0] <= called:
                began = time.monotonic_ns()
                files = dict(self._walk())
                digest = hashlib.sha256()
                for path in sorted(files):
                    digest.update(f"{path}\0{files[path]}\0".encode("utf-8", "surrogateescape"))
                self._latest = began, TreeState(digest.hexdigest(), files)
            return self._latest[1]

    def _walk(self) -> Iterator[tuple[str, str]]:
        waiting = [(str(self._root), "")]  # no recursion: folders may be nested deeply
        while waiting:
            folder, prefix = waiting.pop()
            try:
                with os.scandir(folder) as found:
                    entries = list(found)
            except OSError as error:
                yield prefix, f"unreadable: {error.strerror}"
                continue
            if prefix and any(entry.name == "pyvenv.cfg" for entry in entries):
                continue
            for entry in entries:
                path = prefix + entry.name
                if entry.is_dir(follow_symlinks=False):
                    if not self._is_skipped(entry.name, path):
                        waiting.append((entry.path, path + "/"))
                elif not _matches(entry.name, SKIPPED_FILES) and not self._is_by_product(path):
                    yield path, self._file(entry, path)

    def _is_skipped(self, name: str, path: str) -> bool:
        skipped = name in SKIPPED_FOLDERS or name.endswith(SKIPPED_SUFFIX)
        return skipped or self._is_by_product(path)

    def _is_by_product(self, path: str) -> bool:
        return any(fnmatch.fnmatchcase(path, glob.rstrip("/")) for glob in self._by_products)

    def _file(self, entry: os.DirEntry[str], path: str) -> str:
        try:
            link = os.readlink(entry.path) if entry.is_symlink() else ""
            info = os.stat(entry.path) if link else entry.stat(follow_symlinks=False)
            if link and not stat.S_ISREG(info.st_mode):
                return f"link {link}"
            if not stat.S_ISREG(info.st_mode):
                return f"special {stat.S_IFMT(info.st_mode):o}"
            signature = (
                info.st_size,
                info.st_mtime_ns,
                info.st_ctime_ns,
                info.st_ino,
                info.st_mode,
            )
            known = self._seen.get(path)
            if known is not None and known[0] == signature:
                content = known[1]
            else:
                read_at = time.time_ns()
                with open(entry.path, "rb") as file:
                    content = hashlib.file_digest(file, "sha256").hexdigest()
                if read_at - max(info.st_mtime_ns, info.st_ctime_ns) > RACY_NANOSECONDS:
                    self._seen[path] = signature, content
        except OSError as error:
            return f"unreadable: {error.strerror}"
        return f"{info.st_mode & 0o777:o} {link} {content}"


def key_of(inputs: Mapping[str, str]) -> str:
    """The digest of everything a gate's verdict depends on; equal keys mean an equal verdict."""
    return digest_of(json.dumps(dict(inputs), sort_keys=True))


def gate_inputs(
    gate: Gate,
    level: Level | None,
    tree: TreeState,
    needed: Mapping[str, Evidence],
    refs: str,
    environ: Mapping[str, str] = os.environ,
) -> dict[str, str]:
    """A digest of each kind of input that a gate's verdict depends on.

    - the paths, bytes, modes and link targets of the project's files, tracked, untracked and
      ignored ones: a gate can read any of them. Left out are environments, caches and by-products
      (see SKIPPED_FOLDERS, SKIPPED_FILES and the setting `by-products`). The settings are among
      these files, in pyproject.toml.
    - `refs`, a digest of the commit, of whether anything differs from it, and of the tags: build
      backends take the version from them, and evidence names the commit.
    - the gate's name and the level: what is judged, and what for.
    - the gate's locked tools: another version may judge otherwise.
    - this program's own source, or that of the noxfile or module that a gate of the project's own
      is written in: the judgement itself.
    - the interpreter and the platform: tools and wheels differ by them.
    - the environment variables, but for those that differ from terminal to terminal and judge
      nothing (VOLATILE_VARIABLES): a project's tests may heed any. Only a digest is kept.
    - the artefacts of the gates it needs, by their sha256: a wheel that was built anew is another
      input.

    Not in it, and the reason why such gates are not reused or only for a time (`Gate.valid`): the
    remote, the index, advisories, a container engine, and the clock.
    """
    files = (
        f"{name} {artifact.sha256}"
        for name, evidence in sorted(needed.items())
        for artifact in evidence.outcome.artifacts
    )
    machine = (sys.version, sys.executable, platform.platform(), environment_digest(environ))
    return {
        "question": digest_of(gate.name, level or ""),
        "refs": refs,
        "tree": tree.digest,
        "tools": digest_of_lock(gate),
        "source": digest_of(own_source(), _source_of(gate)),
        "machine": digest_of(*machine),
        "needs": digest_of(*sorted(needed), *files),
    }


def environment_digest(environ: Mapping[str, str]) -> str:
    """A digest of the environment variables that tools may heed."""
    heeded = sorted(
        (name, value) for name, value in environ.items() if not _matches(name, VOLATILE_VARIABLES)
    )
    return hashlib.sha256(repr(heeded).encode("utf-8", "surrogateescape")).hexdigest()


def _source_of(gate: Gate) -> str:
    """A digest of the file that a gate's check is written in."""
    module = module_of(gate)
    try:
        return hashlib.sha256(module.read_bytes()).hexdigest() if module else ""
    except OSError:
        return ""


@functools.cache
def own_source() -> str:
    """A digest of this program's own files."""
    digest = hashlib.sha256()
    folder = Path(__file__).parents[1]
    for path in sorted(folder.rglob("*")):
        if path.suffix in {".py", ".txt", ".json", ".toml"} and "__pycache__" not in path.parts:
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _matches(name: str, globs: tuple[str, ...]) -> bool:
    return _pattern(globs).match(name) is not None


@functools.cache
def _pattern(globs: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(fnmatch.translate, globs)))
