"""The rules of the publishing policy, a module for each group; `policy.RULES` is their table."""
