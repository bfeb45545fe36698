"""The routes: one blueprint a file; its templates carry its name."""
