"""Frozen encoders: one file a family, each with its cards; `registry` finds them by looking."""
