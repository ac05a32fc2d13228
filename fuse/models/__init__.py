"""Models of one modality, and the table of all models that a protocol may name."""
