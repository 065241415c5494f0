"""A whole release for real, in a throwaway copy of a repository and of what is around it."""
