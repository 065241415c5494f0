"""These projects are copied and released by tests/test_projects.py; there their own tests run."""

collect_ignore_glob = ["*"]
