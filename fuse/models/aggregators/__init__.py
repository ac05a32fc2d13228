"""Aggregators of bags, one file each: what the tiles of a bag amount to, and what each of them adds."""
