"""The publishing policy: a good workflow keeps to it; each rule catches what breaks it alone."""

from __future__ import annotations

import json
import random
import re
import string
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest

from release.gates.workflows.policy import RULES
from tests.gates.workflows.examples import (
    BY_PASSWORD,
    GOOD,
    PROVENANCE,
    RELEASE,
    broken,
    changed,
    judged,
)
from tests.support import INDEX_HOST, index_token

CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1"
PUBLISH = "pypa/gh-action-pypi-publish@dc37677b2e1c63e2034f94d8a5b11f265b73ba33 # v1.14.2"
PUBLISH_STEP = f"      - uses: {PUBLISH}\n"
PUBLISH_NEEDS = "    needs: [preflight, build, verify]\n"
PUBLISH_IF = "    if: github.event_name == 'push' && github.ref_type == 'tag'\n"
ATTEST_IF = "    if: github.event_name == 'push'\n"
DOWNLOAD_INTO_PUBLISH = """\
          artifact-ids: ${{ needs.build.outputs.artifact-id }}
          path: dist/
      - name: Check the digests
"""
BUILD_PERMISSIONS = "    permissions:\n      contents: read\n    outputs:\n"
DIGEST_STEP = """\
      - name: Check the digests
        env:
          DIGESTS: ${{ needs.build.outputs.digests }}
        run: |
          cd dist
          echo "$DIGESTS" | base64 --decode | sha256sum --check --strict
"""
TAG_CHECK = '          test "$TAG" = "v$version"\n'
ANOTHER_JOB = GOOD[GOOD.index("  publish:\n") : GOOD.index("  forge:\n")].replace(
    "publish:", "again:", 1
)
HARMLESS_STEP = """\
      - run: |
          # pip install is not run
          ls -l dist
          echo "next: twine upload dist/*"
"""
CHECKED_OUT = "          persist-credentials: false\n      - name: Build twice"
DOWNLOADER = "actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c # v8.0.1"
OLD_PUBLISHER = "pypa/gh-action-pypi-publish@ba38be9e461d3875417946c167d0b5f3d385a247 # v1.14.1"
CI = ".github/workflows/ci.yml"
CI_TEXT = """\
name: CI
on: push
jobs:
  other:
    runs-on: ubuntu-latest
    steps:
      - run: {0}
"""
INDEX = f"https://upload.{INDEX_HOST}/legacy/"
EITHER = f"${{{{ vars.TEST && 'https://test.pypi.example/legacy/' || '{INDEX}' }}}}"
LETTERS = random.Random("a token").choices(string.ascii_letters + string.digits, k=60)  # noqa: S311
TOKEN = index_token("".join(LETTERS))


