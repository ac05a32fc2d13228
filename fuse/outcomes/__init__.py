"""Outcomes of every kind, and the one door through which they are handed out."""
