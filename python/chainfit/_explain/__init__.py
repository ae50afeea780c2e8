"""explain, trace, walkthrough, explore: the chain of derivatives, shown."""
