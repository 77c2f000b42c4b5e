"""Tests of the queue monitor."""
