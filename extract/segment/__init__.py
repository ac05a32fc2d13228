"""Segmenters: fitted on a cohort's masks, used on others and out of fold. `verbs.py` is the way in."""
