"""The networks that can be fitted to masks, all behind `build_network`: it alone imports torch and MONAI."""
