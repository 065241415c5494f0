"""Run by the Python of the sbom gate's tools: validates a CycloneDX document against its schema.

Takes the document's path, the version of the specification, and the file to which it writes a JSON
list with the path and the message of everything that is invalid. It uses the schemas that come with
cyclonedx-python-lib and looks nothing up in the network.
"""

from __future__ import annotations

import importlib
import json
import sys
from importlib.resources import files
from typing import Any

MESSAGE_LENGTH = 300


def main(path: str, version: str, answer: str) -> None:
    # jsonschema compiles the grammar of internationalised addresses when it finds that package,
    # which takes several times as long as everything else here. Without it, addresses are not
    # checked for form.
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
    jsonschema: Any = importlib.import_module("jsonschema")
    referencing: Any = importlib.import_module("referencing")
    draft7 = importlib.import_module("referencing.jsonschema").DRAFT7
    schemas = files("cyclonedx") / "schema" / "_res"

    def schema(uri: str) -> Any:
        return json.loads((schemas / uri.rpartition("/")[2]).read_text(encoding="utf-8"))

    validator = jsonschema.Draft7Validator(
        schema(f"bom-{version}.SNAPSHOT.schema.json"),
        registry=referencing.Registry(retrieve=lambda uri: draft7.create_resource(schema(uri))),
        format_checker=jsonschema.Draft7Validator.FORMAT_CHECKER,
    )
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    errors = sorted(validator.iter_errors(document), key=lambda error: str(error.json_path))
    found = [[error.json_path, error.message[:MESSAGE_LENGTH]] for error in errors]
    with open(answer, "w", encoding="utf-8") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
