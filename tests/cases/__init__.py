"""Small projects that were once judged wrongly, each for its kind."""
