"""Qt models over plain data for the views of the window."""
