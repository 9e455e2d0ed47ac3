"""The chunks whose vectors are nearest to a query's: exactly, or by an index."""
