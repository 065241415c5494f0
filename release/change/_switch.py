"""The one step in which a release becomes visible: refs, files and index, all or nothing.

This runs as a process of its own, in a session of its own, so that it goes on when the process that
started it is killed; where it is killed itself, that process or the next run finishes (`settle`).
It stands on the standard library alone, to start fast.

A request is a folder with `request.json` and the new and old content of everything it touches:

- `refs`: lists of full name, new and old object name (zeros: not there)
- `files`: path, `new` and `old` (files in the folder, or null), and the sha256 of both (or null)
- `index`: null, or its path, the new one in the folder, and the sha256 of the old one
- `head`: the branch that must be checked out (full name), where there is an index
- `git_dir`, `common_dir`: the repository; `top`: its working tree; `lock`: the lock to hold
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

REQUEST = "request.json"
RESULT = "result.json"
STALE_SECONDS = 1.0
SIGNALLED = 128  # how a shell, or a wrapper around git, reports a signal
POLL_SECONDS = 0.05


class CannotSwitch(Exception):
    """Nothing was changed, and why."""


def main(folder: Path) -> None:
    """Do what the request in `folder` says, unless somebody settled it meanwhile."""
    try:
        text = (folder / REQUEST).read_text(encoding="utf-8")
    except FileNotFoundError:
        return
    request = json.loads(text)
    with _locked(Path(request["lock"])):
        if not (folder / REQUEST).exists():
            return
        try:
            switch(folder, request)
            result: dict[str, Any] = {"done": True}
        except CannotSwitch as error:
            result = {"done": False, "why": str(error)}
        with contextlib.suppress(OSError):
            (folder / RESULT).write_text(json.dumps(result), encoding="utf-8")


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    try:
        import fcntl
    except ImportError:  # Windows: the caller's own lock has to do
        yield
        return
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def switch(folder: Path, request: Mapping[str, Any]) -> None:
    """Make the request's new state the state. Raises CannotSwitch, with nothing changed."""
    index = request["index"]
    lock = Path(f"{index['path']}.lock") if index else None
    if index and lock:
        try:
            _lock_index(folder / index["new"], lock)
        except FileExistsError:
            raise CannotSwitch(
                f"{lock} exists: another git process is at work here, or one has crashed"
            ) from None
        except OSError as error:
            raise CannotSwitch(f"{lock} cannot be made: {error.strerror}") from None
    try:
        if index and digest(Path(index["path"])) != index["old_sha256"]:
            raise CannotSwitch("git's index changed while the release was being prepared")
        if index and _git(request, "symbolic-ref", "HEAD").stdout.strip() != request["head"]:
            raise CannotSwitch(
                "another branch was checked out while the release was being prepared"
            )
        for file in request["files"]:
            if digest(Path(file["path"])) != file["old_sha256"]:
                raise CannotSwitch(f"{file['path']} changed while the release was being prepared")
        said, killed = move_refs(request, request["refs"])
        if killed and settle(folder, request)[0]:
            return
        if said:
            raise CannotSwitch(f"git update-ref: {said}")
    except BaseException:
        _unlock(folder, request)
        raise
    try:
        for file in request["files"]:
            put(folder, file, "new")
        if index and lock:
            lock.replace(index["path"])
    except OSError as error:
        settle_back(folder, request)
        raise CannotSwitch(f"{error.filename}: {error.strerror}") from None


def _lock_index(new: Path, lock: Path) -> None:
    """Take git's lock on the index with the new one as its content, as git itself does."""
    try:
        os.link(new, lock)
        return
    except FileExistsError:
        raise
    except OSError:  # the repository lies on another file system, or this one has no links
        data = new.read_bytes()
    with lock.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def settle(folder: Path, request: Mapping[str, Any]) -> tuple[bool | None, list[str]]:
    """Finish a switch that was cut short: forward if its refs moved, back if none did.

    Returns whether the new state is the state now (None: it was finished before, and others went on
    from there), and the paths that somebody changed meanwhile, which are left alone. Decides by
    what the repository shows.
    """
    _drop_stale_locks(folder, request)
    if _finished(folder):
        return None, []
    values = {name: ref_value(request, name) for name, _, _ in request["refs"]}
    moved = [values[name] == new for name, new, _ in request["refs"]]
    if all(values[name] == old for name, _, old in request["refs"]):
        settle_back(folder, request)
        return False, []
    waiting = [ref for ref, there in zip(request["refs"], moved, strict=True) if not there]
    if not any(moved) or any(values[name] != old for name, _, old in waiting):
        _unlock(folder, request)
        return None, []
    if waiting and (said := move_refs(request, waiting)[0]):
        return False, [f"{waiting[0][0]} ({said})"]
    others = []
    for file in request["files"]:
        found = digest(Path(file["path"]))
        if found == file["new_sha256"]:
            continue
        if found == file["old_sha256"]:
            put(folder, file, "new")
        else:
            others.append(file["path"])
    index = request["index"]
    if index:
        path, new = Path(index["path"]), folder / index["new"]
        lock = Path(f"{path}.lock")
        if _same(lock, new):
            lock.replace(path)
        elif digest(path) == index["old_sha256"]:
            _lock_index(new, lock)
            lock.replace(path)
    return True, others


