"""Features: what the extractors see in every image, the weights they see it with, and its reduction."""
