"""Widgets: plain data in, signals out; none knows the project or the engine."""