def settle_back(folder: Path, request: Mapping[str, Any]) -> None:
    """Restore the old state, but for files that somebody else changed meanwhile."""
    for file in request["files"]:
        if digest(Path(file["path"])) == file["new_sha256"] != file["old_sha256"]:
            put(folder, file, "old")
    moved = [
        [name, old, new]
        for name, new, old in request["refs"]
        if ref_value(request, name) == new and new != old
    ]
    if moved:
        move_refs(request, moved)
    _unlock(folder, request)


def _unlock(folder: Path, request: Mapping[str, Any]) -> None:
    index = request["index"]
    if index and _same(Path(f"{index['path']}.lock"), folder / index["new"]):
        Path(f"{index['path']}.lock").unlink()


def _finished(folder: Path) -> bool:
    try:
        return bool(json.loads((folder / RESULT).read_text(encoding="utf-8"))["done"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def put(folder: Path, file: Mapping[str, Any], which: str) -> None:
    """Put the new or the old content of a file into its place, in one step."""
    path, name = Path(file["path"]), file[which]
    if name is None:
        path.unlink(missing_ok=True)
        return
    # The folder keeps its own: whoever puts it there may be killed before somebody restores it.
    source, copy = folder / name, folder / f"{name}.copy"
    copy.unlink(missing_ok=True)
    try:
        os.link(source, copy)
    except OSError:
        shutil.copy2(source, copy)
    path.parent.mkdir(parents=True, exist_ok=True)
    copy.replace(path)


def digest(path: Path) -> str | None:
    """The sha256 of a file, None if it is not there."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None


def move_refs(request: Mapping[str, Any], refs: Sequence[Sequence[str]]) -> tuple[str, bool]:
    """Move refs (name, new, old) in one transaction.

    Returns what git says when it will not, else "", and whether git was killed meanwhile, so that
    some of them may have moved.
    """
    lines = ["start\n"]
    for name, new, old in refs:
        if set(new) == {"0"}:
            lines.append(f"delete {name} {old}\n")
        else:
            lines.append(f"update {name} {new} {old}\n")
    lines += ["prepare\n", "commit\n"]
    done = _git(request, "update-ref", "-m", request["message"], "--stdin", text="".join(lines))
    if done.returncode == 0:
        return "", False
    lines = [line.strip() for line in done.stderr.split("\n") if line.strip()]
    said = [line for line in lines if line.startswith(("fatal: ", "error: "))] or lines[-1:]
    why = "; ".join(said[:3]) or f"exit status {done.returncode}"
    return why, done.returncode < 0 or done.returncode > SIGNALLED


def ref_value(request: Mapping[str, Any], name: str) -> str:
    """The object that a ref names, zeros if there is none."""
    done = _git(request, "rev-parse", "--verify", "--quiet", name)
    found = done.stdout.strip()
    return found or "0" * len(request["refs"][0][1])


def _git(
    request: Mapping[str, Any], *arguments: str, text: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", "-C", request["top"], *arguments],
        input=text,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="surrogateescape",
        check=False,
    )


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other) or digest(one) == digest(other)
    except FileNotFoundError:
        return False


def _drop_stale_locks(folder: Path, request: Mapping[str, Any]) -> None:
    """Remove the lock files that a killed `git update-ref` of this request left behind.

    They hold the new object's name, or nothing yet; one that another git made since is not touched.
    """
    began = (folder / REQUEST).stat().st_mtime
    locks = [(Path(request["common_dir"], f"{name}.lock"), new) for name, new, _ in request["refs"]]
    locks.append((Path(request["git_dir"], "HEAD.lock"), ""))
    for path, new in locks:
        deadline = time.monotonic() + STALE_SECONDS
        while path.exists() and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        try:
            ours = path.read_text().strip() in {"", new} and path.stat().st_mtime >= began - 1
        except (OSError, ValueError):
            continue
        if ours:
            path.unlink(missing_ok=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
