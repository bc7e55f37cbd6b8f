"""How occurrences are compressed: by a codec whose dictionaries are trained on what comes in."""
