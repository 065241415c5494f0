"""Pure readers and editors of text that several rooms share."""
