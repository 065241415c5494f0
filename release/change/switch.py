"""Makes a finished commit the state of the user's repository, in one step that cannot be halved."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from release.change import _switch
from release.change.lock import SWITCH_NAME
from release.errors import ReleaseError
from release.model import Finding
from release.project.git import (
    LOCAL_VARIABLES,
    NOTE,
    QUIET,
    contains,
    directories,
    git,
    uncommitted,
)
from release.run.processes import NO_MONITOR, uninterrupted

PREFIX = "switch-"
NO_HOOKS = ("-c", "core.hooksPath=/dev/null")
SYMLINK, GITLINK = "120000", "160000"


@dataclass(frozen=True, slots=True)
class Move:
    """A ref that is to move: its full name, the new and the old object (None: it is not there)."""

    ref: str
    new: str
    old: str | None


def switch(
    top: Path, folder: Path, moves: Sequence[Move], message: str, source: Path | None
) -> tuple[str, ...]:
    """Move the refs in one transaction, and let the working tree `top` have what they name.

    `source` is a working tree that has the new commit checked out, None where the branch that is
    checked out in `top` does not move; the first move is then that of a branch or tag alone.
    `folder` is where the new and old content is kept meanwhile. Returns what the user should know.
    Raises ReleaseError when it could not be done, and says what became of it.
    """
    with _prepared(top, folder, moves, message, source) as request:
        result = _run(request)
        if result.state == "between":
            raise Unsettled(_between(request, message, result))
    if result.state != "new":
        raise ReleaseError.of(
            f"the release could not be made visible: {result.why or 'no reason given'}",
            remedy=f"every ref was looked at, and nothing was changed; "
            f"{result.remedy or 'settle that, and run this again'}",
        )
    if not result.why:
        return ()
    return (f"git complained, and every ref was moved nevertheless: {result.why}",)


class Unsettled(ReleaseError):
    """A switch that could be neither finished nor undone; its request stays for the next run."""


def settle(folder: Path, common: Path) -> list[str]:
    """Finish what killed runs left of a switch; call it with the lock held.

    They lie below `folder`, or, of another project in the same repository, where a note in git's
    common directory says. Returns what to tell the user, a sentence each. Raises ReleaseError when
    one can be neither finished nor undone.
    """
    told = []
    notes = {note: Path(os.fsdecode(note.read_bytes())) for note in common.glob(f"{NOTE}*")}
    found = {left for left in notes.values() if left.name.startswith(PREFIX) and left.is_dir()}
    for left in sorted(found | set(folder.glob(f"{PREFIX}*"))):
        try:
            request = _switch.read_request(left)
        except (OSError, ValueError):
            pass  # killed before it asked for anything
        else:
            with _switch.locked(Path(request["lock"])) as held:
                result = _switch.Switch(left, request, held, environment()).settle()
            if result.state == "between":
                raise Unsettled(_between(left, request["message"], result))
            told += _told(request["message"], result)
        shutil.rmtree(left, ignore_errors=True)
    for note in notes:
        for lock in (common / "index.lock", *common.glob("worktrees/*/index.lock")):
            if _switch.same(lock, note):  # somebody removed the folder
                lock.unlink()
        note.unlink(missing_ok=True)
    return told


def _told(message: str, result: _switch.Result) -> list[str]:
    words = {"new": "finished", "old": "undone"}
    if result.state not in words:
        return []
    left = f"; {result.why}" if result.why else ""
    return [f"{words[result.state]} what a killed run left: {message}{left}"]


def _between(folder: Path, message: str, result: _switch.Result) -> Finding:
    return Finding(
        f"{message} is half done: {result.why}",
        remedy=f"{result.remedy or 'settle that'}; the next run looks at every ref again, and"
        f" finishes it or takes it back by what is kept in {folder}",
    )


@contextlib.contextmanager
def _prepared(
    top: Path, folder: Path, moves: Sequence[Move], message: str, source: Path | None
) -> Iterator[Path]:
    """The folder of a request with all that it needs; removed afterwards, unless unsettled."""
    try:
        made = Path(tempfile.mkdtemp(prefix=PREFIX, dir=folder))
    except OSError as error:
        raise unwritable("cannot be prepared", error) from None
    git_dir, common = directories(top)
    note = common / f"{NOTE}{made.name}"
    try:
        try:
            note.write_bytes(os.fsencode(made))
            request = {
                "top": str(top),
                "git_dir": str(git_dir),
                "common_dir": str(common),
                "lock": str(common / SWITCH_NAME),
                "note": str(note),
                "message": message,
                **_request(top, git_dir, made, moves, source),
            }
            _write(made / _switch.REQUEST, json.dumps(request).encode("utf-8", "surrogateescape"))
        except OSError as error:
            raise unwritable("cannot be prepared", error) from None
        yield made
    except Unsettled:
        raise
    except BaseException:
        _forget(made, note)
        raise
    _forget(made, note)


def unwritable(what: str, error: OSError) -> ReleaseError:
    """What to say where there is no room or no right to write, before anything was changed."""
    return ReleaseError.of(
        f"{what}: {error.strerror or error}",
        str(error.filename or ""),
        remedy="nothing was changed; make room or make it writable, and run this again",
    )


def _forget(made: Path, note: Path) -> None:
    shutil.rmtree(made, ignore_errors=True)
    note.unlink(missing_ok=True)


def _request(
    top: Path, git_dir: Path, made: Path, moves: Sequence[Move], source: Path | None
) -> dict[str, Any]:
    """What moves: refs, and with a `source` also files, the index, and the mark that git shows."""
    request: dict[str, Any] = {
        "refs": [[move.ref, move.new, move.old or "0" * len(move.new)] for move in moves],
        "files": [],
        "index": None,
        "head": moves[0].ref,
        "marker": None,
    }
    if source is not None:
        changes = list(_changes(top, str(moves[0].old), moves[0].new))
        request["files"] = [
            _file(top, made, source, number, change) for number, change in enumerate(changes)
        ]
        request["index"] = _index(top, git_dir, made, changes)
        request["marker"] = _marker(top, git_dir, moves[0])
        _judge_unchanged(top, [path for *_, path in changes])
    return request


def _marker(top: Path, git_dir: Path, move: Move) -> tuple[str, str]:
    """The file by which git knows what is under way, and the commit that it names."""
    if contains(top, str(move.old), move.new):
        return str(git_dir / "REVERT_HEAD"), str(move.old)
    return str(git_dir / "CHERRY_PICK_HEAD"), move.new


def _judge_unchanged(top: Path, paths: Sequence[str]) -> None:
    """Raise ReleaseError when the user has changed one of the files since the release began.

    Their old content was copied before this look, so a later change is seen as well: by its digest.
    """
    if changed := uncommitted(top, "--", *paths):
        raise ReleaseError(
            *(
                Finding(
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
        raise ReleaseError.of(
            "is a link or a submodule, and the release's commit changes it",
            path,
            remedy="a release edits regular files only; change it in a commit of its own",
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
            raise ReleaseError.of(
                "lies on another file system than the project",
                path,
                remedy="a file can only be replaced in one step within its file system",
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
        raise ReleaseError.of(
            f"cannot be changed: {why}", path, remedy=f"chmod u+w {path}, or see lsattr"
        )


def _index(
    top: Path, git_dir: Path, made: Path, changes: Sequence[tuple[str, str, str, str]]
) -> dict[str, Any]:
    """Copies of git's index as it is, and with the new entries in it."""
    path = git_dir / "index"
    copy = made / "index-new"
    shutil.copyfile(path, made / "index-old")
    shutil.copyfile(made / "index-old", copy)
    entries = "".join(
        f"0 {'0' * len(found)}\t{path}\0" if set(mode) == {"0"} else f"{mode} {found}\t{path}\0"
        for _, mode, found, path in changes
    )
    done = subprocess.run(
        ["git", "-C", str(top), *NO_HOOKS, "update-index", "-z", "--index-info"],
        input=entries,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        env={**environment(), "GIT_INDEX_FILE": str(copy)},
        check=False,
    )
    if done.returncode != 0:
        raise ReleaseError.of(f"git update-index: {done.stderr.strip()}", remedy="see git status")
    return {"path": str(path), "new": copy.name, "old": "index-old"}


def environment() -> dict[str, str]:
    """The caller's environment without what git sets for its hooks, for changing commands.

    No git in it starts what the user's configuration names to watch files.
    """
    quiet = {name: value for name, value in QUIET.items() if name != "GIT_OPTIONAL_LOCKS"}
    own = {name: value for name, value in os.environ.items() if name not in LOCAL_VARIABLES}
    return {**own, **quiet, **NO_MONITOR}


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _run(folder: Path) -> _switch.Result:
    """Let a process of its own do it; finish what it leaves if it is killed."""
    with uninterrupted():
        said = _spawn(folder)
        if (result := _switch.read_answer(folder)) is not None:
            return result
        request = _switch.read_request(folder)
        with _switch.locked(Path(request["lock"])) as lock:
            again = _switch.Switch(folder, request, lock, environment())
            result = again.settle()
            if result.state == "old" and not result.why:
                result = again.make()
        return replace(result, why=result.why or ("" if result.state == "new" else said))


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
