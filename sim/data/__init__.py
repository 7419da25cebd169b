"""Data files carried by the package, with their sources."""
