"""What is installed from elsewhere: a bill of materials and a look at known vulnerabilities, of requirements.lock."""
