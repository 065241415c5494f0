"""What changes in a file, in git's format."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from release.errors import CannotCheck
from release.project.git import complaint, git

# Whatever the user's configuration says of diffs and of line ends.
PLAIN = (
    *("-c", "core.autocrlf=false", "-c", "core.quotePath=false", "-c", "core.attributesFile="),
    *("diff", "--no-index", "--text", "--no-color", "--no-ext-diff", "--no-textconv"),
    *("--no-renames", "--diff-algorithm=default", "--unified=3", "--inter-hunk-context=0"),
    "-O/dev/null",
)
# Behind a hunk's place stands a line above it.
HUNK = re.compile(r"(@@ .*? @@).*")


def diff(path: str, before: str | None, after: str | None) -> Iterator[str]:
    """The lines of a diff of one file, which `git apply` takes; None where it is not there.

    A carriage return at the end of a line is shown as ␍.
    """
    with tempfile.TemporaryDirectory(prefix="nox-release-diff-") as name:
        folder = Path(name).resolve()
        for side, text in (("a", before), ("b", after)):
            if text is not None:
                file = folder / side / path
                file.parent.mkdir(parents=True)
                file.write_bytes(text.encode("utf-8", "surrogateescape"))
        where, words = folder, ["--no-prefix", "--", f"a/{path}", f"b/{path}"]
        if before is None or after is None:
            where = folder / ("b" if before is None else "a")
            names = ["/dev/null", path] if before is None else [path, "/dev/null"]
            words = ["--src-prefix=a/", "--dst-prefix=b/", "--", *names]
        # Whatever attributes a repository has that temporary files lie in, or the system.
        env = {"GIT_CEILING_DIRECTORIES": str(folder.parent), "GIT_ATTR_NOSYSTEM": "1"}
        # By way of a file, for line ends are to stay.
        words = [*PLAIN, f"--output={folder / 'said'}", *words]
        done = git(where, *words, check=False, timeout=None, env=env)
        if done.returncode > 1:  # 1 says that there is a difference
            said = complaint(done.stderr, done.returncode)
            raise CannotCheck(f"git shows no difference: {said}", "see to it that git diff works")
        said = (folder / "said").read_bytes().decode("utf-8", "surrogateescape")
    for line in said.split("\n")[:-1]:
        if not line.startswith("index "):
            shown = HUNK.sub(r"\1", line) if line.startswith("@@") else line
            yield f"{shown[:-1]}␍" if shown.endswith("\r") else shown
