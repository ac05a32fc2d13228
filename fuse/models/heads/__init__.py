"""Heads: what the last layer of a network says, and how it is held against outcomes."""
