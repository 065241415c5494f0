"""Plans a release (pure), and applies a plan: all of it or nothing."""
