"""One file per step; a released step is never edited, the next one corrects it."""
