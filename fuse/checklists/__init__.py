"""What a run knows of the items of TRIPOD+AI and PROBAST+AI, and what is left to people."""
