"""Against the previous release on the index, nothing is lost silently.

Compares the sdist and the wheel that build made with the files of the previous release: the highest
final version on the index below the one to be released (so 1.2.5 with 1.2.4, be there a 2.0 or
not). Downloads are checked against the index's digests.

A loss is a kind of file (wheel, sdist), the wheel for every platform, a Python tag, a module, a
data file or a licence file of the wheel, an entry point, an extra, a version
of Python that Requires-Python allowed, a size that is out of its band, or a part of the public API:
an object that is gone or a signature that refuses calls it took (told by griffe from the sources,
which are not imported). What a package's `__init__` imports from the package is part of it, unless
an `__all__` says otherwise. Python modules that are internal by their names (an underscore, tests,
docs, examples), what lies in folders of tests, defaults, annotations and base classes are noted.
Losses of one kind in one folder are told in one line.

Blocks: a silent loss (harm), and new names in a patch release with `frozen-patches` (promise). Not
silent is what the changelog's section of the release says is removed, a version of Python that goes
with its classifier, what `accept` names, and what the version number announces. Advice: a size out
of its band, a data file that is empty, an extra that requires nothing any more, and all of it at a
commit after a release, for a release to come may announce it.

Settings: `accept` lists losses that are meant, each with `what` (as printed; `*` in it stands for
anything, and is refused alone) and a `reason`; one that is not lost is reported. `size-percent` is
the band. A major release, and before 1.0 a minor one, may lose modules and API without that; with
`compatible-minors` only a major one may.
Attestations of the previous files are told: the new ones must have them, too.

What `build` made for the last tagged release is kept in .release/released. That is compared with
where the index does not have it or cannot be asked, and with [tool.release] publish = false. It is
not applicable without a previous release, and unchecked when the index cannot be asked and nothing
is kept.
"""

from __future__ import annotations

import re
import tempfile
import zipfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from release.errors import CannotCheck
from release.model import Finding, Gate, Judgement, Level, Outcome

if TYPE_CHECKING:
    from packaging.version import Version

    from release.gates.build.distribution import Archive
    from release.gates.ratchet.losses import Found
    from release.project import Project
    from release.run.shell import Shell
    from release.world.index import ServedFile

LOG_REMEDY = "look at the log; nox -s ratchet -- --fresh runs it again"
SOURCES = (".py", ".pyi")
GONE = re.compile(r"\b(remov|drop|delet|renam|moved|no longer|gone|break)", re.I)


def check(project: Project, shell: Shell) -> Outcome:
    from release.gates.ratchet import losses as ratchet
    from release.gates.ratchet.settings import RatchetSettings

    version = _version(project, shell)
    found = _previous(project, shell, version)
    if isinstance(found, Outcome):
        return found
    previous, old, url, told = found
    compared, added, checked = _compare(project, shell, url, old)
    losses = [one for one in compared if isinstance(one, ratchet.Loss)]
    settings = project.settings.gates.of("ratchet", RatchetSettings)
    judged = Judgement(checked) + ratchet.judge(
        losses,
        settings.accept,
        breaking=ratchet.may_break(previous, version, compatible_minors=settings.compatible_minors),
        previous=str(previous),
        announced=announced(project, shell.level),
    )
    patch = ratchet.kind_of(previous, version) is Level.PATCH
    judged += ratchet.judge_additions(added, patch=patch, frozen=settings.frozen_patches)
    if shell.level is None and project.after_release:
        judged = judged.as_advice()  # the release to come may announce it
    told += tuple(one for one in compared if isinstance(one, str))
    judged += Judgement(notes=tuple(map(Finding, told)))
    provenance = "yes" if any(file.provenance for file in old) else "no"
    facts = {"previous": str(previous), "provenance": provenance}
    lost = "lost unannounced" if losses else "lost"
    return judged.settle(f"nothing of {previous} is {lost}", facts=facts)


def announced(project: Project, level: Level | None) -> list[str]:
    """The bullets in which the changelog's section of the release says that something is gone."""
    from release.gates.changelog import section_of

    section = section_of(project, level)
    kinds = section.kinds if section is not None else ()
    told = ((kind.name, bullet.text) for kind in kinds for bullet in kind.bullets)
    return [text for name, text in told if GONE.search(name) or GONE.search(text)]


