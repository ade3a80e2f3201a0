"""The compiler from SymPy to residuals: collect names, refuse what has no meaning, lower derivatives, emit closures."""
