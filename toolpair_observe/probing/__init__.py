"""What an endpoint itself does with calls and results that do not pair: asked, fitted, kept."""
