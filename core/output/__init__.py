"""What leaves the program: exports and their verification, tables, figures, the report, model bundles."""
