"""One module for each place that observations go to; `pipeline.Reporter` is their protocol."""
