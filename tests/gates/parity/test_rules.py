"""What an index refuses of a file."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from release.gates.build.distribution import read
from release.gates.parity.rules import (
    Publisher,
    judge_agreement,
    judge_archive,
    judge_direct,
    judge_entry_points,
    judge_errors,
    judge_licences,
    judge_metadata_version,
    judge_name,
    judge_reuse,
    judge_sdists,
    judge_size,
    judge_version,
)
from release.model import Artifact, Judgement
from release.world.index import ServedFile
from tests.archives import LICENCED, METADATA, make_sdist, make_wheel

NOW = datetime(2026, 11, 20, tzinfo=UTC)
WHEEL, SDIST = "small_thing-1.2.3-py3-none-any.whl", "small_thing-1.2.3.tar.gz"


def faults(judged: Judgement) -> list[str]:
    assert judged.checked
    assert all(finding.remedy for finding in judged.defects)
    return [finding.message for finding in judged.defects]


def wheel_named(tmp_path: Path, name: str, version: str = "1.2.3") -> list[str]:
    return faults(judge_name(read(make_wheel(tmp_path, version, name=name))))


# --- names ----------------------------------------------------------------------------------------


def test_names_by_the_rules_are_taken(tmp_path: Path) -> None:
    assert faults(judge_name(read(make_wheel(tmp_path)))) == []
    assert faults(judge_name(read(make_sdist(tmp_path)))) == []
    assert wheel_named(tmp_path, "small_thing-1.2.3-1abc-py2.py3-none-any.whl") == []


@pytest.mark.parametrize(
    "name", ["small-thing-1.2.3.tar.gz", "Small_Thing-1.2.3.tar.gz", "small_thing-1.2.03.tar.gz"]
)
def test_an_sdist_with_another_name_is_refused(tmp_path: Path, name: str) -> None:
    assert faults(judge_name(read(make_sdist(tmp_path, name=name)))) == [
        f"{name} must be called small_thing-1.2.3.tar.gz (PEP 625)"
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Small_Thing-1.2.3-py3-none-any.whl", "its name must begin with small_thing-"),
        ("small.thing-1.2.3-py3-none-any.whl", "its name must begin with small_thing-"),
        ("small_thing-1.2.4-py3-none-any.whl", "its metadata say version 1.2.3"),
        ("small_thing-1.2.3-beta-py3-none-any.whl", "does not have the name of a wheel"),
        ("small_thing-1.2.3-py3-none.whl", "does not have the name of a wheel"),
        ("small_thing-1.2.3.0-py3-none-any.whl", "must have its metadata in"),
        ("small_thing-1.2.3-py3-none-beos.whl", "is for beos, which the index refuses"),
        ("small_thing-1.2.3-py3-none-macosx_16_0_arm64.whl", "is for macosx_16_0_arm64"),
        ("small_thing-1.2.3-py3-none-musllinux_1_2_ppc64.whl", "is for musllinux_1_2_ppc64"),
    ],
)
def test_a_wheel_with_a_wrong_name_is_refused(tmp_path: Path, name: str, expected: str) -> None:
    (message,) = wheel_named(tmp_path, name)
    assert expected in message


@pytest.mark.parametrize(
    "platform",
    [
        "win_amd64",
        "macosx_10_9_x86_64",
        "macosx_26_0_arm64",
        "manylinux_2_28_ppc64",
        "manylinux2014_s390x",
        "musllinux_1_2_riscv64",
        "android_24_arm64_v8a",
        "ios_13_0_arm64_iphoneos",
    ],
)
def test_platforms_that_the_index_knows_are_taken(tmp_path: Path, platform: str) -> None:
    assert wheel_named(tmp_path, f"small_thing-1.2.3-cp311-cp311-{platform}.whl") == []


def test_a_wheel_for_this_linux_alone_is_refused_and_told_where_others_are_published(
    tmp_path: Path,
) -> None:
    wheel = read(make_wheel(tmp_path, name="small_thing-1.2.3-cp311-cp311-linux_x86_64.whl"))
    (message,) = faults(judge_name(wheel))
    assert message.endswith("linux_x86_64.whl is for linux_x86_64, which the index refuses")
    judged = judge_name(wheel, as_built=False)
    assert (judged.defects, [remark.message for remark in judged.advice]) == ((), [message])
    other = read(make_wheel(tmp_path, name="small_thing-1.2.3-cp311-cp311-beos_x86.whl"))
    assert judge_name(other, as_built=False).defects


@pytest.mark.parametrize("name", ["METADATA", "WHEEL"])
def test_a_wheel_without_its_metadata_is_refused(tmp_path: Path, name: str) -> None:
    path = make_wheel(tmp_path, files={f"{{info}}/{name}": None})
    assert faults(judge_name(read(path)))


@pytest.mark.parametrize("name", ["-small", "small thing", "smäll", ""])
def test_a_project_with_an_impossible_name_is_refused(tmp_path: Path, name: str) -> None:
    head = METADATA.replace("small-thing", name)
    (message,) = faults(judge_name(read(make_sdist(tmp_path, head=head))))
    assert "refuses a project called" in message


def test_metadata_without_a_version_are_refused(tmp_path: Path) -> None:
    head = METADATA.replace("Version: {version}", "Version: one")
    assert faults(judge_name(read(make_sdist(tmp_path, head=head))))


def test_a_file_over_the_limit_is_refused() -> None:
    assert faults(judge_size(Artifact(f"dist/{WHEEL}", 104_857_600, ""), 100)) == []
    assert faults(judge_size(Artifact(f"dist/{WHEEL}", 104_857_601, ""), 100)) == [
        f"{WHEEL} has 100.0 MB, the index takes 100 MB"
    ]
    assert faults(judge_size(Artifact(f"dist/{WHEEL}", 104_857_601, ""), 200)) == []


# --- metadata -------------------------------------------------------------------------------------


def test_errors_of_the_metadata_are_findings(tmp_path: Path) -> None:
    wheel = read(make_wheel(tmp_path))
    errors = [["summary", "has more than 512 characters"]]
    assert faults(judge_errors(wheel, errors, publish=True)) == [
        f"{WHEEL}: summary: has more than 512 characters"
    ]
    assert faults(judge_errors(wheel, [], publish=True)) == []


def test_a_private_classifier_is_wrong_only_where_something_is_published(tmp_path: Path) -> None:
    wheel = read(make_wheel(tmp_path))
    errors = [["classifier", "'Private :: Do Not Upload' is unknown"]]
    assert len(faults(judge_errors(wheel, errors, publish=True))) == 1
    assert faults(judge_errors(wheel, errors, publish=False)) == []


def test_a_local_version_is_refused(tmp_path: Path) -> None:
    wheel = read(make_wheel(tmp_path, "1.2.3+abc"))
    assert faults(judge_version(wheel, between_releases=False)) == [
        f"{wheel.file}: the index takes no local version (+abc)"
    ]
    told = judge_version(wheel, between_releases=True)
    assert (told.defects, len(told.notes)) == ((), 1)
    assert faults(judge_version(read(make_wheel(tmp_path)), between_releases=False)) == []


@pytest.mark.parametrize("field", ["Requires-Dist", "Provides-Dist", "Obsoletes-Dist"])
def test_a_requirement_by_an_address_is_refused(tmp_path: Path, field: str) -> None:
    metadata = f"{field}: httpx @ https://example.invalid/httpx.zip\nRequires-Dist: rich>=13\n"
    wheel = read(make_wheel(tmp_path, metadata=metadata))
    assert faults(judge_direct(wheel)) == [
        f"{WHEEL}: httpx is required by an address (a direct URL); the index refuses that"
    ]


def used(version: str | None, *, moving: bool = False) -> Publisher:
    found = Version(version) if version else None
    return Publisher(".github/workflows/p.yml", 6, found, moving)


@pytest.mark.parametrize(
    ("version", "takes"),
    [
        ("1.12.2", (2, 3)),
        ("1.12.4", (2, 4)),
        ("1.14.1", (2, 4)),
        ("1.14.2", None),
        ("1.12", None),
        (None, None),
    ],
)
def test_what_a_publisher_takes_is_known(
    version: str | None, takes: tuple[int, int] | None
) -> None:
    assert used(version).takes == takes


def test_a_publisher_that_refuses_the_metadata_is_found(tmp_path: Path) -> None:
    newer = read(make_wheel(tmp_path, head=METADATA.replace("2.4", "2.5")))
    old = used("1.14.1")
    judged = judge_metadata_version(newer, [old])
    (message,) = faults(judged)
    assert message == (
        "the files have metadata 2.5; pypa/gh-action-pypi-publish 1.14.1 takes them up to 2.4 and"
        " would refuse them after the tag is pushed"
    )
    assert (judged.defects[0].path, judged.defects[0].line) == (".github/workflows/p.yml", 6)
    assert faults(judge_metadata_version(read(make_wheel(tmp_path)), [old])) == []
    good = used("1.14.2")
    assert judge_metadata_version(newer, [good]) == Judgement(2)


def test_a_publisher_of_an_unknown_version_is_told(tmp_path: Path) -> None:
    judged = judge_metadata_version(read(make_wheel(tmp_path)), [used(None)])
    assert judged.defects == ()
    assert "pinned to a commit without its version" in judged.advice[0].message
    moving = judge_metadata_version(read(make_wheel(tmp_path)), [used(None, moving=True)])
    assert moving.advice == ()


@pytest.mark.parametrize("version", ["2.6", "3.0", "two", "2.1.1"])
def test_metadata_that_the_index_does_not_know_are_refused(tmp_path: Path, version: str) -> None:
    wheel = read(make_wheel(tmp_path, head=METADATA.replace("2.4", version)))
    (message,) = faults(judge_metadata_version(wheel, []))
    assert f"takes metadata up to version 2.5, this is {version}" in message


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("Requires-Dist: rich>=13\n", "", "Requires-Dist"),
        ("Requires-Python: >=3.11\n", "Requires-Python: >=3.12\n", "Requires-Python"),
        ("Provides-Extra: a\n", "", "Provides-Extra"),
    ],
)
def test_a_wheel_that_differs_from_its_sdist_is_found(
    tmp_path: Path, old: str, new: str, field: str
) -> None:
    def pair(first: str = METADATA, dynamic: str = "") -> Judgement:
        sdist = read(make_sdist(tmp_path, metadata=old + dynamic, head=first))
        return judge_agreement(sdist, read(make_wheel(tmp_path, metadata=new)))

    (message,) = faults(pair())
    assert message.startswith(f"{field} differs: ")
    assert faults(pair(dynamic=f"Dynamic: {field}\n")) == []
    # Before metadata 2.2 an sdist promises nothing.
    before = pair(METADATA.replace("2.4", "2.1"))
    assert (before.defects, len(before.advice)) == ((), 1)


def test_requirements_that_are_only_spelled_otherwise_agree(tmp_path: Path) -> None:
    sdist = make_sdist(
        tmp_path, metadata="Requires-Python: >=3.11,<4\nRequires-Dist: rich >= 13\nRequires-Dist: a"
    )
    wheel = make_wheel(
        tmp_path, metadata="Requires-Python: <4, >=3.11\nRequires-Dist: a\nRequires-Dist: rich>=13"
    )
    assert faults(judge_agreement(read(sdist), read(wheel))) == []


def test_another_version_in_the_wheel_is_found_however_old_the_metadata(tmp_path: Path) -> None:
    head = METADATA.replace("2.4", "2.1")
    sdist, wheel = make_sdist(tmp_path, head=head), make_wheel(tmp_path, "1.2.4", head=head)
    (message,) = faults(judge_agreement(read(sdist), read(wheel)))
    assert message.startswith("Version differs: 1.2.3 in ")


# --- contents -------------------------------------------------------------------------------------


def test_a_licence_file_that_is_missing_from_one_file_is_found(tmp_path: Path) -> None:
    sdist = read(make_sdist(tmp_path, metadata=LICENCED, files={"LICENSE": b"MIT"}))
    good = read(make_wheel(tmp_path, metadata=LICENCED, files={"{info}/licenses/LICENSE": "MIT"}))
    assert faults(judge_licences(sdist)) + faults(judge_licences(good)) == []
    bad = read(make_wheel(tmp_path, metadata=LICENCED, files={"{info}/LICENSE": "MIT"}))
    assert faults(judge_licences(bad)) == [
        f"{WHEEL} lacks small_thing-1.2.3.dist-info/licenses/LICENSE, which its License-File names"
    ]
    empty = read(make_sdist(tmp_path, metadata=LICENCED))
    assert faults(judge_licences(empty)) == [f"{SDIST} lacks LICENSE, which its License-File names"]


def test_a_licence_file_named_before_the_field_was_specified_is_passed_over(
    tmp_path: Path,
) -> None:
    head = METADATA.replace("2.4", "2.1")
    assert judge_licences(read(make_wheel(tmp_path, head=head, metadata=LICENCED))) == Judgement()


def advice(judged: Judgement) -> list[str]:
    assert not judged.defects
    return [finding.message for finding in judged.advice if finding.remedy]


def licences(
    tmp_path: Path, sdist: list[str], wheel: list[str], *, version: str = "2.4", more: str = ""
) -> list[str]:
    """What is said where each has such files; those after a `+` are named by License-File, too."""
    head = METADATA.replace("2.4", version)

    def field(names: list[str]) -> str:
        return "".join(f"License-File: {name[1:]}\n" for name in names if name[0] == "+")

    return advice(
        judge_agreement(
            read(
                make_sdist(
                    tmp_path,
                    head=head,
                    metadata=field(sdist) + more,
                    files={name.removeprefix("+"): b"MIT" for name in sdist},
                )
            ),
            read(
                make_wheel(
                    tmp_path,
                    head=head,
                    metadata=field(wheel),
                    files={
                        name
                        if "/" in name
                        else f"{{info}}/licenses/{name.removeprefix('+')}": "MIT"
                        for name in wheel
                    },
                )
            ),
        )
    )


def test_a_licence_file_that_one_of_both_files_does_not_name_is_found(tmp_path: Path) -> None:
    both = ["+LICENSE", "+vendored/LICENSE"]
    assert licences(tmp_path, both, both) == []
    named = f"LICENSE, vendored/LICENSE in {SDIST}"
    assert licences(tmp_path, both, ["LICENSE"]) == [
        f"License-File differs: {named}, nothing in {WHEEL}"
    ]
    assert licences(tmp_path, both[:1], both) == [
        f"License-File differs: LICENSE in {SDIST}, LICENSE, vendored/LICENSE in {WHEEL}"
    ]
    # A wheel may carry what is bundled with it, where the sdist leaves the field open.
    assert licences(tmp_path, both[:1], both, more="Dynamic: License-File\n") == []
    # Before metadata 2.4 the field says nothing.
    assert licences(tmp_path, ["+LICENSE"], ["LICENSE"], version="2.1") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[console_scripts]\nsmall-thing = small_thing:main\n[x.y]\na b = c\n", ""),
        ("[console_scripts]\n../../bin/sh = small_thing:main\n", "not valid names of commands"),
        ("[gui_scripts]\na b = small_thing:main\n", "not valid names of commands"),
        ("small-thing = small_thing:main\n", "cannot be read"),
        ("[console_scripts]\na = b:c\na = d:e\n", "cannot be read"),
        (b"[console_scripts]\n\xff = b:c\n", "cannot be read"),
    ],
)
def test_entry_points_that_the_index_refuses_are_found(
    tmp_path: Path, text: str | bytes, expected: str
) -> None:
    wheel = read(make_wheel(tmp_path, files={"{info}/entry_points.txt": text}))
    found = faults(judge_entry_points(wheel))
    assert (expected in found[0]) if expected else found == []


# --- archives -------------------------------------------------------------------------------------


def judged_archive(name: str, data: bytes) -> list[str]:
    return faults(judge_archive(name, io.BytesIO(data), len(data)))


def zipped(compression: int = zipfile.ZIP_DEFLATED) -> io.BytesIO:
    """A zip that the index takes, with two members."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", compression) as archive:
        archive.writestr(zipfile.ZipInfo("small_thing/__init__.py"), b"x = 1\n")
        archive.writestr(zipfile.ZipInfo("small_thing/größe.txt"), b"text")
    return target


