"""Build the container image and run an installation of it, without Docker: `python -m tools.image_check` (`make image-check`).

Debian's buildah builds the Dockerfile over a base that is made here of Debian's packages (or that `--base` names). Containers are
then played with Linux's own namespaces as compose.yaml describes them: a root file system that is read-only, user 10001, no
capability, no new privileges, volumes, tmpfs, process ids and host name of each one's own, one private network for all.
PostgreSQL and Valkey come from this machine's wheels, started as compose.yaml has them; what their images do is not shown here.
"""
