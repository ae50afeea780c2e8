"""The command ``chainfit``."""
