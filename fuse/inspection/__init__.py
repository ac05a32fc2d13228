"""What can be known to be wrong before a model is fitted."""
