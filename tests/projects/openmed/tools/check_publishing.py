"""Exactly one workflow publishes, by Trusted Publishing; none does by a token."""

import sys
from pathlib import Path

PUBLISHER = "pypa/gh-action-pypi-publish"
LEGACY = ("PYPI_API_TOKEN", "hatch publish")


def problems(folder: Path) -> list[str]:
    """What is wrong with the workflows in a folder."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.yml"))}
    publishing = [name for name, text in texts.items() if PUBLISHER in text]
    found = []
    if len(publishing) != 1:
        found.append(f"{len(publishing)} publishing workflows: {', '.join(publishing) or 'none'}")
    for name, text in texts.items():
        found += [
            f"{name}:{number}: legacy token publishing is still present: {line.strip()}"
            for number, line in enumerate(text.splitlines(), 1)
            if any(legacy in line for legacy in LEGACY)
        ]
    return found


if __name__ == "__main__":
    if found := problems(Path(sys.argv[1])):
        raise SystemExit("\n".join(found))
