"""Tables: files and frames, what their cells mean, how nets see them, and estimators of them."""
