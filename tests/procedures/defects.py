"""Defects that several procedures speak of, and the texts that they are planted in."""

from __future__ import annotations

import zipfile
from dataclasses import replace

from release.model import Status
from tests.procedures.model import Defect, Place, Plant
from tests.procedures.plants import every, in_git, put, swap

RELEASE = ".github/workflows/release.yml"
PUBLISH = ".github/workflows/publish.yml"

PROVENANCE = ".github/workflows/provenance.yml"
PUBLISHER = (
    "      - uses: pypa/gh-action-pypi-publish@dc37677b2e1c63e2034f94d8a5b11f265b73ba33 # v1.14.2\n"
)
PUBLISH_RIGHTS = "      contents: read\n      id-token: write # to publish\n"

LOOSE = """\
              --signer-workflow "$GITHUB_REPOSITORY/.github/workflows/{file}" \\
              --source-ref "$GITHUB_REF" --source-digest "$GITHUB_SHA"
"""


def with_input(file: str, line: str) -> Plant:
    """An input of the action that publishes."""
    return swap(file, PUBLISHER, f"{PUBLISHER}        with:\n          {line}\n")


def by_token(file: str, name: str) -> Defect:
    return Defect(
        f"a password of the secret {name}",
        with_input(file, f"password: ${{{{ secrets.{name} }}}}"),
        rf"{file}: token: the secret {name} is a token of an index",
    )


def failing_test(path: str) -> Plant:
    return put(path, "def test_planted() -> None:\n    assert 1 == 2\n")


NOT_BUILT = Defect(
    "a readme that is not there",
    swap("pyproject.toml", 'readme = "README.md"', 'readme = "NOWHERE.md"'),
    "NOWHERE.md",
)
NOT_RENDERED = Defect(
    "a readme that does not render",
    every(
        swap("pyproject.toml", 'readme = "README.md"', 'readme = "README.rst"'),
        put("README.rst", "Title\n=====\n\n.. nothing-like-it::\n"),
    ),
    "twine check --strict refuses",
)
NO_DESCRIPTION = Defect(
    "no description at all",
    swap("pyproject.toml", 'readme = "README.md"\n', ""),
    "twine check --strict refuses",
)
LONG_SUMMARY = Defect(
    "a summary that is too long for the index",
    swap("pyproject.toml", 'description = "', f'description = "{"Very long. " * 60}'),
    "summary: has more than 512 characters",
)
WRONG_TAG = Defect(
    "a tag of another version",
    in_git("tag", "--annotate", "--message", "Planted", "v9.9.9"),
    r"this commit is tagged v9\.9\.9",
    committed=False,
)
NO_TAG_CHECK = Defect(
    "what is compared with the version is not the tag",
    swap(RELEASE, "TAG: ${{ github.ref_name }}", "TAG: ${{ github.actor }}"),
    f"{RELEASE}: tags: nothing compares the tag with the version",
)
VULNERABLE = Defect(
    "an advisory about a dependency",
    lambda place: place.advisory("psycopg"),
    r"psycopg [\d.]+ has PLANTED-2026-1",
    committed=False,
)
NO_ENVIRONMENT = Defect(
    "no environment pypi on the forge",
    lambda place: place.no_forge_environment(),
    "has no environment pypi; the first run would make it",
    committed=False,
)
UNPROTECTED = Defect(
    "an environment that nothing protects",
    lambda place: place.forge_environment((), None),
    "nothing protects the environment pypi",
    committed=False,
)
BARE = replace(UNPROTECTED, status=Status.PASSED)
UNCONFIRMED = "gates.setup.confirmed"


def field(name: str, said: str, should: str) -> Defect:
    """A field of the trusted publisher that is another one."""
    part = {"owner": f"{said}/{{repository}}", "repository": f"{{owner}}/{said}"}.get(name)

    def plant(place: Place) -> None:
        if part is None:
            place.publisher[name] = said
            return
        owner, _, repository = str(place.publisher["repository"]).partition("/")
        place.publisher["repository"] = part.format(owner=owner, repository=repository)

    return Defect(
        f"the last release came from {name} {said}",
        plant,
        rf"published from elsewhere: {name} {said}, not {should}",
        committed=False,
    )


def local_dependency(place: Place) -> None:
    """A requirement by the address of a file: a wheel beside the project."""
    wheel = place.root.parent / "planted_thing-1.0-py3-none-any.whl"
    info = "planted_thing-1.0.dist-info"
    content = {
        "planted_thing.py": "",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: planted-thing\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in (*content, f"{info}/RECORD"))
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in {**content, f"{info}/RECORD": record}.items():
            archive.writestr(name, text)
    path = place.root / "pyproject.toml"
    lines = path.read_text(encoding="utf-8").replace("dependencies = [", "dependencies = [X, ", 1)
    if "X, " not in lines:
        lines = lines.replace("[project]\n", "[project]\ndependencies = [X]\n", 1)
    lines = lines.replace("[X", f'["planted-thing @ {wheel.as_uri()}"', 1)
    lines = lines.replace("[tool.release]\n", "[tool.release]\npublish = false\n", 1)
    lines += "\n[tool.hatch.metadata]\nallow-direct-references = true\n"
    path.write_text(lines, encoding="utf-8")


LOCAL_DEPENDENCY: Plant = local_dependency

SET_PUBLISHER = "`gates.setup.owner`, `repository`, `workflow`, `environment`"
