"""A cohort with a known answer, written as real files; imported by `extract/__main__.py` alone."""