@dataclass(frozen=True)
class Defect:
    """One change of the good workflow, or of what stands beside it, and the rule that it breaks."""

    rule: str
    name: str
    edits: tuple[tuple[str, str], ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    expected: dict[str, Any] = field(default_factory=dict)
    at: str = ""

    def __str__(self) -> str:
        return f"{self.rule}: {self.name}"


def defect(rule: str, name: str, *edits: tuple[str, str], **more: Any) -> Defect:
    return Defect(rule, name, edits, **more)


VERIFY = '            gh attestation verify "$file"'
LOOPED = "          for file in dist/*; do\n"
VERIFIED = ' --source-digest "$GITHUB_SHA"\n'
VERIFY_STEP = "      - name: Verify every file\n"
DIGESTS_CHECKED = "sha256sum --check --strict\n      - uses: pypa"
IS_ANNOTATED = """          test "$(git cat-file -t "refs/tags/$TAG")" = tag\n"""


def tag_checked(command: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """Another check of the tag than that of the good workflow."""
    return (IS_ANNOTATED, ""), (TAG_CHECK, f"          {command}\n          echo end\n")


DEFECTS = [
    defect("environment", "none", ("    environment:\n      name: pypi\n", "")),
    defect(
        "environment",
        "another one",
        ("      name: pypi\n", "      name: release\n"),
        at="name: release",
    ),
    defect(
        "environment", "an expression", ("      name: pypi\n", "      name: ${{ inputs.to }}\n")
    ),
    defect("environment", "another file", expected={"file": "publish.yml"}, at="  publish:"),
    defect(
        "permissions",
        "contents: write",
        (
            "      contents: read\n      id-token: write # to p",
            "      contents: write\n      id-token: write # to p",
        ),
        at="      contents: write\n",
    ),
    defect(
        "permissions",
        "one more",
        (
            "      id-token: write # to publish\n",
            "      id-token: write # to publish\n      packages: write\n",
        ),
        at="packages: write",
    ),
    defect("permissions", "no id-token", ("      id-token: write # to publish\n", "")),
    defect(
        "permissions",
        "everything",
        (
            "    permissions:\n      contents: read\n      id-token: write # to publish\n",
            "    permissions: write-all\n",
        ),
        at="write-all",
    ),
    defect(
        "permissions",
        "the defaults",
        ("permissions: {}\n", ""),
        ("    permissions:\n      contents: read\n      id-token: write # to publish\n", ""),
    ),
    defect("steps", "a checkout", (PUBLISH_STEP, f"      - uses: {CHECKOUT}\n{PUBLISH_STEP}")),
    defect(
        "steps",
        "a build",
        (PUBLISH_STEP, f"      - run: python -m build\n{PUBLISH_STEP}"),
        at="python -m build\n      - uses",
    ),
    defect(
        "steps",
        "a script",
        (PUBLISH_STEP, f"      - run: ./tidy.sh\n{PUBLISH_STEP}"),
        at="./tidy.sh",
    ),
    defect(
        "steps",
        "an installation",
        (PUBLISH_STEP, f"      - run: pip install twine\n{PUBLISH_STEP}"),
        at="pip install twine",
    ),
    defect(
        "ref",
        "pushes of branches",
        ('    tags: ["v[0-9]*"]\n', '    tags: ["v[0-9]*"]\n    branches: [main]\n'),
        (PUBLISH_IF, "    if: github.event_name == 'push'\n"),
        at="  publish:",
    ),
    defect("ref", "dispatches", (PUBLISH_IF, ""), (ATTEST_IF, "")),
    defect(
        "ref",
        "schedules",
        ("  workflow_dispatch:\n", "  schedule: [{cron: '0 0 * * *'}]\n  workflow_dispatch:\n"),
        (PUBLISH_IF, "    if: github.event_name != 'workflow_dispatch'\n"),
        (ATTEST_IF, ""),
    ),
    defect(
        "ref",
        "a condition that is a text and always holds",
        (PUBLISH_IF, "    if: ${{ github.ref_type == 'tag' }} && true\n"),
        (ATTEST_IF, ""),
    ),
    defect(
        "ref",
        "a branch named like a tag",
        (PUBLISH_IF, "    if: startsWith(github.ref_name, 'v')\n"),
        (ATTEST_IF, ""),
    ),
    defect("ref", "a tag although a person publishes", expected={"manual": True}, at="  push:"),
    defect(
        "inputs",
        "skip-existing",
        (PUBLISH_STEP, f"{PUBLISH_STEP}        with:\n          skip-existing: true\n"),
        at="skip-existing",
    ),
    defect(
        "inputs",
        "skip-existing that may be on",
        (
            PUBLISH_STEP,
            f"{PUBLISH_STEP}        with:\n          skip-existing: ${{{{ inputs.dry_run }}}}\n",
        ),
        at="skip-existing",
    ),
    defect(
        "inputs",
        "no attestations",
        (PUBLISH_STEP, f"{PUBLISH_STEP}        with:\n          attestations: false\n"),
        at="attestations: false",
    ),
    defect(
        "inputs",
        "a user",
        (PUBLISH_STEP, f"{PUBLISH_STEP}        with: {{user: somebody}}\n"),
        at="user: somebody",
    ),
    defect(
        "inputs",
        "a password",
        (
            PUBLISH_STEP,
            f"{PUBLISH_STEP}        with:\n          password: ${{{{ secrets.UPLOAD }}}}\n",
        ),
        at="password:",
    ),
    defect(
        "token",
        "a secret",
        (
            "    name: Smoke\n",
            "    name: Smoke\n    env:\n      ANY: ${{ secrets.PYPI_API_TOKEN }}\n",
        ),
        at="PYPI_API_TOKEN",
    ),
    defect(
        "token",
        "a secret in brackets",
        (
            "    name: Smoke\n",
            "    name: Smoke\n    env:\n      ANY: ${{ secrets['TWINE_PASS'] }}\n",
        ),
        at="TWINE_PASS",
    ),
    defect(
        "token",
        "a variable",
        (
            "    name: Smoke\n",
            "    name: Smoke\n    env:\n      UV_PUBLISH_TOKEN: ${{ secrets.OTHER }}\n",
        ),
        at="UV_PUBLISH_TOKEN",
    ),
    defect(
        "token",
        "a literal",
        ("    name: Smoke\n", f"    name: Smoke\n    env: {{ANY: {TOKEN}}}\n"),
        at="env: {ANY",
    ),
    defect(
        "token",
        "a file",
        (TAG_CHECK, f"{TAG_CHECK}          cp ci/pypirc ~/.pypirc\n"),
        at="~/.pypirc",
    ),
    *(
        defect("token", what, (TAG_CHECK, f"{TAG_CHECK}          {line}\n"), at=line[:20])
        for what, line in {
            "a .netrc for the index": 'echo "machine upload.pypi.invalid" >> ~/.netrc',
            "a password in a keyring": "keyring set https://pypi.invalid/legacy/ __token__",
        }.items()
    ),
    defect(
        "token",
        "a .netrc of a publishing job",
        (PUBLISH_STEP, f"      - run: cp x/netrc ~/.netrc\n{PUBLISH_STEP}"),
        at="~/.netrc",
    ),
    *(
        defect(
            "inputs",
            f"{name} in a variable",
            (PUBLISH_STEP, f"{PUBLISH_STEP}        env: {{{name}: x}}\n"),
            at=name,
        )
        for name in ("INPUT_USER", "INPUT_PASSWORD", "INPUT_REPOSITORY-URL")
    ),
    defect("token", "in tox.ini", files={"tox.ini": "[testenv]\npass_env =\n  TWINE_PASSWORD\n"}),
    defect(
        "token",
        "in a noxfile",
        files={"noxfile.py": "import os\nX = os.environ['FLIT_PASSWORD']\n"},
    ),
    defect("token", "in a Makefile", files={"Makefile": "x:\n\tPDM_PUBLISH_PASSWORD=$(P) true\n"}),
    defect(
        "token",
        "in pyproject.toml",
        files={"pyproject.toml": "[tool.hatch.publish.index]\nauth = 'x'\n"},
    ),
    defect("token", "in a .pypirc", files={".pypirc": "[pypi]\n"}),
    defect(
        "single", "two jobs", ("  forge:\n", f"{ANOTHER_JOB}  forge:\n"), at="      - uses: pypa/"
    ),
    defect("single", "two steps", (PUBLISH_STEP, PUBLISH_STEP * 2), at="      - uses: pypa/"),
    defect("single", "none", (PUBLISH_STEP, "      - run: echo done\n")),
    defect(
        "hidden",
        "behind a session",
        files={
            CI: CI_TEXT.format("nox -s upload"),
            "noxfile.py": "import nox\n@nox.session\ndef upload(session):\n"
            "    session.run('twine', 'upload', 'dist/x')\n",
        },
    ),
    defect(
        "hidden",
        "behind a session's function",
        files={
            CI: CI_TEXT.format("nox --session=upload -- now"),
            "noxfile.py": "import nox\ndef send(s):\n    s.run('python', '-m', 'flit', 'publish')\n"
            "@nox.session(name='upload')\ndef f(session):\n    send(session)\n",
        },
    ),
    defect(
        "hidden",
        "behind a target",
        files={
            CI: CI_TEXT.format("make -s release"),
            "Makefile": "release: all upload\n\nall:\n\ttrue\nupload: all\n\t@uv publish dist/*\n",
        },
    ),
    defect(
        "hidden",
        "behind an environment of tox",
        files={
            CI: CI_TEXT.format("tox run -e py,upload"),
            "tox.ini": "[testenv:upload]\ncommands =\n  python -c pass\n  flit publish\n",
        },
    ),
    defect(
        "hidden",
        "behind a task",
        files={
            CI: CI_TEXT.format("uv run poe ship"),
            "pyproject.toml": "[tool.poe.tasks]\nship = {cmd = 'hatch publish'}\n",
        },
    ),
    defect(
        "hidden",
        "behind a script of hatch",
        files={
            CI: CI_TEXT.format("hatch run ship"),
            "pyproject.toml": "[tool.hatch.envs.default.scripts]\nship = ['hatch publish']\n",
        },
    ),
    defect(
        "hidden",
        "behind a script",
        files={
            CI: CI_TEXT.format("bash -e ci/ship.sh"),
            "ci/ship.sh": "set -e\n${BIN}twine upload dist/*\n",
        },
    ),
    defect(
        "hidden",
        "behind a script of a script",
        files={
            CI: CI_TEXT.format("ci/a"),
            "ci/a": "#!/bin/sh\nexec ./ci/b\n",
            "ci/b": "#!/usr/bin/env python3\nimport subprocess\n"
            "subprocess.run(['poetry', 'publish'], check=True)\n",
        },
    ),
    defect(
        "hidden",
        "in the place of the publisher",
        (PUBLISH_STEP, "      - run: make upload\n"),
        files={"Makefile": "upload:\n\tuv publish\n"},
        at="run: make upload",
    ),
    defect("reusable", "a call", ("on:\n", "on:\n  workflow_call:\n"), at="  workflow_call:"),
    defect(
        "verified", "no need", (PUBLISH_NEEDS, "    needs: [preflight, build]\n"), at="  publish:"
    ),
    defect("verified", "nothing", ("gh attestation verify", "echo attestation verify")),
    defect(
        "verified",
        "under a condition",
        (
            "      - name: Verify every file\n",
            "      - name: Verify every file\n        if: steps.x.outcome == 'success'\n",
        ),
        at="gh attestation verify",
    ),
    defect(
        "verified",
        "of any workflow",
        ('--signer-workflow "$GITHUB_REPOSITORY/.github/workflows/release.yml" \\\n', "\\\n"),
        at="gh attestation verify",
    ),
    defect(
        "verified",
        "of any commit",
        (' --source-digest "$GITHUB_SHA"', ""),
        at="gh attestation verify",
    ),
    defect(
        "verified",
        "of the repository alone",
        ('gh attestation verify "$file"', 'pypi-attestations verify pypi --repository x "$file"'),
    ),
    defect(
        "verified",
        "of one file",
        ("          for file in dist/*; do\n", ""),
        ("          done\n", ""),
        ('verify "$file"', "verify dist/one.whl"),
    ),
    defect(
        "soft",
        "attesting may fail",
        ("      - id: attest\n", "      - id: attest\n        continue-on-error: true\n"),
        at="continue-on-error",
    ),
    defect(
        "soft",
        "a job may fail",
        ("    name: Verify\n", "    name: Verify\n    continue-on-error: ${{ !inputs.dry_run }}\n"),
        at="continue-on-error",
    ),
    defect(
        "soft",
        "|| true",
        ("          umask 022\n", "          umask 022 || true\n"),
        at="umask 022 ||",
    ),
    defect(
        "soft",
        "|| :",
        ("          diff --recursive dist again\n", "          diff --recursive dist again || :\n"),
        at="|| :",
    ),
    defect("soft", "set +e", ("          umask 022\n", "          set +e\n"), at="set +e"),
    defect(
        "soft",
        "always()",
        (PUBLISH_IF, PUBLISH_IF.replace("if: ", "if: always() && ")),
        at="always()",
    ),
    defect(
        "soft",
        "!cancelled()",
        (PUBLISH_IF, PUBLISH_IF.replace("if: ", "if: ${{ !cancelled() && ").replace("\n", " }}\n")),
        at="cancelled()",
    ),
    defect(
        "soft",
        "always() of a step",
        (PUBLISH_STEP, f"{PUBLISH_STEP}        if: always()\n"),
        at="always()",
    ),
    defect(
        "isolation",
        "signing",
        (BUILD_PERMISSIONS, BUILD_PERMISSIONS.replace("read\n", "read\n      id-token: write\n")),
        at="id-token: write\n    outputs",
    ),
    defect(
        "isolation",
        "the environment",
        (BUILD_PERMISSIONS, f"    environment: pypi\n{BUILD_PERMISSIONS}"),
        at="environment: pypi",
    ),
    defect(
        "checkout",
        "a branch",
        (
            CHECKED_OUT,
            "          ref: main\n" + CHECKED_OUT,
        ),
        at="ref: main",
    ),
    defect(
        "checkout",
        "an input",
        (
            CHECKED_OUT,
            "          ref: ${{ inputs.ref || github.ref }}\n" + CHECKED_OUT,
        ),
        at="ref: ${{ inputs",
    ),
    defect(
        "checkout",
        "another repository",
        (
            CHECKED_OUT,
            "          repository: a/b\n" + CHECKED_OUT,
        ),
        at="repository: a/b",
    ),
    defect(
        "checkout",
        "a command",
        ("          umask 022\n", "          git checkout main\n"),
        at="git checkout",
    ),
    defect(
        "hand-off",
        "a pattern",
        (
            DOWNLOAD_INTO_PUBLISH,
            DOWNLOAD_INTO_PUBLISH.replace(
                "artifact-ids: ${{ needs.build.outputs.artifact-id }}", "pattern: dist*"
            ),
        ),
        at="pattern:",
    ),
    defect(
        "hand-off",
        "everything",
        (
            DOWNLOAD_INTO_PUBLISH,
            DOWNLOAD_INTO_PUBLISH.replace(
                "          artifact-ids: ${{ needs.build.outputs.artifact-id }}\n", ""
            ),
        ),
    ),
    defect(
        "hand-off",
        "merged",
        (
            DOWNLOAD_INTO_PUBLISH,
            DOWNLOAD_INTO_PUBLISH.replace(
                "path: dist/\n", "path: dist/\n          merge-multiple: true\n"
            ),
        ),
        at="merge-multiple",
    ),
    defect(
        "hand-off",
        "another run",
        (
            DOWNLOAD_INTO_PUBLISH,
            DOWNLOAD_INTO_PUBLISH.replace(
                "path: dist/\n", "path: dist/\n          run-id: ${{ inputs.run }}\n"
            ),
        ),
        at="run-id",
    ),
    defect("hand-off", "no digests", (DIGEST_STEP + PUBLISH_STEP, PUBLISH_STEP), at="  publish:"),
    defect("pins", "another version", ("# v8.0.1", "# v8.0.0"), at="# v8.0.0"),
    defect(
        "pins",
        "another commit",
        ("dc37677b2e1c63e2034f94d8a5b11f265b73ba33", "0" * 40),
        at="0" * 40,
    ),
    defect(
        "pins",
        "in another workflow",
        files={CI: CI_TEXT.format("echo").replace("run: echo", f"uses: {CHECKOUT[:-5]}5.0.1")},
    ),
    defect("tags", "any tag", ('["v[0-9]*"]', '["*"]'), at="tags:"),
    defect(
        "tags",
        "words, and no check",
        ('["v[0-9]*"]', "['v*']"),
        (TAG_CHECK, ""),
        (
            '          test "$(git cat-file -t "refs/tags/$TAG")" = tag\n',
            "          echo $version\n",
        ),
    ),
    defect(
        "tags",
        "words, and a tag that is none",
        ('["v[0-9]*"]', "['v*']"),
        expected={"tags": ("v1.0", "v1.1rc1", "vendored")},
        at="tags:",
    ),
    defect("tags", "fewer tags", ('["v[0-9]*"]', '["v[0-9]+.[0-9]+"]'), at="tags:"),
    defect("tags", "a tag that is no release", ('["v[0-9]*"]', '["v[0-9]*", nightly]'), at="tags:"),
    defect("tags", "excluded releases", ('["v[0-9]*"]', '["v[0-9]*", "!v*rc*"]'), at="tags:"),
    defect(
        "tags",
        "no check",
        (TAG_CHECK, ""),
        (
            '          test "$(git cat-file -t "refs/tags/$TAG")" = tag\n',
            "          echo $version\n",
        ),
        at="  attest:",
    ),
    defect(
        "tags", "a late check", ("    needs: [build, smoke]\n", "    needs: []\n"), at="  attest:"
    ),
    defect(
        "concurrency",
        "cancelled",
        ("  cancel-in-progress: false\n", "  cancel-in-progress: true\n"),
        at="cancel-in-progress",
    ),
    defect(
        "concurrency",
        "cancelled for tags alone",
        (
            "  cancel-in-progress: false\n",
            "  cancel-in-progress: ${{ github.ref_type == 'tag' }}\n",
        ),
        at="cancel-in-progress",
    ),
    defect(
        "concurrency", "one group for all", ("release-${{ github.ref }}", "release"), at="group:"
    ),
    defect(
        "concurrency",
        "of the job",
        (PUBLISH_NEEDS, f"{PUBLISH_NEEDS}    concurrency: publish\n"),
        at="concurrency: publish",
    ),
    *(
        defect("verified", f"and {behind}", (VERIFIED, f"{VERIFIED.rstrip()} {behind}\n"))
        for behind in ("|| true", "|| echo no", "|| continue", "|| exit", "| tee log", "&")
    ),
    *(
        defect("verified", f"after {before}", (LOOPED, f"          {before}\n{LOOPED}"))
        for before in ("set +ex", "exit 0", "trap 'exit 0' EXIT")
    ),
    defect(
        "verified",
        "as a condition",
        (VERIFY, VERIFY.replace("gh", "if ! gh")),
        (VERIFIED, f"{VERIFIED.rstrip()}; then echo no; fi\n"),
    ),
    defect(
        "verified",
        "as an echo",
        (VERIFY, VERIFY.replace("gh", "echo $(gh")),
        (VERIFIED, f"{VERIFIED.rstrip()})\n"),
    ),
    defect("verified", "as a help", ('verify "$file"', 'verify --help "$file"')),
    defect(
        "verified",
        "in a shell that goes on",
        (VERIFY_STEP, f"{VERIFY_STEP}        shell: bash {{0}}\n"),
    ),
    defect(
        "verified",
        "in a shell of the job that goes on",
        ("    name: Verify\n", "    name: Verify\n    defaults: {run: {shell: 'bash {0}'}}\n"),
    ),
    defect("verified", "wheels alone", (LOOPED, LOOPED.replace("*", "*.whl"))),
    defect(
        "verified",
        "found by a name",
        (LOOPED, "          find dist -name '*.whl' | while read -r file; do\n"),
    ),
    *(
        defect(
            "verified",
            f"of one file beside {beside}",
            (LOOPED, f"          {beside}\n"),
            ('"$file"', "dist/one.whl"),
            ("          done\n", ""),
        )
        for beside in (
            "ls dist/*",
            "files=dist/*",
            "for file in dist/*; do echo; done",
            "find dist | while read -r one; do echo; done",
        )
    ),
    *(
        defect("verified", f"of another {what}", (old, new))
        for what, old, new in (
            ("repository", '--repo "$GITHUB_REPOSITORY" --deny', "--repo other/one --deny"),
            ("owner", '"$GITHUB_REPOSITORY" --deny', '"$GITHUB_REPOSITORY_OWNER/x" --deny'),
            ("kind", '--source-ref "$GITHUB_REF"', '--source-ref "$GITHUB_REF_TYPE"'),
            ("ref", '--source-ref "$GITHUB_REF"', "--source-ref refs/heads/main"),
            ("commit", '--source-digest "$GITHUB_SHA"', f"--source-digest {'1' * 40}"),
            ("signer", '--signer-workflow "$GITHUB_REPOSITORY/', '--signer-workflow "other/one/'),
            ("workflow", 'workflows/release.yml" \\', 'workflows/ci.yml" \\'),
        )
    ),
    *(
        defect("soft", condition, (PUBLISH_IF, f"    if: ({condition}) && {PUBLISH_IF[8:]}"))
        for condition in (
            "success() || true",
            "cancelled() == false",
            "!(cancelled())",
            "failure() || true",
        )
    ),
    *(
        defect(
            "ref",
            f"releases of types {types}",
            ('  push:\n    tags: ["v[0-9]*"]\n', f"  release: {types}\n"),
            (PUBLISH_IF, "    if: github.event_name == 'release'\n"),
            (ATTEST_IF, ""),
        )
        for types in ("{}", "{types: [created]}", "{types: [published, deleted]}")
    ),
    *(
        defect(
            "hand-off",
            f"digests and {behind}",
            (DIGESTS_CHECKED, DIGESTS_CHECKED.replace("--strict", f"--strict {behind}")),
        )
        for behind in ("|| echo no", "| cat", "&", "--ignore-missing")
    ),
    defect(
        "hand-off", "digests too late", (DIGEST_STEP + PUBLISH_STEP, PUBLISH_STEP + DIGEST_STEP)
    ),
    defect(
        "hand-off",
        "digests under a condition",
        (
            DIGEST_STEP + PUBLISH_STEP,
            DIGEST_STEP.replace("        env:", "        if: false\n        env:") + PUBLISH_STEP,
        ),
    ),
    defect(
        "hand-off",
        "another folder",
        (PUBLISH_STEP, f"{PUBLISH_STEP}        with: {{packages-dir: other/}}\n"),
    ),
    defect(
        "hand-off",
        "files of another run by a command",
        ("          umask 022\n", "          gh run download 1\n"),
        at="gh run download",
    ),
    defect(
        "pins",
        "an unknown commit of any version 1",
        (PUBLISH, f"pypa/gh-action-pypi-publish@{'0' * 40} # v1"),
        at="0" * 40,
    ),
    defect(
        "pins",
        "an unknown commit of a new version",
        (PUBLISH, f"pypa/gh-action-pypi-publish@{'0' * 40} # v1.99.0"),
        at="0" * 40,
    ),
    defect("pins", "no version", (PUBLISH, PUBLISH.partition(" #")[0]), at=PUBLISH[:60]),
    *(
        defect("tags", f"checked by {command}", *tag_checked(command))
        for command in (
            'test -n "$TAG"',
            'test "$TAG" = "$GITHUB_REF_NAME"',
            'test "$TAG" = "v$version" || echo no',
            'test "$TAG" = "v$version" && echo yes',
            'test "$TAG" != "v$version"',
            'if [ "$TAG" != "v$version" ]; then echo no; fi',
            'echo "$TAG"; python x.py',
            "echo release_preflight",
            "true # release_preflight",
        )
    ),
    defect(
        "tags",
        "checked for branches alone",
        (
            "        if: github.ref_type == 'tag'\n        env",
            "        if: github.ref_type == 'branch'\n        env",
        ),
    ),
    *(
        defect(
            "concurrency",
            f"a group of {name}",
            ("release-${{ github.ref }}", f"release-${{{{ {name} }}}}"),
            at="group:",
        )
        for name in ("github.ref_type", "vars.stage", "github.ref_protected")
    ),
    defect(
        "checkout",
        "a branch in a folder",
        (CHECKED_OUT, "          ref: main\n          path: src\n" + CHECKED_OUT),
        at="ref: main",
    ),
    *(
        defect("checkout", command, ("          umask 022\n", f"          {command}\n"))
        for command in (
            "git -C . checkout main",
            "git checkout main -- .",
            "git restore --source=main .",
            "git clone --branch main x .",
        )
    ),
    defect(
        "metadata",
        "an old publisher",
        (PUBLISH, "pypa/gh-action-pypi-publish@ba38be9e461d3875417946c167d0b5f3d385a247 # v1.14.1"),
        at="v1.14.1",
    ),
]

DEFECTS += [
    defect("steps", name, (PUBLISH_STEP, f"      - run: |\n          {command}\n{PUBLISH_STEP}"))
    for name, command in {
        "code in Python": "python -c 'import json'",
        "a heredoc for Python": "python - <<E\n          print(1)\n          E",
        "a script that looks like code": "python evil.py -c",
        "a shell with a text": "bash -c 'pip install x'",
        "awk that runs": "awk 'BEGIN { system(\"x\") }'",
        "sed that runs": "sed 's/a/b/e' x",
        "a trap": "trap './x' EXIT",
        "a path for later steps": 'echo dist >> "$GITHUB_PATH"',
        "variables for later steps": 'echo BASH_ENV=x >> "$GITHUB_ENV"',
        "a function that hides one": "f() { pip install x; }",
    }.items()
]
DEFECTS += [
    defect("steps", f"of the job: {text}", ("  publish:\n", f"  publish:\n    {text}\n"), at=text)
    for text in (
        "container: x@sha256:1",
        "services: {x: {image: x}}",
    )
]
DEFECTS += [
    *(
        defect("steps", f"surroundings: {line}", (PUBLISH_IF, f"{PUBLISH_IF}    {line}\n"), at=line)
        for line in (
            "env: {BASH_ENV: ci/x}",
            "env: {LD_PRELOAD: x.so}",
            "env: {PATH: 'dist:/usr/bin'}",
            "env: {PYTHONPATH: dist}",
            "env: {PYTHONSTARTUP: dist/x.py}",
            "env: {PYTHONHOME: dist}",
            "env: {NODE_OPTIONS: --require ./dist/x.js}",
        )
    ),
    defect(
        "steps",
        "surroundings: the workflow's",
        ("permissions: {}\n", "permissions: {}\nenv: {BASH_ENV: ci/x}\n"),
        at="env: {BASH",
    ),
    defect(
        "steps",
        "surroundings: a step's shell",
        (PUBLISH_STEP, f"      - {{run: ls dist, shell: 'sh ci/x {{0}}'}}\n{PUBLISH_STEP}"),
        at="- {run: ls",
    ),
    defect(
        "steps",
        "a machine of the project",
        (f"{PUBLISH_IF}    runs-on: ubuntu-latest", f"{PUBLISH_IF}    runs-on: [self-hosted]"),
        at="runs-on: [self",
    ),
    defect(
        "inputs",
        "another address",
        (PUBLISH_STEP, f"{PUBLISH_STEP}        with: {{repository-url: 'https://x.example/'}}\n"),
        at="repository-url",
    ),
    *(
        defect("inputs", command, (PUBLISH_STEP, f"      - run: {command}\n"), at=f"run: {command}")
        for command in (
            "uv publish -tx",
            "uv publish --trusted-publishing never",
            "uv publish --check-url https://x.example/",
            "uv publish --publish-url https://x.example/",
            "twine upload --attestations -psecret x",
        )
    ),
    defect(
        "inputs",
        "no attestations by a variable",
        (PUBLISH_STEP, "      - run: uv publish\n        env: {UV_PUBLISH_NO_ATTESTATIONS: 1}\n"),
    ),
    *(
        defect("token", command, files={CI: CI_TEXT.format(f"|\n          {command}")})
        for command in (
            'poetry config pypi-token.pypi "$KEY"',
            'poetry config http-basic.pypi u "$KEY"',
            "unset X; cat ~/.pypirc",
        )
    ),
    defect(
        "token",
        "of a call",
        files={
            CI: CI_TEXT.format("echo").replace(
                "on: push", "on: {workflow_call: {secrets: {PYPI_TOKEN: {required: true}}}}"
            )
        },
    ),
    defect(
        "token",
        "an input of an action",
        files={
            CI: CI_TEXT.format("echo").replace(
                "run: echo", "uses: a/b@v1\n        with: {pypi_token: '${{ secrets.KEY }}'}"
            )
        },
    ),
    defect(
        "single",
        "a matrix",
        ("  publish:\n", "  publish:\n    strategy: {matrix: {x: [1, 2]}}\n"),
        at="strategy:",
    ),
    defect(
        "single",
        "an address that may be either",
        (
            "  forge:\n",
            f"{ANOTHER_JOB.rstrip()}\n        with: {{repository-url: {EITHER!r}}}\n\n  forge:\n",
        ),
    ),
    *(
        defect("hidden", name, files={CI: CI_TEXT.format("echo").replace("run: echo", step)})
        for name, step in {
            "in an action's input": f"uses: a/retry@{'1' * 40}\n"
            "        with: {command: twine upload dist/*}",
            "in a script of an action": f"uses: actions/github-script@{'1' * 40}\n"
            "        with: {script: \"exec('twine', ['upload'])\"}",
            "in a fork of the publisher": f"uses: x/gh-action-pypi-publish@{'1' * 40}",
            "in a container": "run: docker run x twine upload dist/*",
            "in a variable": "run: $X\n        env: {X: uv publish}",
            "by hand": f"run: curl {INDEX} -F x",
        }.items()
    ),
    *(
        defect("hidden", f"by {command}", files={CI: CI_TEXT.format(command), **files})
        for command, files in {
            "cd ci && ./up.sh": {"ci/up.sh": "twine upload x\n"},
            "bash -euo pipefail ci/up.sh": {"ci/up.sh": "twine upload x\n"},
            "uv run up.py": {"up.py": "import os\nos.system('twine upload x')\n"},
            "tox -e up": {"tox.ini": "[testenv:up]\ncommands = {envpython} -m twine upload x\n"},
            "tox -e up-b": {"tox.ini": "[testenv:up-{a,b}]\ncommands = twine upload x\n"},
            "make up": {"Makefile": "up:\n\t$(MAKE) real\nreal:\n\t$(TWINE) upload x\n"},
        }.items()
    ),
    *(
        defect(
            "isolation",
            f"signing beside {command}",
            (
                BUILD_PERMISSIONS,
                BUILD_PERMISSIONS.replace("read\n", "read\n      id-token: write\n"),
            ),
            ("          python -m build --outdir dist\n", f"          {command}\n"),
            ("          python -m build --outdir again\n", ""),
            files={"Makefile": "dist:\n\t$(PYTHON) -m build\n"},
        )
        for command in ("python -mbuild", "make dist", "bash -c 'timeout 5m python -m build'")
    ),
    defect(
        "isolation",
        "tests beside signing",
        ("      - id: attest\n", "      - run: pip install . && pytest\n      - id: attest\n"),
        at="run: pip install . &&",
    ),
]


def test_the_good_workflow_breaks_no_rule_and_gives_no_remark() -> None:
    assert judged({RELEASE: GOOD}) == []


@pytest.mark.parametrize("planted", DEFECTS, ids=str)
def test_a_defect_is_caught_by_its_rule_alone(planted: Defect) -> None:
    text = changed(*planted.edits)
    found = judged({RELEASE: text, **planted.files}, **planted.expected)
    assert broken(found) == {planted.rule}
    for breach in found:
        assert breach.finding.remedy
        if planted.at:
            assert breach.finding.path == RELEASE
            line = text[: text.rindex(planted.at)].count("\n") + 1
            assert breach.finding.line == line, breach


# Rules that never block by themselves, and of the others the defects that do not.
ADVICE = {"verified", "checkout", "hand-off", "pins", "tags", "concurrency"}
MILD = {
    "environment": {"an expression"},
    "permissions": {"contents: write", "one more", "everything"},
    "steps": {"awk that runs", "sed that runs", "a checkout",
"a machine of the project"},
    "ref": {"pushes of branches", "dispatches", "schedules", "a branch named like a tag",
            "a condition that is a text and always holds"},
    "inputs": {"skip-existing", "skip-existing that may be on", "no attestations",
               "another address", "no attestations by a variable",
               "INPUT_REPOSITORY-URL in a variable"},
    "single": {"none", "a matrix"},
    "soft": {"attesting may fail", "|| true", "|| :", "set +e"},
    "isolation": {"the environment"},
    "hidden": {"by hand"},
}  # fmt: skip
# What could not be judged, and further options of publishers.
MILD_NAMES = re.compile(
    r"of the job: |releases of types |uv publish --|in (?:an action's input|a script of an action"
    r"|a fork of the publisher|a container|a variable)$"
)


@pytest.mark.parametrize("planted", DEFECTS, ids=str)
def test_what_harms_or_is_certain_to_fail_blocks_and_nothing_else(planted: Defect) -> None:
    found = judged({RELEASE: changed(*planted.edits), **planted.files}, **planted.expected)
    mild = planted.rule in ADVICE or planted.name in MILD.get(planted.rule, ())
    mild = mild or (planted.rule != "token" and bool(MILD_NAMES.match(planted.name)))
    assert any(breach.blocks for breach in found) is not mild


def test_publishing_that_a_pull_request_reaches_blocks() -> None:
    text = changed(
        (PUBLISH_IF, ""),
        ("    if: github.event_name == 'push'\n", ""),
        ("on:\n  push:\n", "on:\n  pull_request:\n  push:\n"),
    )
    assert [b.blocks for b in judged({RELEASE: text}) if b.rule == "ref"] == [True]


def test_every_rule_has_a_planted_defect() -> None:
    assert {planted.rule for planted in DEFECTS} == set(RULES)


def test_a_workflow_that_publishes_by_password_breaks_the_rules_that_it_does() -> None:
    files = {
        ".github/workflows/publish.yml": BY_PASSWORD,
        ".github/workflows/provenance.yml": PROVENANCE,
    }
    found = judged(files, file="publish.yml")
    assert broken(found) == {
        *("permissions", "ref", "inputs", "token", "verified", "soft", "isolation", "checkout"),
        *("hand-off", "tags", "metadata"),
    }
    said = {(b.rule, b.finding.message) for b in found}
    assert ("inputs", "attestations are switched off, or may be") in said
    assert ("token", "the secret PYPI_API_TOKEN is a token of an index") in said
    assert any(rule == "soft" and "continue-on-error" in text for rule, text in said)
    assert any(rule == "verified" and "under a condition" in text for rule, text in said)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", ""),
        (
            "          password: ${{ secrets.PYPI_API_TOKEN }}\n",
            "          password: ${{ secrets.X }}\n",
        ),
        ("    permissions:\n      contents: read\n    steps", "    steps"),
    ],
)
def test_who_publishes_by_a_token_is_blocked_for_the_token_and_not_for_the_identity(
    old: str, new: str
) -> None:
    found = judged(
        {".github/workflows/publish.yml": BY_PASSWORD.replace(old, new)}, file="publish.yml"
    )
    assert {b.rule for b in found if b.blocks} & {"permissions", "token", "inputs"} >= {"inputs"}
    assert [b.blocks for b in found if b.rule == "permissions"] == [False]


