"""Turns evidence into text. Each format is a module with a function that returns a string."""
