"""The 107 features of PyRadiomics by their names, computed here: for models that were made with them."""
