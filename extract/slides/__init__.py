"""Whole-slide images: read, tile by true resolution, keep tissue, encode. `stage.py` is the way in."""
