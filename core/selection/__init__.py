"""Selection: clusters, budgets, samplers, and what a coreset leaves out."""
