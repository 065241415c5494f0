"""Sdists and wheels by the names of their files: wanted, unwanted, missing, importable."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from release.gates.build.distribution import Archive, listing
from release.model import Finding, Judgement
from release.project import is_licence
from release.text.globs import ends


def matches(name: str, globs: Iterable[str]) -> bool:
    """Whether a path matches one of the globs, or lies in a folder that does.

    A glob without a slash matches at any depth, one with a slash from the top.
    """
    parts = name.split("/")
    cleaned = (glob.removeprefix("./").strip("/").split("/") for glob in globs)
    return any(ends(parts, glob if glob[1:] else ["**", *glob]) for glob in cleaned)


def judge_expected(archive: Archive, globs: Sequence[str], setting: str) -> Judgement:
    """Every glob must match at least one file."""
    faults = tuple(
        Finding(
            f"nothing in the {archive.kind} matches {glob!r}, which {setting} expects",
            "pyproject.toml",
            remedy="include those files in the build, or correct the glob",
        )
        for glob in globs
        if not any(matches(name, (glob,)) for name in archive.names)
    )
    return Judgement(len(globs), faults)


class _Rule(NamedTuple):
    kind: str
    pattern: re.Pattern[str]
    kinds: str = "wheel sdist"
    # What harms users or their keys, and what the project itself refuses, blocks.
    blocks: bool = False
    # Among tests and examples of these kinds of archives it may well be meant.
    mild: str = ""


_SAMPLES = re.compile(
    r"(^|/)(tests?|testing|testdata|fixtures|docs?|examples?|samples?|benchmarks?)/", re.I
)
_RULES = (
    _Rule("bytecode", re.compile(r"(^|.*/)__pycache__/.*|.*\.py[co]")),
    _Rule(
        "a tool's cache",
        re.compile(
            r"(^|.*/)(\.(mypy|pytest|ruff)_cache|\.hypothesis|\.ipynb_checkpoints|\.tox|\.nox"
            r"|\.eggs|\.release|\.cache|node_modules|htmlcov)/.*|(.*/)?\.coverage"
        ),
    ),
    _Rule("a virtual environment", re.compile(r"(^|.*/)\.venv/.*|(.*/)?pyvenv\.cfg")),
    _Rule("version control data", re.compile(r"(^|.*/)\.(git|hg|svn)/.*")),
    # Of an sdist a maintainer may rightly say that it holds what git tracks.
    _Rule(
        "a file for version control or an editor",
        re.compile(r"(.*/)?\.git(ignore|attributes|modules)|(^|.*/)\.(github|idea|vscode)/.*"),
        "wheel",
    ),
    _Rule(
        "files left by an editor or the operating system",
        re.compile(r"(.*/)?(\.DS_Store|Thumbs\.db|desktop\.ini|\.[^/]+\.sw[op]|[^/]+~|\._[^/]+)"),
        mild="sdist",
    ),
    _Rule("files left by a merge or a patch", re.compile(r".+\.(orig|rej)"), "wheel"),
    _Rule("metadata of another installation", re.compile(r"(^|.*/)[^/]+\.egg-info/.*"), "wheel"),
    _Rule("an older distribution", re.compile(r"dist/.+\.(whl|tar\.gz)"), "sdist"),
    _Rule(
        "files named like credentials",
        re.compile(
            r"(.*/)?(\.env(\.(?!example|sample|template|dist|default|test)[^/]+)?|\.pypirc|[._]netrc"
            r"|\.git-credentials|\.htpasswd|id_(rsa|dsa|ecdsa|ed25519)|[^/]+\.(p12|pfx|kdbx)"
            r"|terraform\.tfstate)|(^|.*/)\.(aws/credentials|docker/config\.json)",
            re.I,
        ),
        blocks=True,
        mild="wheel sdist",
    ),
)
_NAME = "name them in tool.release.gates.build.allowed"
_CONTENT = _Rule("", re.compile(""), blocks=True, mild="wheel sdist")
_UNWANTED = _Rule(
    "files that tool.release.gates.build.unwanted refuses", re.compile(""), blocks=True
)


def judge_unwanted(
    archive: Archive, *, unwanted: Sequence[str], allowed: Sequence[str]
) -> Judgement:
    """Files that no distribution should hold.

    `unwanted` adds globs, `allowed` takes files out, also those with credentials in them. Values of
    credentials are never told.
    """
    found: dict[_Rule, list[str]] = {}
    for rule, name in _broken(archive, unwanted):
        if not matches(name, allowed):
            found.setdefault(rule, []).append(name)
    defects: list[Finding] = []
    advice: list[Finding] = []
    for rule, names in found.items():
        mild = [n for n in names if archive.kind in rule.mild and _SAMPLES.search(n)]
        rest = [name for name in names if name not in mild]
        said = f"the {archive.kind} holds {rule.kind}"
        if mild:
            message = f"{said} among tests or examples: {listing(mild)}"
            remedy = f"make sure that they open nothing real; {_NAME}"
            advice.append(Finding(message, remedy=remedy))
        if rest:
            remedy = "exclude them in the build backend's configuration"
            if rule.blocks and rule is not _UNWANTED:
                remedy += ", and revoke the credential if it ever left this machine"
            told = Finding(f"{said}: {listing(rest)}", remedy=f"{remedy}; or {_NAME}")
            (defects if rule.blocks else advice).append(told)
    return Judgement(len(archive.members), tuple(defects), tuple(advice))


def _broken(archive: Archive, unwanted: Sequence[str]) -> Iterator[tuple[_Rule, str]]:
    """The rules that an archive breaks, each with the file that does it."""
    for name in archive.names:
        for rule in _RULES:
            if archive.kind in rule.kinds and rule.pattern.fullmatch(name):
                yield rule, name
        if matches(name, unwanted):
            yield _UNWANTED, name
    for name, kind in archive.secrets:
        yield _CONTENT._replace(kind=kind), name


# Tests and documents belong to the repository, hidden files to its tools; and what something else
# is made from is commonly left out of a wheel on purpose.
_LEFT_OUT = re.compile(
    r"(^|.*/)(tests?|testing|docs?|examples?|benchmarks?|__tests__|node_modules)/.*"
    r"|(.*/)?(conftest|setup|test_[^/]*|[^/]*_test|[a-z_]*build[a-z_]*)\.py"
    r"|(.*/)?(\.[^/]+|README[^/]*|LICEN[CS]E[^/]*|COPYING[^/]*|NOTICE[^/]*|AUTHORS[^/]*|TODO[^/]*)"
    r"|.*\.(md|rst|adoc|ipynb|pyx|pxd|pxi|c|cc|cpp|cxx|h|hh|hpp|rs|go|f|f90|cu|s|asm|in|tmpl|po|pot"
    r"|ts|tsx|jsx|vue|scss|sass|less|map|lock|sh|bat|ll|g4|y|l|proto)"
    r"|(.*/)?(Makefile|meson\.build|CMakeLists\.txt|BUILD(\.bazel)?|package(-lock)?\.json"
    r"|tsconfig[^/]*\.json|Cargo\.toml|Dockerfile)",
    re.I,
)


def judge_completeness(
    installed: Collection[str],
    tree: Collection[str],
    folders: Mapping[str, str],
    meant: Sequence[str] = (),
) -> Judgement:
    """The wheel installs what the repository has in its packages.

    `tree` are the repository's files, `folders` maps the folder of a package in there to where the
    wheel must have it. What matches a glob of `meant`, or is commonly left out, may be missing.
    """
    lacking = []
    checked = 0
    for folder, place in folders.items():
        for path in tree:
            if path.startswith(f"{folder}/"):
                checked += 1
                inside = path.removeprefix(f"{folder}/")
                target = f"{place}/{inside}"
                known = target in installed or _LEFT_OUT.fullmatch(inside)
                if not known and not any(matches(name, meant) for name in (path, inside, target)):
                    lacking.append(path)
    if not lacking:
        return Judgement(checked)
    message = f"the wheel lacks {len(lacking)} file(s) of the package: {listing(lacking)}"
    remedy = "include them in the wheel, or name them in tool.release.gates.build.allowed"
    return Judgement(checked, advice=(Finding(message, min(lacking), remedy=remedy),))


def judge_whole(wheel: Archive, whole: Archive, allowed: Sequence[str]) -> Judgement:
    """The wheel, which is made of the sdist, holds what a wheel of the project itself would."""
    lost = sorted(
        name for name in {*whole.names} - {*wheel.names} if not matches(name, (*allowed, "*.pyc"))
    )
    if not lost:
        return Judgement(1)
    files = "a file" if len(lost) == 1 else f"{len(lost)} files"
    message = f"the sdist lacks what makes {files} of the wheel: {listing(lost)}"
    remedy = (
        "include it in the sdist: a wheel that is built from the sdist lacks what one that is built"
        " from the repository has; or name it in tool.release.gates.build.allowed"
    )
    return Judgement(1, advice=(Finding(message, remedy=remedy),))


_NOTICE = re.compile(r"NOTICE([.\-_].*)?", re.I)


def judge_licences(
    sdist: Archive, wheel: Archive, tree: Collection[str], allowed: Sequence[str]
) -> Judgement:
    """The licence files of the repository's top are in both distributions."""
    top = [path for path in tree if "/" not in path and not matches(path, allowed)]
    own = [path for path in top if is_licence(path) or _NOTICE.fullmatch(path)]
    advice = []
    for archive in (sdist, wheel):
        held = {name.rpartition("/")[2] for name in archive.names}
        if lacking := [path for path in own if path not in held]:
            message = f"the {archive.kind} lacks {listing(lacking)}"
            remedy = "name it in [project] license-files, or in tool.release.gates.build.allowed"
            advice.append(Finding(message, lacking[0], remedy=remedy))
    return Judgement(len(own), advice=tuple(advice))


