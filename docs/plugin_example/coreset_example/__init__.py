"""An example of a plugin of Coreset Studio.

Each kind has a light file with its description, which imports nothing heavy, and a file in `code` with the work.
"""
