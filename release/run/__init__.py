"""What wraps gates: environments, limits, logs, evidence and the checklist."""
