"""The window of Coreset Studio. It imports the engine's front rooms only, and never TensorFlow."""
