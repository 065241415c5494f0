"""Makes a finished commit the state of the user's repository, in one step that cannot be halved."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from release.change import _switch
from release.change.lock import SWITCH_NAME
from release.errors import Problem, ReleaseError
from release.project.git import LOCAL_VARIABLES, QUIET, git

PREFIX = "switch-"
NOTE = "nox-release-at-"
SYMLINK, GITLINK = "120000", "160000"


@dataclass(frozen=True, slots=True)
class Move:
    """A ref that is to move: its full name, the new and the old object (None: it is not there)."""

    ref: str
    new: str
    old: str | None


def switch(
    top: Path, folder: Path, moves: Sequence[Move], message: str, source: Path | None
) -> None:
    """Move the refs in one transaction, and let the working tree `top` follow.

    `source` is a working tree that has the new commit checked out, None where the branch that is
    checked out in `top` does not move; the first move is then that of a branch or tag alone.
    `folder` is where the new and old content is kept meanwhile. Raises ReleaseError when it is
    refused; everything is then as it was.
    """
    with _prepared(top, folder, moves, message, source) as request:
        result = _run(request)
    if not result.get("done"):
        raise ReleaseError(
            Problem(
                f"the release could not be made visible: {result.get('why', 'no reason given')}",
                remedy="nothing was changed; mend that and run this again",
            )
        )
    if source is not None:
        # The new entries of the index know no file times yet.
        git(top, "update-index", "-q", "--refresh", check=False, env={"GIT_OPTIONAL_LOCKS": "1"})


def settle(folder: Path, common: Path) -> list[str]:
    """Finish what killed runs left of a switch; call it with the lock held.

    They lie below `folder`, or, of another project in the same repository, where a note in git's
    common directory says. Returns what to tell the user, a sentence each. Raises ReleaseError when
    somebody changed one of the files meanwhile.
    """
    told = []
    notes = list(common.glob(f"{NOTE}*"))
    noted = {Path(note.read_text(encoding="utf-8")) for note in notes}
    found = {left for left in noted if left.name.startswith(PREFIX) and left.is_dir()}
    for left in sorted(found | set(folder.glob(f"{PREFIX}*"))):
        try:
            request = json.loads((left / _switch.REQUEST).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            shutil.rmtree(left, ignore_errors=True)  # killed before it asked for anything
            continue
        done, others = _switch.settle(left, request)
        if others:
            raise ReleaseError(
                *(
                    Problem(
                        "was changed after a release was cut short",
                        path,
                        remedy=f"look at `git diff`, settle it by hand, and remove {left}",
                    )
                    for path in others
                )
            )
        shutil.rmtree(left, ignore_errors=True)
        if done is not None:
            finished = "finished" if done else "undone"
            told.append(f"{finished} what a killed run left: {request['message']}")
    for note in notes:
        note.unlink(missing_ok=True)
    return told


@contextlib.contextmanager
def _prepared(
    top: Path, folder: Path, moves: Sequence[Move], message: str, source: Path | None
) -> Iterator[Path]:
    """The folder of a request with all that it needs; removed afterwards."""
    made = Path(tempfile.mkdtemp(prefix=PREFIX, dir=folder))
    common = (top / git(top, "rev-parse", "--git-common-dir").stdout.rstrip("\n")).resolve()
    note = common / f"{NOTE}{made.name}"
    try:
        try:
            note.write_text(str(made), encoding="utf-8")
            request = _request(top, made, moves, message, source)
            _write(made / _switch.REQUEST, json.dumps(request).encode("utf-8", "surrogateescape"))
        except OSError as error:
            raise ReleaseError(
                Problem(
                    f"cannot be prepared: {error.strerror or error}",
                    str(error.filename or made),
                    remedy="nothing was changed; make room or make it writable, and run this again",
                )
            ) from None
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        note.unlink(missing_ok=True)


def _request(
    top: Path, made: Path, moves: Sequence[Move], message: str, source: Path | None
) -> dict[str, Any]:
    paths = git(top, "rev-parse", "--absolute-git-dir", "--git-common-dir").stdout.split("\n")
    git_dir = Path(paths[0])
    common = (top / paths[1]).resolve()
    request: dict[str, Any] = {
        "top": str(top),
        "git_dir": str(git_dir),
        "common_dir": str(common),
        "lock": str(common / SWITCH_NAME),
        "message": message,
        "refs": [[move.ref, move.new, move.old or "0" * len(move.new)] for move in moves],
        "files": [],
        "index": None,
        "head": moves[0].ref,
    }
    if source is not None:
        changes = list(_changes(top, str(moves[0].old), moves[0].new))
        request["files"] = [
            _file(top, made, source, number, change) for number, change in enumerate(changes)
        ]
        request["index"] = _index(top, git_dir, made, changes)
        _judge_unchanged(top, [path for *_, path in changes])
    return request


def _judge_unchanged(top: Path, paths: Sequence[str]) -> None:
    """Raise ReleaseError when the user has changed one of the files since the release began.

    Their old content was copied before this look, so a later change is seen as well: by its digest.
    """
    out = git(top, "status", "--porcelain", "-z", "--no-renames", "--", *paths)
    changed = [entry[3:] for entry in out.stdout.split("\0") if entry]
    if changed:
        raise ReleaseError(
            *(
                Problem(
                    "changed while the release was being prepared",
                    path,
                    remedy="nothing else was changed, and your edit is kept: commit or stash it,"
                    " and run this again",
                )
                for path in changed
            )
        )


def _changes(top: Path, old: str, new: str) -> Iterator[tuple[str, str, str, str]]:
    """What differs between two commits: old mode, new mode, new object and path from the top."""
    arguments = ("diff-tree", "-r", "-z", "--no-renames", "--full-index", old, new)
    fields = git(top, *arguments).stdout.split("\0")
    for meta, path in zip(fields[0::2], fields[1::2], strict=False):
        old_mode, new_mode, _, new_object, _ = meta.removeprefix(":").split(" ")
        yield old_mode, new_mode, new_object, path


def _file(
    top: Path, made: Path, source: Path, number: int, change: tuple[str, str, str, str]
) -> dict[str, Any]:
    """The new and old content of one file, copied into the request's folder."""
    old_mode, new_mode, _, path = change
    if {old_mode, new_mode} & {SYMLINK, GITLINK}:
        raise ReleaseError(
            Problem(
                "is a link or a submodule, and the release's commit changes it",
                path,
                remedy="a release edits regular files only; change it in a commit of its own",
            )
        )
    target, fresh = top / path, source / path
    names: dict[str, str | None] = {"new": None, "old": None}
    if target.exists():
        names["old"] = f"old-{number}"
        check_writable(target, path)
        shutil.copy2(target, made / f"old-{number}")
    if fresh.exists():
        names["new"] = f"new-{number}"
        _write(made / f"new-{number}", fresh.read_bytes())
        kept = target if target.exists() else fresh
        (made / f"new-{number}").chmod(kept.stat().st_mode & 0o7777)
        folder = next(parent for parent in target.parents if parent.exists())
        if folder.stat().st_dev != made.stat().st_dev:
            raise ReleaseError(
                Problem(
                    "lies on another file system than the project",
                    path,
                    remedy="a file can only be replaced in one step within its file system",
                )
            )
    return {
        "path": str(target),
        **names,
        **{
            f"{which}_sha256": _switch.digest(made / name) if name else None
            for which, name in names.items()
        },
    }


