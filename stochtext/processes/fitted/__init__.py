"""Processes that estimators return: networks, kernel smoothers, bins, and what lies outside."""
