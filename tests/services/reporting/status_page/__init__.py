"""Tests of public status pages."""
