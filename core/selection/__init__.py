"""Selection: clusters, budgets, samplers and coverage."""
