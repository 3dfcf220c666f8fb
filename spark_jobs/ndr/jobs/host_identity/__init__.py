"""Which machine had which address when: by the inventory and the DHCP logs."""
