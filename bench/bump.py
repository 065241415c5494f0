"""Times `bump` on repositories of many files and commits, or with a large changelog.

The own work is the processor time of the process that bumps, start and imports left aside; its
children are git and bump-my-version. The clock shows the whole, children included. Memory is the
most that the process ever took, start and imports too.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ |= {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "bench"), ("EMAIL", "bench@example.invalid"))
}
# Files, commits, and the sections of the changelog with the bullets of each. Those that take the
# most memory come last.
CASES: tuple[tuple[int, int, tuple[int, int] | None], ...] = (
    (10, 10, None),
    (10_000, 10, None),
    (10, 5_000, None),
    (10_000, 5_000, None),
    (10, 10, (530, 148)),
    (10, 10, (5_300, 148)),
    (10, 10, (10_000, 7)),
    (10, 10, (100_000, 7)),
)
PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "many-files"
version = "1.2.3"

[tool.release]
publish = false

[tool.bumpversion]
current_version = "1.2.3"

[[tool.bumpversion.files]]
filename = "src/many_files/__init__.py"
"""


def changelog(sections: int, bullets: int) -> str:
    """A changelog with an Unreleased section above so many released ones."""
    bullet = "- The reader takes every number of a list as it is written there.\n"
    top = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A thing for everybody.\n\n"
    return top + "".join(
        f"## [0.0.{number}] - 2020-01-01\n\n### Fixed\n\n{bullet * bullets}\n"
        for number in range(sections, 0, -1)
    )


def history(files: int, commits: int, entries: tuple[int, int] | None) -> Iterator[str]:
    """A repository for `git fast-import`: a first commit with all files, then many small ones."""
    yield "commit refs/heads/main\ncommitter bench <bench@example.invalid> 1700000000 +0000\n"
    yield "data 5\nStart\n"
    contents = {
        "pyproject.toml": PYPROJECT,
        "src/many_files/__init__.py": '__version__ = "1.2.3"\n',
    }
    if entries is not None:
        contents["CHANGELOG.md"] = changelog(*entries)
    contents |= {f"data/{n % 100:02}/file-{n}.txt": f"Text {n}.\n" * 20 for n in range(files)}
    for path, text in contents.items():
        yield f"M 100644 inline {path}\ndata {len(text)}\n{text}\n"
    for number in range(1, commits):
        yield "commit refs/heads/main\n"
        yield f"committer bench <bench@example.invalid> {1700000000 + number} +0000\n"
        yield f"data 6\nChange\nM 100644 inline log.txt\ndata {len(str(number))}\n{number}\n"
    yield "reset refs/tags/v1.2.3\nfrom refs/heads/main\n"


def make(folder: Path, files: int, commits: int, entries: tuple[int, int] | None = None) -> Path:
    root = folder / "-".join(map(str, (files, commits, *(entries or ()))))
    remote = root.with_name(f"{root.name}.git")
    for path, bare in ((remote, ["--bare"]), (root, [])):
        subprocess.run(["git", "init", "--quiet", "--initial-branch=main", *bare, path], check=True)
    stream = "".join(history(files, commits, entries)).encode()
    subprocess.run(["git", "-C", root, "fast-import", "--quiet"], input=stream, check=True)
    for command in (
        ["reset", "--quiet", "--hard"],
        ["remote", "add", "origin", str(remote)],
        ["push", "--quiet", "origin", "main", "v1.2.3"],
    ):
        subprocess.run(["git", "-C", root, *command], check=True)
    return root


def timed(root: Path, tools: Path) -> tuple[float, float]:
    """Bump once, and take it back: seconds of own work, and of the clock."""
    from release.text.sections import read

    read.cache_clear()  # every run is a process of its own
    from release.change.releasing import Request, bump
    from release.project import read_project
    from release.run.runner import Run
    from release.run.store import Store

    own, clock = time.process_time(), time.perf_counter()
    bump(Run(read_project(root), Store(root), tools), Request("minor"))
    result = time.process_time() - own, time.perf_counter() - clock
    subprocess.run(["git", "-C", root, "reset", "--quiet", "--hard", "HEAD^"], check=True)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    print(
        f"{'files':>7} {'commits':>8} {'changelog':>10} {'own work':>10} {'clock':>8} {'memory':>8}"
    )
    print(f"{'':>7} {'':>8} {'MB':>10} {'s':>10} {'s':>8} {'MB':>8}   (medians; memory: most)")
    with tempfile.TemporaryDirectory() as folder:
        tools = Path(folder) / "tools"
        for files, commits, entries in CASES:
            root = make(Path(folder), files, commits, entries)
            timed(root, tools)
            found = [timed(root, tools) for _ in range(runs)]
            own, clock = (statistics.median(column) for column in zip(*found, strict=True))
            size = (root / "CHANGELOG.md").stat().st_size / 1e6 if entries else 0
            most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(
                f"{files:>7} {commits:>8} {size:>10.1f} {own:>10.3f} {clock:>8.2f} {most:>8.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
