"""What the procedure of OpenMed checks."""

from __future__ import annotations

from release.world.standing import Attestations
from tests.procedures.after import attested, status
from tests.procedures.defects import (
    LOOSE,
    NO_ENVIRONMENT,
    PROVENANCE,
    PUBLISH,
    PUBLISH_RIGHTS,
    PUBLISHER,
    SET_PUBLISHER,
    UNPROTECTED,
    by_token,
    failing_test,
    field,
    with_input,
)
from tests.procedures.model import Apart, Claim, Defect, Procedure, Row
from tests.procedures.plants import in_git, put, rendered, secret, swap

UPLOAD = """\
name: Upload
on: workflow_dispatch
permissions: {}
jobs:
  upload:
    name: Upload
    runs-on: ubuntu-latest
    steps:
      - run: COMMAND
"""
STORED = """\
    env:
      PYPI_API_TOKEN: ${{ secrets.PYPI_API_TOKEN }}
    steps:
"""

PROCEDURE = Procedure(
    name="openmed",
    title="OpenMed",
    slug="maziyarpanahi/openmed",
    workflow="publish.yml",
    rows=(
        Row(
            "does not use a stored PyPI API token",
            "secrets",
            "none",
            Defect("a token of the index", secret("notes.txt", key=False), r"notes\.txt: .*pypi"),
        ),
        Row(
            "the protected publishing job",
            "workflows",
            '`gates.setup.environment = "pypi"`',
            Defect(
                "the publishing job has no environment",
                swap(PUBLISH, "    environment:\n      name: pypi\n", ""),
                f"{PUBLISH}: environment: the publishing job publish has no environment",
            ),
        ),
        Row(
            "the only PyPI publishing workflow is publish.yml",
            "workflows",
            '`gates.setup.workflow = "publish.yml"`',
            Defect(
                "the workflow has another name",
                in_git("mv", PUBLISH, ".github/workflows/upload.yml"),
                "upload.yml: environment: upload.yml publishes, and the declared publisher",
            ),
        ),
        Row(
            "it runs from push events for v* tags only",
            "workflows",
            '`tag = "v{version}"`',
            Defect(
                "a push to main starts it",
                swap(
                    PUBLISH,
                    '    tags: ["v[0-9]*"]\n',
                    '    tags: ["v[0-9]*"]\n    branches: [main]\n',
                ),
                f"{PUBLISH}: ref: .*publishes from refs that are no tags",
            ),
        ),
        Row(
            "it does not run from pull_request or forked pull request events",
            "workflows",
            "none",
            Defect(
                "a pull request starts it",
                swap(PUBLISH, "on:\n", "on:\n  pull_request: {}\n"),
                f"{PUBLISH}: ref: .*pull_request",
            ),
        ),
        Row(
            "the reusable provenance job builds and checks the distributions",
            "workflows",
            "none",
            Defect(
                "the publishing workflow is called by others",
                swap(PUBLISH, "on:\n", "on:\n  workflow_call: {}\n"),
                f"{PUBLISH}: reusable: ",
            ),
        ),
        Row(
            "… in .github/workflows/provenance.yml",
            "workflows",
            '`workflows.provenance = "reusable"`',
            Defect(
                "it builds what nothing has checked",
                swap(PROVENANCE, "release_preflight --ci", "build"),
                r"provenance\.yml: rendered: jobs\.build\.steps\[3\]\.run is",
                given=rendered,
            ),
        ),
        Row(
            "… generates SLSA provenance",
            "workflows",
            "`gates.workflows.strict = true`",
            Defect(
                "attesting may fail",
                swap(
                    PROVENANCE,
                    "      - id: attest\n",
                    "      - id: attest\n        continue-on-error: true\n",
                ),
                f"{PROVENANCE}: soft: .*continue-on-error",
            ),
        ),
        Row(
            "… and verifies the attestations before upload",
            "workflows",
            "`gates.workflows.strict = true`",
            Defect(
                "a verification for any workflow and commit",
                swap(
                    PROVENANCE,
                    LOOSE.replace("{file}", "provenance.yml"),
                    "              --owner o\n",
                ),
                f"{PROVENANCE}: verified: .*not verified as they must be",
            ),
        ),
        Row(
            "… which the publish job needs",
            "workflows",
            '`workflows.provenance = "reusable"`',
            Defect(
                "publishing builds for itself",
                swap(
                    PUBLISH,
                    "uses: $/.github/workflows/provenance.yml",
                    "uses: $/.github/workflows/ci.yml",
                ),
                r"publish\.yml: rendered: jobs\.provenance\.uses is",
                given=rendered,
            ),
        ),
        Row(
            "the publish job downloads those verified distributions",
            "workflows",
            "`gates.workflows.strict = true`",
            Defect(
                "it takes whatever is there",
                swap(
                    PUBLISH,
                    "          artifact-ids: ${{ needs.provenance.outputs.artifact-id }}\n",
                    "          pattern: d*\n",
                ),
                f"{PUBLISH}: hand-off: .*match a pattern",
            ),
        ),
        Row(
            "… grants only contents: read plus id-token: write",
            "workflows",
            "`gates.workflows.strict = true`",
            Defect(
                "contents: write",
                swap(PUBLISH, PUBLISH_RIGHTS, PUBLISH_RIGHTS.replace("read", "write # planted")),
                f"{PUBLISH}: permissions: .*contents: write",
            ),
        ),
        Row(
            "configured without user, password, or PYPI_API_TOKEN",
            "workflows",
            "none",
            Defect(
                "a password",
                with_input(PUBLISH, "password: ${{ secrets.PYPI_API_TOKEN }}"),
                f"{PUBLISH}: inputs: password takes the place of Trusted Publishing",
            ),
        ),
        Row(
            "PEP 740 attestations are enabled",
            "workflows",
            "`gates.workflows.strict = true`",
            Defect(
                "attestations are switched off",
                with_input(PUBLISH, "attestations: false"),
                f"{PUBLISH}: inputs: attestations are switched off",
            ),
        ),
        Row(
            "do not add a second PyPI publishing workflow",
            "workflows",
            "none",
            Defect(
                "a second workflow that publishes",
                lambda place: put(
                    ".github/workflows/upload.yml",
                    (place.root / PUBLISH).read_text(encoding="utf-8"),
                )(place),
                "upload.yml: single: .*publishes, and so does",
            ),
        ),
        Row(
            "do not add hatch publish",
            "workflows",
            "`gates.workflows.strict = true`",
            Defect(
                "hatch publish",
                put(".github/workflows/upload.yml", UPLOAD.replace("COMMAND", "hatch publish")),
                r"upload\.yml: (single|inputs): ",
            ),
        ),
        Row(
            "… Twine upload credentials",
            "workflows",
            "none",
            Defect(
                "twine with a password",
                put(
                    ".github/workflows/upload.yml",
                    UPLOAD.replace("COMMAND", "TWINE_PASSWORD=$P twine upload dist/*"),
                ),
                r"upload\.yml: token: TWINE_PASSWORD is a credential",
            ),
        ),
        Row(
            "… or a PYPI_API_TOKEN secret", "workflows", "none", by_token(PUBLISH, "PYPI_API_TOKEN")
        ),
        Row(
            "trusted publisher: owner maziyarpanahi",
            "setup",
            SET_PUBLISHER,
            field("owner", "somebody", "maziyarpanahi"),
        ),
        Row(
            "… repository name openmed",
            "setup",
            SET_PUBLISHER,
            field("repository", "other", "openmed"),
        ),
        Row(
            "… workflow name publish.yml",
            "setup",
            SET_PUBLISHER,
            field("workflow", "release.yml", "publish.yml"),
        ),
        Row(
            "… environment name pypi",
            "setup",
            SET_PUBLISHER,
            field("environment", "release", "pypi"),
        ),
        Row(
            "the file name and environment name must match exactly",
            "setup",
            SET_PUBLISHER,
            field("workflow", "Publish.yml", "publish.yml"),
        ),
        Row("ensure the GitHub pypi environment exists", "setup", SET_PUBLISHER, NO_ENVIRONMENT),
        Row(
            "… and is protected according to the release policy",
            "setup",
            "`gates.setup.protected = true`",
            UNPROTECTED,
        ),
        Row(
            'grep -R "pypa/gh-action-pypi-publish": exactly one workflow',
            "workflows",
            "`gates.workflows.strict = true`",
            Defect(
                "none publishes",
                swap(PUBLISH, PUBLISHER, "      - run: sha256sum dist/*\n"),
                "single: no job of these workflows is seen to publish when a tag is pushed",
            ),
        ),
        Row(
            'grep -R "PYPI_API_TOKEN|hatch publish": finds nothing',
            "workflows",
            "none",
            Defect(
                "PYPI_API_TOKEN in the environment of another workflow",
                put(
                    ".github/workflows/docs.yml",
                    UPLOAD.replace("    steps:\n", STORED).replace("COMMAND", "mkdocs build"),
                ),
                r"docs\.yml: token: ",
            ),
        ),
        Row(
            "pytest tests/ -q must pass before the release tag is pushed",
            "test",
            '`gates.test.run = ["python -m pytest tests/ -q"]`',
            Defect(
                "a test that fails",
                failing_test("tests/test_planted.py"),
                "test_planted",
            ),
        ),
        Row(
            "remove local .pypirc entries",
            "workflows",
            "none",
            Defect(
                "a .pypirc in the repository",
                put(".pypirc", "[pypi]\nusername = __token__\n"),
                r"\.pypirc: token: ",
            ),
        ),
        Row(
            "do not recreate a broad PyPI token for CI",
            "workflows",
            "none",
            by_token(PUBLISH, "PYPI_TOKEN"),
        ),
    ),
    after=(
        status(
            "the PyPI release page lists provenance for wheel and sdist",
            "attestations that were promised are missing",
            "release a patch",
            attestations=Attestations.MISSING,
        ),
        attested(
            "the repository-level SLSA provenance check",
            "it was made in a fork",
            "repository",
            repository="https://github.com/fork/thing",
        ),
    ),
    apart=(
        Apart(
            "delete PYPI_API_TOKEN from repository and environment secrets",
            "person",
            "the owner, on the forge, which shows nobody; `workflows` sees that nothing uses it",
        ),
        Apart(
            "remove shell-profile entries",
            "person",
            "each maintainer, on the own machine; `workflows` judges what is in the repository",
        ),
        Apart(
            "a short-lived project-scoped token in an emergency, revoked after use",
            "person",
            "a person, on the index",
        ),
    ),
    claims=(
        Claim(
            "v* tags", "it takes vendor and the like, too; `v[0-9]*` takes versions", "workflows"
        ),
    ),
)
