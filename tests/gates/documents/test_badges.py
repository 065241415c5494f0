"""Badges: those that name the project's version in their address are edited, no others."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from release.gates.documents import badges

SHIELD = "https://img.shields.io/badge"


def edited(text: str, path: str = "README.md", version: str = "1.3.0", old: str = "1.2.0") -> str:
    return badges.with_version(text, path, old, version)


def judged(text: str, version: str = "1.2.0", path: str = "README.md") -> list[str]:
    found = list(badges.judge(text, path, Version(version)))
    assert all(finding.remedy for finding in found)
    return [f"{finding.line}: {finding.message}" for finding in found]


@pytest.mark.parametrize(
    "text",
    [
        f"![Version]({SHIELD}/version-1.2.0-blue)",
        f"![Version: 1.2.0]({SHIELD}/Version-1.2.0-informational?style=flat-square)",
        f"[![Version]({SHIELD}/version-v1.2.0-blue.svg)](CHANGELOG.md)",
        f"![latest patch]({SHIELD}/v1.2.0-00adad?label=Latest%20Patch)",
        f"![v1.2.0]({SHIELD}/v1.2.0-2026--01--02-0078D4)",
        f"![]({SHIELD}/-v1.2.0-blue)",
        f'![pypi]({SHIELD}/pypi%20package-1.2.0-blue "1.2")',
        "![v](https://img.shields.io/static/v1?label=version&message=1.2.0&color=blue)",
        f'<img src="{SHIELD}/version-1.2.0-E15D44" alt="Versión 1.2.0" />',
        f"<a href='#'><IMG\n  alt='version'\n  src='{SHIELD}/release-v1.2.0-blue'></a>",
        f'<img src="{SHIELD}/v1.2.0-gray?style=flat&amp;label=version">',
        f"[![version][badge]](#)\n\n[badge]: {SHIELD}/version-1.2.0-blue\n",
        f"![version][]\n\n[version]: <{SHIELD}/version-1.2.0-blue>\n",
    ],
)
def test_a_badge_of_the_version_is_edited_with_its_text(text: str) -> None:
    assert edited(text) == text.replace("1.2.0", "1.3.0")
    assert edited(edited(text)) == edited(text)


@pytest.mark.parametrize(
    "text",
    [
        "Version 1.2.0 is out: pip install small-thing==1.2.0\n",
        f"![AppVersion: 1.2.0]({SHIELD}/AppVersion-1.2.0-informational)",
        f"![python]({SHIELD}/python-1.2.0-blue)",
        f"[![npm]({SHIELD}/v1.2.0-blue?style=flat-square)](#option)",
        f'<img src="{SHIELD}/v1.2.0-gray?label=Nginx" alt="">',
        f'<img data-src="{SHIELD}/version-1.2.0-blue">',
        f"![version]({SHIELD}/version-1.2.01-blue)",
        f"![version]({SHIELD}/version-1.1.0-blue)",
        f"![version]({SHIELD}/version-1.2.0--beta-blue)",
        f"![version]({SHIELD}/1.2.0)",
        "![version](https://img.shields.io/pypi/v/small-thing?label=1.2.0)",
        "![version](https://example.invalid/badge/version-1.2.0-blue)",
        f"`{SHIELD}/version-1.2.0-blue`\n",
        f"[a link]({SHIELD}/version-1.2.0-blue)\n",
        f"[unused]: {SHIELD}/version-1.2.0-blue\n",
        f"```md\n![version]({SHIELD}/version-1.2.0-blue)\n```\n",
        f"<!--\n![version]({SHIELD}/version-1.2.0-blue)\n-->\n",
        f".. image:: {SHIELD}/version-1.2.0-blue\n",
    ],
)
def test_everything_else_is_left_alone(text: str) -> None:
    assert edited(text) == text


def test_the_targets_of_links_around_a_badge_stay() -> None:
    text = f"[![Version]({SHIELD}/version-{{}}-blue)](https://example.invalid/tag/v1.2.0)"
    assert edited(text.format("1.2.0")) == text.format("1.3.0")


def test_directives_of_restructuredtext_are_edited_with_their_options() -> None:
    text = (
        f".. image:: {SHIELD}/version-1.2.0-blue.svg\r\n"
        "    :target: https://example.invalid/1.2.9\r\n"
        "    :alt: Version 1.2.0\r\n"
        "\r\n"
        f"  .. |release| image:: {SHIELD}/release-v1.2.0-blue\n"
        f".. image:: {SHIELD}/v1.2.0-blue\n"
        "   :alt: Nginx\n"
        "1.2.0"
    )
    after = (
        text.replace("version-1.2.0", "version-1.3.0")
        .replace("Version 1.2.0", "Version 1.3.0")
        .replace("release-v1.2.0", "release-v1.3.0")
    )
    assert edited(text, "README.rst") == after
    assert edited(text, "README") == after


@pytest.mark.parametrize(
    ("shown", "old", "version", "after"),
    [
        ("1.2", "1.2.3", "1.3.0", "1.3"),
        ("v2", "2.4.0", "3.0.0", "v3"),
        ("2026.9", "2026.9.1", "2026.11.0", "2026.11"),
        ("1.0.0--rc.1", "1.0.0rc1", "1.0.0", "1.0.0"),
        ("1.0", "1.0", "1.1rc1", "1.1rc1"),
        ("1.0.0", "1.0.0", "1.0.0-rc1", "1.0.0--rc1"),
        ("1.0.0+a", "1.0.0+a", "1.0.0+b", "1.0.0+b"),
        ("1.0.0%2Ba", "1.0.0+a", "1.0.0+b", "1.0.0%2Bb"),
        ("odd__one", "odd_one", "1_0", "1__0"),
    ],
)
def test_spelling_and_escapes_are_those_of_badges(
    shown: str, old: str, version: str, after: str
) -> None:
    text = f"![version]({SHIELD}/version-{shown}-blue)"
    assert edited(text, version=version, old=old) == text.replace(shown, after)


@settings(max_examples=200)
@given(
    st.lists(
        st.sampled_from(
            [
                f"![version]({SHIELD}/version-<V>-blue) \r\n",
                f'<img alt="v<V>" src="{SHIELD}/v<V>-blue">\n',
                f"![python]({SHIELD}/python-1.2.0-blue)",
                f"![![x]({SHIELD}/version-<V>-blue)",
                "version 1.2.0\u2028",
                "![version](\n",
                "<img \r\n",
                "\r\n",
                " ",
            ]
        ),
        max_size=12,
    ),
    st.booleans(),
)
def test_the_rest_of_the_file_stays_byte_for_byte(parts: list[str], bom: bool) -> None:
    text = "\ufeff" * bom + "".join(parts)
    assert edited(text.replace("<V>", "1.2.0")) == text.replace("<V>", "1.3.0")


class TestJudgement:
    def test_a_badge_of_another_version_is_reported_with_its_line(self) -> None:
        text = f"# Small\n\n![Version]({SHIELD}/version-1.1.0-blue)\n"
        assert judged(text) == ["3: a badge names the version 1.1.0, and the project's is 1.2.0"]
        html = f'# Small\n\n<img\n src="{SHIELD}/v1.1.0-blue" alt="version">\n'
        assert judged(html) == ["3: a badge names the version 1.1.0, and the project's is 1.2.0"]
        rst = f".. image:: {SHIELD}/version-1.1.0-blue\n   :alt: Version\n"
        assert judged(rst, path="README.rst")[0].startswith("1: ")

    @pytest.mark.parametrize("shown", ["1.2.0", "v1.2.0", "1.2", "1.2.0.0", "unreleased", "2"])
    def test_the_version_its_series_and_words_are_right(self, shown: str) -> None:
        assert judged(f"![version]({SHIELD}/version-{shown}-blue)") == []

    def test_what_may_be_about_something_else_is_not_judged(self) -> None:
        assert judged(f"![]({SHIELD}/v9.9-blue)") == []
        assert judged(f"![Nginx]({SHIELD}/version-9.9-blue)") == []

    def test_before_a_release_the_last_one_may_be_named(self) -> None:
        assert judged(f"![version]({SHIELD}/version-1.1.0-blue)", "1.2.0.dev0") == []
