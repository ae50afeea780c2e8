"""explain: the chain of derivatives of one weight."""
