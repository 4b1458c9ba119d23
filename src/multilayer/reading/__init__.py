"""Tables from files: decompressed, decoded, split into cells, and typed by column."""
