"""Cheap cleaning: mail, HTML, quotes, personal data, language."""
