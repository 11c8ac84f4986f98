"""What an installation is and what is in force in it: said at every start, kept in the store."""
