"""Composition root: the one room that knows every stage and their order."""
