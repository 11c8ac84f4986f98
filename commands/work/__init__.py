"""Commands about the work: cases, approvals, dead letters, money, audit."""
