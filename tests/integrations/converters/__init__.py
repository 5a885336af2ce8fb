"""What other projects' own tests feed to their converters."""
