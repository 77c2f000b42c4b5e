"""What others do with people who are in flows: speak with them instead, put them at a step."""
