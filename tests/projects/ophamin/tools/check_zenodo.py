"""The archive finds what it needs to make a record of a release."""

import json
import sys
from pathlib import Path

NEEDED = ("title", "description", "upload_type", "creators", "license")

if __name__ == "__main__":
    said = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    if missing := [key for key in NEEDED if not said.get(key)]:
        raise SystemExit(f"{sys.argv[1]} lacks {', '.join(missing)}")
