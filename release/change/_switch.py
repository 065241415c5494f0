"""The one step in which a release becomes visible: files, index and refs, all or nothing.

This runs as a process of its own, in a session of its own, so that it goes on when the process that
started it is killed; where it is killed itself, that process or the next run finishes (`settle`).
It stands on the standard library alone, to start fast.

git's own lock on the index is held, and git's transaction has locked the refs, before anything
changes. Then the files change, the index follows, and the refs move last. Whatever dies on the way
leaves a working tree whose changes are those of the release, on top of the old commit: git shows
them as such, and as a cherry-pick (or, where a release is taken back, a revert) that is under way
and can be aborted.

A request is a folder with `request.json` and the new and old content of everything it touches:

- `refs`: lists of full name, new and old object name (zeros: not there)
- `files`: path, `new` and `old` (files in the folder, or null), and the sha256 of both (or null)
- `index`: null, or its path, and the new and old one in the folder
- `head`: the branch that must be checked out (full name), where there is an index
- `marker`: null, or the file that tells git what is under way, and the commit that it names
- `note`: a file in git's common directory that names the folder; a link of it locks the index
- `git_dir`, `common_dir`: the repository; `top`: its working tree; `lock`: the lock to hold
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

REQUEST = "request.json"
RESULT = "result.json"
STALE_SECONDS = 1.0
POLL_SECONDS = 0.05
GIT_SECONDS = 60.0


class CannotSwitch(Exception):
    """Why it cannot be done, and what to do about it."""

    def __init__(self, why: str, remedy: str = "") -> None:
        super().__init__(why)
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Result:
    """How a switch ended.

    `state` is "new" or "old" (all is as it was); "between" where neither could be reached; "gone"
    where others went on from there, and nothing was touched. `why` says what went wrong.
    """

    state: str
    why: str = ""
    remedy: str = ""


def main(folder: Path) -> None:
    """Do what the request in `folder` says, unless somebody settled it meanwhile."""
    try:
        request = read_request(folder)
    except FileNotFoundError:
        return
    with locked(Path(request["lock"])) as lock:
        if (folder / REQUEST).exists():
            with contextlib.suppress(OSError):
                answer(folder, Switch(folder, request, lock, os.environ).make())


def read_request(folder: Path) -> dict[str, Any]:
    """The request in a folder. Raises OSError, ValueError where there is none."""
    request = json.loads((folder / REQUEST).read_text(encoding="utf-8"))
    if not isinstance(request, dict):
        raise ValueError(f"{folder}: no request")
    return request


def answer(folder: Path, result: Result) -> None:
    """Leave the result for whoever asked."""
    part = folder / f"{RESULT}.part"
    part.write_text(json.dumps(asdict(result)), encoding="utf-8")
    part.replace(folder / RESULT)


def read_answer(folder: Path) -> Result | None:
    """The result in a folder, None if there is none yet."""
    try:
        return Result(**json.loads((folder / RESULT).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


@contextlib.contextmanager
def locked(path: Path) -> Iterator[tuple[int, ...]]:
    """Hold the lock; yields what a child must inherit so that it ends with the last of them."""
    try:
        import fcntl
    except ImportError:  # Windows: the caller's own lock has to do
        yield ()
        return
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield (file.fileno(),)


@dataclass(frozen=True, slots=True)
class Switch:
    """A request, its folder, the lock that is held for it, and the environment for git."""

    folder: Path
    request: Mapping[str, Any]
    lock: tuple[int, ...]
    env: Mapping[str, str]

    def make(self) -> Result:
        """Make the new state the state, or leave the old one."""
        said: CannotSwitch | None = None
        try:
            self._change()
        except (CannotSwitch, OSError) as error:
            said = cannot(error)
        result = self.settle()
        if said is None:
            return result
        why = "; ".join(dict.fromkeys(word for word in (str(said), result.why) if word))
        return Result(result.state, why, said.remedy or result.remedy)

    def _change(self) -> None:
        if self.request["index"] is not None:
            self._take_index()
            self._mark()
            self._judge_unchanged()
        with Transaction(self, self.request["refs"]) as transaction:
            transaction.prepare()
            for file in self.request["files"]:
                self._put(file, "new")
            if self.request["index"] is not None:
                self._put_index("new")
            self._sync()
            transaction.commit()

    def settle(self) -> Result:
        """Finish what was cut short: forward if a ref moved, back if none did.

        Decides by what the repository shows.
        """
        if (done := read_answer(self.folder)) is not None and done.state == "new":
            return Result("gone")
        try:
            self._drop_stale_locks()
            values = self._complete(self.values())
            if self._are(values, 1):
                self._clear()
                return Result("new")
            if self._are(values, 2):
                left = self._restore()
                self._clear()
                return Result("old", left)
            if self._known(values):
                return Result("between", self._describe(values))
            self._clear()
            return Result("gone")
        except (CannotSwitch, OSError) as error:
            said = cannot(error)
            return Result("between", str(said), said.remedy)

    def _complete(self, values: Mapping[str, str]) -> Mapping[str, str]:
        """Move the refs that are left where some have moved; take those back if they cannot be."""
        for wanted in (1, 2):
            left = [ref for ref in self.request["refs"] if values[ref[0]] != ref[wanted]]
            if not self._known(values) or len(left) in {0, len(self.request["refs"])}:
                return values
            self._move(left, back=wanted == 2)
            values = self.values()
        return values

    def _move(self, refs: Sequence[Sequence[str]], *, back: bool) -> None:
        """Move each of the refs, as far as git does; what became of it is looked at."""
        for name, new, old in refs:
            one = (name, old, new) if back else (name, new, old)
            with contextlib.suppress(CannotSwitch), Transaction(self, [one]) as transaction:
                transaction.prepare()
                transaction.commit()

    def _are(self, values: Mapping[str, str], which: int) -> bool:
        return all(values[ref[0]] == ref[which] for ref in self.request["refs"])

    def _known(self, values: Mapping[str, str]) -> bool:
        return all(values[name] in {new, old} for name, new, old in self.request["refs"])

    def _describe(self, values: Mapping[str, str]) -> str:
        words = [
            f"{name} {'is' if values[name] == new else 'is not'} moved"
            for name, new, _ in self.request["refs"]
        ]
        return ", ".join(words)

    def values(self) -> Mapping[str, str]:
        """What each ref names now, zeros if there is none. Raises CannotSwitch."""
        names = [name for name, _, _ in self.request["refs"]]
        done = self.git("for-each-ref", "--format=%(objectname) %(refname)", "--", *names)
        if done.returncode != 0:
            raise CannotSwitch(f"the refs cannot be read: {complaint(done.stderr)}")
        lines = (line.partition(" ") for line in done.stdout.splitlines())
        found = {name: value for value, _, name in lines}
        return {name: found.get(name, "0" * len(new)) for name, new, _ in self.request["refs"]}

    def git(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run git; it holds the lock as well, for as long as it lives."""
        return subprocess.run(
            ["git", "-C", self.request["top"], *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            env={**self.env, **env},
            pass_fds=self.lock,
            check=False,
        )

    # The index: a link of the note is git's lock on it.

    @property
    def _index_lock(self) -> Path:
        return Path(f"{self.request['index']['path']}.lock")

    @property
    def _index_copy(self) -> Path:
        return Path(self.request["index"]["path"]).with_name(
            f"nox-release-index-{self.folder.name}"
        )

    def _take_index(self) -> None:
        lock, note = self._index_lock, Path(self.request["note"])
        try:
            link_or_copy(note, lock)
        except FileExistsError:
            raise CannotSwitch(
                f"{lock} exists: another git process is at work here, or one has crashed",
                f"if no git is at work here: rm -f '{lock}', and run this again",
            ) from None
        except OSError as error:
            raise CannotSwitch(f"{lock} cannot be made: {error.strerror}") from None

    def _holds_index(self) -> bool:
        return self.request["index"] is not None and same(
            self._index_lock, Path(self.request["note"])
        )

    def _put_index(self, which: str) -> None:
        """Put the new or old index into its place, with the file times that git goes by."""
        index = self.request["index"]
        source, path = self.folder / index[which], Path(index["path"])
        refresh = ("-c", "core.hooksPath=/dev/null", "update-index", "-q", "--refresh")
        self.git(*refresh, GIT_INDEX_FILE=str(source))
        copy = self._index_copy
        copy.unlink(missing_ok=True)
        shutil.copyfile(source, copy)
        with copy.open("rb") as file:
            os.fsync(file.fileno())
        copy.replace(path)

    def _judge_unchanged(self) -> None:
        index = self.request["index"]
        if digest(Path(index["path"])) != digest(self.folder / index["old"]):
            raise CannotSwitch("git's index changed while the release was being prepared")
        if not self._on_branch():
            raise CannotSwitch(
                "another branch was checked out while the release was being prepared"
            )
        for file in self.request["files"]:
            if digest(Path(file["path"])) != file["old_sha256"]:
                raise CannotSwitch(f"{file['path']} changed while the release was being prepared")

    def _on_branch(self) -> bool:
        return self.git("symbolic-ref", "HEAD").stdout.strip() == str(self.request["head"])

    def _restore(self) -> str:
        """Restore old files and index; returns what somebody changed meanwhile and was left."""
        index = self.request["index"]
        if index is None or not self._on_branch():
            return ""
        files = self.request["files"]
        found = {file["path"]: digest(Path(file["path"])) for file in files}
        changed = [file for file in files if found[file["path"]] == file["new_sha256"]]
        there = digest(Path(index["path"]))
        replaced = there == digest(self.folder / index["new"])
        if changed or replaced:
            if not self._holds_index():
                self._take_index()
            for file in changed:
                self._put(file, "old")
            if replaced or there == digest(self.folder / index["old"]):
                self._put_index("old")
        left = [
            file["path"]
            for file in files
            if found[file["path"]] not in {file["new_sha256"], file["old_sha256"]}
        ]
        return f"{', '.join(left)} changed meanwhile, and was left alone" if left else ""

    def _put(self, file: Mapping[str, Any], which: str) -> None:
        """Put the new or the old content of a file into its place, in one step."""
        path, name = Path(file["path"]), file[which]
        if name is None:
            path.unlink(missing_ok=True)
            return
        # The folder keeps its own: whoever puts it there may be killed before somebody restores it.
        copy = self.folder / f"{name}.copy"
        copy.unlink(missing_ok=True)
        try:
            os.link(self.folder / name, copy)
        except OSError:
            shutil.copy2(self.folder / name, copy)
        path.parent.mkdir(parents=True, exist_ok=True)
        copy.replace(path)

    def _sync(self) -> None:
        """Let the disk have files and index before the refs move."""
        paths = [Path(file["path"]) for file in self.request["files"]]
        if self.request["index"] is not None:
            paths.append(Path(self.request["index"]["path"]))
        for parent in {path.parent for path in paths}:
            with contextlib.suppress(OSError):  # folders cannot be opened everywhere
                descriptor = os.open(parent, os.O_RDONLY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)

    # What git shows, and what is in its way.

    def _mark(self) -> None:
        path, commit = self.request["marker"]
        part = self.folder / "marker"
        part.write_text(f"{commit}\n", encoding="utf-8")
        try:
            link_or_copy(part, Path(path))
        except FileExistsError:
            raise CannotSwitch(
                f"{path} exists: something else was begun while the release was being prepared",
                "see git status",
            ) from None

    def _clear(self) -> None:
        """Remove marker and locks, of this request only."""
        if self.request["index"] is None:
            return
        path, commit = self.request["marker"]
        with contextlib.suppress(FileNotFoundError, ValueError):
            if Path(path).read_text(encoding="utf-8") == f"{commit}\n":
                Path(path).unlink()
        self._index_copy.unlink(missing_ok=True)
        if self._holds_index():
            self._index_lock.unlink()

    def ref_locks(self) -> dict[Path, set[str]]:
        """The files by which git locks the refs, with what it writes into them; empty: anything."""
        common, git_dir = Path(self.request["common_dir"]), Path(self.request["git_dir"])
        refs = self.request["refs"]
        found = {common / f"{name}.lock": {"", new, old} for name, new, old in refs}
        found[git_dir / "HEAD.lock"] = {""}
        if any(set(old) == {"0"} or set(new) == {"0"} for _, new, old in refs):
            found[common / "packed-refs.lock"] = set()
            found[common / "packed-refs.new"] = set()
        return found

    def _drop_stale_locks(self) -> None:
        """Remove the locks that a killed `git update-ref` of this request left behind.

        None of ours is alive, for each holds the lock of the switch. Another's is older, or is
        soon gone.
        """
        began = (self.folder / REQUEST).stat().st_mtime
        for path, contents in self.ref_locks().items():
            deadline = time.monotonic() + STALE_SECONDS
            while path.exists() and time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)
            try:
                known = not contents or path.read_text().strip() in contents
                ours = known and path.stat().st_mtime >= began - 1
            except (OSError, ValueError):
                continue
            if ours:
                path.unlink(missing_ok=True)


