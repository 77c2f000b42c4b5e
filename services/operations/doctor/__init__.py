"""The doctor: named checks of an installation, each with what is wrong, why it matters, what to do, and often a remedy."""
