"""An example of a plugin of Coreset Studio."""