def exclusions(pyproject: Mapping[str, Any], manifest: str = "") -> Iterator[str]:
    """The globs that a build backend's tables, or MANIFEST.in, exclude from distributions."""
    tool = pyproject.get("tool")
    for backend in ("hatch", "setuptools", "poetry", "flit", "pdm", "uv", "maturin"):
        yield from _excluded(tool.get(backend) if isinstance(tool, Mapping) else None)
    for line in manifest.splitlines():
        command, *words = line.split() or [""]
        if command in {"prune", "exclude", "global-exclude"}:
            yield from words
        elif command == "recursive-exclude":
            yield from (f"{words[0]}/**/{glob}" for glob in words[1:])


def _excluded(value: Any, *, inside: bool = False) -> Iterator[str]:
    """The texts below keys that speak of excluding; names of modules as paths."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _excluded(item, inside=inside or "exclude" in str(key))
    elif isinstance(value, list):
        for item in value:
            yield from _excluded(item, inside=inside)
    elif isinstance(value, str) and inside and value.strip("/*. "):
        yield value.replace(".", "/") if re.fullmatch(r"[\w.*]+\.\*", value) else value


_MODULE = re.compile(r"([A-Za-z_]\w*)(\.[\w.-]+)?\.(py|so|pyd)")


def top_level_modules(installed: Iterable[str]) -> tuple[str, ...]:
    """What a wheel lets one import: its top-level modules and packages, sorted.

    Folders without an `__init__` are namespaces, which prove nothing when imported: the packages
    and modules in them are named instead.
    """
    found: set[str] = set()
    files = {path for path in installed if _MODULE.fullmatch(path.rpartition("/")[2])}
    packages = {
        path.rpartition("/")[0]
        for path in files
        if path.rpartition("/")[2].partition(".")[0] == "__init__"
    }
    for path in files:
        parts = path.split("/")
        stem = parts[-1].partition(".")[0]
        names = [*parts[:-1], stem]
        if not all(part.isidentifier() for part in names) or stem == "__main__":
            continue
        for depth in range(1, len(parts)):
            if "/".join(parts[:depth]) in packages:
                found.add(".".join(parts[:depth]))
                break
        else:
            if stem != "__init__" and not (len(parts) > 1 and _SAMPLES.search(path)):
                found.add(".".join(names))
    return tuple(sorted(found))
