"""Benchmarks: what is timed, beside whom, against which limit of the machine, and when a slowdown is one.

A composition room like `pipeline`: it knows every stage, because it times them; nothing but `cli` knows it.
Names are imported from the files below, on use.
"""
