"""Windows beside the main window. None blocks: each is opened and answers by a signal."""
