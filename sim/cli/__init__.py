"""Command line: one file per verb; each parses, calls the pipeline and formats."""
