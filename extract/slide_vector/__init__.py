"""Slides as one vector each: tile embeddings pooled in a second pass over the cache."""
