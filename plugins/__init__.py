"""Behaviour of bots: what plugin authors use (base, router, context) and the plugins that come with Flotilla."""
