"""Where observations go: one module per place, all of them speaking `pipeline.Reporter`."""
