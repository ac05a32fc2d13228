"""Texture of one region of one series: grey levels, and what is counted of how they lie beside each other."""