class Transaction:
    """Moves refs (name, new, old) in one transaction of git's, in two steps."""

    def __init__(self, switch: Switch, refs: Sequence[Sequence[str]]) -> None:
        self._switch = switch
        self._refs = refs
        self._said: IO[bytes] = (switch.folder / "said").open("w+b")

    def __enter__(self) -> Transaction:
        request = self._switch.request
        self._process = subprocess.Popen(
            ["git", "-C", request["top"], "update-ref", "-m", request["message"], "--stdin"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env=self._switch.env,
            pass_fds=self._switch.lock,
        )
        return self

    def __exit__(self, *_: object) -> None:
        """git takes the end of its input for the end of a transaction that was not committed."""
        self._end()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._said.close()

    def _end(self) -> int:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        return self._process.wait()

    def prepare(self) -> None:
        """Lock the refs, and let git judge. Raises CannotSwitch; nothing has changed then."""
        lines = ["start\n"]
        for name, new, old in self._refs:
            gone = set(new) == {"0"}
            lines.append(f"delete {name} {old}\n" if gone else f"update {name} {new} {old}\n")
        self._tell("".join([*lines, "prepare\n"]))
        if not self._heard(b"prepare: ok"):
            raise CannotSwitch(f"git update-ref: {self._complaint()}", self._remedy())

    def commit(self) -> None:
        """Move them. Raises CannotSwitch; any of them may have moved then."""
        self._tell("commit\n")
        if not self._heard(b"commit: ok"):
            raise CannotSwitch(f"git update-ref: {self._complaint()}")

    def _tell(self, text: str) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(text.encode("utf-8", "surrogateescape"))
            self._process.stdin.flush()

    def _heard(self, wanted: bytes) -> bool:
        """Whether git answers so; it ends without where it cannot."""
        assert self._process.stdout is not None
        heard = b""
        deadline = time.monotonic() + GIT_SECONDS
        while wanted not in heard.split(b"\n"):
            wait = max(0.0, deadline - time.monotonic())
            if os.name != "nt" and not select.select([self._process.stdout], [], [], wait)[0]:
                raise CannotSwitch(
                    f"git update-ref gave no answer within {GIT_SECONDS:g} s",
                    "look at the hook reference-transaction, if there is one; git has to be 2.34"
                    " or newer",
                )
            data = os.read(self._process.stdout.fileno(), 4096)
            if not data:
                return False
            heard += data
        return True

    def _complaint(self) -> str:
        status = self._end()
        self._said.seek(0)
        said = self._said.read().decode("utf-8", "surrogateescape")
        return complaint(said) or f"exit status {status}"

    def _remedy(self) -> str:
        """What to do where another's locks are in the way."""
        locks = [f"'{path}'" for path in self._switch.ref_locks() if path.exists()]
        if not locks:
            return ""
        return f"if no git is at work here: rm -f {' '.join(locks)}, and run this again"


def cannot(error: CannotSwitch | OSError) -> CannotSwitch:
    """The error in words, with what to do about it."""
    if isinstance(error, CannotSwitch):
        return error
    where = f"{error.filename}: " if error.filename else ""
    return CannotSwitch(f"{where}{error.strerror or error}")


def complaint(stderr: str) -> str:
    """What git complains of: its lines that name an error, else the last one."""
    lines = [line.strip() for line in stderr.split("\n") if line.strip()]
    said = [line for line in lines if line.startswith(("fatal: ", "error: "))] or lines[-1:]
    return "; ".join(dict.fromkeys(said[:3]))


def link_or_copy(source: Path, target: Path) -> None:
    """Make `target`, whole or not at all. Raises FileExistsError if it is there."""
    try:
        os.link(source, target)
        return
    except FileExistsError:
        raise
    except OSError:  # another file system, or one without links
        data = source.read_bytes()
    with target.open("xb") as file:
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            target.unlink()
            raise


def digest(path: Path) -> str | None:
    """The sha256 of a file, None if it is not there."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None


def same(one: Path, other: Path) -> bool:
    """Whether two files are one, or hold the same."""
    try:
        return one.samefile(other) or digest(one) == digest(other)
    except FileNotFoundError:
        return False


if __name__ == "__main__":
    main(Path(sys.argv[1]))