def test_a_job_that_decides_whether_those_before_it_were_good_may_run_always() -> None:
    decides = """\
  check:
    if: always()
    needs: [preflight, verify]
    runs-on: ubuntu-latest
    permissions: {}
    steps:
      - uses: re-actors/alls-green@05ac9388f0aebcb5727afa17fcccfecd6f8ec5fe # v1.2.2
        with:
          jobs: ${{ toJSON(needs) }}

  publish:
"""
    edits = (
        ("  publish:\n", decides),
        (PUBLISH_NEEDS, PUBLISH_NEEDS.replace("[", "[check, ")),
    )
    for extra, blocks in (
        ((), False),
        ((("          jobs: ${{ toJSON(needs) }}\n", "          jobs: '{}'\n"),), True),
        (
            (("      - uses: re-actors", "      - if: github.ref == ''\n        uses: re-actors"),),
            True,
        ),
    ):
        found = judged({RELEASE: changed(*edits, *extra)})
        assert [b.rule for b in found if b.blocks] == ["soft"] * blocks


def test_that_one_version_of_the_matrix_may_fail_is_advice() -> None:
    for told, blocks in (("${{ matrix.python == '3.15' }}", False), ("true", True)):
        text = changed(("    name: Verify\n", f"    name: Verify\n    continue-on-error: {told}\n"))
        found = judged({RELEASE: text})
        assert [(b.rule, b.blocks) for b in found] == [("soft", blocks)]


