"""What the example's descriptions name; imported when it is first needed."""
