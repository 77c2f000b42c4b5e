"""Experiments: one link split over pools, and what became of its visitors."""