def _version(project: Project, shell: Shell) -> Version:
    """The version to be released: as the repository says, else as it was built."""
    from release.text.versions import next_version, parse

    found = project.target_version(shell.level)
    if found is not None and shell.level is None and project.after_release:
        return next_version(found, Level.PATCH)
    found = found or parse(shell.needed["build"].outcome.facts.get("version", ""))
    if found is None:
        remedy = "state it in pyproject.toml, or put the release tag on the commit"
        raise CannotCheck("the version to be released is not known", remedy)
    return found


def _previous(
    project: Project, shell: Shell, version: Version
) -> Outcome | tuple[Version, tuple[ServedFile, ...], str, tuple[str, ...]]:
    """The release to compare with: its version, its files, the index that has them, remarks.

    Where there is none, an Outcome says why. Raises CannotCheck when the index cannot be asked, and
    the last tagged release is not kept here.
    """
    from release.gates.ratchet.losses import previous_release
    from release.run.released import KEPT, kept_files
    from release.world.distributions import local_file
    from release.world.index import index_url, served_files

    kept = tuple(local_file(path, path.parent.name) for path in kept_files(shell.folder))
    here = previous_release(kept, version)
    finals = [v for v in project.released.values() if v < version and not v.is_prerelease]
    if here != max(finals, default=None):
        here = None
    publish, url = project.settings.publish, index_url(project.settings.index)
    files: Sequence[ServedFile] = ()
    why = ""
    try:
        files = (served_files(project.name, url) or ()) if publish else ()
    except CannotCheck as error:
        if here is None:
            raise
        why = error.reason
    previous = previous_release(files, version)
    if here is not None and (previous is None or previous < here):
        why = why or (f"the index does not have {here}" if publish else "")
        told = "; ".join(filter(None, (why, "compared with the files that were kept of it here")))
        return here, _files_of(kept, here), shell.folder.as_uri(), (told,)
    if previous is not None:
        return previous, _files_of(files, previous), url, ()
    none = f"the index has no final release of {project.name} below {version}"
    if not publish:
        none = "releases go to no package index ([tool.release] publish = false), and no files of"
        none += f" the last one are kept in .release/{KEPT}"
    return Outcome.not_applicable(none)


def _files_of(files: Sequence[ServedFile], version: Version) -> tuple[ServedFile, ...]:
    from release.text.versions import parse

    return tuple(file for file in files if parse(file.version) == version)


def _compare(
    project: Project, shell: Shell, url: str, old: Sequence[ServedFile]
) -> tuple[list[Found], list[str], int]:
    """What was found, the names that are new in the API, and how many files were compared.

    Raises CannotCheck when a file cannot be had or read.
    """
    from release.gates.ratchet import losses as ratchet
    from release.gates.ratchet.settings import RatchetSettings

    wheels = shell.needed_artifacts("build", ".whl")
    sdists = shell.needed_artifacts("build", ".tar.gz")
    names = [file.name for file in old]
    found = [*ratchet.compare_files(names, [path.name for path in (*wheels, *sdists)])]
    found += ratchet.compare_provenance(old)
    added: list[str] = []
    checked = len(names)
    percent = project.settings.gates.of("ratchet", RatchetSettings).size_percent
    before = shell.work / "before"
    before.mkdir()
    for wheel in wheels:
        match = ratchet.best_match(names, wheel.name)
        if match is None:
            continue
        path = _download(shell, url, old, match, before)
        archives = _read(path, "the index has"), _read(wheel, "build made")
        contents = [*ratchet.compare_contents(*archives)]
        found += [*ratchet.compare_metadata(*archives), *contents]
        if ratchet.tags_of([match]) & ratchet.tags_of([wheel.name]):
            sizes = path.stat().st_size, wheel.stat().st_size
            found += ratchet.compare_size("wheel", *sizes, percent)
        breakages = _breakages(shell, (path, wheel), archives, contents)
        found += ratchet.compare_api(breakages, contents)
        added += ratchet.additions(breakages)
        checked += len(archives[0].members)
    source = next((name for name in names if name.endswith(".tar.gz")), None)
    if source is not None and sdists:
        size = next(file.size for file in old if file.name == source)
        if size is None:
            size = _download(shell, url, old, source, before).stat().st_size
        found += ratchet.compare_size("sdist", size, sdists[0].stat().st_size, percent)
    return found, added, checked


