"""What the procedure of Ophamin checks."""

from __future__ import annotations

from release.model import Level, Status
from release.world.standing import Archive, Checks, Stated
from tests.procedures.after import BUILT, REPOSITORY, attested, serving, status
from tests.procedures.defects import (
    LOCAL_DEPENDENCY,
    LONG_SUMMARY,
    LOOSE,
    NO_DESCRIPTION,
    NOT_BUILT,
    NOT_RENDERED,
    RELEASE,
    SET_PUBLISHER,
    UNCONFIRMED,
    WRONG_TAG,
    by_token,
    failing_test,
    field,
    with_input,
)
from tests.procedures.model import Apart, Claim, Defect, Place, Plant, Procedure, Row
from tests.procedures.plants import append, every, in_git, put, rendered, secret, swap

NEW_SCHEMA = every(
    swap("src/ophamin/__init__.py", "RECORD_SCHEMA = 1", "RECORD_SCHEMA = 2"),
    swap("SCHEMAS.md", "| `record` | 1 |", "| `record` | 2 |"),
    put("migrations/record_v1_to_v2.py", '"""Give each record of schema 1 a unit."""\n'),
    swap(
        "CHANGELOG.md",
        "- A record states the unit of its value.\n",
        "- A record states the unit of its value.\n\n### Schema migrations\n\n"
        "- `record` 1 to 2: run `migrations/record_v1_to_v2.py` on an archive.\n",
    ),
)


def local_image(place: Place) -> None:
    """A Dockerfile like the project's own, on a base image made of this machine's Python."""
    text = (place.root / "Dockerfile").read_text(encoding="utf-8")
    base, _, rest = text.partition("COPY . .\n")
    head = base.replace("python:3.13-slim", place.base_image)
    user = rest.partition("USER ")[2].partition("\n")[0]
    put("Dockerfile", f"{head}COPY src /srv\nENV PYTHONPATH=/srv\nUSER {user}\n")(place)
    put("older/ophamin/__init__.py", '__version__ = "0.7.9"\n')(place)


LOCAL_IMAGE: Plant = local_image

