"""Networks, how they are trained, and what trained networks are worth."""
