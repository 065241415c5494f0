"""Which version a release gets."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from release.change.steps import FINAL, STEPS, target_version
from release.errors import ReleaseError, UsageError
from release.text.versions import parse
from tests.text.test_versions import versions


def target(
    step: str,
    current: str,
    before: tuple[str, ...] = (),
    elsewhere: tuple[str, ...] = (),
    published: tuple[str, ...] = (),
) -> str:
    """The target for the tags `before` in this commit's history and others `elsewhere`."""
    tags = {f"v{spelled}": Version(spelled) for spelled in (*before, *elsewhere)}
    found = target_version(
        step, Version(current), tags, list(map(Version, before)), list(map(Version, published))
    )
    return str(found)


@pytest.mark.parametrize(
    ("step", "current", "wanted"),
    [
        ("patch", "1.2.3", "1.2.4"),
        ("minor", "1.2.3", "1.3.0"),
        ("major", "1.2.3", "2.0.0"),
        ("rc", "1.2.3", "1.3.0rc1"),
        ("rc", "1.3.0rc9", "1.3.0rc10"),
        ("final", "1.3.0rc10", "1.3.0"),
        ("minor", "1.3.0rc10", "1.3.0"),
        ("final", "1.3.0rc1.post1", "1.3.0"),
        ("rc", "1.3.0b2", "1.3.0rc1"),
        ("1.2.4", "1.2.3", "1.2.4"),
        ("1.3.0-rc1", "1.2.3", "1.3.0rc1"),
        ("v1.3.0", "1.2.3", "1.3.0"),
        ("1.3.0a1", "1.2.3", "1.3.0a1"),
        ("1.2.3.post1", "1.2.3", "1.2.3.post1"),
        ("2026.11.1", "2026.10.20", "2026.11.1"),
        ("1!1.0.0", "1.2.3", "1!1.0.0"),
    ],
)
def test_a_step_leads_from_the_released_version_to_the_next(
    step: str, current: str, wanted: str
) -> None:
    assert target(step, current, before=(current,)) == wanted


@pytest.mark.parametrize(
    ("step", "current", "wanted"),
    [("minor", "0.1.0", "0.2.0"), ("0.1.0", "0.1.0", "0.1.0"), ("final", "0.1.0.dev0", "0.1.0")],
)
def test_a_first_release_can_be_named_as_it_is(step: str, current: str, wanted: str) -> None:
    assert target(step, current) == wanted


@pytest.mark.parametrize(
    ("step", "current", "last"),
    [
        ("minor", "1.3.0", "1.2.3"),
        ("1.3.0", "1.3.0", "1.2.3"),
        ("rc", "1.3.0rc2", "1.3.0rc1"),
        ("final", "1.3.0", "1.3.0rc1"),
        ("1.3.0-rc.2", "1.3.0rc2", "1.3.0rc1"),
    ],
)
def test_files_that_say_the_wanted_version_already_need_no_change(
    step: str, current: str, last: str
) -> None:
    assert target(step, current, before=(last,)) == current


@pytest.mark.parametrize("step", ["patch", "major", "rc"])
def test_no_step_is_counted_from_a_version_that_was_never_released(step: str) -> None:
    with pytest.raises(ReleaseError, match=r"1\.3\.0 is in the files and was never released") as e:
        target(step, "1.3.0", before=("1.2.3",))
    assert "nox -s tag" in str(e.value.problems[0].remedy)


def test_another_version_than_the_unreleased_one_can_be_named() -> None:
    assert target("1.3.1", "1.3.0", before=("1.2.3",)) == "1.3.1"


@pytest.mark.parametrize("last", ["1.2.3", "1.3.0b1"])
def test_a_candidate_that_was_never_released_can_be_made_final(last: str) -> None:
    assert target("final", "1.3.0rc1", before=(last,)) == "1.3.0"


def test_the_version_in_the_files_is_the_one_that_is_said_to_be_no_candidate() -> None:
    with pytest.raises(ReleaseError, match=r"^1\.3\.0 is "):
        target("final", "1.3.0", before=("1.2.3",))


