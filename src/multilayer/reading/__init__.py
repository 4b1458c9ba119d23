"""Tables from files: unpacked, decoded, split into cells, and typed by the column."""
