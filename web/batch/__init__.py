"""Many pictures at once: a form, a table that fills, archives in and out."""
