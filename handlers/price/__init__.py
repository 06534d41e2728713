"""Prices portfolios: positions, a market and scenarios in; rows and totals out. Pure, but for `flow.py` and what it reads and
writes with.
"""
