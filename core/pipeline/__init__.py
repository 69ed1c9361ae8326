"""One function per stage and for whole runs: what the window's requests and the command line call.

Kept empty on purpose: importing `core.pipeline.study` in the window must not import the engine's libraries.
"""
