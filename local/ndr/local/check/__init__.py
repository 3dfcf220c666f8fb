"""``ndr check``: whether a deployed stack can work, area by area. All of it only reads."""
