"""The built-in gates: a folder each, whose docstring is the gate's public text."""
