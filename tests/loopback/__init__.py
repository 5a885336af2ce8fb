"""Servers on the loopback interface that stand in for the services that a test must not reach."""
