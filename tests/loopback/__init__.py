"""Servers on the loopback interface that replace the services that a test must not reach."""
