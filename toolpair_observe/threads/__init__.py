"""Stored threads: which of them are broken for ever, and how they are mended without loss.

LangGraph's checkpointers store each thread as checkpoints. `stores` reads them, `judge` says what
the next turn of a thread will meet, `plan` and `mend` put it right through the graph's own API.
Everything here belongs to the extra `threads`, and nothing else imports it.
"""
