"""Environments that hold the project: beside its test tools, or alone with its runtime closure."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Sequence
from importlib.metadata import distributions
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.utils import canonicalize_name, parse_wheel_filename

from release.errors import CannotCheck, ReleaseError
from release.model import Finding
from release.project import Project
from release.project.declared import Requirements, requirement_name
from release.run import environments
from release.run.environments import BUILD_NETWORK_REMEDY, NETWORK_REMEDY, Environment
from release.run.export import export
from release.run.inputs import Tree
from release.run.shell import Shell

FIT_REMEDY = (
    "name what can be installed together in [tool.release.gates.{}]: extras and groups take the"
    " place of those found (extras = [] for none), install adds to them"
)
BUILD_REMEDY = "nox -s build says why"
COPY = "project"
METADATA_FILES = ("pyproject.toml", "setup.py", "setup.cfg")


def python_for(project: Project) -> str:
    """The Python to make the project's environments with: set, this one, or one that it accepts."""
    if project.settings.python:
        return project.settings.python
    if project.requires_python:
        from packaging.specifiers import InvalidSpecifier, SpecifierSet

        try:
            accepted = SpecifierSet(project.requires_python)
        except InvalidSpecifier:
            return sys.executable
        current = ".".join(map(str, sys.version_info[:3]))
        if not accepted.contains(current, prereleases=True):
            return str(accepted).replace(" ", "")
    return sys.executable


def project_environment(
    project: Project,
    shell: Shell,
    wanted: Requirements,
    *,
    tools: Sequence[str] = (),
    with_project: bool = True,
) -> Environment:
    """The environment of a gate that runs the project's own code.

    It holds the project with what is `wanted` beside it, and those of the gate's locked `tools`
    that this did not bring. The project is installed from a clean copy, so that no build leaves a
    file in the tree; the copy stays in the environment where something was installed editable. It
    is installed into again when what it is made from changes. Raises CannotCheck when that fails.
    """
    path = shell.environments / shell.gate.name
    path.parent.mkdir(parents=True, exist_ok=True)
    python = python_for(project)
    with shell.lock(path.with_name(f".{path.name}.lock")):
        digest = _digest(project, shell, python, wanted, tools, with_project)
        environment = Environment(path)
        noted = environments.read_stamp(environment)
        shadowed = noted.get("shadowed") == "yes"
        intact = environments.is_intact(environment, digest)
        if not intact or not (shadowed or noted.get("tree") == _tree(project)):
            environment = environments.create(path, python, shell.run_plain)
            shadowed = _fill(project, shell, environment, wanted, tools, with_project)
            told = {"shadowed": "yes" if shadowed else "no", "tree": _tree(project)}
            environments.stamp(environment, digest, **told)
    shell.versions |= environment.versions_of(shell.gate.tools)
    search = (str(project.root / project.source_root),) if shadowed and with_project else ()
    return Environment(path, search)


def _fill(
    project: Project,
    shell: Shell,
    environment: Environment,
    wanted: Requirements,
    tools: Sequence[str],
    with_project: bool,
) -> bool:
    """Install everything; whether nothing of it changes with the files of the tree."""
    if not with_project:
        if wanted.install:
            _install(", ".join(wanted.install), shell, environment, wanted.install)
        _add_tools(shell, environment, tools)
        return True
    made = environment.path / COPY
    copy = export(project, made)
    _install(project.name, shell, environment, _words(copy, wanted), copy)
    _add_tools(shell, environment, tools)
    local = _installed_from(made, environment)
    others = local.keys() - {canonicalize_name(project.name)}
    shadowed = not others and _tree_holds_package(project, environment, copy)
    if not any(local.values()):
        shutil.rmtree(made, ignore_errors=True)
    return shadowed


def _digest(
    project: Project,
    shell: Shell,
    python: str,
    requirements: Requirements,
    tools: Sequence[str],
    with_project: bool,
) -> str:
    """Of all that decides what is installed."""
    described = [_content(project.root / name) for name in METADATA_FILES]
    for name in requirements.files:  # which may name others beside them
        beside = sorted((project.root / name).parent.glob("*"))
        described += [_content(path) for path in beside if path.suffix in {".txt", ".in"}]
    described.append(project.version or (project.git.commit if project.git else None) or "")
    request = [sys.version, python, repr((requirements, tuple(tools), with_project))]
    if tools:
        request.append(environments.digest_of_tools(shell.gate))
    return environments.digest_of(*described, *request)


