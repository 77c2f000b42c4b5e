"""A load test: visitors who click, press Start and write, against an installation of its own."""
