"""IR and plan -> C text. Python decides here; templates/ lays out."""
