"""What computes: the native engine, the Array-API one, and the choice between them."""
