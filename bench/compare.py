"""Times release_preflight against other ways to run the same checks: see README.md beside this.

Run it with `nox -s bench -- [options]`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.contestants import (
    NOXFILE,
    OURS,
    STEPS,
    TOX,
    TURBO,
    Contestant,
    contestants,
    prepare,
)
from release.run.environments import find_uv
from tests.osv_server import OsvServer, read_advisories

CASES = {
    "cold": "no environments and no caches of tools; uv's download cache is kept",
    "warm": "environments are there; the caches of tools and earlier results are not",
    "unchanged": "run a second time, nothing was changed and nothing deleted",
}
STARTS = 11


@dataclass(frozen=True)
class Timing:
    """One run: seconds by the clock, and seconds of processor time of all its processes."""

    wall: float
    cpu: float


def timed(command: Sequence[str], environ: dict[str, str], folder: Path) -> Timing:
    """Run a command that must succeed, and time it."""
    log = folder.parent / "output.log"
    with log.open("wb") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            list(command),
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        said = log.read_text(encoding="utf-8", errors="replace")[-4000:]
        raise SystemExit(f"{said}\n{' '.join(command)} failed: nothing was measured")
    return Timing(wall, usage.ru_utime + usage.ru_stime)


def measure(contestant: Contestant, case: str) -> Timing:
    contestant.wipe(case)
    command = contestant.warm if case == "warm" else contestant.command
    if case == "unchanged" and (contestant.cached or contestant.name == OURS):
        # The tests may leave files behind; what is kept must be of the tree as it then is.
        timed(command, contestant.environ, contestant.project)
    timing = timed(command, contestant.environ, contestant.project)
    if contestant.name == OURS:
        must_be_ready(contestant, reused=case == "unchanged")
    if case == "unchanged" and contestant.cached:
        said = (contestant.home / "output.log").read_text(encoding="utf-8", errors="replace")
        if contestant.cached not in said:
            raise SystemExit(f"{contestant.name} used no cache; this case would be another one")
    return timing


def must_be_ready(contestant: Contestant, *, reused: bool) -> None:
    """Our preflight judged everything anew, or (`reused`) nothing that it need not."""
    report = json.loads((contestant.project / ".release" / "preflight.json").read_text())
    stood_in = {gate["name"] for gate in report["gates"] if gate["reused"]}
    if stood_in != (set(STEPS) if reused else set()):
        raise SystemExit(f"reused: {sorted(stood_in)}; this case does not measure what it says")


def compare(
    everyone: Sequence[Contestant], cases: Sequence[str], runs: int
) -> dict[str, dict[str, list[Timing]]]:
    """Time everyone in each case, one after the other and starting with another one each time."""
    results: dict[str, dict[str, list[Timing]]] = {}
    for one in everyone:  # fills uv's cache, and makes environments
        timed(one.command, one.environ, one.project)
    for case in cases:
        here = [one for one in everyone if case in one.cases]
        results[case] = {one.name: [] for one in here}
        if case == "unchanged":  # a forced run need not leave what the next one may use
            for one in here:
                timed(one.command, one.environ, one.project)
        for number in range(runs):
            for one in here[number % len(here) :] + here[: number % len(here)]:
                timing = measure(one, case)
                results[case][one.name].append(timing)
                print(f"{case} {number + 1}/{runs} {one.name}: {timing.wall:.2f} s", flush=True)
    return results


def bound(script: Contestant, runs: int) -> dict[str, list[Timing]]:
    """Time each of the script's checks alone, in the warm case."""
    results: dict[str, list[Timing]] = {step: [] for step in STEPS}
    for _ in range(runs):
        script.wipe("warm")
        for step in STEPS:
            results[step].append(timed([*script.command, step], script.environ, script.project))
    return results


def starts(runs: int, environ: dict[str, str]) -> dict[str, float]:
    """Medians of what is paid before anything happens, in seconds."""
    commands = {
        "python": [sys.executable, "-c", "pass"],
        "import release": [sys.executable, "-c", "import release"],
        "import nox": [sys.executable, "-c", "import nox"],
        "nox -l": [sys.executable, "-m", "nox", "-f", str(NOXFILE), "-l"],
    }
    environ = environ | {"PYTHONPATH": str(NOXFILE.parent)}
    walls: dict[str, list[float]] = {name: [] for name in commands}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "here")
        place.mkdir()
        for _ in range(runs + 1):
            for name, command in commands.items():
                walls[name].append(timed(command, environ, place).wall)
    medians = {name: statistics.median(found[1:]) for name, found in walls.items()}
    for name in ("import release", "import nox"):
        medians[name] -= medians["python"]
    return medians