def check_writable(target: Path, path: str) -> None:
    """Raise ReleaseError for a file that its owner, or the system, protects from being written.

    The superuser may write any file, so the mode is looked at as well.
    """
    why = ""
    try:
        if not target.stat().st_mode & 0o222:
            why = "it is read-only"
        else:
            os.close(os.open(target, os.O_RDWR | getattr(os, "O_CLOEXEC", 0)))
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.EACCES, errno.EROFS, errno.ETXTBSY}:
            raise
        why = (error.strerror or "it cannot be written").lower()
    if not why and not os.access(target.parent, os.W_OK):
        why = "its folder is read-only"
    if why:
        raise ReleaseError(
            Problem(f"cannot be changed: {why}", path, remedy=f"chmod u+w {path}, or see lsattr")
        )


def _index(
    top: Path, git_dir: Path, made: Path, changes: Sequence[tuple[str, str, str, str]]
) -> dict[str, Any]:
    """A copy of git's index with the new entries in it, and a digest of the one it is made from."""
    path = git_dir / "index"
    copy = made / "index"
    shutil.copyfile(path, copy)
    before = _switch.digest(copy)
    entries = "".join(
        f"0 {'0' * len(found)}\t{path}\0" if set(mode) == {"0"} else f"{mode} {found}\t{path}\0"
        for _, mode, found, path in changes
    )
    done = subprocess.run(
        ["git", "-C", str(top), "update-index", "-z", "--index-info"],
        input=entries,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        env={**environment(), "GIT_INDEX_FILE": str(copy)},
        check=False,
    )
    if done.returncode != 0:
        raise ReleaseError(
            Problem(f"git update-index: {done.stderr.strip()}", remedy="see git status")
        )
    with copy.open("rb") as file:
        os.fsync(file.fileno())
    return {"path": str(path), "new": copy.name, "old_sha256": before}


def environment() -> dict[str, str]:
    """The caller's environment without what git sets for its hooks, for changing commands."""
    quiet = {name: value for name, value in QUIET.items() if name != "GIT_OPTIONAL_LOCKS"}
    own = {name: value for name, value in os.environ.items() if name not in LOCAL_VARIABLES}
    return {**own, **quiet}


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _run(folder: Path) -> Mapping[str, Any]:
    """Let a process of its own do it; finish what it leaves if it is killed."""
    with _uninterrupted():
        said = _spawn(folder)
        with contextlib.suppress(OSError, ValueError):
            result = json.loads((folder / _switch.RESULT).read_text(encoding="utf-8"))
            assert isinstance(result, dict)
            return result
        request = json.loads((folder / _switch.REQUEST).read_text(encoding="utf-8"))
        settled, others = _switch.settle(folder, request)
        if settled is False and not others:
            try:
                _switch.switch(folder, request)
                settled = True
            except _switch.CannotSwitch as error:
                said = str(error)
        return {"done": bool(settled) and not others, "why": ", ".join(others) or said}


def _spawn(folder: Path) -> str:
    """Start that process and wait for its end; what it said last."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", str(Path(_switch.__file__)), str(folder)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        env=environment(),
        start_new_session=os.name != "nt",
        check=False,
    )
    return done.stderr.strip().split("\n")[-1] or f"exit status {done.returncode}"


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Put SIGINT and SIGTERM off until the step is done; only the main thread can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    caught: list[int] = []
    previous = {number: signal.signal(number, lambda n, _: caught.append(n)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    if caught:
        raise KeyboardInterrupt
