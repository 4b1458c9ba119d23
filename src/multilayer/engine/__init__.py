"""Engines: the native one, the one on arrays of any library, and the choice between them."""