def wall(timings: Sequence[Timing]) -> float:
    return statistics.median(timing.wall for timing in timings)


def cpu(timings: Sequence[Timing]) -> float:
    return statistics.median(timing.cpu for timing in timings)


def longest_chain(alone: dict[str, list[Timing]]) -> tuple[str, float]:
    chains = {step: wall(alone[step]) for step in ("lint", "typecheck", "test")}
    for last in ("sbom", "audit"):
        chains[f"build and {last}"] = wall(alone["build"]) + wall(alone[last])
    longest = max(chains, key=lambda chain: chains[chain])
    return longest, chains[longest]


def machine(cores: int) -> dict[str, str]:
    uv = subprocess.run([find_uv() or "uv", "--version"], capture_output=True, text=True)
    return {
        "cores": str(cores),
        "python": platform.python_version(),
        "nox": version("nox"),
        "uv": uv.stdout.split()[1],
        **dict(pin.split("==") for pin in TOX),
        "turborepo": TURBO.partition("@")[2],
        "load": f"{os.getloadavg()[0]:.1f}",
    }


def show(data: dict[str, Any], everyone: Sequence[Contestant], results: Any, alone: Any) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    said = ", ".join(f"{name} {value}" for name, value in data["machine"].items())
    console.print(f"\n{data['package']}; {data['runs']} runs each, interleaved; {said}\n")
    for case, found in results.items():
        table = Table(title=f"{case}: {CASES[case]}", title_justify="left", box=None)
        for head in ("", "median s", "ours is", "fastest", "slowest", "CPU s"):
            table.add_column(head, justify="left" if not head else "right")
        ours = wall(found[OURS])
        for name, timings in found.items():
            walls = [timing.wall for timing in timings]
            table.add_row(
                name,
                f"{wall(timings):.2f}",
                "" if name == OURS else f"{ours / wall(timings):.2f} x",
                f"{min(walls):.2f}",
                f"{max(walls):.2f}",
                f"{cpu(timings):.1f}",
            )
        console.print(table, "")
    for one in everyone:
        console.print(f"{one.name}: {one.what}", highlight=False, soft_wrap=True)
    absent = {"nox", "nox --parallel", "tox", "turborepo"} - {one.name for one in everyone}
    if absent:
        console.print(f"not compared: {', '.join(sorted(absent))}", highlight=False)
    if alone:
        console.print("\nThe physical bound of the warm case, from each check of the script alone:")
        for step in STEPS:
            console.print(f"  {step}: {wall(alone[step]):.2f} s, CPU {cpu(alone[step]):.2f} s")
        total = data["bound"]
        console.print(
            f"  CPU over cores {total['cpu_over_cores']:.2f} s; longest chain"
            f" ({total['chain']}) {total['chain_seconds']:.2f} s"
        )
    if data["starts"]:
        console.print("\nStarts (medians; imports without the start of Python):")
        for name, seconds in data["starts"].items():
            console.print(f"  {name}: {seconds * 1000:.0f} ms")


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="nox -s bench --", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="runs of each (5)")
    parser.add_argument("--cases", default=",".join(CASES), help="some of cold,warm,unchanged")
    parser.add_argument("--package", default="httpx==0.28.1", metavar="NAME==VERSION")
    parser.add_argument("--short", action="store_true", help="compare with the shell script alone")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every timing there too")
    options = parser.parse_args(arguments)
    cases = options.cases.split(",")
    if unknown := set(cases) - set(CASES):
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder, OsvServer(read_advisories()) as server:
        work = Path(folder).resolve()
        package = prepare(options.package, work, server.url)
        everyone = contestants(package, work, server.url, cores, short=options.short)
        by_name = {one.name: one for one in everyone}
        results = compare(everyone, cases, options.runs)
        alone = bound(by_name["shell script"], options.runs) if "warm" in cases else {}
        data: dict[str, Any] = {
            "package": options.package,
            "runs": options.runs,
            "machine": machine(cores),
            "starts": starts(STARTS, by_name[OURS].environ),
            "bound": None,
            "cases": results,
            "alone": alone,
        }
    if alone:
        chain, seconds = longest_chain(alone)
        data["bound"] = {
            "cpu_over_cores": sum(cpu(found) for found in alone.values()) / cores,
            "chain": chain,
            "chain_seconds": seconds,
        }
    show(data, everyone, results, alone)
    if options.json:
        options.json.write_text(json.dumps(data, indent=1, default=asdict) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