class TestGoodVariants:
    """What looks like a breach and is none."""

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            # Conditions that leave tags alone.
            (PUBLISH_IF, "    if: startsWith(github.ref, 'refs/tags/v') && !inputs.dry_run\n"),
            (PUBLISH_IF, "    if: ${{ github.event_name == 'push' }}\n"),
            (PUBLISH_IF, ""),
            # Cancelling what does not publish.
            ("  cancel-in-progress: false\n",
             "  cancel-in-progress: ${{ github.event_name == 'pull_request' }}\n"),
            # Spelling.
            (PUBLISH_STEP, PUBLISH_STEP + "        with: {skip-existing: false}\n"),
            (PUBLISH_STEP, PUBLISH_STEP + "        with: {attestations: true}\n"),
            ("    environment:\n      name: pypi\n", "    environment: pypi\n"),
            (PUBLISH, PUBLISH.replace("# v1.14.2", "# 1.14.2")),
            (PUBLISH, PUBLISH.replace("# v1.14.2", "# v1")),
            # A harmless step beside.
            (PUBLISH_STEP, HARMLESS_STEP + PUBLISH_STEP),
            *((PUBLISH_STEP, f"      - run: |\n          {text}\n{PUBLISH_STEP}") for text in (
                'case "$x" in *.whl|*.tar.gz) ;; *) exit 1;; esac', "(( n == 2 ))",
                "files=(dist/*); test ${#files[@]} -eq 2", "die() { echo no; exit 1; }; die",
                "du -h dist; file x; touch x; which gh; uname -a; cksum x; timeout 9 ls",
                "command -v gh",
            )),
            ("      name: pypi\n", "      name: PyPI\n"),
            (CHECKED_OUT,
             "          ref: ${{ github.sha }}\n" + CHECKED_OUT),
            (CHECKED_OUT,
             "          ref: ${{ github.ref }}\n" + CHECKED_OUT),
            ("          umask 022\n", "          git checkout -- uv.lock\n"),
            # What only looks like a condition, or like a failure that is hidden.
            (PUBLISH_IF, PUBLISH_IF.rstrip() + " && github.actor != 'always()'\n"),
            (PUBLISH_IF, PUBLISH_IF.rstrip() + " && success()\n"),
            (PUBLISH_STEP, PUBLISH_STEP + "        if: ${{ !failure() && !cancelled() }}\n"),
            ("    name: Verify\n", "    name: Verify\n    continue-on-error: ${{ false }}\n"),
            # Other ways to verify.
            (VERIFIED, f"{VERIFIED.rstrip()} || exit 1\n"),
            (LOOPED, "          set -euo pipefail\n" + LOOPED),
            (LOOPED, "          find dist -type f | while read -r file; do\n"),
            (LOOPED, LOOPED.replace("dist/*", "dist/*.whl dist/*.tar.gz")),
            (VERIFIED, VERIFIED.replace("$GITHUB_SHA", "${{ github.sha }}")),
            (DIGESTS_CHECKED, DIGESTS_CHECKED.replace("--strict", "--strict || exit 1")),
            (PUBLISH_STEP, "      - run: mv dist/SHA256SUMS .\n" + PUBLISH_STEP),
        ],
    )  # fmt: skip
    def test_breaks_no_rule(self, old: str, new: str) -> None:
        assert broken(judged({RELEASE: changed((old, new))})) == set()

    @pytest.mark.parametrize(
        "command",
        [
            "twine upload --repository testpypi dist/*",
            "uv publish --dry-run",
            "uv publish --publish-url http://localhost:8080/",
            "echo twine upload",
            "grep -R 'twine upload' .github",
            "twine check dist/*",
            "pip install twine",
            "nox -s tests",
            "make docs",
            "./ci/absent.sh",
            "cargo publish",
            "unset TWINE_PASSWORD",
            "test ! -e ~/.pypirc",
            "npm publish",
        ],
    )
    def test_a_command_that_does_not_publish_is_no_publication(self, command: str) -> None:
        files = {
            RELEASE: GOOD,
            CI: CI_TEXT.format(f"|\n          {command}"),
            "Makefile": "docs:\n\ttrue\nupload:\n\ttwine upload dist/*\n",
        }
        assert broken(judged(files)) == set()

    @pytest.mark.parametrize(
        "command",
        [
            '[ "$TAG" = "v$version" ] || exit 1',
            'if [ "$TAG" != "v$version" ]; then echo no; exit 1; fi',
            'if [[ "$TAG" == "v${version}" ]]; then echo yes; else exit 1; fi',
            '[ "${GITHUB_REF#refs/tags/v}" != "$version" ] && exit 1',
            'python ci/check.py "$TAG"',
            "nox -s release_preflight",
            "nox-release release_preflight",
            'python -c \'import os; assert os.environ["TAG"] == "v1"\'',
            'grep -q "version = ${TAG#v}" pyproject.toml',
        ],
    )
    def test_a_tag_can_be_checked_in_many_ways(self, command: str) -> None:
        assert broken(judged({RELEASE: changed(*tag_checked(command))})) == set()

    def test_a_script_checks_the_tag_that_it_reads(self) -> None:
        text = changed(*tag_checked("python ci/check.py"))
        for code, fine in (("os.environ['GITHUB_REF_NAME']", True), ("print()", False)):
            assert (broken(judged({RELEASE: text, "ci/check.py": code})) == set()) is fine

    def test_the_test_index_is_not_the_index(self) -> None:
        text = changed(
            ("  forge:\n", ANOTHER_JOB.rstrip() + "\n        with:\n"
             "          repository-url: https://test.pypi.example/legacy/\n\n  forge:\n"),
        )  # fmt: skip
        assert broken(judged({RELEASE: text})) == set()

    def test_a_version_that_tags_define_needs_no_check_of_the_tag(self) -> None:
        text = changed((TAG_CHECK, ""), ('          test "$(git', '          echo "$(git'))
        assert broken(judged({RELEASE: text})) == {"tags"}
        assert broken(judged({RELEASE: text}, tagged_version=True)) == set()

    @pytest.mark.parametrize("tags", [("v1.0", "v1.1rc1"), ()])
    def test_a_wider_filter_that_fits_every_tag_is_a_remark_where_tags_are_checked(
        self, tags: tuple[str, ...]
    ) -> None:
        text = changed(('["v[0-9]*"]', '["v*"]'))
        (found,) = judged({RELEASE: text}, tags=tags, released=frozenset(tags))
        assert (found.rule, found.remark) == ("tags", True)
        assert found.finding.message == (
            "a tag such as vx, which is no release, would start a run that refuses it"
        )

    def test_a_tag_that_spells_its_version_otherwise_is_one_of_a_release(self) -> None:
        text = changed(('["v[0-9]*"]', '["v[0-9]*", "V*"]'))
        for tag, fine in (("V0.17", True), ("Vendored", False)):
            found = judged({RELEASE: text}, tags=("v1.0", tag), released=frozenset(["v1.0"]))
            assert (broken(found) == set()) is fine

    def test_tags_that_another_workflow_publishes_are_not_missed(self) -> None:
        rest = changed(('["v[0-9]*"]', '["v0.*"]'))
        text = changed(('["v[0-9]*"]', '["v1.*"]'))
        tags = {"tags": ("v0.1", "v1.0"), "released": frozenset(["v0.1", "v1.0"])}
        assert "tags" in broken(judged({RELEASE: text}, **tags))
        files = {RELEASE: text, ".github/workflows/old.yml": rest}
        assert "tags" not in broken(judged(files, **tags))

    def test_a_project_that_does_not_publish_needs_no_publishing_job(self) -> None:
        text = changed((PUBLISH_STEP, "      - run: echo done\n"))
        assert broken(judged({RELEASE: text}, publishes=False)) == set()

    def test_what_a_person_uploads_with_is_theirs_unless_it_stands_in_a_file(self) -> None:
        text = changed((PUBLISH_STEP, "      - run: echo done\n"))
        files = {RELEASE: text, "Makefile": 'x:\n\t@test -n "$$TWINE_PASSWORD" || exit 1\n'}
        assert broken(judged(files, publishes=False)) == {"token"}
        assert broken(judged(files, publishes=False, by_hand=True)) == set()
        (found,) = judged(files, publishes=False)
        assert found.finding.remedy is not None
        assert 'tool.release.publish = "by hand"' in found.finding.remedy

    def test_fewer_permissions_are_a_remark(self) -> None:
        text = changed(
            ("      contents: read\n      id-token: write # to p", "      id-token: write # to p")
        )
        (found,) = judged({RELEASE: text})
        assert (found.rule, found.remark) == ("permissions", True)

    def test_a_person_publishes_by_a_dispatch_on_a_tag(self) -> None:
        text = changed(
            ('  push:\n    tags: ["v[0-9]*"]\n', ""),
            (PUBLISH_IF, "    if: github.ref_type == 'tag'\n"),
            (ATTEST_IF, ""),
        )
        assert broken(judged({RELEASE: text}, manual=True)) == set()
        assert broken(judged({RELEASE: text.replace(" == 'tag'", " != 'x'")}, manual=True)) == {
            "ref"
        }

    def test_a_tag_that_a_person_picks_is_checked_too(self) -> None:
        text = changed(
            ('  push:\n    tags: ["v[0-9]*"]\n', ""),
            (PUBLISH_IF, "    if: github.ref_type == 'tag'\n"),
            (ATTEST_IF, ""),
            (TAG_CHECK, ""),
            ('          test "$(git', '          echo "$(git'),
        )
        assert broken(judged({RELEASE: text}, manual=True)) == {"tags"}

    @pytest.mark.parametrize(
        "requires", ["hatchling<1.32", "hatchling==1.31.*", "setuptools", "a b"]
    )
    def test_an_old_publisher_takes_old_metadata(self, requires: str) -> None:
        text = changed((PUBLISH, OLD_PUBLISHER))
        assert broken(judged({RELEASE: text}, requires=(requires,))) == set()
        assert broken(judged({RELEASE: text}, requires=("flit_core >=3.12",))) == {"metadata"}
        assert broken(judged({RELEASE: text}, metadata_version="2.4")) == set()

    def test_which_backend_a_build_without_isolation_uses_is_not_known(self) -> None:
        text = changed(
            (PUBLISH, OLD_PUBLISHER),
            ("          python -m build --outdir dist\n",
             "          pip install hatchling\n          python -m build -n\n"),
        )  # fmt: skip
        assert broken(judged({RELEASE: text})) == set()


