"""What a run looked at: weights, subsets of modalities, attention, pictures."""
