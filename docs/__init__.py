"""What writes the pages that are generated, and builds the site of all pages."""