@pytest.mark.parametrize(
    ("step", "current", "said", "remedy"),
    [
        ("1.2.3", "1.2.3", "1.2.3 exists already: the tag v1.2.3", "never moved"),
        ("1.2.2", "1.2.3", "1.2.2 is not above the current version, 1.2.3", "go up"),
        ("1.2.3rc1", "1.2.3", "1.2.3rc1 is not above the current version", "go up"),
        ("1.2.4+local.1", "1.2.3", "1.2.4+local.1 is a local version", "release 1.2.4"),
        ("1.2.5", "1.2.3", "1.2.5 skips a step after 1.2.3", "1.2.4, 1.3.0, 2.0.0, 1.3.0rc1"),
        ("1.4.0", "1.2.3", "1.4.0 skips a step", "1.3.0"),
        ("1.3.0rc2", "1.2.3", "1.3.0rc2 skips a step", "1.3.0rc1"),
        ("final", "1.2.3", "1.2.3 is not a pre-release", "patch, minor or major"),
        ("final", "1.2.3.post1", "1.2.3.post1 is not a pre-release", "patch, minor or major"),
    ],
)
def test_a_version_that_cannot_be_next_is_refused_with_a_way_on(
    step: str, current: str, said: str, remedy: str
) -> None:
    with pytest.raises(ReleaseError) as caught:
        target(step, current, before=(current,))
    (problem,) = caught.value.problems
    assert said in problem.message
    assert remedy in str(problem.remedy)


def test_a_local_version_in_the_files_is_not_released_as_it_is() -> None:
    with pytest.raises(ReleaseError, match="is a local version"):
        target("1.2.4+local", "1.2.4+local", before=("1.2.3",))


def test_a_tag_outside_of_this_history_counts_as_well() -> None:
    with pytest.raises(ReleaseError, match=r"1\.3\.0 exists already: the tag v1\.3\.0"):
        target("minor", "1.2.3", before=("1.2.3",), elsewhere=("1.3.0",))
    assert target("patch", "1.2.3", before=("1.2.3",), elsewhere=("2.0.0",)) == "1.2.4"


def test_a_tag_that_spells_the_version_otherwise_is_named_as_it_is() -> None:
    tags = {"v1.3.0-rc1": Version("1.3.0rc1"), "v1.2.3": Version("1.2.3")}
    with pytest.raises(ReleaseError, match=r"the tag v1\.3\.0-rc1\n"):
        target_version("rc", Version("1.2.3"), tags, [Version("1.2.3")], [])


def test_a_version_that_the_index_has_is_never_made_again() -> None:
    with pytest.raises(ReleaseError, match=r"1\.2\.4 is on the index already"):
        target("patch", "1.2.3", before=("1.2.3",), published=("1.2.3", "1.2.4"))


@pytest.mark.parametrize(
    "step",
    ["", "huge", "1.x", "--help", "$(reboot)", "`id`", "1.2.4; id", "1.2.4\n1.2.5", "é", "Patch"],
)
def test_what_is_no_step_is_named_with_those_that_are(step: str) -> None:
    with pytest.raises(UsageError) as caught:
        target(step, "1.2.3", before=("1.2.3",))
    (problem,) = caught.value.problems
    assert problem.message.startswith(
        f"{step!r} is neither a kind of release nor a version by PEP 440"
    )
    assert all(known in str(problem.remedy) for known in STEPS)


@settings(max_examples=200)
@given(
    st.sampled_from(STEPS),
    versions,
    st.lists(versions, max_size=4),
    st.lists(versions, max_size=3),
    st.lists(versions, max_size=3),
)
def test_no_step_leads_back_or_to_what_exists(
    step: str,
    current: Version,
    before: list[Version],
    elsewhere: list[Version],
    published: list[Version],
) -> None:
    tags = {f"v{found}": found for found in (*before, *elsewhere)}
    try:
        found = target_version(step, current, tags, before, published)
    except ReleaseError:
        return
    assert found >= current
    assert found not in {*tags.values(), *published}
    assert found.local is None
    if step == FINAL:
        assert not found.is_prerelease


@settings(max_examples=200)
@given(st.text(max_size=12), versions)
def test_whatever_is_typed_is_a_higher_version_or_an_error(typed: str, current: Version) -> None:
    try:
        found = target_version(typed, current, {f"v{current}": current}, [current], [])
    except ReleaseError:
        return
    assert found > current
    assert typed in STEPS or parse(typed) == found
