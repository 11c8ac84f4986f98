"""Other ways in than a webhook of one's own: tables, e-mails in files, a mailbox. All end at the gateway's webhook."""
