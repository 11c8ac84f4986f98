"""Commands about the work: cases, dead letters, money, audit."""
