"""Prices portfolios: positions, a market and scenarios in, rows and totals out. Pure: `flow.py` does the reading and writing."""
