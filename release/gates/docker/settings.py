"""`[tool.release.gates.docker]`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from release.settings import GateSettings, InsidePath, Text


class DockerSettings(GateSettings):
    """How the image is built and what is checked inside it."""

    file: InsidePath | None = Field(None, description="The Dockerfile; detected unless set.")
    context: InsidePath = Field(".", description="The build context.")
    target: Text | None = Field(None, description="The stage to build.")
    build_args: Mapping[str, str] = Field(default_factory=dict, description="Build arguments.")
    python: Text = Field("python", description="The interpreter to call inside the image.")
    root: bool = Field(False, description="Whether the image may run as root.")
    labels: bool = Field(
        True, description="Whether OCI labels for version and revision are demanded."
    )
    max_megabytes: Annotated[int, Field(ge=1)] | None = Field(
        None, description="The largest size accepted, in MB (10^6 bytes)."
    )

    def secrets(self) -> Mapping[str, str]:
        return {f"build-arg {name}": value for name, value in self.build_args.items()}
