"""Raw tables: read from files, and turned into numbers."""
