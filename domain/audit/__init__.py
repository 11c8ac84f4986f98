"""The audit: are the promises kept?"""
