"""A demonstration that needs no key and no network."""
