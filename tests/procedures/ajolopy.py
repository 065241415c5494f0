"""What the procedure of Ajolopy checks."""

from __future__ import annotations

from release.model import Status
from release.world.standing import Index, Run
from tests.procedures.after import attested, imported, serving, status
from tests.procedures.defects import (
    BARE,
    NO_ENVIRONMENT,
    NO_TAG_CHECK,
    NOT_BUILT,
    NOT_RENDERED,
    PUBLISH_RIGHTS,
    RELEASE,
    SET_PUBLISHER,
    UNCONFIRMED,
    WRONG_TAG,
    by_token,
    failing_test,
    field,
)
from tests.procedures.model import Apart, Claim, Defect, Procedure, Row
from tests.procedures.plants import append, every, in_git, put, rendered, secret, swap

PROCEDURE = Procedure(
    name="ajolopy",
    title="Ajolopy",
    slug="jcocano/Ajolopy",
    workflow="release.yml",
    rows=(
        Row(
            "locked to this exact repository, so a fork cannot publish",
            "setup",
            SET_PUBLISHER,
            field("owner", "fork", "jcocano"),
        ),
        Row(
            "a tag matching v*.*.* (or v*.*.*-rc*) is pushed",
            "workflows",
            '`tag = "v{version}"`, `prerelease-tag = "v{base}-{pre}"`',
            Defect(
                "any tag starts it",
                swap(RELEASE, 'tags: ["v[0-9]*"]', 'tags: ["*"]'),
                f"{RELEASE}: tags: .*which is no release, would be published",
            ),
        ),
        Row(
            "preflight: ruff check",
            "lint",
            "found: `[tool.ruff]`",
            Defect(
                "an import that nothing uses",
                put("src/ajolopy/planted.py", "import os\n"),
                r"src/ajolopy/planted\.py: .*F401",
            ),
        ),
        Row(
            "… ruff format --check",
            "lint",
            "found: `[tool.ruff]`",
            Defect(
                "a file that is not formatted",
                put("src/ajolopy/planted.py", "X = [ 1,2 ]\n"),
                r"src/ajolopy/planted\.py: .*format",
            ),
        ),
        Row(
            "… pyright",
            "typecheck",
            "found: `[tool.pyright]`, `[dependency-groups] typing`",
            Defect(
                "a value of the wrong type",
                put("src/ajolopy/planted.py", 'def planted() -> int:\n    return "text"\n'),
                r"src/ajolopy/planted\.py: error: .*\(reportReturnType\)",
            ),
        ),
        Row(
            "… pytest",
            "test",
            "found",
            Defect("a test that fails", failing_test("tests/test_planted.py"), "test_planted"),
        ),
        Row("… the tag-vs-__version__ match check", "build", '`tag = "v{version}"`', WRONG_TAG),
        Row("… uv build", "build", "none", NOT_BUILT),
        Row("twine check against the built wheel + sdist", "build", "none", NOT_RENDERED),
        Row(
            "sign: a sigstore bundle for every artifact",
            "workflows",
            "`gates.workflows.strict = true`",
            Defect(
                "one file is verified",
                swap(
                    RELEASE,
                    '          for file in dist/*; do\n            gh attestation verify "$file"',
                    "            gh attestation verify dist/one.whl",
                    ("          done\n", ""),
                ),
                f"{RELEASE}: verified: .*it looks at one file alone",
            ),
        ),
        Row(
            "publish: trusted publishing (OIDC, no secrets)",
            "workflows",
            "none",
            by_token(RELEASE, "PYPI_TOKEN"),
        ),
        Row(
            "if any earlier job fails, the later jobs do not run",
            "workflows",
            "none",
            Defect(
                "publishing after a failure",
                swap(RELEASE, "    if: github.event_name == 'push' && ", "    if: always() && "),
                f"{RELEASE}: soft: .*always",
            ),
        ),
        Row(
            "patch: no user-visible API change",
            "ratchet",
            "none",
            Defect(
                "a public class is gone in a patch release",
                swap(
                    "src/ajolopy/__init__.py",
                    "class Primitive:",
                    "class Action:",
                    ('"Primitive"', '"Action"'),
                ),
                "api ajolopy.Primitive: removed",
            ),
        ),
        Row(
            "minor: new primitive, new option (and so not in a patch)",
            "ratchet",
            "`gates.ratchet.frozen-patches = true`",
            Defect(
                "a new function in a patch release",
                every(
                    swap("src/ajolopy/__init__.py", '"Primitive", ', '"Primitive", "planted", '),
                    append("src/ajolopy/__init__.py", "\n\ndef planted() -> None: ...\n"),
                ),
                "a patch release adds to the public API: ajolopy.planted",
            ),
        ),
        Row(
            "the 10-primitive contract still holds",
            "test",
            "none: a test of the project's own",
            Defect(
                "a primitive is gone",
                swap("src/ajolopy/__init__.py", '"recall", ', ""),
                "test_the_contract_has_ten_primitives",
            ),
        ),
        Row(
            "the version lives in two places; both must match",
            "versions",
            "found",
            Defect(
                "another version in __init__.py",
                swap("src/ajolopy/__init__.py", '"{version}"', '"0.0.9"'),
                r"__version__ is 0\.0\.9, and",
            ),
        ),
        Row(
            "a mismatch fails the release before any external side effect",
            "workflows",
            "`gates.workflows.strict = true`",
            NO_TAG_CHECK,
        ),
        Row(
            "from a clean main, bump both files",
            "tree",
            '`branch = "main"`',
            Defect(
                "a change that is not committed",
                append("README.md", "Planted.\n"),
                "1 file changed and not committed: README.md",
                committed=False,
            ),
        ),
        Row(
            "git pull --ff-only",
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
            "once the bump is on main, tag",
            "tree",
            '`branch = "main"`, `pull-request-branch = "chore/release-{version}"`',
            Defect(
                "HEAD on the branch of the pull request",
                in_git("switch", "--quiet", "--create", "chore/planted"),
                "on branch chore/planted, and releases are made from main",
                committed=False,
            ),
        ),
        Row(
            "git tag v0.X.Y; git push --follow-tags",
            "tree",
            "none",
            Defect(
                "a lightweight tag",
                in_git("tag", "{tag}"),
                "is lightweight, which `git push --follow-tags` leaves behind",
                committed=False,
            ),
        ),
        Row(
            "trusted publisher: owner jcocano, repository Ajolopy",
            "setup",
            SET_PUBLISHER,
            field("repository", "other", "Ajolopy"),
        ),
        Row(
            "… workflow release.yml",
            "setup",
            SET_PUBLISHER,
            field("workflow", "publish.yml", "release.yml"),
        ),
        Row("… environment pypi", "setup", SET_PUBLISHER, field("environment", "release", "pypi")),
        Row(
            "no PyPI token has to live anywhere",
            "secrets",
            "none",
            Defect("a token of the index", secret("notes.txt", key=False), r"notes\.txt: .*pypi"),
        ),
        Row("create the pypi GitHub Environment", "setup", SET_PUBLISHER, NO_ENVIRONMENT),
        Row(
            "must match the workflow's environment: name: pypi",
            "workflows",
            '`gates.setup.environment = "pypi"`',
            Defect(
                "the job has another environment",
                swap(RELEASE, "      name: pypi\n", "      name: release\n"),
                f"{RELEASE}: environment: its environment is release",
            ),
        ),
        Row(
            "deployment branches and tags: v*.*.* and v*.*.*-rc*",
            "setup",
            "none",
            Defect(
                "the environment takes other tags",
                lambda place: place.forge_environment(("required_reviewers",), ("release-*",)),
                "so it refuses the tag v",
                committed=False,
            ),
        ),
        Row(
            "required reviewers: add the maintainer (optional)",
            "setup",
            "none: advice",
            BARE,
        ),
        Row(
            "id-token: write permission is all it needs",
            "workflows",
            "`gates.workflows.strict = true`",
            Defect(
                "a permission too many",
                swap(RELEASE, PUBLISH_RIGHTS, f"{PUBLISH_RIGHTS}      packages: write # planted\n"),
                f"{RELEASE}: permissions: .*packages: write",
            ),
        ),
        Row(
            "could not get OIDC token: the job is missing id-token: write",
            "workflows",
            "none",
            Defect(
                "id-token: write is missing",
                swap(RELEASE, PUBLISH_RIGHTS, "      contents: read\n"),
                f"{RELEASE}: permissions: .*lacks id-token: write",
            ),
        ),
        Row(
            "trusted publisher not configured: one-time set-up was skipped",
            "setup",
            f"`{UNCONFIRMED}.publisher`",
            Defect(
                "nobody has seen or confirmed it",
                every(
                    swap("pyproject.toml", "publisher = 2026-11-01\n", ""),
                    lambda place: place.not_attested(),
                ),
                "the trusted publisher cannot be seen",
                status=Status.PASSED,
            ),
        ),
        Row(
            "github-release creates the GitHub release and attaches wheel, sdist and bundles",
            "workflows",
            "`workflows.forge-release`, `bundles`",
            Defect(
                "the bundles are left out",
                swap(RELEASE, " receipt attestations ", " receipt "),
                r"release\.yml: rendered: jobs\.forge-release\.steps\[4\]\.run is another text",
                given=rendered,
            ),
        ),
        Row(
            "the GitHub release is marked as a pre-release automatically",
            "workflows",
            "`workflows.forge-release`, `bundles`",
            Defect(
                "a candidate is released like a final version",
                swap(RELEASE, '--prerelease="$early"', ""),
                r"release\.yml: rendered: jobs\.forge-release\.steps\[4\]\.run is another text",
                given=rendered,
            ),
        ),
    ),
    after=(
        status(
            "the maintainer can monitor it under Actions",
            "the workflow still runs",
            "wait",
            run=Run.RUNNING,
            index=Index.NONE,
        ),
        imported(
            "the new version appears at PyPI; pip install should succeed",
            "what was installed lacks a module that it imports",
            "cannot be imported after a clean installation",
        ),
        attested(
            "sigstore verification",
            "it was signed for a branch",
            "ref refs/heads/main instead of refs/tags/v1.0",
            ref="refs/heads/main",
        ),
        serving(
            "publish succeeds but the wheel is missing on PyPI: wait",
            "the sdist alone",
            "not there yet: the index does not serve thing-1.0-py3-none-any.whl",
            {"thing-1.0.tar.gz": "b" * 64},
        ),
        status(
            "land the fix on main, re-bump version if needed, re-tag",
            "the workflow at the tag is broken, and nothing is published",
            "release a patch",
            run=Run.BROKEN,
            index=Index.NONE,
        ),
    ),
    apart=(
        Apart(
            "only the maintainer can cut a release",
            "person",
            "the owner, by access rights and rulesets on the forge",
        ),
        Apart("open + merge the PR", "person", "a person; `cut` stops and says so"),
        Apart(
            "PyPI project name: ajolopy",
            "person",
            "a person types it; `setup` says what to fill in, and asks the index for that name",
        ),
        Apart(
            "the workflow waits for a manual approval",
            "person",
            "a reviewer, on the forge; `setup` shows whether there is one",
        ),
    ),
    claims=(
        Claim(
            "git tag v0.X.Y, git push --follow-tags",
            "a lightweight tag is left behind; it takes an annotated one",
            "tree",
        ),
        Claim(
            "environment not found: the environment is missing",
            "a missing environment is made silently, without protection",
            "setup",
        ),
        Claim(
            "sigstore verify identity --cert-identity-regexp",
            "it takes an exact identity only",
            "workflows",
        ),
        Claim("*.sigstore bundles", "they are called `*.sigstore.json`", "workflows"),
        Claim(
            "delete the bad tag, re-tag, re-push",
            "a tag that was pushed is never moved: the next version is released",
            "tree",
        ),
        Claim(
            "v*.*.*",
            "it takes tags that are no versions, such as vx.y.z; `v[0-9]*` takes versions",
            "workflows",
        ),
    ),
)
