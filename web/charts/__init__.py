"""Charts and figures drawn by the server: SVG without a script, numbers as the visitor's language writes them."""
