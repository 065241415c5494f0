"""Workflow files: read into a small model, and judged against the publishing policy."""