class TestCompositeActions:
    ACTION = ".github/actions/ship/action.yml"
    TEXT = f"name: Ship\nruns:\n  using: composite\n  steps:\n    - uses: {PUBLISH}\n"

    def test_its_steps_count_as_those_of_the_job(self) -> None:
        text = changed((PUBLISH_STEP, "      - uses: ./.github/actions/ship\n"))
        assert broken(judged({RELEASE: text, self.ACTION: self.TEXT})) == set()
        spoilt = f"{self.TEXT}      with:\n        skip-existing: true\n"
        (found,) = judged({RELEASE: text, self.ACTION: spoilt})
        assert (found.rule, found.finding.path, found.finding.line) == ("inputs", self.ACTION, 7)

    def test_one_of_this_repository_is_known_by_its_path(self) -> None:
        use = CI_TEXT.format("echo").replace("run: echo", "uses: o/r/.github/actions/ship@main")
        assert "single" in broken(judged({RELEASE: GOOD, self.ACTION: self.TEXT, CI: use}))

    def test_a_second_publisher_in_one_is_found(self) -> None:
        use = CI_TEXT.format("echo").replace("run: echo", "uses: ./.github/actions/ship")
        found = judged({RELEASE: GOOD, self.ACTION: self.TEXT, CI: use})
        assert "single" in broken(found)

    def test_actions_that_use_each_other_end(self) -> None:
        again = "name: A\nruns:\n  using: composite\n  steps:\n    - uses: ./.github/actions/ship\n"
        use = CI_TEXT.format("echo").replace("run: echo", "uses: ./.github/actions/ship")
        assert broken(judged({RELEASE: GOOD, self.ACTION: again, CI: use})) == set()