def _words(copy: Path, requirements: Requirements) -> list[str]:
    """What an installer is told, to install the copy of a project with what is required beside."""
    extras = ",".join(requirements.extras)
    words = [f"{copy}[{extras}]" if extras else str(copy)]
    for name in requirements.files:
        words += ["-r", str(copy / name)]
    for group in requirements.groups:
        words += ["--group", f"{copy / 'pyproject.toml'}:{group}"]
    return [*words, *requirements.install]


def _install(
    what: str,
    shell: Shell,
    environment: Environment,
    words: Sequence[str],
    copy: Path | None = None,
) -> None:
    """Install the project of that name from its copy, or what is called so without one."""
    command = [*environments.installer(environment), *words]
    # Where uv starts it heeds [tool.uv]: that of the copy, whose sources are the copy's own.
    done = shell.run_plain(command, cwd=copy)
    if done.status != 0 and "Required uv version" in done.stderr:
        # The project's own [tool.uv] demands another uv; do without what else it says.
        done = shell.run_plain(command)
    if done.status == 0:
        return
    if copy is not None and _is_at_fault(what, done.stderr):
        raise CannotCheck(f"{what} cannot be installed", BUILD_REMEDY)
    raise CannotCheck(
        f"{what} was not installed: {environments.reason(done.stderr)}",
        _remedy(done.stderr, shell.gate.name),
    )


def _add_tools(shell: Shell, environment: Environment, tools: Sequence[str]) -> None:
    """Install those of a gate's tools that the environment does not have."""
    present = environment.distributions()
    missing = [tool for tool in tools if requirement_name(tool) not in present]
    if missing:
        pinned = environments.requirements_of(shell.gate, missing)
        _install(", ".join(missing), shell, environment, pinned)


def _is_at_fault(name: str, said: str) -> bool:
    """Whether an installer could not build the project, or what it requires cannot be had."""
    if environments.missing_program(said) or environments.looks_like_network(said):
        return False
    own = re.escape(name)
    cannot = rf"Fail(?:ed to build|ed building wheel for) ['`\"]?{own}\b|{own}==\S+ cannot be used"
    return bool(re.search(cannot, " ".join(re.sub(r"[│╰─▶├]", "", said).split()), re.I))


def _remedy(said: str, gate: str) -> str:
    if environments.missing_program(said):
        return environments.PROGRAM_REMEDY
    if not environments.looks_like_network(said):
        return FIT_REMEDY.format(gate)
    return BUILD_NETWORK_REMEDY if environments.BACKEND_FAILED in said else NETWORK_REMEDY


def _content(path: Path) -> str:
    try:
        return environments.digest_of(path.read_bytes())
    except OSError:
        return ""


def _tree(project: Project) -> str:
    return Tree(project.root, project.settings.by_products).read().digest


def _installed_from(folder: Path, environment: Environment) -> dict[str, bool]:
    """What was installed from below a folder, and whether editable: by PEP 610."""
    found: dict[str, bool] = {}
    for one in distributions(path=list(map(str, environment.site_packages()))):
        told = json.loads(one.read_text("direct_url.json") or "{}")
        place = Path(unquote(urlsplit(str(told.get("url"))).path))
        if place.is_relative_to(folder):
            editable = bool(told.get("dir_info", {}).get("editable"))
            found[canonicalize_name(one.name)] = editable
    return found


def _tree_holds_package(project: Project, environment: Environment, copy: Path) -> bool:
    """Whether the source folder has every module that the installed project has.

    It has not when modules are compiled or generated by the build; then the installed ones are
    judged, and the environment is made anew whenever a file of the project changes. Of a project
    that is installed editable, its `copy` holds what the build made.
    """
    places = list(map(str, environment.site_packages()))
    for one in distributions(name=project.name, path=places):
        paths = [path.as_posix() for path in one.files or ()]
        modules = [
            p for p in paths if p.endswith((".py", ".so", ".pyd")) and ".dist-info/" not in p
        ]
        if not modules:
            source = copy / project.source_root
            modules = [p.relative_to(source).as_posix() for p in source.rglob("*.py")]
        return all((project.root / project.source_root / p).exists() for p in modules)
    return False


