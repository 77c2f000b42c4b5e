PC = .venv/bin/pip-compile -q --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-options --strip-extras --allow-unsafe
lock:
	$(PC) -o requirements.lock pyproject.toml
	$(PC) --extra dev -c requirements.lock -o requirements-dev.lock pyproject.toml
