"""What type checkers have to accept of the public names, and what they have to refuse."""
