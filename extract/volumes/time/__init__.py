"""Series over time: read, timed, laid frame by frame on the study's grid, and measured."""
