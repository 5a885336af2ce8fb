"""What the tests of the probe share."""

from tests.probe.scripted import script

__all__ = ["script"]
