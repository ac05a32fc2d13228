"""The pipeline fitted again on altered cohorts: what chance alone, or another sample, would have given."""
