"""Where answered questions are kept: in this process, or in a Redis that all share."""
