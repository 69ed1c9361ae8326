"""Secondary windows. None is modal: each is opened and reports its result by a signal."""
