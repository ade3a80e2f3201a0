"""Fields: the SIREN, its derivatives in closed form, and the quantities that residuals are made of."""
