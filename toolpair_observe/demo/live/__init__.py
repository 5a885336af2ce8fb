"""The live demo: agents run for some minutes, with an incident in the middle."""
