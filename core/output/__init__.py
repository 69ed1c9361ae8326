"""Output: exports and their verification, tables, figures, the report, model bundles."""
