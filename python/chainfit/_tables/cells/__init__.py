"""What the cells of a table mean: learned once, saved, only applied then. See `schema`."""
