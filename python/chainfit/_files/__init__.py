"""Model files: what is saved, and what is refused."""