class TestCalledWorkflows:
    CALLER = "name: Top\non:\n  push:\n    tags: ['v[0-9]*']\njobs:\n  all:\n    uses: {0}\n"

    @pytest.mark.parametrize(
        "target", ["./.github/workflows/release.yml", "$/.github/workflows/release.yml"]
    )
    def test_a_publishing_workflow_that_is_called_is_reported_once(self, target: str) -> None:
        text = changed(("on:\n", "on:\n  workflow_call:\n"))
        files = {RELEASE: text, ".github/workflows/top.yml": self.CALLER.format(target)}
        assert broken(judged(files)) == {"reusable"}

    def test_a_caller_on_branches_lets_branches_publish(self) -> None:
        start, end = GOOD.index("on:\n"), GOOD.index("permissions: {}")
        text = GOOD[:start] + "on: workflow_call\n\n" + GOOD[end:]
        text = changed((PUBLISH_IF, ""), (ATTEST_IF, ""), text=text)
        caller = self.CALLER.format("./.github/workflows/release.yml")
        files = {RELEASE: text, ".github/workflows/top.yml": caller}
        assert broken(judged(files)) == {"reusable"}
        files[".github/workflows/top.yml"] = caller.replace("tags: ['v[0-9]*']", "branches: [main]")
        assert {"reusable", "ref"} <= broken(judged(files))

    @pytest.mark.parametrize(
        ("job", "condition", "fine"),
        [
            ("verify", "github.ref_type == 'branch'", False),
            ("verify", "false", False),
            ("attest", "github.ref_type == 'tag'", False),
            ("verify", "success()", True),
        ],
    )
    def test_what_verifies_in_a_called_workflow_may_not_be_skipped(
        self, job: str, condition: str, fine: bool
    ) -> None:
        folder = Path(__file__).parents[2] / "projects/openmed/.github/workflows"
        inner = (folder / "provenance.yml").read_text(encoding="utf-8")
        files = {
            ".github/workflows/publish.yml": (folder / "publish.yml").read_text(encoding="utf-8"),
            ".github/workflows/provenance.yml": inner.replace(
                f"  {job}:\n", f"  {job}:\n    if: {condition}\n"
            ),
        }
        found = judged(files, file="publish.yml", tagged_version=True)
        assert broken(found) == (set() if fine else {"verified"})

    def test_a_called_job_without_permissions_has_those_of_its_caller(self) -> None:
        called = "on: workflow_call\njobs:\n  build:\n    steps: [{run: python -m build}]\n"
        call = "    uses: ./.github/workflows/called.yml\n    permissions: {id-token: write}\n"
        text = changed(
            (PUBLISH_NEEDS, PUBLISH_NEEDS.replace("[", "[called, ")),
            ("  publish:\n", f"  called:\n{call}\n  publish:\n"),
        )
        files = {RELEASE: text, ".github/workflows/called.yml": called}
        assert "isolation" in broken(judged(files))
        files[RELEASE] = text.replace(call, call.replace("id-token: write", "contents: read"))
        assert "isolation" not in broken(judged(files))


