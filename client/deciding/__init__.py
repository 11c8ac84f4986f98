"""How a decision is signed: the keys of surfaces, and those of approvers."""