def copy_as_built(project: Project, shell: Shell) -> tuple[Path, set[str]]:
    """A copy of the project with the modules that its build makes, and the paths of these.

    They are those that it installs into a folder that is there, and that the copy lacks. Raises
    CannotCheck where the build fails.
    """
    copy, installed = export(project, shell.work / "as-built"), shell.work / "installed"
    command = [*environments.installer(shell.tools), "--no-deps", "--target", str(installed)]
    done = shell.run_plain([*command, str(copy)], cwd=copy)
    if done.status != 0:
        raise CannotCheck(
            f"the build makes modules, and failed: {environments.reason(done.stderr)}",
            _remedy(done.stderr, shell.gate.name),
        )
    made = set()
    for path in sorted(installed.rglob("*.py")):
        name = (Path(project.source_root) / path.relative_to(installed)).as_posix()
        if (copy / name).parent.is_dir() and not (project.root / name).exists():
            shutil.copy2(path, copy / name)
            made.add(name)
    return copy, made


def runtime_environment(project: Project, shell: Shell, wheel: Path, sha256: str) -> Environment:
    """A clean environment that holds one built wheel and what it requires at run time; no pip.

    `wheel` lies below `.release/` and `sha256` is its digest, which the installer verifies: a
    cached wheel of the same version, or a path of this machine in the metadata, are ruled out that
    way. It is made anew when the wheel changed. Raises CannotCheck when the index cannot be
    reached, and NotInstallable (of the gate build, which alone has to say why) when the wheel or
    its requirements cannot be installed.
    """
    path = shell.environments / "runtime"
    path.parent.mkdir(parents=True, exist_ok=True)
    with shell.lock(path.with_name(".runtime.lock")):
        environment = Environment(path)
        python = python_for(project)
        wanted = environments.digest_of(sha256, python, sys.version)
        if environments.is_intact(environment, wanted):
            return environment
        environment = environments.create(path, python, shell.run_plain, bare=True)
        try:
            _install_wheel(shell, environment, wheel, sha256)
        except NotInstallable:
            if shell.gate.name == "build":
                raise
            raise CannotCheck("what was built cannot be installed", BUILD_REMEDY) from None
        environments.stamp(environment, wanted)
        return environment


def _install_wheel(shell: Shell, environment: Environment, wheel: Path, sha256: str) -> None:
    """Install a wheel with what it requires, then it alone once more, by its digest.

    What the first step says of where the wheel lies is no part of what its users install.
    """
    name, version, _, _ = parse_wheel_filename(wheel.name)
    command = environments.installer(environment, pip_of=shell.tools)
    done = shell.run_plain([*command, str(wheel)])
    if done.status != 0:
        said = environments.reason(done.stderr)
        if environments.looks_like_network(done.stderr):
            raise CannotCheck(f"the requirements were not installed: {said}", NETWORK_REMEDY)
        raise NotInstallable(f"the wheel and its requirements cannot be installed: {said}")
    pin = shell.work / "wheel.txt"
    pin.write_text(f"{name}=={version} --hash=sha256:{sha256}\n", encoding="utf-8")
    alone = ("--force-reinstall", "--no-deps", "--require-hashes", "--no-index")
    done = shell.run_plain([*command, *alone, "--find-links", str(wheel.parent), "-r", str(pin)])
    if done.status != 0:
        raise NotInstallable(f"the wheel cannot be installed: {environments.reason(done.stderr)}")
    uv = environments.find_uv()
    if uv:
        done = shell.run_plain([uv, "pip", "check", "--python", environment.python])
    else:
        pip = [shell.tools.python, "-m", "pip", "--python", environment.python]
        done = shell.run_plain([*pip, "check"])
    if done.status != 0:
        said = " / ".join((done.stdout + done.stderr).strip().splitlines()[-3:])
        raise NotInstallable(f"what was installed does not fit together: {said}")


class NotInstallable(ReleaseError):
    """What was built cannot be installed: a defect of the project."""

    def __init__(self, message: str) -> None:
        super().__init__(Finding(message, remedy="fix the project's metadata or build"))
