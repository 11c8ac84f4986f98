"""Commands about what people decide: approvals, their trail, the policy behind."""
