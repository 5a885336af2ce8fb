"""What servers ask of the turns that reach them, beside the cases of pairing.

A rule per case asks what is broken. Many servers, above all those that render a chat template, ask
what stands before a message: one that wants an open call before a result takes a result for which
another one does. Each mechanism is one such demand.

The mechanisms were read off 68 chat templates of 39 families, one model's own encoder, and the
validators of hosted APIs. No server asks for more than a few of them.
"""
