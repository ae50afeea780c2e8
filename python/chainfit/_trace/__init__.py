"""Trace: one training step with all of its numbers, as text and tables."""
