"""LangSmith: feedback on near misses, and the set-up of a project."""
