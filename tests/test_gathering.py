"""Group commit: many posts, one checkpoint, and nobody answered before it stands."""
