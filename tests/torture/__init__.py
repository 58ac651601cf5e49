"""Boards under torture: each module has one test in full, and a small form of it that `make test` runs.

The full form: python -m tests.torture NAME [--seed N] [--states N]. It prints its seed and what it saw.
"""
