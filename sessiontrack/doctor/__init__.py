"""`sessiontrack doctor`: one page of what is right and what is wrong with this install.

A check is a function of a `Patient` that yields findings; CHECKS in examination.py lists them, in the order
in which they are shown.
"""
