"""MRI volumes: series and masks of a study on one grid, encoded by region. `stage.py` is the way in."""
