"""A release workflow that keeps to the whole policy, and what judges changes of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from release.gates.workflows.model import Model
from release.gates.workflows.pins import table
from release.gates.workflows.policy import judge
from release.gates.workflows.publishing import Expected
from release.gates.workflows.read import ACTION_NAMES, FOLDER, build, parse
from release.gates.workflows.rules.breach import Breach
from release.model import Finding

RELEASE = f"{FOLDER}/release.yml"
GOOD = (Path(__file__).parents[2] / "data/workflows/release.yml").read_text(encoding="utf-8")
EXPECTED = Expected(
    file="release.yml",
    environment="pypi",
    tags=("v1.0", "v1.1rc1", "nightly"),
    released=frozenset(["v1.0", "v1.1rc1"]),
    requires=("hatchling>=1.27",),
    pins=table(),
)
# A workflow as large projects have them: it publishes by a password, and softens its attestations.
BY_PASSWORD = """\
name: Publish
on:
  push:
    tags: ["v*"]
  workflow_dispatch:
    inputs:
      tag: {required: true, type: string}
jobs:
  provenance:
    uses: ./.github/workflows/provenance.yml
    with:
      release-tag: ${{ inputs.tag || github.ref_name }}
    permissions: {contents: read, id-token: write, attestations: write}
  publish:
    needs: [provenance]
    if: startsWith(github.ref_name, 'v') || startsWith(inputs.tag, 'v')
    runs-on: ubuntu-latest
    environment: {name: pypi}
    permissions:
      contents: read
    steps:
      - uses: actions/download-artifact@v8
        with: {name: distributions, path: dist/}
      - uses: pypa/gh-action-pypi-publish@v1.14.1
        with:
          password: ${{ secrets.PYPI_API_TOKEN }}
          attestations: false
"""
PROVENANCE = """\
name: Provenance
on:
  workflow_call:
    inputs:
      release-tag: {type: string}
jobs:
  distributions:
    runs-on: ubuntu-latest
    permissions: {contents: read, id-token: write, attestations: write}
    steps:
      - uses: actions/checkout@v7
        with:
          ref: ${{ inputs.release-tag || github.ref }}
      - run: |
          pip uninstall --yes thing || true
          python -m build
      - id: attest
        continue-on-error: true
        uses: actions/attest@v4
        with: {subject-path: dist/*}
      - if: steps.attest.outcome == 'success'
        run: |
          for file in dist/*; do
            gh attestation verify "$file" --repo "$GITHUB_REPOSITORY" \\
              --signer-workflow "$GITHUB_REPOSITORY/.github/workflows/provenance.yml" \\
              --source-ref "$GITHUB_REF" --source-digest "$GITHUB_SHA"
          done
      - uses: actions/upload-artifact@v7
        with: {name: distributions, path: dist/}
"""


def model(files: Mapping[str, str]) -> Model:
    """The model of texts by their paths."""
    faults: list[Finding] = []
    yaml = {name: text for name, text in files.items() if name.startswith(".github/")}
    nodes = {name: parse(text, name)[0] for name, text in yaml.items()}
    actions = {name: node for name, node in nodes.items() if name.endswith(ACTION_NAMES)}
    workflows = {name: node for name, node in nodes.items() if name not in actions}
    found = build(workflows, actions, files.get, faults)
    assert not faults
    return found


def judged(files: Mapping[str, str], **expected: object) -> list[Breach]:
    """What breaks the policy in the files; keywords change what is expected."""
    return judge(model(files), replace(EXPECTED, **expected))  # type: ignore[arg-type]


def broken(breaches: Iterable[Breach]) -> set[str]:
    """The rules that are broken, remarks aside."""
    return {breach.rule for breach in breaches if not breach.remark}


def changed(*edits: tuple[str, str], text: str = GOOD) -> str:
    """The text with each first text replaced by the second, in the last place that has it."""
    for old, new in edits:
        before, found, after = text.rpartition(old)
        assert found, old
        text = before + new + after
    return text
