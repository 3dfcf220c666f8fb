"""Files of the integration schema: their columns, the conversion of any plausible type, and the validity of rows."""
