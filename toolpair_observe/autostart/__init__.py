"""The folder that `toolpair-observe run` puts on `PYTHONPATH`. Nothing else may stand in it."""
