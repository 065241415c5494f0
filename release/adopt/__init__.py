"""Sets the checklist up in a repository: what is found there, what is missing, and its writing."""
