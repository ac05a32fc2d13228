"""Feature files of the neighbours (TRIDENT, CLAM, STAMP, slide2vec, CHIMERA): one file for each of them."""