def test_a_plain_zip_is_taken() -> None:
    assert judged_archive(WHEEL, zipped().getvalue()) == []
    assert judged_archive(WHEEL, zipped(zipfile.ZIP_STORED).getvalue()) == []


def large() -> bytes:
    """A zip whose members carry the fields for large sizes, as some backends write them."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive, archive.open("a", "w", force_zip64=True) as file:
        file.write(b"text")
    return target.getvalue()


def test_a_zip_with_fields_for_large_sizes_is_taken() -> None:
    assert judged_archive(WHEEL, large()) == []


class Pipe(io.RawIOBase):
    """What cannot be rewound: zipfile then writes sizes behind the data."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.data += data
        return len(data)


def streamed() -> bytes:
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w") as archive:
        archive.writestr(zipfile.ZipInfo("a"), b"text")
    return bytes(pipe.data)


def commented() -> bytes:
    target = zipped()
    with zipfile.ZipFile(target, "a") as archive:
        archive.comment = b"a note"
    return target.getvalue()


def doubled() -> bytes:
    target = zipped()
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr(zipfile.ZipInfo("small_thing/__init__.py"), b"y = 2\n")
    return target.getvalue()


def noted() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        entry = zipfile.ZipInfo("a")
        entry.comment = b"a note"
        archive.writestr(entry, b"text")
    return target.getvalue()


