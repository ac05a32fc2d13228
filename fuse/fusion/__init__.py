"""Fusion of several modalities: early (one table) and late (stacked out-of-fold risks)."""
