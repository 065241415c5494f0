"""Records of scientific scenarios, with schemas of their own."""

__version__ = "0.7.2"

# What an archive states of itself; SCHEMAS.md registers both.
RECORD_SCHEMA = 1
SCENARIO_SCHEMA = 1


def record(name: str, value: float) -> dict[str, object]:
    """One measured value, as it is archived."""
    return {"schema": RECORD_SCHEMA, "name": name, "value": value}


def main() -> None:
    """Say which version this is."""
    print(f"ophamin {__version__}")
