"""The providers' wire protocols."""
