"""The measures of each study as a feature set of their own, in a second pass over the cache."""
