"""The offline model: a stand-in of classifiers, rules and templates that speaks the providers' own wires and says
what it is.
"""