PROCEDURE = Procedure(
    name="ophamin",
    title="Ophamin",
    slug="IdirBenSlama/Ophamin",
    workflow="release.yml",
    rows=(
        Row(
            "main is the source of truth; all release commits land on main",
            "tree",
            '`branch = "main"`',
            Defect(
                "HEAD on another branch",
                in_git("switch", "--quiet", "--create", "elsewhere"),
                "on branch elsewhere, and releases are made from main",
                committed=False,
            ),
        ),
        Row(
            "CI on main is green (CI + Audit + lint + typecheck workflows)",
            "ci",
            '`gates.ci.workflows = ["CI", "Audit", "lint", "typecheck"]`',
            Defect(
                "Audit ended with a failure",
                lambda place: place.forge_runs({"Audit": "failure"}),
                "Audit ended with failure",
                committed=False,
            ),
        ),
        Row(
            "(the same: each of the four)",
            "ci",
            '`gates.ci.workflows = ["CI", "Audit", "lint", "typecheck"]`',
            Defect(
                "typecheck did not run for this commit",
                lambda place: place.forge_runs({"typecheck": None}),
                "typecheck has not run for this commit",
                committed=False,
            ),
        ),
        Row(
            "mypy --strict src/ophamin clean locally",
            "typecheck",
            '`gates.typecheck.run = ["mypy --strict src/ophamin"]`',
            Defect(
                "a function without annotations, which only --strict refuses",
                append("src/ophamin/__init__.py", "\n\ndef planted(a):\n    return a\n"),
                "no-untyped-def",
            ),
        ),
        Row(
            "pytest -q --ignore=tests/bench green locally",
            "test",
            '`gates.test.run = ["pytest -q --ignore=tests/bench"]`',
            Defect(
                "a test that fails",
                failing_test("tests/test_planted.py"),
                "test_planted",
            ),
        ),
        Row(
            "pre-push hook installed (git config core.hooksPath .githooks)",
            "setup",
            "none: hooks that are there must be in use (`tree` says it, too)",
            Defect(
                "core.hooksPath is not set",
                in_git("config", "--unset", "core.hooksPath"),
                r"the project's hooks in \.githooks/ are not in use",
                committed=False,
            ),
        ),
        Row(
            "patch: bug fixes only, no new public surface",
            "ratchet",
            "`gates.ratchet.frozen-patches = true`",
            Defect(
                "a new function in a patch release",
                append("src/ophamin/__init__.py", "\n\ndef planted() -> None: ...\n"),
                "a patch release adds to the public API: ophamin.planted",
                given=every(
                    swap("pyproject.toml", '\nversion = "{version}"', '\nversion = "0.7.3"'),
                    swap("src/ophamin/__init__.py", '"{version}"', '"0.7.3"'),
                ),
            ),
        ),
        Row(
            "minor: full backward compatibility",
            "ratchet",
            "`gates.ratchet.compatible-minors = true`",
            Defect(
                "a function is gone in a minor release",
                swap("src/ophamin/__init__.py", "def record(", "def archive("),
                "api ophamin.record: removed since 0.7.2",
            ),
        ),
        Row(
            "… (CLI command, …)",
            "ratchet",
            "none",
            Defect(
                "the command ophamin is gone in a minor release",
                swap("pyproject.toml", '[project.scripts]\nophamin = "ophamin:main"\n', ""),
                "entry point console_scripts:ophamin is gone",
            ),
        ),
        Row(
            "major: requires a migration script",
            "schemas",
            '`schemas.migrations = "migrations"`, `schemas.major-script = "v{major}*.py"`',
            Defect(
                "a major release without a script",
                in_git("rm", "--quiet", "migrations/v1_records.py"),
                "1.0.0 is a major release after v0.7.2, and .* has no new migration script",
                given=put("migrations/v1_records.py", '"""Move the archives."""\n'),
                level=Level.MAJOR,
            ),
        ),
        Row(
            "schema versions are tracked separately in SCHEMAS.md",
            "schemas",
            '`schemas.register = "SCHEMAS.md"`, `schemas.sources`',
            Defect(
                "a version in the code that is not registered",
                swap("src/ophamin/__init__.py", "RECORD_SCHEMA = 1", "RECORD_SCHEMA = 2"),
                "record is registered as 1, and .* says 2",
            ),
        ),
        Row(
            "three files must agree … verify they match: __init__.py",
            "versions",
            "found; `[tool.bumpversion]` lists it",
            Defect(
                "another version in __init__.py",
                swap("src/ophamin/__init__.py", '"{version}"', '"0.0.9"'),
                r"__version__ is 0\.0\.9, and",
            ),
        ),
        Row(
            "CITATION.cff, two places: the top level",
            "versions",
            "found; `[tool.bumpversion]` lists both",
            Defect(
                "another version at the top level",
                swap("CITATION.cff", "\nversion: {version}", "\nversion: 0.0.9"),
                r"CITATION\.cff: .*0\.0\.9",
            ),
        ),
        Row(
            "CITATION.cff, two places: preferred-citation",
            "versions",
            "found; `[tool.bumpversion]` lists both",
            Defect(
                "another version in preferred-citation",
                swap(
                    "CITATION.cff",
                    "  type: software\n  version: {version}",
                    "  type: software\n  version: 0.0.9",
                ),
                r"CITATION\.cff: .*0\.0\.9",
            ),
        ),
        Row(
            "add a new section ## [<version>] — YYYY-MM-DD",
            "changelog",
            '`changelog.heading = "[{version}] — {date}"`',
            Defect(
                "no section of that version",
                swap("CHANGELOG.md", "## [{version}]", "## [0.7.9]"),
                "there is no section for 0.8.0",
            ),
        ),
        Row(
            "… above the previous release section",
            "changelog",
            "`gates.changelog.strict = true`",
            Defect(
                "the last two releases in the wrong order",
                swap("CHANGELOG.md", "## [0.7.1]", "## [0.7.25]", ("## [0.7.2]", "## [0.7.1]")),
                "0.7.1 stands above 0.7.25",
            ),
        ),
        Row(
            "follow the established structure: Added / Changed / Fixed / Validated",
            "changelog",
            '`changelog.kinds = ["Added", "Changed", "Fixed", "Validated", "Schema migrations"]`',
            Defect(
                "a section of another name",
                swap("CHANGELOG.md", "### Added", "### Highlights\n\n- It is new.\n\n### Added"),
                "Highlights is not one of the kinds",
            ),
        ),
        Row(
            "every section starts with concrete bullets",
            "changelog",
            "none",
            Defect(
                "a placeholder",
                swap("CHANGELOG.md", "- A record states the unit of its value.", "- TODO"),
                "nothing but placeholders",
            ),
        ),
        Row(
            "no marketing language",
            "changelog",
            "`gates.changelog.plain-language = true`",
            Defect(
                "a word of advertisement",
                swap("CHANGELOG.md", "- A record states", "- A blazing-fast record states"),
                "advertises",
            ),
        ),
        Row(
            "if a schema bumped, add a ### Schema migrations subsection",
            "schemas",
            '`schemas.subsection = "Schema migrations"`',
            Defect(
                "no subsection about the new schema",
                swap("CHANGELOG.md", "### Schema migrations", "### Changed"),
                "0.8.0 has no subsection 'Schema migrations'",
                given=NEW_SCHEMA,
            ),
        ),
        Row(
            "… pointing at the migration script under migrations/",
            "schemas",
            '`schemas.script = "{schema}_v{old}_to_v{new}.py"`',
            Defect(
                "no script for the new schema",
                in_git("rm", "--quiet", "migrations/record_v1_to_v2.py"),
                r"no script in migrations/ migrates it from 1 to 2",
                given=NEW_SCHEMA,
            ),
        ),
        Row(
            "sanity: python -c 'print(ophamin.__version__)' matches the version you set",
            "build",
            "none: the installed wheel is asked",
            Defect(
                "a version that changes when it is imported",
                append("src/ophamin/__init__.py", '\nglobals()["__version__"] = "0.7.9"\n'),
                r"says 0\.7\.9, the wheel is of version 0\.8\.0",
            ),
        ),
        Row(
            "tag with the same string as pyproject's version",
            "build",
            '`tag = "v{version}"`',
            WRONG_TAG,
        ),
        Row("builds an sdist + pure-Python wheel (python -m build)", "build", "none", NOT_BUILT),
        Row(
            "publishes via Trusted Publishing (OIDC; no long-lived API tokens)",
            "workflows",
            "none",
            by_token(RELEASE, "PYPI_API_TOKEN"),
        ),
        Row(
            "the owner must wire a pending publisher: owner IdirBenSlama",
            "setup",
            SET_PUBLISHER,
            field("owner", "somebody", "IdirBenSlama"),
        ),
        Row(
            "… repository name Ophamin",
            "setup",
            SET_PUBLISHER,
            field("repository", "other", "Ophamin"),
        ),
        Row(
            "… workflow name release.yml",
            "setup",
            SET_PUBLISHER,
            field("workflow", "publish.yml", "release.yml"),
        ),
        Row(
            "… environment name pypi",
            "setup",
            SET_PUBLISHER,
            field("environment", "release", "pypi"),
        ),
        Row(
            "the pending publisher will be active until the first successful publish",
            "setup",
            "`gates.setup.confirmed`",
            Defect(
                "a pending publisher that is older than 30 days",
                every(
                    swap("pyproject.toml", "publisher = 2026-11-01", "publisher = 2026-01-01"),
                    lambda place: place.index_knows_nothing(),
                ),
                "the pending publisher of 2026-01-01 has expired",
            ),
        ),
        Row("twine check --strict: PyPI metadata sanity", "parity", "none", LONG_SUMMARY),
        Row("… README rendering", "build", "none", NOT_RENDERED),
        Row(
            "… long-description content type",
            "build",
            "`gates.build.strict = true`",
            NO_DESCRIPTION,
        ),
        Row(
            "local pre-flight: python -m build, twine check --strict dist/*",
            "build",
            "none: made anew, of what is committed alone",
            NOT_RENDERED,
        ),
        Row(
            "dry run: the publish job is skipped",
            "workflows",
            "`gates.workflows.strict = true`",
            Defect(
                "publishing without a condition",
                swap(
                    RELEASE,
                    "    if: github.event_name == 'push' && github.ref_type == 'tag'\n",
                    "",
                    ("    if: github.event_name == 'push'\n", ""),
                ),
                f"{RELEASE}: ref: .*publishes from refs that are no tags",
            ),
        ),
        Row(
            "trigger the workflow manually with dry_run=true",
            "workflows",
            "`workflows.dry-run = true`",
            Defect(
                "a dry run signs and publishes",
                swap(RELEASE, " && !inputs.dry_run", ""),
                r"rendered: jobs\.publish\.if is",
                given=rendered,
            ),
        ),
        Row(
            "the wheel remains downloadable as a workflow artefact",
            "workflows",
            '`workflows.provenance = "inline"`',
            Defect(
                "other files are handed on than were built",
                swap(RELEASE, "path: .release/dist/,", "path: older/,"),
                r"rendered: jobs\.build\.steps\[5\]\.with\.path is",
                given=rendered,
            ),
        ),
        Row(
            "no PyPI credentials are stored locally",
            "workflows",
            "none",
            Defect(
                "a .pypirc in the repository",
                put(".pypirc", "[pypi]\nusername = __token__\n"),
                r"\.pypirc: token: ",
            ),
        ),
        Row(
            "every release artefact carries attestations",
            "workflows",
            "`gates.workflows.strict = true`",
            Defect(
                "publishing does not need their verification",
                swap(
                    RELEASE,
                    "    needs: [preflight, build, verify]\n",
                    "    needs: [preflight, build]\n",
                ),
                f"{RELEASE}: verified: nothing verifies the attestations of all files",
            ),
        ),
        Row(
            "SLSA provenance by actions/attest-build-provenance@v2",
            "workflows",
            "`gates.workflows.strict = true`",
            Defect(
                "an action by its tag",
                swap(
                    RELEASE,
                    "actions/attest@1e69f48acb82d1966a394da916b4c1698aa569d6 # v4.2.2",
                    "actions/attest-build-provenance@v2",
                ),
                f"{RELEASE}: unpinned-uses: .*not pinned to a hash",
            ),
        ),
        Row(
            "… in the build job of release.yml",
            "workflows",
            "none",
            Defect(
                "the job that builds may sign",
                swap(
                    RELEASE,
                    "      contents: read\n    outputs:\n",
                    "      contents: read\n      id-token: write # to sign\n    outputs:\n",
                ),
                f"{RELEASE}: isolation: .*builds, and may sign",
            ),
        ),
        Row(
            "PEP 740 attestations, with attestations: true",
            "workflows",
            "`gates.workflows.strict = true`",
            Defect(
                "attestations are switched off",
                with_input(RELEASE, "attestations: false"),
                f"{RELEASE}: inputs: attestations are switched off",
            ),
        ),
        Row(
            "gh attestation verify proves release.yml at a specific commit",
            "workflows",
            "`gates.workflows.strict = true`",
            Defect(
                "a verification for any workflow and commit",
                swap(RELEASE, LOOSE.replace("{file}", "release.yml"), "              --owner o\n"),
                f"{RELEASE}: verified: .*not verified as they must be",
            ),
        ),
        Row(
            "there is no parallel signing key",
            "secrets",
            "none",
            Defect(
                "a private key", secret("release.pem", key=True), r"release\.pem: .*private-key"
            ),
        ),
        Row(
            "Zenodo: auto-mints a DOI based on .zenodo.json metadata",
            "documents",
            "found",
            Defect(
                "an access right that Zenodo does not know",
                swap(".zenodo.json", '"open"', '"for everybody"'),
                r"\.zenodo\.json: access_right",
            ),
        ),
        Row(
            "… (minor + major only)",
            "zenodo",
            '`gates.zenodo.run`, `levels = ["minor", "major"]`',
            Defect(
                "no creators",
                swap(".zenodo.json", '"creators": [{"name": "The Ophamin maintainers"}]', '"x": 1'),
                r"check_zenodo\.py .*lacks creators",
            ),
        ),
        Row(
            "confirm the repository toggle is ON",
            "setup",
            f'`gates.setup.archive = "zenodo"`, `{UNCONFIRMED}.archive`',
            Defect(
                "nobody has confirmed it",
                swap("pyproject.toml", "archive = 2026-11-01\n", ""),
                "whether zenodo takes this repository's releases cannot be seen",
                status=Status.UNCHECKED,
            ),
        ),
        Row(
            "build + verify the Docker image, in the workflow",
            "workflows",
            "`workflows.image = true`",
            Defect(
                "publishing does not wait for the image",
                swap(RELEASE, "needs: [image, build, verify]", "needs: [build, verify]"),
                r"rendered: jobs\.publish\.needs",
                given=rendered,
            ),
        ),
        Row(
            "build + verify the Docker image",
            "docker",
            "found",
            Defect(
                "an older package in the image",
                append("Dockerfile", "COPY older /srv\n"),
                r"inside the image ophamin is 0\.7\.9",
                given=LOCAL_IMAGE,
            ),
        ),
        Row(
            "commit the refreshed SBOM on the next patch; do NOT include it in the release commit",
            "workflows",
            "`workflows.forge-release = true`",
            Defect(
                "the release on the forge goes without it",
                swap(RELEASE, " dist receipt ", " dist "),
                r"rendered: jobs\.forge-release\.steps\[3\]\.run is",
                given=rendered,
            ),
        ),
        Row(
            "regenerate the SBOM",
            "sbom",
            "none",
            Defect(
                "a dependency that is a file of this machine",
                LOCAL_DEPENDENCY,
                "no package URL: it was installed from a file or a folder",
            ),
        ),
        Row(
            "update README badge versions if not parameterised",
            "documents",
            "found",
            Defect(
                "a badge of an older version",
                swap("README.md", "version-{version}-blue", "version-0.7.9-blue"),
                r"README\.md: a badge names the version 0\.7\.9",
            ),
        ),
    ),
    after=(
        serving(
            "uploads both artefacts to PyPI",
            "other bytes than were built",
            "serves other bytes than were built",
            {**BUILT, "thing-1.0.tar.gz": "d" * 64},
        ),
        attested(
            "gh attestation verify, against a downloaded wheel",
            "it was signed by another workflow",
            "workflow ci.yml instead of release.yml",
            workflow=f"{REPOSITORY}/.github/workflows/ci.yml@refs/tags/v1.0",
        ),
        attested(
            "cosign verify-blob", "a signature of other bytes", "bad signature", "bad signature"
        ),
        attested(
            "pip install ophamin --verify-attestations",
            "no attestation of a file",
            "no attestation",
            commit=None,
        ),
        status(
            "the next push of a tag mints a fresh DOI",
            "no record in the archive",
            "archive",
            archive=Archive.NONE,
        ),
        status(
            "watch CI on main post-tag",
            "the checks still run",
            "wait",
            checks=Checks.RUNNING,
        ),
        status(
            "CI red after push: do NOT delete the tag",
            "red checks of what is published",
            "release a patch",
            checks=Checks.RED,
        ),
        status(
            "wrong version in CITATION.cff: patch with a follow-up release",
            "another version to be cited at the tag",
            "release a patch",
            stated=Stated.CITATION,
        ),
    ),
    apart=(
        Apart(
            "once the first trusted-publishing release lands on PyPI",
            "after",
            "`setup` sees it in the next release",
        ),
        Apart(
            "SBOM mismatch: refresh on next patch", "after", "`sbom` makes it anew of each release"
        ),
        Apart(
            "add a badge to README.md after the DOI mints",
            "person",
            "a person, after the release; `documents` judges badges with a version",
        ),
        Apart(
            "add a project owner on PyPI",
            "person",
            "a person, on the index; no interface shows owners to others",
        ),
        Apart(
            "the Zenodo–GitHub integration is configured",
            "person",
            "a person, once; see the toggle above",
        ),
        Apart(
            "the older v1 stays readable", "person", "the project's own tests, which `test` runs"
        ),
        Apart(
            "the image is CORE-only",
            "person",
            "a person reads the Dockerfile; `gates.docker.max-megabytes` bounds what gets in",
        ),
        Apart(
            "close any release-blocking issues / RFCs",
            "person",
            "a person: which of them block, no tool knows",
        ),
    ),
    claims=(
        Claim(
            "the publish job will fail with invalid_grant",
            "the index says invalid-publisher, or invalid-pending-publisher",
            "setup",
        ),
        Claim(
            "the pending publisher will be active until the first successful publish",
            "it expires after 30 days, and reserves no name",
            "setup",
        ),
        Claim(
            "SLSA 3 build provenance",
            "a workflow in the same repository gives build level 2",
            "workflows",
        ),
        Claim(
            "attest in the build job",
            "what runs project code must not be able to sign",
            "workflows",
        ),
        Claim(
            "cosign verify-blob",
            "it is for signatures of messages; attestations take cosign verify-blob-attestation",
            "workflows",
        ),
        Claim(
            "gh attestation verify --owner",
            "any repository of that owner passes; --repo, --signer-workflow, --source-ref and"
            " --source-digest make it this one",
            "workflows",
        ),
        Claim(
            "pip install --verify-attestations, uv pip install --verify-attestations",
            "neither has such an option; pypi-attestations verify pypi does it, if at least one"
            " attestation is demanded for each file",
            "workflows",
        ),
        Claim(
            "all three come from a single signing event",
            "the attestation of the build and that of the upload are two, by two jobs",
            "workflows",
        ),
        Claim(
            "the tag itself doesn't trigger a separate workflow",
            "it triggers release.yml, as the same document says",
            "workflows",
        ),
        Claim(
            "git push origin main, git push origin v<version>",
            "the second may land when the first is refused; one atomic push lands both or neither",
            "tree",
        ),
    ),
)
