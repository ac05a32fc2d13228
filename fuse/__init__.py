"""Stage 2: embeddings and outcomes in, predictions and evidence out. Never opens an image file."""
