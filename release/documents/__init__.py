"""What a release edits or judges, as pure functions over text or data: one module a document."""