class TestSecondPublishers:
    @pytest.mark.parametrize(
        ("environment", "artefact", "two"),
        [
            ("name: other", "other", True),
            ("name: pypi", "other", False),
            ("name: other", "", False),
        ],
    )
    def test_two_distributions_have_two(self, environment: str, artefact: str, two: bool) -> None:
        again = ANOTHER_JOB.replace("name: pypi", environment)
        if artefact:
            again = again.replace("needs.build.outputs.artifact-id", f"needs.{artefact}.outputs.id")
        text = changed(("  forge:\n", f"{again}  forge:\n"))
        assert ("single" not in broken(judged({RELEASE: text}))) is two

    @pytest.mark.parametrize(
        "step",
        [
            "run: timeout 5m twine upload dist/*",
            "run: $PYTHON -m twine upload dist/*",
            "run: uv --cache-dir .c publish",
            "run: poetry -C . publish",
            "run: uv publish\n        env: {UV_PUBLISH_USERNAME: test_pypi}",
            "run: twine upload -r pypi x\n        env: {TWINE_REPOSITORY: testpypi}",
            f"uses: docker://ghcr.io/pypa/gh-action-pypi-publish@sha256:{'1' * 64}",
            f"uses: {PUBLISH}\n        with: {{repository-url: '{INDEX}?x=testpypi'}}",
        ],
    )
    def test_is_found(self, step: str) -> None:
        use = CI_TEXT.format("echo").replace("run: echo", step)
        assert "single" in broken(judged({RELEASE: GOOD, CI: use}))

    @pytest.mark.parametrize(
        "command",
        [
            "git -c alias.x='!twine upload x' x",
            "git submodule foreach 'twine upload x'",
            "git bisect run twine upload x",
            "sed -n '/a/e twine upload x' f",
            "sed 's/.*/ twine upload x/e' f",
            "sort --compress-prog='twine upload x' f",
            r"find . -exec echo {} \; -exec twine upload {} \;",
            "find . -ok twine upload {}",
            "env --split-string='twine upload x'",
            "bash < <(echo twine upload x)",
            "source <(echo twine upload x)",
            'bash -c "$(echo twine upload x)"',
            "$(echo twine upload x)",
            "eval \"$(cat <<'E'\ntwine upload x\nE\n)\"",
            "echo 'import os; os.system(\"twine upload x\")' | python",
            "test -v 'a[$(twine upload x)]'",
            "printf -v 'a[`twine upload x`]' b",
        ],
    )
    def test_is_found_where_a_program_that_only_says_something_runs_it(self, command: str) -> None:
        step = "run: |\n" + textwrap.indent(command, " " * 10) + "\n"
        use = CI_TEXT.format("echo").replace("run: echo\n", step)
        assert broken(judged({RELEASE: GOOD, CI: use})) & {"single", "hidden"}

    @pytest.mark.parametrize(
        "command",
        [
            "git commit -m 'Explain twine upload'",
            "git grep 'twine upload'",
            "sed 's/twine upload/x/' f",
            "echo 'twine upload x'",
            "printf '%s' 'twine upload x'",
            'test "$(cat f)" = "twine upload"',
        ],
    )
    def test_what_only_says_something_is_none(self, command: str) -> None:
        step = "run: |\n" + textwrap.indent(command, " " * 10) + "\n"
        use = CI_TEXT.format("echo").replace("run: echo\n", step)
        assert broken(judged({RELEASE: GOOD, CI: use})) == set()

    def test_an_index_for_tests_may_be_told_by_a_variable(self) -> None:
        use = CI_TEXT.format("twine upload x\n        env: {TWINE_REPOSITORY: testpypi}")
        assert broken(judged({RELEASE: GOOD, CI: use})) == set()

    @pytest.mark.parametrize("condition", ["false", "github.event_name == 'release'"])
    @pytest.mark.parametrize("manual", [False, True])
    def test_one_that_never_runs_is_none(self, condition: str, manual: bool) -> None:
        text = changed((PUBLISH_IF, f"    if: {condition}\n"))
        assert "single" in broken(judged({RELEASE: text}, manual=manual))


class TestUploadsByCommand:
    def test_twine_with_attestations_keeps_to_the_policy_but_for_its_installation(self) -> None:
        text = changed((PUBLISH_STEP, "      - run: twine upload --attestations dist/*\n"))
        assert broken(judged({RELEASE: text})) == set()

    @pytest.mark.parametrize(
        "command",
        [
            "twine upload dist/*",
            "twine upload --attestations --skip-existing dist/*",
            "uv publish --token=x",
            "uv publish --no-attestations",
            "python -m flit publish",
            "uvx hatch publish",
            "python setup.py sdist upload",
        ],
    )
    def test_what_it_leaves_out_is_reported(self, command: str) -> None:
        text = changed((PUBLISH_STEP, f"      - run: |\n          {command}\n"))
        assert "inputs" in broken(judged({RELEASE: text}))


@pytest.mark.parametrize(
    "shell",
    [
        "./ci/shell {0}",
        "bash --rcfile ci/x -i {0}",
        "bash ci/x {0}",
        "sh -i {0}",
        "python3 -m ci {0}",
        "python -c ci",
        'pwsh -command ". ./ci/x"',
        "cmd /C ci/x",
        "perl {0}",
    ],
)
def test_a_shell_of_the_projects_own_is_named_where_it_publishes(shell: str) -> None:
    text = changed(
        (PUBLISH_IF, f"{PUBLISH_IF}    defaults: {{run: {{shell: {json.dumps(shell)}}}}}\n")
    )
    [breach] = [one for one in judged({RELEASE: text}) if one.rule == "steps"]
    assert breach.blocks
    assert shell in breach.finding.message


@pytest.mark.parametrize(
    "shell",
    [
        "bash",
        "bash -euo pipefail {0}",
        "bash -leo pipefail {0}",
        "bash --noprofile --norc -eo pipefail {0}",
        "bash -ev {0}",
        "sh -e {0}",
    ],
)
def test_a_shell_that_runs_its_text_alone_is_fine(shell: str) -> None:
    text = changed((PUBLISH_IF, f"{PUBLISH_IF}    defaults: {{run: {{shell: '{shell}'}}}}\n"))
    assert not judged({RELEASE: text})


@pytest.mark.parametrize(
    "shell",
    [
        "python",
        "python3 {0}",
        "pwsh",
        """pwsh -command ". '{0}'" """,
        """powershell -command ". '{0}'" """,
        "cmd",
        'cmd /D /E:ON /V:OFF /S /C "CALL "{0}""',
        '%ComSpec% /D /E:ON /V:OFF /S /C "CALL "{0}""',
    ],
)
def test_another_shell_of_the_forge_s_own_is_fine_beside_a_publication(shell: str) -> None:
    step = f"      - run: ls dist\n        shell: {json.dumps(shell)}\n"
    found = judged({RELEASE: changed((PUBLISH_STEP, f"{step}{PUBLISH_STEP}"))})
    assert not [one for one in found if "runs its commands by" in one.finding.message]


def test_a_finding_shows_no_token_and_nothing_that_a_terminal_obeys() -> None:
    text = changed(("    name: Smoke\n", f"    name: Smoke\n    env: {{ANY: {TOKEN}}}\n"),
                   ("  publish:\n", '  "publish\\e[31m\\u202e":\n'),
                   ("      name: pypi\n", "      name: other\n"))  # fmt: skip
    text = text.replace("needs: [publish,", 'needs: ["publish\\e[31m\\u202e",')
    said = "".join(b.finding.message for b in judged({RELEASE: text}))
    assert TOKEN not in said
    assert said.isprintable()


