"""What the procedure of chap-checker checks."""

from __future__ import annotations

from release.world.standing import ForgeRelease, Index
from tests.procedures.after import serving, status
from tests.procedures.defects import (
    BARE,
    NO_ENVIRONMENT,
    NOT_BUILT,
    PUBLISH_RIGHTS,
    PUBLISHER,
    RELEASE,
    SET_PUBLISHER,
    WRONG_TAG,
    by_token,
    field,
)
from tests.procedures.model import Apart, Claim, Defect, Procedure, Row
from tests.procedures.plants import in_git, rendered, secret, swap

PROCEDURE = Procedure(
    name="chap_checker",
    title="chap-checker",
    slug="dhis2-chap/chap-checker",
    workflow="release.yml",
    rows=(
        Row(
            "no long-lived API tokens are stored anywhere",
            "secrets",
            "none",
            Defect("a token of the index", secret("notes.txt", key=False), r"notes\.txt: .*pypi"),
        ),
        Row(
            "a trusted publisher is configured: owner dhis2-chap",
            "setup",
            SET_PUBLISHER,
            field("owner", "somebody", "dhis2-chap"),
        ),
        Row(
            "… repository chap-checker",
            "setup",
            SET_PUBLISHER,
            field("repository", "other", "chap-checker"),
        ),
        Row(
            "… workflow release.yml",
            "setup",
            SET_PUBLISHER,
            field("workflow", "publish.yml", "release.yml"),
        ),
        Row("… environment pypi", "setup", SET_PUBLISHER, field("environment", "release", "pypi")),
        Row(
            "the corresponding GitHub Environment lives at Settings",
            "setup",
            SET_PUBLISHER,
            NO_ENVIRONMENT,
        ),
        Row(
            "add reviewers there if you want to gate publish",
            "setup",
            "none: advice",
            BARE,
        ),
        Row(
            "git checkout main && git pull",
            "tree",
            '`branch = "main"`',
            Defect(
                "the remote has another commit",
                lambda place: place.remote_moves(),
                "behind origin/main",
                committed=False,
            ),
        ),
        Row(
            "SemVer: minor and patch are backwards-compatible",
            "ratchet",
            "none",
            Defect(
                "a version of Python that is supported no more",
                swap("pyproject.toml", '">=3.11"', '">=3.11,<3.14"'),
                "Python 3.14 and later is gone",
            ),
        ),
        Row(
            "move [Unreleased] into a new [<version>] — YYYY-MM-DD section",
            "changelog",
            "none: like the sections that are there",
            Defect(
                "what is released still stands in Unreleased",
                swap("CHANGELOG.md", "## [{version}] — ", "## [0.2.9] — "),
                "there is no section for 0.3.0",
            ),
        ),
        Row(
            "update the compare-link footer so it points at the new tag",
            "changelog",
            "`gates.changelog.strict = true`",
            Defect(
                "Unreleased compares with the last tag but one",
                swap("CHANGELOG.md", "/compare/v{version}...HEAD", "/compare/v0.1.0...HEAD"),
                r"the link \[Unreleased\] begins at v0\.1\.0",
            ),
        ),
        Row(
            "minor / major: bump SECURITY.md's Supported versions table",
            "documents",
            "none: a table that is there is judged",
            Defect(
                "a table without the new line",
                swap("SECURITY.md", "0.3.x", "0.1.x"),
                r"SECURITY\.md: the table of supported versions does not list 0\.3",
            ),
        ),
        Row(
            "commit + push the bump on main",
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
            "a v-prefixed semver tag that matches pyproject.toml exactly",
            "build",
            '`tag = "v{version}"`',
            WRONG_TAG,
        ),
        Row(
            "fails fast otherwise so a mismatched tag never reaches PyPI",
            "workflows",
            "`workflows.forge-release`",
            Defect(
                "the checklist, which compares the tag, is left out",
                swap(RELEASE, "release_preflight --ci", "build"),
                r"release\.yml: rendered: jobs\.build\.steps\[3\]\.run is 'nox-release build'",
                given=rendered,
            ),
        ),
        Row("uv build produces both an sdist and a wheel", "build", "none", NOT_BUILT),
        Row(
            "uploads via the trusted-publisher OIDC exchange",
            "workflows",
            "none",
            Defect(
                "id-token: write is missing",
                swap(RELEASE, PUBLISH_RIGHTS, "      contents: read\n"),
                f"{RELEASE}: permissions: .*lacks id-token: write",
            ),
        ),
        Row("test the build locally before pushing the tag", "build", "none", NOT_BUILT),
        Row(
            "inspect the wheel: src/chap_checker/web_ui/ is included",
            "build",
            '`gates.build.expected = ["chap_checker/web_ui/index.html", …]`',
            Defect(
                "the styles are left out",
                swap(
                    "pyproject.toml",
                    "[tool.release]\n",
                    '[tool.hatch.build]\nexclude = ["*.css"]\n\n[tool.release]\n',
                ),
                r"nothing in the wheel matches 'chap_checker/web_ui/\*\.css'",
            ),
        ),
        Row(
            "bad tag, no upload yet?",
            "tree",
            '`tag = "v{version}"`',
            Defect(
                "the tag is on another commit of the remote",
                in_git("push", "--quiet", "origin", "HEAD~1:refs/tags/{tag}"),
                "the tag v0.3.0 exists on origin, on another commit",
                committed=False,
            ),
        ),
        Row(
            "PyPI versions are immutable once uploaded",
            "versions",
            "`index`",
            Defect(
                "the version is on the index",
                lambda place: place.index_has("chap_checker-0.3.0.tar.gz", b"other"),
                r"0\.3\.0 is on the index already",
                committed=False,
            ),
        ),
        Row(
            "you cannot re-upload v0.2.0",
            "parity",
            "`index`",
            Defect(
                "the index has the file with other bytes",
                lambda place: place.index_has("chap_checker-0.3.0.tar.gz", b"other"),
                "is on the index with other bytes",
                committed=False,
            ),
        ),
        Row(
            "the publish step uses pypa/gh-action-pypi-publish",
            "workflows",
            "none",
            Defect(
                "the publishing job builds, too",
                swap(RELEASE, PUBLISHER, f"      - run: python -m build\n{PUBLISHER}"),
                f"{RELEASE}: steps: the publishing job publish runs build",
            ),
        ),
        Row(
            "the token encodes repo, workflow, environment and branch / tag context",
            "workflows",
            "`workflows.forge-release`",
            Defect(
                "publishing from branches, too, which the index does not notice",
                swap(RELEASE, "  push:\n", "  push:\n    branches: [main]\n"),
                r"release\.yml: rendered: on\.push\.branches is not what the settings make",
                given=rendered,
            ),
        ),
        Row(
            "no API tokens or deploy keys exist in the repo",
            "secrets",
            "none",
            Defect("a deploy key", secret("deploy.pem", key=True), r"deploy\.pem: .*private-key"),
        ),
        Row("… or PYPI_TOKEN secrets", "workflows", "none", by_token(RELEASE, "PYPI_TOKEN")),
        Row(
            "creates a GitHub Release with auto-generated notes and the wheel + sdist attached",
            "workflows",
            "`workflows.forge-release`",
            Defect(
                "the release has no notes",
                swap(RELEASE, " --generate-notes", ""),
                r"release\.yml: rendered: jobs\.forge-release\.steps\[3\]\.run is another text",
                given=rendered,
            ),
        ),
    ),
    after=(
        serving(
            "verify within ~30s: both pages update on success: PyPI",
            "a page without the new files",
            "the index serves no file of thing 1.0",
            {},
        ),
        status(
            "… and the release on GitHub",
            "the wheel is not attached",
            "attach the files",
            forge=ForgeRelease.INCOMPLETE,
        ),
        status(
            "yank a bad release",
            "other bytes than were built",
            "yank",
            index=Index.DIFFERENT,
        ),
    ),
    apart=(
        Apart(
            "bad tag, no upload yet? Delete it",
            "person",
            "a person: no action of ours deletes a tag that was pushed",
        ),
        Apart(
            "a malicious edit to release.yml, which CODEOWNERS / branch protection can gate",
            "person",
            "the owner, on the forge; `workflows` judges what an edit has made of it",
        ),
    ),
    claims=(
        Claim(
            "PyPI verifies branch / tag context",
            "the index checks neither ref nor commit; the environment and the workflow must",
            "workflows",
        ),
        Claim(
            "there is no token to compromise, only a malicious edit to release.yml",
            "any step of a job with id-token: write can publish, so that job runs nothing else",
            "workflows",
        ),
    ),
)
