"""Running sessiontrack for good: nginx, systemd and Prometheus. The files are made of templates, once."""