def packed() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a", b"text")
    return target.getvalue()


def cut() -> bytes:
    data = zipped().getvalue()
    return data[: len(data) // 2]


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (streamed, "holds members with data descriptors"),
        (commented, "has a comment"),
        (lambda: zipped().getvalue() + b"more", "has bytes behind its end"),
        (lambda: b"#!/bin/sh\n" + zipped().getvalue(), "has bytes before its first member"),
        (doubled, "holds twice: small_thing/__init__.py"),
        (noted, "has a comment"),
        (packed, "neither stored nor deflated"),
        (cut, "cannot be read"),
        (lambda: b"", "cannot be read"),
        (lambda: b"PK\x05\x06", "cannot be read"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_zip_that_the_index_refuses_is_found(make: Callable[[], bytes], expected: str) -> None:
    found = "; ".join(judged_archive(WHEEL, make()))
    assert any(part in found for part in expected.split("|")), found


@settings(max_examples=200)
@given(st.data())
def test_no_damage_to_a_zip_breaks_the_judgement(data: st.DataObject) -> None:
    source = data.draw(st.sampled_from([zipped().getvalue(), large(), streamed()]))
    place = data.draw(st.integers(0, len(source) - 1))
    damaged = bytearray(source)
    damaged[place] = data.draw(st.integers(0, 255))
    judged = judge_archive(WHEEL, io.BytesIO(bytes(damaged)), len(damaged))
    assert judged.checked
    if bytes(damaged) == zipped().getvalue():
        assert judged.defects == ()


def tarred(*names: str, mode: str = "w:gz", sparse: bool = False) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode=mode) as archive:  # type: ignore[call-overload]
        for name in names:
            member = tarfile.TarInfo(name)
            member.pax_headers = (
                {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "4"}
                if sparse
                else {}
            )
            data = b"0\n".ljust(512, b"\0") if sparse else b"text"
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return target.getvalue()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (tarred("s-1/PKG-INFO", "s-1/a.py"), ""),
        (tarred("s-1/PKG-INFO", "other/a.py"), "must have its files in one folder"),
        (tarred("./PKG-INFO"), "must have its files in one folder"),
        (tarred("./s-1/PKG-INFO"), "must have its files in one folder"),
        (tarred("s-1/setup.py"), "lacks s-1/PKG-INFO"),
        (tarred("s-1/sub/PKG-INFO"), "lacks s-1/PKG-INFO"),
        (tarred("s-1/PKG-INFO", mode="w:xz"), "cannot be read"),
        (tarred("s-1/PKG-INFO", sparse=True), "holds sparse members: s-1/PKG-INFO"),
        (tarred("s-1/PKG-INFO")[:40], "cannot be read"),
        (b"", "cannot be read"),
    ],
    ids=[
        *("good", "two folders", "no folder", "a folder in a dot", "no metadata", "metadata below"),
        *("xz", "sparse", "cut off", "empty"),
    ],  # what is compressed says when, and would make another name each time
)
def test_a_tar_that_the_index_refuses_is_found(data: bytes, expected: str) -> None:
    found = judged_archive(SDIST, data)
    assert (expected in found[0]) if expected else found == []


