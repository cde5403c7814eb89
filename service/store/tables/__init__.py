"""Every table, one module per family."""
