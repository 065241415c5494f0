"""Version numbers: what comes next, and which tags name which version."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from release.model import Level
from release.text.versions import (
    final_version,
    is_next_step,
    level_of,
    next_version,
    parse,
    poetry_range,
    released,
    spelled,
    spelled_like,
    tag_template,
)

numbers = st.integers(0, 99)
releases = st.lists(numbers, min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))
suffixes = st.one_of(
    st.just(""),
    st.builds("{}{}".format, st.sampled_from(["a", "b", "rc"]), numbers),
    st.builds(".post{}".format, numbers),
    st.builds(".dev{}".format, numbers),
    st.builds("rc{}.dev{}".format, numbers, numbers),
    st.builds("rc{}.post{}".format, numbers, numbers),
    st.builds("rc{}.post{}.dev{}".format, numbers, numbers, numbers),
    st.builds(".post{}.dev{}".format, numbers, numbers),
)
versions = st.builds("{}{}".format, releases, suffixes).map(Version)
templates = st.sampled_from(["v{version}", "{version}", "release-{version}", "pkg/v{version}-ok"])


@settings(max_examples=1000)
@given(versions, st.sampled_from(Level))
def test_the_next_version_is_above_the_current_one(current: Version, level: Level) -> None:
    assert next_version(current, level) > current


@given(versions, st.sampled_from([Level.PATCH, Level.MINOR, Level.MAJOR]))
def test_the_next_final_version_is_final_and_has_three_numbers(
    current: Version, level: Level
) -> None:
    found = next_version(current, level)
    assert not found.is_prerelease
    assert not found.is_postrelease
    assert len(found.release) == 3


@given(versions)
def test_the_next_candidate_is_a_candidate(current: Version) -> None:
    found = next_version(current, Level.RC)
    assert found.pre
    assert found.pre[0] == "rc"


@given(versions)
def test_bigger_levels_make_versions_that_are_not_smaller(current: Version) -> None:
    patch, minor, major = (
        next_version(current, level) for level in (Level.PATCH, Level.MINOR, Level.MAJOR)
    )
    assert patch <= minor <= major


@pytest.mark.parametrize(
    ("current", "level", "wanted"),
    [
        ("1.2.3", Level.PATCH, "1.2.4"),
        ("1.2.3", Level.MINOR, "1.3.0"),
        ("1.2.3", Level.MAJOR, "2.0.0"),
        ("1.2.3", Level.RC, "1.3.0rc1"),
        ("1.3.0rc9", Level.RC, "1.3.0rc10"),
        ("1.3.0rc10", Level.MINOR, "1.3.0"),
        ("1.3.0rc10", Level.PATCH, "1.3.0"),
        ("1.3.1rc1", Level.MINOR, "1.4.0"),
        ("2.0.0rc1", Level.MAJOR, "2.0.0"),
        ("1.3.0rc2.dev1", Level.RC, "1.3.0rc2"),
        ("1.3.0b2", Level.RC, "1.3.0rc1"),
        ("1.3.0.dev4", Level.RC, "1.3.0rc1"),
        ("1.3.0.post1", Level.PATCH, "1.3.1"),
        ("2026.10.20", Level.PATCH, "2026.10.21"),
        ("1.2", Level.PATCH, "1.2.1"),
        ("1!1.2.3", Level.MINOR, "1!1.3.0"),
        ("1.2.3.4", Level.PATCH, "1.2.4"),
    ],
)
def test_what_comes_next(current: str, level: Level, wanted: str) -> None:
    assert str(next_version(Version(current), level)) == wanted


@given(versions, templates)
def test_a_tag_made_from_a_template_is_read_back(version: Version, template: str) -> None:
    tag = template.replace("{version}", str(version))
    assert released([tag], template) == {tag: version}
    assert spelled(tag, template, version)


@given(st.lists(st.text(max_size=20), max_size=5), templates)
def test_whatever_tags_there_are_only_real_versions_are_read(
    tags: list[str], template: str
) -> None:
    for tag, version in released(tags, template).items():
        assert tag in tags
        assert parse(str(version)) == version


def test_the_raw_spelling_of_a_tag_is_kept() -> None:
    assert released(["v0.5.0-rc1", "v1.0", "nightly", "v"], "v{version}") == {
        "v0.5.0-rc1": Version("0.5.0rc1"),
        "v1.0": Version("1.0"),
    }


@pytest.mark.parametrize(
    ("tag", "template", "same"),
    [
        ("v0.5.0-rc1", "v{version}", True),
        ("0.5.0rc1", "v{version}", True),
        ("v0.5.0.rc.1", "{version}", True),
        ("v0.5.0", "v{version}", False),
        ("other-0.5.0rc1", "v{version}", False),
        ("small-0.5.0rc1", "small-{version}", True),
        ("small-v0.5.0rc1", "small-{version}", True),
        ("0.5.0rc1", "small-{version}", False),
    ],
)
def test_a_tag_names_a_version_by_whatever_spelling(tag: str, template: str, same: bool) -> None:
    assert spelled(tag, template, Version("0.5.0rc1")) is same


@pytest.mark.parametrize(
    ("tags", "wanted"),
    [
        ([], None),
        (["nightly", "latest"], None),
        (["v1.0.0", "v1.1.0"], "v{version}"),
        (["0.27.0", "0.28.1"], "{version}"),
        (["small-thing-1.0", "small-thing-1.1"], "small-thing-{version}"),
        (["small_thing/v1.0"], "small_thing/v{version}"),
        (["release-1.0.0"], "release-{version}"),
        (["v0.1", "v0.2", "0.3.0", "0.4.0", "0.5.0"], "{version}"),
        (["v0.1.0", "0.2.0"], "{version}"),
        (["20240101", "v1.0.0"], "v{version}"),
        (["other-1.0.0"], None),
    ],
)
def test_the_spelling_of_tags_is_told_from_those_that_are_there(
    tags: list[str], wanted: str | None
) -> None:
    assert tag_template(tags, "small-thing") == wanted


@given(st.lists(st.text(max_size=12), max_size=6))
def test_a_template_told_from_tags_holds_the_version_once(tags: list[str]) -> None:
    found = tag_template(tags, "small-thing")
    assert found is None or found.count("{version}") == 1


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("^1.11", ">=1.11,<2"),
        ("^0.2.3", ">=0.2.3,<0.3"),
        ("^0.0.3", ">=0.0.3,<0.0.4"),
        ("^0", ">=0,<1"),
        ("~1.2.3", ">=1.2.3,<1.3"),
        ("~1", ">=1,<2"),
        (">=1, <2", ">=1,<2"),
        ("1.2.*", "==1.2.*"),
        ("1.2.3", "==1.2.3"),
        ("*", ""),
        ("^1.0 || ^2.0", None),
        ("latest", None),
    ],
)
def test_poetrys_ranges_are_spelled_by_pep_440(text: str, wanted: str | None) -> None:
    assert poetry_range(text) == wanted


@pytest.mark.parametrize(
    ("previous", "version", "wanted"),
    [
        ("1.2.3", "1.2.4", Level.PATCH),
        ("1.2.3", "1.3.0", Level.MINOR),
        ("1.2.3", "2.0.0", Level.MAJOR),
        ("1.2.3", "1!1.0.0", Level.MAJOR),
        ("1.2.3", "1.2.3.post1", Level.PATCH),
        ("1.2", "1.3", Level.MINOR),
        ("1.2.3", "1.3.0rc1", Level.RC),
        ("1.3.0rc1", "1.3.0rc2", Level.RC),
        ("1.2.3", "1.3.0.dev1", Level.RC),
        ("1.3.0rc2", "1.3.0", Level.MINOR),
        ("2.0.0rc2", "2.0.0", Level.MAJOR),
        ("2.0rc2", "2.0", Level.MAJOR),
        ("1.3.1rc2", "1.3.1", Level.PATCH),
        ("1.3.0rc2", "2.0.0", Level.MAJOR),
        ("1.2.3.4", "1.2.3.5", Level.PATCH),
    ],
)
def test_the_kind_of_a_release_is_told_from_the_last_one(
    previous: str, version: str, wanted: Level
) -> None:
    assert level_of(Version(previous), Version(version)) is wanted


finals = st.builds("{}.{}.{}".format, numbers, numbers, numbers).map(Version)


@given(finals, st.sampled_from(Level))
def test_the_next_version_of_a_kind_is_of_that_kind(previous: Version, level: Level) -> None:
    assert level_of(previous, next_version(previous, level)) is level


@pytest.mark.parametrize(
    ("current", "wanted"),
    [
        ("1.3.0rc2", "1.3.0"),
        ("1.3.0.dev4", "1.3.0"),
        ("1.3rc1", "1.3"),
        ("1!1.0b1", "1!1.0"),
        ("1.3.0rc1.post2", "1.3.0"),
        ("1.3.0rc1+local", "1.3.0"),
        ("1.3.0", None),
        ("1.3.0.post1", None),
        ("1.3.0.post1.dev2", None),
    ],
)
def test_only_a_pre_release_leads_to_a_final_version(current: str, wanted: str | None) -> None:
    found = final_version(Version(current))
    assert (None if found is None else str(found)) == wanted


@given(versions)
def test_a_final_version_is_above_its_pre_release_and_its_own_end(current: Version) -> None:
    found = final_version(current)
    if found is not None:
        assert found > current
        assert final_version(found) is None
        assert is_next_step(current, found)


@pytest.mark.parametrize(
    ("current", "version"),
    [
        ("1.2.3", "1.2.4"),
        ("1.2.3", "1.3.0"),
        ("1.2.3", "2.0.0"),
        ("1.2.3", "1.3"),
        ("1.2", "1.3"),
        ("1.2.3", "1.3.0a0"),
        ("1.2.3", "1.3.0rc1"),
        ("1.2.3", "2.0.0b1"),
        ("1.2.3", "1.2.4.dev7"),
        ("1.3.0rc9", "1.3.0rc10"),
        ("1.3.0rc9", "1.3.0"),
        ("1.3.0a4", "1.3.0b1"),
        ("1.3.0a4", "1.3.0rc1"),
        ("1.3.0rc1", "2.0.0"),
        ("1.2.3", "1.2.3.post1"),
        ("1.2.3", "1.2.3.post0"),
        ("1.2.3.post1", "1.2.3.post2"),
        ("1.2.3.post1", "1.2.4"),
        ("2025.12.3", "2026.7.1"),
        ("2026.10.20", "2026.11"),
        ("1.2.3", "2026.1.0"),
        ("1.2.3", "1!0.1"),
    ],
)
def test_what_skips_nothing(current: str, version: str) -> None:
    assert Version(version) > Version(current)
    assert is_next_step(Version(current), Version(version))


@pytest.mark.parametrize(
    ("current", "version"),
    [
        ("1.2.3", "1.2.5"),
        ("1.2.3", "1.3.1"),
        ("1.2.3", "1.4.0"),
        ("1.2.3", "2.1.0"),
        ("1.2.3", "3.0.0"),
        ("1.2.3", "20.0.0"),
        ("1.2.3", "1.3.0rc2"),
        ("1.2.3", "1.4.0rc1"),
        ("1.3.0rc1", "1.3.0rc3"),
        ("1.3.0a1", "1.3.0b2"),
        ("1.3.0rc1", "1.4.0"),
        ("1.2.3", "1.2.3.post2"),
        ("1.2.3", "1.2.4.post1"),
        ("1.2.3.post1", "1.2.3.post3"),
        ("1.2.3", "2!1.0"),
    ],
)
def test_what_skips_a_step(current: str, version: str) -> None:
    assert Version(version) > Version(current)
    assert not is_next_step(Version(current), Version(version))


@given(versions, st.sampled_from(Level))
def test_the_next_version_of_any_kind_skips_nothing(current: Version, level: Level) -> None:
    assert is_next_step(current, next_version(current, level))


@pytest.mark.parametrize(
    ("version", "current", "wanted"),
    [
        ("1.3.0", "1.2", "1.3"),
        ("1.3.0", "1.2.3", "1.3.0"),
        ("1.2.1", "1.2", "1.2.1"),
        ("1.3.0rc1", "1.2", "1.3rc1"),
        ("1.3.0", "1.3rc1", "1.3"),
        ("1.3.0-rc.1", "1.2.3", "1.3.0rc1"),
        ("1!2.0.0", "1!1.4", "1!2.0"),
        ("1.3.0.post1", "1.2", "1.3.post1"),
        ("10.0.0", "9.4", "10.0"),
        ("1.3.0", "", "1.3.0"),
        ("1.3.0", "no version", "1.3.0"),
        ("1.3.0.1", "1.2", "1.3.0.1"),
    ],
)
def test_a_version_has_as_many_numbers_as_the_last_one(
    version: str, current: str, wanted: str
) -> None:
    assert spelled_like(Version(version), current) == wanted


@given(versions, versions.map(str) | st.text(max_size=8))
def test_however_it_is_spelled_it_is_the_same_version(version: Version, current: str) -> None:
    assert parse(spelled_like(version, current)) == version


@pytest.mark.parametrize(
    "text", ["9" * 5000, "1." + "9" * 5000, "1.0rc" + "9" * 5000], ids=["all", "minor", "rc"]
)
def test_numbers_without_end_are_no_version(text: str) -> None:
    assert parse(text) is None
