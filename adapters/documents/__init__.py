"""Documents that are pictures: pages, and the text on them."""
