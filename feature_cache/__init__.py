"""The contract between the two stages: what `extract` promises and what `fuse` may assume."""
