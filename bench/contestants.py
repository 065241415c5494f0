"""Who is compared: each with its own clone of the project, its environments, and what it made."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from release.gates import sbom
from release.project import read_project
from release.registry import installed
from release.run.environments import UNSEEN, find_uv, lock_of, pinned_version
from release.world.index import index_url

HERE = Path(__file__).resolve().parent
NOXFILE = HERE.parent / "noxfile.py"
STEPS = ("lint", "typecheck", "test", "build", "sbom", "audit")
JUDGED = ("tree", "versions", *STEPS)  # what release_preflight runs here
VERSION = "99.0.0"  # the index must not have it: release_preflight asks
OURS = "release_preflight"
TOX = ("tox==4.67.13", "tox-uv==1.37.1")
TURBO = "turbo@2.11.11"
TOOL_CACHES = (".mypy_cache", ".ruff_cache", ".pytest_cache")
IDENTITY = {
    "GIT_AUTHOR_NAME": "A Maintainer",
    "GIT_AUTHOR_EMAIL": "maintainer@example.invalid",
    "GIT_COMMITTER_NAME": "A Maintainer",
    "GIT_COMMITTER_EMAIL": "maintainer@example.invalid",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


@dataclass(frozen=True)
class Package:
    """The project that is checked: a repository with a bare remote, and what its checks need."""

    repository: Path
    requirements: dict[str, list[str]]
    environ: dict[str, str]


@dataclass(frozen=True)
class Contestant:
    """A way to run the checks.

    `command` is for the cold and the unchanged case, `warm` for the warm one. `cases` are those it
    takes part in, `cached` what it prints when everything came from its cache.
    """

    name: str
    what: str
    home: Path
    command: list[str]
    warm: list[str]
    environ: dict[str, str]
    cases: tuple[str, ...] = ("cold", "warm", "unchanged")
    cached: str | None = None

    @property
    def project(self) -> Path:
        return self.home / "project"

    def wipe(self, case: str) -> None:
        """Bring it to where a run of `case` starts."""
        if case == "cold":
            for name in ("environments", "made", "cache"):
                shutil.rmtree(self.home / name, ignore_errors=True)
            run(["git", "clean", "-qxdff"], self.project)
        if case == "warm":
            ours = self.project / ".release" / "cache"
            bytecode = ours / "pycache" / self.project.relative_to("/")
            for path in (
                *(self.project / name for name in TOOL_CACHES),
                *(ours / name.strip(".").removesuffix("_cache") for name in TOOL_CACHES),
                *self.project.rglob("__pycache__"),
                *(p for p in bytecode.glob("*") if p.name != ".release"),
            ):
                shutil.rmtree(path, ignore_errors=True)


def prepare(requirement: str, work: Path, osv: str) -> Package:
    """Fetch a package's sdist, make it pass, and put it under git with a bare remote."""
    name, _, version = requirement.partition("==")
    folder = unpack(download(name, version, work / "sdist"), work / "sdist")
    overlay = HERE / f"{name}.toml"
    settings: Any = {"gates": {}}
    with (folder / "pyproject.toml").open("a", encoding="utf-8") as file:
        if overlay.exists():
            text = overlay.read_text(encoding="utf-8")
            settings = tomllib.loads(text)["tool"]["release"]
            file.write(text)
        file.write(f'\n[tool.release.gates.audit]\nservice = "osv"\nosv-url = "{osv}"\n')
        for gate in sorted({*installed()} - {*JUDGED}):
            # The others do nothing like it; and this release is not a candidate.
            file.write(f'\n[tool.release.gates.{gate}]\nlevels = ["rc"]\n')
    with (folder / ".gitignore").open("a", encoding="utf-8") as file:
        file.writelines(f"/{path}\n" for path in settings.get("by-products", ()))
    (folder / "PKG-INFO").unlink(missing_ok=True)  # made by the backend, not by its authors
    environ = IDENTITY | settings["gates"].get("test", {}).get("env", {})
    repository = work / "repository"
    folder.rename(repository)
    run(["git", "init", "--quiet", "--initial-branch=main"], repository)
    run(["git", "add", "--all"], repository)
    run(["git", "commit", "--quiet", "--message", f"{requirement}, as published"], repository)
    run(["git", "tag", f"v{version}"], repository)
    raise_version(repository)
    run(["git", "commit", "--quiet", "--all", "--message", VERSION], repository)
    run(["git", "clone", "--quiet", "--bare", ".", str(work / "remote.git")], repository)
    return Package(repository, requirements(repository, settings["gates"]), environ)


