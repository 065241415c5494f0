"""Small clients for what lies outside the repository: a package index, a container engine."""
