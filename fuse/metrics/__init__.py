"""Measures of agreement between predictions and outcomes: arrays in, numbers with intervals out."""
