"""Looks at a whole release: what the clients of `world` see, beside what the project expects."""
