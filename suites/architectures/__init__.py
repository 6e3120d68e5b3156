"""Architectures: one module a family, each with a suite of this name; they are merged.

Each is there twice, its forward from primitive operations and written with torch's layers, under the same parameter
names. Where the documents end a network in softmax in front of the cross-entropy, which applies it again, both end in
logits, and the variant ``documented`` has it as it stands there.
"""