def _download(shell: Shell, url: str, files: Sequence[ServedFile], name: str, folder: Path) -> Path:
    from release.world.distributions import download

    file = next(file for file in files if file.name == name)
    shell.note(f"downloads {name}")
    return download(file, url, folder, lambda: shell.remaining)


def _read(path: Path, whose: str) -> Archive:
    from release.gates.build.distribution import Unreadable, read

    try:
        archive = read(path)
    except Unreadable as error:
        raise CannotCheck(f"of what {whose}, {error}", LOG_REMEDY) from None
    if not archive.metadata.get("name"):
        raise CannotCheck(f"{path.name}, which {whose}, has no metadata", LOG_REMEDY)
    return archive


def _breakages(
    shell: Shell, wheels: tuple[Path, Path], archives: tuple[Archive, Archive], lost: list[Found]
) -> list[dict[str, str]]:
    """What griffe finds in the old wheel's packages but for those that are `lost`.

    Raises CannotCheck when it fails or gives no answer.
    """
    from release.gates.build.contents import top_level_modules
    from release.gates.ratchet.losses import Loss

    modules = set(top_level_modules(archives[0].installed))
    modules &= _with_sources(archives[0]) & _with_sources(archives[1])
    modules -= {one.what.removeprefix("module ") for one in lost if isinstance(one, Loss)}
    packages = sorted(name for name in modules if not name.startswith("_"))
    if not packages:
        return []
    top = Path(tempfile.mkdtemp(dir=shell.work))
    request: dict[str, Any] = {"packages": packages}
    for tree, wheel, archive in zip(("old", "new"), wheels, archives, strict=True):
        unpack(wheel, archive, top / tree)
        request |= {tree: str(top / tree), f"compiled_{tree}": _compiled(archive)}
    found, said = shell.answer(Path(__file__).with_name("_compare_api.py"), asked=request)
    if not isinstance(found, list):
        raise CannotCheck(f"the public API was not compared: {said}", LOG_REMEDY)
    return found


def _with_sources(archive: Archive) -> set[str]:
    """The dotted names of packages and modules of which a wheel has the sources."""
    from release.gates.build.contents import top_level_modules

    sources = [path for path in archive.installed if path.endswith(SOURCES)]
    stubs = [path.removesuffix("i") for path in sources if path.endswith(".pyi")]
    return set(top_level_modules([*sources, *stubs]))


def _compiled(archive: Archive) -> list[str]:
    """The modules that a wheel has in compiled form only."""
    from release.gates.ratchet.losses import wheel_files

    plain = set(archive.installed)
    built = [(n, p) for n, p in wheel_files(archive).items() if p.endswith((".so", ".pyd"))]
    sources = {name: {path.partition(".")[0] + end for end in SOURCES} for name, path in built}
    return [name.removeprefix("module ") for name in sources if plain.isdisjoint(sources[name])]


def unpack(wheel: Path, archive: Archive, folder: Path) -> None:
    """Write the sources of a wheel as they would be installed, and nothing outside `folder`."""
    folder.mkdir()
    with zipfile.ZipFile(wheel) as opened:
        for place, member in archive.installed.items():
            parts = place.split("/")
            if place.endswith(SOURCES) and not {"", ".", ".."} & set(parts) and "\\" not in place:
                target = folder.joinpath(*parts)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(opened.read(member))


GATE = Gate(
    name="ratchet",
    title="nothing of the previous release is lost silently",
    check=check,
    tools=("griffelib",),
    needs=("build",),
    required="ci",
    cost=3.0,
    valid=timedelta(hours=24),
    order=180,
    settings="release.gates.ratchet.settings:RatchetSettings",
    defects="release.gates.ratchet.defects:DEFECTS",
)
