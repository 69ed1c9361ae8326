"""Coreset Studio's engine: from a folder of labelled images to a coreset, two trained networks and a report.

Usable from a notebook or a shell; it knows no window. The folders are the stages, in the order in
which an image passes: `data`, `features`, `selection`, `training`, `output`. `pipeline` strings them together.
"""
