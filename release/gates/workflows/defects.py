"""What `prove` plants for the gate workflows."""

from __future__ import annotations

from release.run.planting import Copy, Defect, write

WORKFLOW = ".github/workflows/planted.yml"


def publishing_by_password(copy: Copy) -> None:
    write(
        copy,
        WORKFLOW,
        "name: planted\non: {push: {branches: [main]}}\njobs:\n  publish:\n"
        "    runs-on: ubuntu-latest\n    continue-on-error: true\n    steps:\n"
        "      - uses: pypa/gh-action-pypi-publish@release/v1\n"
        "        with: {password: '${{ secrets.PYPI_API_TOKEN }}', attestations: false}\n",
    )


def index_token(copy: Copy) -> None:
    write(
        copy,
        WORKFLOW,
        "name: planted\non: {push: {branches: [main]}}\npermissions: {}\njobs:\n  planted:\n"
        "    runs-on: ubuntu-latest\n    timeout-minutes: 5\n    steps:\n      - run: 'true'\n"
        "        env: {TWINE_PASSWORD: '${{ secrets.PYPI_API_TOKEN }}'}\n",
    )


DEFECTS = (
    Defect("publishing by a password", publishing_by_password, r"planted\.yml: inputs:"),
    Defect("a token of the index", index_token, r"planted\.yml: token:"),
)
