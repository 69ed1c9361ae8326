"""Coreset Studio's engine: from a folder of labelled images to a coreset, two trained networks and a report.

Usable from a notebook or a shell; it knows no window. The folders are the stages, in the order in
which an image passes: `data`, `features`, `selection`, `training`, `output`. `pipeline` strings them together.
"""

import os

# From version 1.29 on, ONNX Runtime for Linux and macOS reports its use to Microsoft as soon as it is imported, and
# `disable_telemetry_events` comes too late. With this it creates no identifier, looks up no address and sends nothing.
# Set here, so that it holds in every process that uses any part of the engine, and in those that they start.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
