"""`make api-fuzz`: schemathesis against an installation of its own, held to what the API's document says."""
