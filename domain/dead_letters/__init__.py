"""Dead letters as an operator works with them: which are meant, how they are told, mended and let go again."""
