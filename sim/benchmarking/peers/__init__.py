"""Other programs that do the same work, one adapter each, used only where they are installed.

Each file says which calls are timed and what is not (copies into the peer's own types, engine start). The answer is
checked like ours: the outlets must drain every cell. `pip install "leachsim[peers]"` brings them.
"""