# --- what the index has ---------------------------------------------------------------------------


def test_two_sdists_are_one_too_many() -> None:
    assert faults(judge_sdists([WHEEL, SDIST])) == []
    assert faults(judge_sdists([SDIST, "small_thing-1.2.3.zip"])) == [
        "the index takes one sdist of a version: small_thing-1.2.3.tar.gz, small_thing-1.2.3.zip"
    ]


BUILT = (Artifact(f"dist/{WHEEL}", 1, "a" * 64), Artifact(f"dist/{SDIST}", 1, "b" * 64))


def reuse(*served: ServedFile) -> Judgement:
    return judge_reuse(BUILT, served, Version("1.2.3"), NOW)


def on_index(name: str, sha256: str | None = None, day: int | None = None) -> ServedFile:
    uploaded = datetime(2026, 11, day, tzinfo=UTC) if day else None
    return ServedFile(name, "1.2.3", "http://i", sha256, uploaded=uploaded)


def test_a_new_version_reuses_nothing() -> None:
    other = ServedFile(WHEEL.replace("1.2.3", "1.2.2"), "1.2.2", "http://i")
    assert faults(reuse(other)) == []


def test_a_file_with_other_bytes_is_refused() -> None:
    (message,) = faults(reuse(on_index(WHEEL, "c" * 64)))
    assert message.startswith(f"{WHEEL} is on the index with other bytes")
    assert len(faults(reuse(on_index(WHEEL)))) == 1


def test_the_same_bytes_are_told() -> None:
    judged = reuse(on_index(WHEEL, "A" * 64), on_index(SDIST, "b" * 64, day=1))
    assert judged.defects == ()
    assert [r.message for r in judged.notes] == [
        f"{WHEEL} is on the index already, with this digest",
        f"{SDIST} is on the index already, with this digest",
    ]


def test_a_second_sdist_is_refused() -> None:
    assert faults(reuse(on_index("small_thing-1.2.3.zip"))) == [
        f"{SDIST} would be a second sdist of 1.2.3, beside small_thing-1.2.3.zip"
    ]


def test_a_version_is_closed_after_two_weeks() -> None:
    assert faults(reuse(on_index(SDIST, "b" * 64, day=7))) == []
    (message,) = faults(reuse(on_index(SDIST, "b" * 64, day=5)))
    assert message.startswith(f"1.2.3 is on the index since 2026-11-05: {WHEEL} comes more than")
