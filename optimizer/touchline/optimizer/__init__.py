"""Portfolios: from prices to weights, and from weights to targets that a strategy works to."""