@pytest.mark.parametrize(
    "whole",
    [
        "find dist -type f -print0 | xargs -0 -n1 gh attestation verify {}",
        "find dist -type f -exec gh attestation verify '{{}}' {} ';'",
        'mapfile -t all < <(find dist -type f)\ngh attestation verify "${{all[@]}}" {}',
        'all=(dist/*)\nfor one in "${{all[@]}}"; do\ngh attestation verify "$one" {}\ndone',
        'ls dist/* | while read -r one; do\ngh attestation verify "$one" {}\ndone',
        'while read -r one; do\ngh attestation verify "$one" {}\ndone < <(find dist -type f)',
        'for one in dist/*.whl dist/*.tar.gz; do gh attestation verify "$one" {}; done',
    ],
)
def test_a_verification_of_every_file_counts_however_they_are_told(whole: str) -> None:
    start = GOOD.index(LOOPED)
    loop = GOOD[start : GOOD.index("          done\n", start) + len("          done\n")]
    options = " ".join(loop.split('"$file"')[1].rpartition("done")[0].replace("\\", "").split())
    text = textwrap.indent(whole.format(options), " " * 10) + "\n"
    assert judged({RELEASE: changed((loop, text))}) == []


def test_a_verification_in_a_script_is_not_relied_on() -> None:
    loop = GOOD[GOOD.index(LOOPED) : GOOD.index("          done\n") + len("          done\n")]
    text = changed((loop, "          bash ci/verify.sh\n"))
    found = judged({RELEASE: text, "ci/verify.sh": f"set -e\n{loop}"})
    assert broken(found) == {"verified"}
    (breach,) = found
    assert "no command of the step is sure to run" in breach.finding.message


class TestOtherRunners:
    """Runners whose tasks are not known: what their files hold is searched as text."""

    FILES: ClassVar = {
        "justfile": "publish:\n    uv publish --trusted-publishing always\n",
        "tasks.py": "@task\ndef publish(c):\n    c.run('twine upload dist/*')\n",
        "package.json": '{"scripts": {"release": "twine upload dist/*"}}\n',
        "Taskfile.yml": "tasks: {up: {cmds: [uv publish]}}\n",
        "pixi.toml": "[tasks]\nup = 'uv publish'\n",
        "dodo.py": "def task_up():\n    return {'actions': ['twine upload dist/*']}\n",
        "duties.py": "@duty\ndef up(ctx):\n    ctx.run('uv publish')\n",
        "noxfile.py": "@session(tags=['up'])\ndef a(s):\n    s.run('uv', 'publish')\n",
        "ci/Makefile": "up:\n\ttwine upload dist/*\n",
        "Makefile": "include rules.mk\nall:\n\ttrue\n",
        "rules.mk": "up:\n\ttwine upload dist/*\n",
    }  # fmt: skip
    ABLE = "    permissions: {id-token: write}\n    steps:"

    @pytest.mark.parametrize(
        "command",
        [
            "just publish", "inv publish", "npm run release", "task up", "pixi run up", "doit up",
            "uv run duty up", "nox -t up", "nox -k a", "make -C ci up", "make -f ci/Makefile up",
            "make up",
        ],
    )  # fmt: skip
    def test_an_upload_behind_one_blocks_where_the_job_could_publish(self, command: str) -> None:
        text = CI_TEXT.format(command)
        for given, blocks in ((text, False), (text.replace("    steps:", self.ABLE), True)):
            found = judged({RELEASE: GOOD, CI: given, **self.FILES})
            assert [(b.rule, b.blocks) for b in found] == [("hidden", blocks)], found
            assert "may publish; it could not be judged" in found[0].finding.message

    def test_a_secret_that_is_no_token_of_an_index_makes_it_no_defect(self) -> None:
        for name, blocks in (("COVERAGE", False), ("PYPI_TOKEN", True)):
            given = f"    env: {{T: '${{{{ secrets.{name} }}}}'}}\n    steps:"
            text = CI_TEXT.format("inv test").replace("    steps:", given)
            found = judged({RELEASE: GOOD, CI: text, **self.FILES})
            assert [b.blocks for b in found if b.rule == "hidden"] == [blocks]

    @pytest.mark.parametrize(
        "command", ["npm ci", "just --list", "make all", "nox -s a -- -x", "yarn --version"]
    )
    def test_what_runs_none_of_them_is_none(self, command: str) -> None:
        files = {**self.FILES, "noxfile.py": "@session\ndef a(s):\n    s.run('x', 'y')\n"}
        text = CI_TEXT.format(command).replace("    steps:", self.ABLE)
        assert judged({RELEASE: GOOD, CI: text, **files}) == []


class TestShellThatCannotBeRead:
    """`if x; then` without a body is what no shell takes."""

    TEXT = "|\n          echo\n          if x; then\n          fi"

    def found(self, text: str, **files: str) -> list[tuple[str, int | None]]:
        breaches = judged({RELEASE: GOOD, CI: text, **files})
        assert broken(breaches) <= {"hidden"}
        return [
            (breach.finding.message, breach.finding.line)
            for breach in breaches
            if breach.rule == "hidden"
        ]

    @pytest.mark.parametrize(
        "given",
        ["permissions: {id-token: write}", "env: {T: '${{ secrets.INDEX }}'}"],
    )
    def test_it_is_hidden_where_the_job_could_publish(self, given: str) -> None:
        text = CI_TEXT.format(self.TEXT).replace("    steps:", f"    {given}\n    steps:")
        ((message, line),) = self.found(text)
        assert message.startswith(
            "a shell text that cannot be read (`then` must be followed by a statement list) may"
        )
        assert line == 1 + text.split("\n").index("          if x; then")

    def test_it_is_of_no_interest_elsewhere(self) -> None:
        text = CI_TEXT.format(self.TEXT)
        assert self.found(text) == []
        text = text.replace("    steps:", "    env: {T: '${{ secrets.GITHUB_TOKEN }}'}\n    steps:")
        assert self.found(text) == []

    def test_it_is_hidden_anywhere_if_it_names_an_upload(self) -> None:
        ((message, _),) = self.found(CI_TEXT.format(f"{self.TEXT} twine upload x"))
        assert "may publish" in message

    def test_it_blocks_where_it_names_an_upload_and_the_job_could_publish(self) -> None:
        for more, blocks in (("", False), (" twine upload x", True)):
            text = CI_TEXT.format(f"{self.TEXT}{more}").replace(
                "    steps:", "    permissions: {id-token: write}\n    steps:"
            )
            (breach,) = judged({RELEASE: GOOD, CI: text})
            assert (breach.rule, breach.blocks) == ("hidden", blocks)

    def test_it_is_told_with_its_place_in_a_script(self) -> None:
        text = CI_TEXT.format("bash ci/up.sh").replace(
            "    steps:", "    permissions: {id-token: write}\n    steps:"
        )
        ((message, line),) = self.found(text, **{"ci/up.sh": "set -e\necho 'a\n"})
        assert message.startswith("ci/up.sh: a shell text that cannot be read (reached EOF")
        assert ", ci/up.sh:2)" in message
        assert line == 1 + text.split("\n").index("      - run: bash ci/up.sh")


class TestLargeWorkflows:
    @pytest.mark.slow
    def test_many_jobs_that_need_each_other_take_time_in_proportion(self) -> None:
        jobs = "".join(
            f"  j{n}:\n    needs: [{', '.join(f'j{m}' for m in range(max(0, n - 9), n))}]\n"
            "    permissions: write-all\n    steps: [{run: 'true'}]\n"
            for n in range(490)
        )
        text = GOOD.replace("  forge:\n", f"{jobs}  forge:\n").replace(
            "needs: [preflight, build, verify]", "needs: [preflight, build, verify, j489]"
        )
        assert broken(judged({RELEASE: text})) == {"tags"}

    def test_jobs_that_need_themselves_end(self) -> None:
        text = changed(("    needs: [preflight]\n", "    needs: [preflight, publish, build]\n"))
        assert broken(judged({RELEASE: text})) == set()

    @pytest.mark.slow
    def test_many_steps_take_time_in_proportion(self) -> None:
        text = changed(
            (PUBLISH_STEP, PUBLISH_STEP + "      - run: ls ${{ github.ref }}\n" * 15_000)
        )
        assert broken(judged({RELEASE: text})) == set()

    @pytest.mark.parametrize(
        "text",
        ["a" * 900_000, "rev-parse " * 90_000, "HATCH_" * 100_000,
         "sha256sum -" + "c" * 900_000 + "_", "git describe " * 70_000,
         "${{ " * 100_000, "$(" * 200_000,
         "secrets." * 100_000,
         "x " + " " * 800_000],
    )  # fmt: skip
    def test_hostile_texts_take_time_in_proportion(self, text: str) -> None:
        step = f"      - run: {text}\n        env: {{A: {text[:400_000]!r}}}\n"
        judged(
            {RELEASE: changed(("      - name: Build twice", f"{step}      - name: Build twice"))}
        )
