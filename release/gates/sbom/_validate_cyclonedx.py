"""Run by the Python of the sbom gate's tools: validates a CycloneDX document against its schema.

Takes the document's path, the version of the specification, and the file to which it writes a JSON
list with the path and the message of everything that is invalid. The validator is that of
cyclonedx-python-lib, which has the schemas and looks nothing up in the network.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

MESSAGE_LENGTH = 300


def main(path: str, version: str, answer: str) -> None:
    # jsonschema compiles the grammar of internationalised addresses when it finds that package,
    # which takes several times as long as everything else here. Without it, addresses are not
    # checked for form.
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
    schema = importlib.import_module("cyclonedx.schema").SchemaVersion.from_version(version)
    validator = importlib.import_module("cyclonedx.validation.json").JsonValidator(schema)
    text = Path(path).read_text(encoding="utf-8")
    errors = [error.data for error in validator.validate_str(text, all_errors=True) or ()]
    found = sorted([error.json_path, error.message[:MESSAGE_LENGTH]] for error in errors)
    Path(answer).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
