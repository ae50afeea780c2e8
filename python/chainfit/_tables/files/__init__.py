"""Tables in files: cells as they are written, block by block, and back. See `table_file`."""
