"""Exposure: who and what meets how much, against which threshold."""
