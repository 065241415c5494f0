"""What the procedure of Aksara checks."""

from __future__ import annotations

from release.model import Status
from tests.procedures.after import attested
from tests.procedures.defects import (
    LOCAL_DEPENDENCY,
    NO_ENVIRONMENT,
    NOT_BUILT,
    NOT_RENDERED,
    PUBLISH,
    PUBLISHER,
    SET_PUBLISHER,
    UNPROTECTED,
    VULNERABLE,
    by_token,
    failing_test,
    field,
)
from tests.procedures.model import Apart, Defect, Procedure, Row
from tests.procedures.plants import (
    append,
    every,
    in_git,
    published_by,
    put,
    rendered,
    secret,
    swap,
    tag_elsewhere,
)

TIMED_HOOK = "[tool.hatch.build.hooks.custom]\n"

TIMED = """\
import pathlib
import time
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Planted(BuildHookInterface):
    def initialize(self, version, build_data):
        path = pathlib.Path(self.root, "src/aksara/built.py")
        path.write_text(f"TIME = {time.time_ns()}\\n")
"""

PROCEDURE = Procedure(
    name="aksara",
    title="Aksara",
    slug="nagarjuna-tella/Aksara",
    workflow="publish.yml",
    rows=(
        Row(
            "publishing should be gated",
            "workflows",
            "`gates.workflows.strict = true`",
            Defect(
                "publishing does not need the preflight",
                swap(PUBLISH, "    needs: [preflight, build, verify]\n", "    needs: [build]\n"),
                f"{PUBLISH}: verified: ",
            ),
        ),
        Row(
            "… reproducible",
            "build",
            '`gates.build.reproducible = "wheel"`',
            Defect(
                "a wheel that holds the time of its build",
                every(
                    swap("pyproject.toml", "[tool.release]\n", f"{TIMED_HOOK}\n[tool.release]\n"),
                    put("hatch_build.py", TIMED),
                ),
                "the wheel differs when it is built twice",
            ),
        ),
        Row(
            "… and based on PyPI Trusted Publishing",
            "workflows",
            "none",
            by_token(PUBLISH, "PYPI_API_TOKEN"),
        ),
        Row(
            "run the release gate workflow and confirm these checks pass",
            "ci",
            '`gates.ci.workflows = ["Release gate"]`',
            Defect(
                "the release gate was cancelled",
                lambda place: place.forge_runs({"Release gate": "cancelled"}),
                "Release gate ended with cancelled",
                committed=False,
            ),
        ),
        Row(
            "full test suite",
            "test",
            "found",
            Defect("a test that fails", failing_test("tests/test_planted.py"), "test_planted"),
        ),
        Row(
            "security tests",
            "security",
            "`gates.security.run`",
            Defect(
                "debugging counts as safe",
                swap("src/aksara/__init__.py", 'SAFE = {"debug": "no", ', "SAFE = {"),
                "pytest -q tests/security: exit status 1",
            ),
        ),
        Row(
            "diagnostics tests",
            "diagnostics",
            "`gates.diagnostics.run`",
            Defect(
                "no version is known",
                append("src/aksara/__init__.py", '\nglobals()["__version__"] = ""\n'),
                "pytest -q tests/diagnostics: exit status 1",
            ),
        ),
        Row(
            "bounded fuzz/adversarial tests",
            "fuzz",
            "`gates.fuzz.run`, `env`",
            Defect(
                "names keep their blanks",
                swap("src/aksara/__init__.py", "name.strip(): value", "name: value"),
                "pytest -q tests/fuzz: exit status 1",
            ),
        ),
        Row(
            "… bounded, by time and by count",
            "fuzz",
            "`gates.fuzz.timeout`, `env`",
            Defect(
                "rounds without end",
                every(
                    swap(
                        "pyproject.toml",
                        '"200", AKSARA_FUZZ_SECONDS = "20"',
                        '"900000000", AKSARA_FUZZ_SECONDS = "900000"',
                    ),
                    swap("pyproject.toml", "timeout = 60", "timeout = 8"),
                ),
                "was stopped after 8 s|time limit",
                status=Status.UNCHECKED,
            ),
        ),
        Row(
            "DB-backed migration tests against a real PostgreSQL database",
            "migrations",
            '`gates.migrations.run = ["python -m pytest -q tests/database"]`',
            Defect(
                "a reference that does not cascade",
                swap("src/aksara/migrations/0002_settings.sql", " ON DELETE CASCADE", ""),
                "pytest -q tests/database: exit status 1",
            ),
        ),
        Row(
            "… transactional application",
            "migrations",
            "`gates.migrations.transactional = true`",
            Defect(
                "no transaction around a migration",
                swap(
                    "src/aksara/migrator.py",
                    """    with connection.transaction():
        connection.execute(text.encode())
        connection.execute(
            "INSERT INTO aksara_migrations (name, checksum) VALUES (%s, %s)",
            [name, checksum(text)],
        )
""",
                    """    for statement in filter(str.strip, text.split(";\\n")):
        connection.execute(statement.encode())
    connection.execute(
        "INSERT INTO aksara_migrations (name, checksum) VALUES (%s, %s)",
        [name, checksum(text)],
    )
""",
                ),
                "a migration that fails half way leaves",
            ),
        ),
        Row(
            "… advisory lock",
            "migrations",
            "`gates.migrations.advisory-lock = true`",
            Defect(
                "no lock",
                swap(
                    "src/aksara/migrator.py",
                    '        connection.execute("SELECT pg_advisory_lock(%s)", [LOCK])\n',
                    "",
                ),
                "two migrators at once|while another one is started|a second migrator",
            ),
        ),
        Row(
            "… checksum verification",
            "migrations",
            "`gates.migrations.checksums = true`",
            Defect(
                "a changed migration is not noticed",
                swap("src/aksara/migrator.py", "    if changed:\n", "    if False:\n"),
                "a migration that was applied and then changed is accepted",
            ),
        ),
        Row(
            "smoke check: aksara migrate and aksara status on a scratch database",
            "migrations",
            '`gates.migrations.migrate = ["aksara migrate"]`, `status = ["aksara status"]`',
            Defect(
                "nothing records what was applied",
                swap(
                    "src/aksara/migrator.py",
                    '            "INSERT INTO aksara_migrations (name, checksum) VALUES (%s, %s)",',
                    '            "SELECT %s::text, %s::text",',
                ),
                "aksara status: exit status 1: not applied",
            ),
        ),
        Row(
            "aksara doctor production-check",
            "production_check",
            '`gates.production_check.run = ["aksara doctor production-check"]`',
            Defect(
                "an unsafe default",
                swap(
                    "src/aksara/__init__.py",
                    'DEFAULTS = {"debug": "no"',
                    'DEFAULTS = {"debug": "yes"',
                ),
                "aksara doctor production-check: exit status 1: not safe: debug",
            ),
        ),
        Row(
            "strict docs build",
            "docs",
            "`gates.docs.strict = true`",
            Defect(
                "a link that leads nowhere",
                append("docs/index.md", "\n[Nowhere](nowhere.md)\n"),
                "contains a link 'nowhere.md'",
            ),
        ),
        Row(
            "dependency audit",
            "audit",
            '`gates.audit`: `service = "osv"` and an address, in the test',
            VULNERABLE,
        ),
        Row(
            "static analysis",
            "static_analysis",
            '`gates.static_analysis.tool = "bandit"`',
            Defect(
                "a command that a shell runs",
                put(
                    "src/aksara/planted.py",
                    "import subprocess\n\n\ndef planted(word: str) -> int:\n"
                    '    return subprocess.call(f"echo {word}", shell=True)\n',
                ),
                r"src/aksara/planted\.py: .*B602",
            ),
        ),
        Row(
            "secret scan",
            "secrets",
            "none",
            Defect("a private key", secret("aksara.pem", key=True), r"aksara\.pem: .*private-key"),
        ),
        Row("package build", "build", "none", NOT_BUILT),
        Row("twine check", "build", "none", NOT_RENDERED),
        Row(
            "wheel import verification",
            "build",
            "none",
            Defect(
                "an import that works in the repository alone",
                append(
                    "src/aksara/__init__.py",
                    "\nfrom pathlib import Path  # noqa: E402\n\n"
                    'README = (Path(__file__).parents[2] / "README.md").read_text()\n',
                ),
                "import aksara fails in a clean environment: FileNotFoundError",
            ),
        ),
        Row(
            "SBOM generation",
            "sbom",
            "none",
            Defect(
                "a dependency that is a file of this machine",
                LOCAL_DEPENDENCY,
                "no package URL: it was installed from a file or a folder",
            ),
        ),
        Row(
            "trusted publisher: repository nagarjuna-tella/Aksara",
            "setup",
            SET_PUBLISHER,
            field("repository", "other", "Aksara"),
        ),
        Row(
            "… workflow publish.yml",
            "setup",
            SET_PUBLISHER,
            field("workflow", "release.yml", "publish.yml"),
        ),
        Row("… environment pypi", "setup", SET_PUBLISHER, field("environment", "release", "pypi")),
        Row(
            "… publisher: GitHub",
            "setup",
            SET_PUBLISHER,
            Defect(
                "the last release came from another forge",
                published_by(kind="GitLab"),
                "kind GitLab, not GitHub",
                committed=False,
            ),
        ),
        Row(
            "does not require a PyPI API token",
            "secrets",
            "none",
            Defect("a token of the index", secret("notes.txt", key=False), r"notes\.txt: .*pypi"),
        ),
        Row(
            "keep the pypi environment protected",
            "setup",
            "`gates.setup.protected = true`",
            UNPROTECTED,
        ),
        Row(
            "publishing is manual",
            "workflows",
            '`publishing = "manual"`',
            Defect(
                "a tag publishes, too",
                swap(
                    PUBLISH,
                    "  workflow_dispatch: {}\n",
                    '  push:\n    tags: ["v[0-9]*"]\n  workflow_dispatch: {}\n',
                ),
                f"{PUBLISH}: ref: a person publishes",
            ),
        ),
        Row(
            "only after … the protected pypi environment is ready",
            "setup",
            SET_PUBLISHER,
            NO_ENVIRONMENT,
        ),
        Row("the workflow builds wheel and source distributions", "build", "none", NOT_BUILT),
        Row("… runs twine check", "build", "none", NOT_RENDERED),
        Row(
            "… publishes through pypa/gh-action-pypi-publish",
            "workflows",
            "none",
            Defect(
                "uv publish behind a session",
                every(
                    swap(PUBLISH, PUBLISHER, "      - run: make upload\n"),
                    put("Makefile", "upload:\n\tuv publish dist/*\n"),
                ),
                f"{PUBLISH}: hidden: ",
            ),
        ),
        Row(
            "traceable to: Git tag",
            "tree",
            '`tag = "v{version}"`',
            Defect(
                "the tag is on another commit",
                tag_elsewhere,
                "the tag v0.7.0 exists here, on another commit",
                committed=False,
            ),
        ),
        Row(
            "… GitHub Actions run",
            "workflows",
            "`gates.workflows.strict = true`",
            Defect(
                "another commit is built than the one that is attested",
                swap(
                    PUBLISH,
                    "          persist-credentials: false\n      - name: Build twice",
                    "          persist-credentials: false\n"
                    "          ref: main\n      - name: Build twice",
                ),
                f"{PUBLISH}: checkout: .*checks out main",
            ),
        ),
        Row(
            "… built wheel and source distribution",
            "workflows",
            "`gates.workflows.strict = true`",
            Defect(
                "what is published is not compared with what was built",
                swap(PUBLISH, "base64 --decode | sha256sum --check --strict", "base64 --decode"),
                f"{PUBLISH}: hand-off: .*without checking it against a digest manifest",
            ),
        ),
        Row(
            "… SBOM artifact",
            "sbom",
            "none",
            Defect(
                "a dependency that is a file of this machine",
                LOCAL_DEPENDENCY,
                "no package URL: it was installed from a file or a folder",
            ),
        ),
        Row(
            "… release notes and changelog entry",
            "changelog",
            "found",
            Defect(
                "no section of that version",
                swap("CHANGELOG.md", "## {version} (", "## 0.6.9 ("),
                "there is no section for 0.7.0",
            ),
        ),
        Row(
            "signed tags or commits may be required",
            "tree",
            "`sign-tags = true`, `commit.sign = true`",
            Defect(
                "no key to sign with",
                in_git("config", "--unset", "user.signingKey"),
                "tags or commits are to be signed and",
                committed=False,
            ),
        ),
        Row(
            "use the Publish Package workflow only after release-gate checks pass",
            "workflows",
            '`workflows.gate = "release-gate.yml"`',
            Defect(
                "publishing does not call the release gate",
                swap(PUBLISH, "release-gate.yml", "ci.yml"),
                r"publish\.yml: rendered: jobs\.build\.uses is",
                given=rendered,
            ),
        ),
    ),
    after=(
        attested(
            "traceable to the GitHub Actions run",
            "it was made of another commit",
            "commit dddddddd",
            commit="d" * 40,
        ),
    ),
    apart=(
        Apart(
            "maintainers must approve publishing",
            "person",
            "a reviewer, on the forge; `setup` shows whether there is one",
        ),
        Apart(
            "they do not replace external security review", "person", "people; no gate claims to"
        ),
    ),
    claims=(),
)