def download(name: str, version: str, folder: Path) -> Path:
    """The sdist of a version, from the index that pip and uv are configured for."""
    from pypi_simple import PyPISimple

    folder.mkdir(parents=True)
    with PyPISimple(endpoint=index_url(None)) as client:
        for file in client.get_project_page(name).packages:
            if file.package_type == "sdist" and file.version == version:
                client.download_package(file, folder / file.filename)
                return folder / file.filename
    raise SystemExit(f"the index has no sdist of {name} {version}: give another --package")


def unpack(sdist: Path, folder: Path) -> Path:
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    return next(path for path in folder.iterdir() if path.is_dir())


def raise_version(folder: Path) -> None:
    """Give the project a version that the index does not have."""
    for place in read_project(folder).version_places:
        path = folder / place.path
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        if place.line is not None:
            lines[place.line - 1] = lines[place.line - 1].replace(place.value, VERSION)
            path.write_text("".join(lines), encoding="utf-8")


def requirements(repository: Path, gates: Any) -> dict[str, list[str]]:
    """For each environment the requirements that release_preflight installs, without the hashes."""
    found = {step: pins(step) for step in STEPS}
    for gate, tool in (("test", "pytest"), ("typecheck", "mypy")):
        extras = ",".join(gates.get(gate, {}).get("extras", ()))
        found[gate] = [
            f"-e {{project}}[{extras}]" if extras else "-e {project}",
            *gates.get(gate, {}).get("install", ()),
            f"{tool}=={pinned_version(installed()[gate].gate, tool)}",
        ]
    data = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))
    found["backend"] = data["build-system"]["requires"]
    return found


def pins(gate: str) -> list[str]:
    lock = lock_of(installed()[gate].gate)
    text = lock.read_text(encoding="utf-8") if lock else ""
    return re.findall(r"^(\S+==[^\\\n]*?)\s*\\?$", text, re.M)


def contestants(
    package: Package, work: Path, osv: str, cores: int, *, short: bool = False
) -> list[Contestant]:
    """Everyone that can be compared on this machine, ours first; the script alone if `short`."""
    nox = [sys.executable, "-m", "nox"]
    plain = [*nox, "-f", str(HERE / "noxfile.py"), "-R"]
    script = ["sh", str(HERE / "checks.sh")]
    isolation = "builds by python -m build --installer uv"
    found = [
        contestant(
            OURS,
            "nox -s release_preflight (warm: -- --fresh); besides the same checks it judges the"
            " tree and the versions (git, the remote, the index), the contents of sdist and wheel,"
            " every module's import, hashes of all tools, and keeps evidence",
            [
                *(*nox, "-f", str(NOXFILE)),
                *("-s", OURS, "--", "--project={home}/project"),
            ],
            package,
            work,
            osv,
            fresh=["--fresh"],
        ),
        contestant(
            "shell script",
            "everything at once, builds side by side and without isolation; cold it makes each"
            " environment where it is first needed",
            script,
            package,
            work,
            osv,
        ),
    ]
    if short:
        return found
    found += [
        contestant(
            "nox",
            f"nox -R, uv, one session after the other; {isolation}",
            [*plain, "--envdir={home}/environments"],
            package,
            work,
            osv,
        ),
        contestant(
            "nox --parallel",
            f"the same with -j {cores}",
            [*plain, "--envdir={home}/environments", f"-j{cores}"],
            package,
            work,
            osv,
        ),
    ]
    if tox := install_tox(work):
        found.append(
            contestant(
                "tox",
                f"tox run-parallel (-p {cores}) with tox-uv; {isolation}",
                [
                    *(tox, "run-parallel", "-q", f"-p{cores}", "-c", str(HERE / "tox.ini")),
                    "--workdir={home}/environments",
                ],
                package,
                work,
                osv,
            )
        )
    if turbo := install_turbo(work):
        found.append(
            contestant(
                "turborepo",
                "the script's checks as cached tasks (warm: --force); it looks at the files and not"
                " at the tools, the interpreter or the environment",
                [turbo, "run", *STEPS, "--cwd={home}/project", "--cache-dir={home}/cache"],
                package,
                work,
                osv,
                fresh=["--force"],
                cases=("warm", "unchanged"),
                cached="FULL TURBO",
            )
        )
    return found


