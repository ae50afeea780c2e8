"""explore: a net as one HTML page."""
