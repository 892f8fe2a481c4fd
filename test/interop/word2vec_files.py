"""Reads both of attune's word2vec files with gensim, writes them again beside, and prints what it read. Usage: word2vec_files.py TEXT BINARY"""
import json
import sys

import numpy as np
from gensim.models import KeyedVectors

text = KeyedVectors.load_word2vec_format(sys.argv[1])
binary = KeyedVectors.load_word2vec_format(sys.argv[2], binary=True)
assert text.index_to_key == binary.index_to_key and np.array_equal(text.vectors, binary.vectors)
text.save_word2vec_format(sys.argv[1] + ".gensim")
binary.save_word2vec_format(sys.argv[2] + ".gensim", binary=True)
print(json.dumps({"words": text.index_to_key, "vectors": text.vectors.astype(float).ravel().tolist()}))
