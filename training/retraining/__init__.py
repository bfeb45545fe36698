"""From a user's own radiographs to a model in the app."""
