"""One rigid transform for the diffusion series of a prostate study, kept only where evidence supports it."""
