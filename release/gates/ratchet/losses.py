"""What a release loses against the previous one: pure judgements over both releases' files.

A loss has a name that stays the same from run to run, such as "file pkg/data.json", by which the
settings acknowledge it. A change is told and needs no acknowledgement.
"""

from __future__ import annotations

import configparser
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from release.gates.build.distribution import Archive, listing
from release.model import Finding, Judgement, Level
from release.project import is_licence

if TYPE_CHECKING:
    from packaging.tags import Tag
    from packaging.version import Version

    from release.gates.ratchet.settings import Loss as Accepted
    from release.world.index import ServedFile

SETTING = "tool.release.gates.ratchet.accept"
# Differences below this many bytes are nothing, however large a part they are of a small file.
SMALL = 16_384
# So many losses of a kind in one folder are each told.
FEW = 3
REMOVED = "object_removed"
ADDED = "object_added"
SOFT = frozenset(
    """class_removed_base command_changed override_removed parameter_changed_default
    perhaps_on_demand return_changed_type""".split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class Loss:
    """Something that the previous release had.

    `what` is its name, `detail` says more about it, and `breaks` whether a major release (before
    1.0 a minor one) may do without it unasked. `how` is what became of it, `said` where the release
    says so itself, and a `mild` one is merely odd.
    """

    what: str
    detail: str = ""
    breaks: bool = False
    how: str = "is gone since {0}"
    said: str = ""
    mild: bool = False


# What a comparison finds: losses, and sentences that are merely told.
Found = Loss | str


def previous_release(files: Sequence[ServedFile], version: Version) -> Version | None:
    """The highest final version below `version` of which the index has files.

    Pre-releases do not count, and a version all of whose files are yanked only if there is no
    other. What is below 1.2.5 is 1.2.4, whether or not there is a 2.0.
    """
    from release.text.versions import parse

    parsed = ((parse(file.version), file.yanked) for file in files)
    finals = [(v, yanked) for v, yanked in parsed if v and not v.is_prerelease and not v.local]
    below = [(found, yanked) for found, yanked in finals if found < version]
    served = [found for found, yanked in below if not yanked]
    return max(served or [found for found, _ in below], default=None)


def kind_of(previous: Version, version: Version) -> Level:
    """What kind of release `version` (or the final one that it leads to) is after `previous`."""
    from packaging.version import Version as Parsed

    from release.text.versions import level_of

    return level_of(previous, Parsed(version.base_version))


def may_break(previous: Version, version: Version, *, compatible_minors: bool = False) -> bool:
    """Whether the version number says that callers may have to change (Semantic Versioning).

    Before 1.0 a minor release says so as well, unless the project promises `compatible_minors`.
    """
    kind = kind_of(previous, version)
    if kind is Level.MINOR and not compatible_minors:
        return version.epoch == 0 and version.release[0] == 0
    return kind is Level.MAJOR


# --- which files there are ------------------------------------------------------------------------


def _family(platform: str) -> str:
    """A platform tag without the version of what it needs there: manylinux x86_64."""
    match = re.fullmatch(r"([a-z]+?)(?:\d+|_\d+(?:_\d+)?)?_([a-z].*)", platform)
    return f"{match[1]} {match[2]}" if match else platform


def tags_of(names: Iterable[str]) -> frozenset[Tag]:
    """The tags of all wheels among file names; other names are passed over."""
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    found: set[Tag] = set()
    for name in names:
        if name.endswith(".whl"):
            try:
                found |= parse_wheel_filename(name)[3]
            except InvalidWheelFilename:
                continue
    return frozenset(found)


def compare_files(old: Sequence[str], new: Sequence[str]) -> Iterator[Found]:
    """Kinds of files, platforms and Python tags that the new files do not cover.

    `old` and `new` are names of files. Wheels for platforms are made one by one on each of them:
    where a new one is such a wheel, the others are told and not counted as lost.
    """
    for kind, suffixes in (("wheel", (".whl",)), ("sdist", (".tar.gz", ".zip"))):
        had = [name for name in old if name.endswith(suffixes)]
        if had and not any(name.endswith(suffixes) for name in new):
            yield Loss(f"kind {kind}", f"the previous release had {listing(had)}")
    before, after = tags_of(old), tags_of(new)
    if not before or not after:
        return
    pure_before, pure_after = ({t for t in tags if t.platform == "any"} for tags in (before, after))
    if pure_before and pure_after:
        lost = {tag.interpreter for tag in pure_before} - {tag.interpreter for tag in pure_after}
        yield from (Loss(f"Python tag {name}") for name in sorted(lost))
    elif pure_before == before:
        yield Loss("platform any", "the previous release had a wheel for every platform")
    families = {_family(tag.platform) for tag in before} if pure_before != before else set()
    if others := families - {_family(tag.platform) for tag in after}:
        said = "the previous release also had wheels for these platforms, which were not made here:"
        yield f"{said} {listing(others)}"


def best_match(old: Sequence[str], new: str) -> str | None:
    """The old wheel to compare a new one with: of the same tags, else the nearest; None if none."""
    wanted = tags_of([new])
    near = {_family(tag.platform) for tag in wanted}

    def nearness(name: str) -> tuple[bool, bool, bool, str]:
        tags = tags_of([name])
        alike = any(_family(tag.platform) in near for tag in tags)
        return bool(tags & wanted), alike, any(tag.platform == "any" for tag in tags), name

    return max((name for name in old if tags_of([name])), key=nearness, default=None)


# --- what is in the wheel -------------------------------------------------------------------------

_EXTENSION = re.compile(r"(\.(cpython-|pypy|cp\d|abi3)[^/.]*(\.[^/.]*)?|\.abi3)?\.(so|pyd)$")
_ASSET = re.compile(
    r"(?<=[._-])(v?\d+(\.\d+)+|[0-9a-f]{8,}|(?=[A-Za-z0-9_-]*[A-Z0-9])[A-Za-z0-9_-]{8})"
    r"(?=(\.[a-z]+)*\.(js|mjs|css|map|wasm|woff2?|ttf|otf|eot|svg|png|jpe?g|gif|webp|ico|html?)$)"
)
# Nobody outside the package is promised these: Python modules by their names, and tests.
_INTERNAL = re.compile(
    r"(^|.*/)((_(?!_)[^/]*|docs?|examples?)(/.*)?(?<!/)\.pyi?|(test_[^/]*|[^/]*_test|conftest)\.py"
    r"|tests?/.*)"
)


def wheel_files(wheel: Archive) -> dict[str, str]:
    """What a wheel installs, as names that do not change with versions, each with its path.

    A module is `module pkg.mod` whatever form it has; other files are `file pkg/data.json`.
    """
    found: dict[str, str] = {}
    for path in wheel.installed:
        found.setdefault(_name_of(path), path)
    for name in wheel.names:
        folder, _, rest = name.partition("/")
        if folder.endswith(".data") and not rest.startswith(("purelib/", "platlib/")):
            found.setdefault(f"file {rest}", rest)
        elif folder.endswith(".dist-info"):
            base = rest.rpartition("/")[2]
            placed = rest.startswith(("licenses/", "license_files/"))
            if placed or is_licence(base) or base.upper().startswith("NOTICE"):
                found.setdefault(f"licence file {base}", rest)
    return found


def _name_of(path: str) -> str:
    bare = _EXTENSION.sub("", path) if path.endswith((".so", ".pyd")) else path.removesuffix(".py")
    parts = bare.split("/")
    if bare == path or not all(part.isidentifier() for part in parts):
        return f"file {path}"
    if len(parts) > 1 and parts[-1] == "__init__":
        parts.pop()
    return f"module {'.'.join(parts)}"


def compare_contents(old: Archive, new: Archive) -> Iterator[Found]:
    """Modules, data files and licence files of the old wheel that the new one does not have.

    A file whose name has its content's digest, its own version, or the project's version in it is
    there if another of that name is, and a licence file if one of another suffix is. Internal files
    (modules with an underscore, tests) are told.
    """
    before, after = wheel_files(old), wheel_files(new)
    versions = [str(archive.metadata.get("version", "")) for archive in (old, new)]
    added = Counter(_stem(name, versions) for name in after.keys() - before.keys())
    losses, internal = [], []
    for name in sorted(before.keys() - after.keys()):
        stem = _stem(name, versions)
        if stem != name and added[stem] > 0:
            added[stem] -= 1
        elif _INTERNAL.fullmatch(before[name]):
            internal.append(before[name])
        else:
            losses.append(Loss(name, breaks=name.startswith("module ")))
    yield from _gone_packages(losses)
    had, has = _sizes(old), _sizes(new)
    for name, path in before.items():
        if name.startswith("file ") and had.get(path) and has.get(after.get(name, "")) == 0:
            yield Loss(name, f"{_bytes(had[path])} before", how="is empty since {0}", mild=True)
    if internal:
        yield f"no longer in the wheel: {listing(internal)}"


def _sizes(wheel: Archive) -> dict[str, int]:
    sizes = {member.name: member.size for member in wheel.members}
    return {path: sizes[name] for path, name in wheel.installed.items()}


def _stem(name: str, versions: Sequence[str]) -> str:
    if name.startswith("licence file "):
        return f"{re.sub(r'[.](?:txt|rst|md)$', '', name.lower())}{{}}"
    for version in versions:
        if version:
            name = re.sub(rf"(?<![\d.]){re.escape(version)}(?!\.?\d)", "{version}", name)
    return _ASSET.sub("{}", name)


def _gone_packages(losses: Sequence[Loss]) -> Iterator[Loss]:
    """Without the modules of a package that is gone as a whole."""
    gone = {loss.what for loss in losses if loss.what.startswith("module ")}
    for loss in losses:
        parts = loss.what.split(".")
        parents = (".".join(parts[:end]) for end in range(1, len(parts)))
        if loss.what not in gone or not any(parent in gone for parent in parents):
            yield loss


# --- what the metadata promises -------------------------------------------------------------------


def entry_points(archive: Archive) -> frozenset[str]:
    """The entry points of a wheel, each as GROUP:NAME; none where they cannot be read."""
    text = archive.texts.get(f"{archive.info}entry_points.txt", b"").decode("utf-8", "replace")
    parser = configparser.RawConfigParser(delimiters=("=",), strict=False, allow_no_value=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(text)
    except configparser.Error:
        return frozenset()
    return frozenset(f"{group}:{name}" for group in parser.sections() for name in parser[group])


def compare_metadata(old: Archive, new: Archive) -> Iterator[Loss]:
    """Entry points, extras and versions of Python that the old wheel had."""
    from packaging.utils import canonicalize_name

    had, has = (
        {str(canonicalize_name(name)) for name in archive.metadata.get("provides_extra", [])}
        for archive in (old, new)
    )
    yield from (
        Loss(f"entry point {name}") for name in sorted(entry_points(old) - entry_points(new))
    )
    yield from (Loss(f"extra {name}") for name in sorted(had - has))
    wanted, wants = _required(old), _required(new)
    for name in sorted(had & has):
        if wanted.get(name, set()) - wants.get("", set()) and not wants.get(name):
            what = f"requirements of extra {name}"
            yield Loss(what, ", ".join(sorted(wanted[name])), mild=True, how="are gone since {0}")
    claimed = [set(archive.metadata.get("classifiers", [])) for archive in (old, new)]
    ranges = (archive.metadata.get("requires_python") for archive in (old, new))
    for loss in compare_python(*ranges):
        version = f"Programming Language :: {loss.what.replace(' ', ' :: ', 1)}"
        told = version in claimed[0] - claimed[1]
        yield replace(loss, said="like its classifier") if told else loss


def _required(wheel: Archive) -> dict[str, set[str]]:
    """The names of what a wheel requires, by the extra that asks for it ("" for none)."""
    from packaging.utils import canonicalize_name

    found: dict[str, set[str]] = {}
    for line in wheel.metadata.get("requires_dist", []):
        name = re.match(r"[\w.-]+", line)
        for extra in re.findall(r"""\bextra\s*==\s*["']([^"']+)""", line) or [""]:
            found.setdefault(canonicalize_name(extra) if extra else "", set()).add(
                str(canonicalize_name(name[0])) if name else line
            )
    return found


_MINORS = (*((2, minor) for minor in (6, 7)), *((3, minor) for minor in range(31)), (4, 0))


def compare_python(old: str | None, new: str | None) -> list[Loss]:
    """Versions of Python that the old Requires-Python allows and the new one does not."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        before, after = SpecifierSet(old or ""), SpecifierSet(new or "")
    except InvalidSpecifier:
        return []

    def lost(minor: tuple[int, int]) -> bool:
        patches = [f"{minor[0]}.{minor[1]}.{patch}" for patch in (*range(10), 99)]
        return any(patch in before and patch not in after for patch in patches)

    gone = [minor for minor in _MINORS if lost(minor)]
    if not gone:
        return []
    detail = f"Requires-Python was {old or 'not set'}, and is {new or 'not set'}"
    # What lies above a new upper bound has no end; it is told as one.
    top = list(itertools.takewhile(gone.__contains__, reversed(_MINORS)))
    names = ["{}.{}".format(*minor) for minor in gone if minor not in top]
    names += ["{}.{} and later".format(*minor) for minor in top[-1:]]
    return [Loss(f"Python {name}", detail) for name in names]


# --- size and provenance --------------------------------------------------------------------------


def compare_size(kind: str, old: int, new: int, percent: int) -> Iterator[Loss]:
    """Whether a file of `new` bytes is within `percent` of the `old` one's size."""
    change = abs(new - old)
    if change >= SMALL and change * 100 > old * percent:
        direction = "larger" if new > old else "smaller"
        detail = f"{_bytes(old)} before, {_bytes(new)} now: more than {percent} % {direction}"
        how = "is not in its band since {0}"
        yield Loss(f"size of the {kind}", detail, how=how, mild=True)


def _bytes(number: int) -> str:
    return f"{number / 1e6:.1f} MB" if number >= 1_000_000 else f"{number / 1e3:.1f} kB"


def compare_provenance(files: Sequence[ServedFile]) -> Iterator[str]:
    """Whether the previous release's files have attestations, which the new ones then need."""
    if attested := [file.name for file in files if file.provenance]:
        yield (
            f"{len(attested)} of {len(files)} of the previous files have attestations (PEP 740):"
            " publish the new ones by Trusted Publishing, which makes them"
        )


# --- the public API -------------------------------------------------------------------------------

_KINDS = {
    "object_removed": "removed",
    "object_changed_kind": "changed from a {0}",
    "parameter_moved": "parameter moved",
    "parameter_removed": "parameter removed",
    "parameter_changed_kind": "parameter kind changed",
    "parameter_changed_required": "parameter became required",
    "parameter_added_required": "required parameter added",
    "parameter_changed_default": "default changed",
    "return_changed_type": "return annotation removed",
    "class_removed_base": "base class removed",
    "command_changed": "changed, of a command",
    "override_removed": "removed, and perhaps inherited",
    "perhaps_on_demand": "removed, and perhaps made on demand",
}


def compare_api(
    breakages: Iterable[Mapping[str, str]], known: Iterable[Found] = ()
) -> Iterator[Found]:
    """What griffe found: the breaking changes that no `known` loss of a module says.

    A removal, or a signature that no longer takes the same call, is a loss. A default, a return
    annotation or a base class that changed is told: whether it breaks anybody is not to be seen.
    """
    modules = {one.what.removeprefix("module ") for one in known if isinstance(one, Loss)}
    told = []
    for breakage in breakages:
        path, kind, detail = breakage["path"], breakage["kind"], breakage["detail"]
        gone = kind == REMOVED and _within(path, modules)
        if kind == ADDED or gone or _internal_path(path):
            continue
        place = f"{path}({detail})" if detail and kind != "object_changed_kind" else path
        words = _KINDS.get(kind, kind.replace("_", " ")).format(detail)
        if kind in SOFT:
            told.append(f"{place}: {words}")
        else:
            yield Loss(f"api {place}: {words}", breaks=True, how="since {0}")
    if told:
        yield f"the public API also differs: {listing(told)}"


def additions(breakages: Iterable[Mapping[str, str]]) -> list[str]:
    """The dotted names that are new in the public API; with a new owner its members are told."""
    paths = {one["path"] for one in breakages if one["kind"] == ADDED}
    public = {path for path in paths if not _internal_path(path)}
    return sorted(path for path in public if not _within(path.rpartition(".")[0], public))


def _internal_path(path: str) -> bool:
    parts = path.split(".")
    return any(
        part in {"tests", "conftest"} or (part.startswith("_") and part[1:2] != "_")
        for part in parts[1:]
    )


def _within(path: str, modules: set[str]) -> bool:
    parts = path.split(".")
    return any(".".join(parts[:end]) in modules for end in range(1, len(parts) + 1))


# --- the judgement --------------------------------------------------------------------------------


def judge(
    losses: Sequence[Loss],
    accepted: Sequence[Accepted],
    *,
    breaking: bool,
    previous: str,
    announced: Sequence[str] = (),
) -> Judgement:
    """The losses against the version `previous`; what is not lost silently is noted.

    `accepted` are the losses that the settings acknowledge, in whose names `*` stands for anything;
    one that matches no loss is told, and one of `*` alone, which takes every loss to come, is a
    defect. With `breaking` the version number itself acknowledges what only callers notice, and
    `announced` are the lines in which the changelog says what is removed.
    """
    notes, used, silent = [], set(), []
    everything = [one for one in accepted if not one.what.strip("* ")]
    accepted = [one for one in accepted if one not in everything]
    for loss in dict.fromkeys(losses):
        matching = [one for one in accepted if _pattern(one.what).fullmatch(loss.what)]
        used |= {one.what for one in matching}
        why = loss.said and f", {loss.said}"
        if matching:
            why = f"; accepted: {matching[0].reason}"
        elif loss.breaks and breaking:
            why = ", as the version number announces"
        elif any(_names(line, loss.what) for line in announced):
            why = ", as the changelog announces"
        if why:
            notes.append(Finding(f"{_told(loss, previous)}{why}"))
        else:
            silent.append(loss)
    far, remedy = "takes every loss to come", "name what is lost"
    refused = [_setting(one, far, remedy) for one in everything]
    gone, remedy = f"is not lost against {previous}", "take it out, or correct the name"
    idle = [_setting(one, gone, remedy) for one in accepted if one.what not in used]
    odd = _grouped([loss for loss in silent if loss.mild], previous)
    lost = _grouped([loss for loss in silent if not loss.mild], previous)
    return Judgement(0, (*refused, *lost), (*odd, *idle), notes=tuple(notes))


def _setting(one: Accepted, what: str, remedy: str) -> Finding:
    return Finding(f"{SETTING} names {one.what!r}, which {what}", "pyproject.toml", remedy=remedy)


def _told(loss: Loss, previous: str) -> str:
    text = f"{loss.what} {loss.how.replace('{0}', previous)}"
    return f"{text} ({loss.detail})" if loss.detail else text


def _names(line: str, what: str) -> bool:
    """Whether a line names what is lost: in full, or by the last part of its name.

    Of several versions of Python, the word may stand before the first alone.
    """
    name = what.partition(" ")[2] or what
    is_python = what.startswith("Python ")
    if is_python and "Python" not in line:
        return False
    full = re.sub(r"\(.*|: .*", "", name)
    last = re.split("/" if "/" in full else "[.:]", full)[-1]
    names = {full} if is_python else {full, last}
    return any(re.search(rf"(?<![\w.-]){re.escape(one)}(?![\w-])", line) for one in names)


def _grouped(losses: Sequence[Loss], previous: str) -> Iterator[Finding]:
    """A finding for each loss, or for all of a kind in one folder where they are many."""
    groups: dict[tuple[str, ...], list[Loss]] = {}
    for loss in losses:
        kind, _, name = loss.what.partition(" ")
        folder = name.rpartition("/" if kind == "file" else ".")[0]
        alone = () if folder and kind in {"file", "module", "api"} else (loss.what,)
        groups.setdefault((kind, folder, loss.how, *alone), []).append(loss)
    for (kind, folder, how, *_), found in groups.items():
        if len(found) > FEW:
            what = f"{kind} {folder}{'/' if kind == 'file' else '.'}*"
            names = listing([loss.what.partition(" ")[2] for loss in found])
            text = f"{what} ({len(found)} of them) {how.replace('{0}', previous)}: {names}"
            yield _silent(what, text)
        else:
            yield from (_silent(loss.what, _told(loss, previous)) for loss in found)


def _silent(what: str, text: str) -> Finding:
    remedy = (
        "bring it back, announce it in the changelog's section of the release, or acknowledge it:"
        f' {SETTING}, what = "{what}"'
    )
    return Finding(text, remedy=remedy)


def judge_additions(added: Sequence[str], *, patch: bool, frozen: bool) -> Judgement:
    """New public names, which a patch release should not have.

    With `frozen` the project promises that its patch releases have none.
    """
    if not patch or not added:
        return Judgement()
    text = f"a patch release adds to the public API: {listing(added)}"
    finding = Finding(text, remedy="release it as a minor version, or make it private")
    return Judgement.one(finding, advice=not frozen, checked=0)


def _pattern(what: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in what.split("*")))
