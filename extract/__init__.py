"""Stage 1: raw files in, frozen embeddings out. The only room that knows image files; never an outcome."""
