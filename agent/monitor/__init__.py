"""The other end of the feed: what a desk makes of it that has only a broker."""
