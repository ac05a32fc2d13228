"""Clinical values: the cells of clinical.csv as typed numbers with a state."""