def contestant(
    name: str,
    what: str,
    command: list[str],
    package: Package,
    work: Path,
    osv: str,
    *,
    fresh: Iterable[str] = (),
    cases: tuple[str, ...] = ("cold", "warm", "unchanged"),
    cached: str | None = None,
) -> Contestant:
    """Clone the project for a contestant and write down what it needs to know."""
    home = work / re.sub(r"\W+", "-", name)
    project, needs = home / "project", home / "requirements"
    needs.mkdir(parents=True)
    run(["git", "clone", "--quiet", str(work / "remote.git"), str(project)], work)
    if name == "turborepo":
        for settings in ("package.json", "turbo.json"):
            shutil.copy(HERE / settings, project)
        with (project / ".git" / "info" / "exclude").open("a", encoding="utf-8") as file:
            file.write("/.turbo\n")
    for step, lines in package.requirements.items():
        text = "".join(line.replace("{project}", str(project)) + "\n" for line in lines)
        (needs / f"{step}.txt").write_text(text, encoding="utf-8")
    checked = read_project(package.repository)
    uv = find_uv()
    path = os.pathsep.join([str(Path(uv).parent)] if uv else []) + os.pathsep + os.environ["PATH"]
    environ = {k: v for k, v in os.environ.items() if k not in UNSEEN and not k.startswith("NOX_")}
    environ |= package.environ
    environ |= {
        "PATH": path,
        "BENCH_PROJECT": str(project),
        "BENCH_PACKAGE": checked.package_path or ".",
        "BENCH_IMPORT": checked.require_package(),
        "BENCH_REQUIREMENTS": str(needs),
        "NOX_RELEASE_CACHE": str(home / "environments"),
        "BENCH_ENVIRONMENTS": str(home / "environments"),
        "BENCH_MADE": str(home / "made"),
        "BENCH_PYTHON": sys.executable,
        "BENCH_CHECKS": str(HERE / "checks.sh"),
        "BENCH_VALIDATE": str(Path(sbom.__file__).with_name("_validate_cyclonedx.py")),
        "BENCH_OSV": osv,
        "BENCH_EPOCH": run(["git", "log", "-1", "--format=%ct"], project).strip(),
        "TURBO_TELEMETRY_DISABLED": "1",
        "TURBO_NO_UPDATE_NOTIFIER": "1",
    }
    words = [word.replace("{home}", str(home)) for word in command]
    return Contestant(name, what, home, words, [*words, *fresh], environ, cases, cached)


def install_tox(work: Path) -> str | None:
    """The path of a tox with tox-uv, None without uv."""
    uv = find_uv()
    if uv is None:
        return None
    folder = work / "tox"
    run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], work)
    run([uv, "pip", "install", "--quiet", "--python", str(folder / "bin" / "python"), *TOX], work)
    return str(folder / "bin" / "tox")


def install_turbo(work: Path) -> str | None:
    """The path of turborepo, None where npm is not there or cannot fetch it."""
    if shutil.which("npm") is None:
        return None
    folder = work / "turbo"
    folder.mkdir()
    command = ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--prefix", str(folder)]
    if subprocess.run([*command, TURBO], cwd=folder, capture_output=True).returncode != 0:
        return None
    return str(folder / "node_modules" / ".bin" / "turbo")


def run(command: list[str], folder: Path) -> str:
    """Run a command that prepares something; its output."""
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **IDENTITY}, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr.strip()}")
    return done.stdout
