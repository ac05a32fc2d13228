"""How a cohort is divided: made once or read from a file, hashed, then only read."""
