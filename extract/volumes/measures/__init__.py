"""A study in a few numbers that a clinician knows: volumes, lowest ADC, scar, each with its state."""
