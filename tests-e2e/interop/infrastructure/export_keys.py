"""Write each public key of a key set into FOLDER/default/ALG/KID: python export_keys.py JWKS_URI FOLDER."""

import json
import shutil
import sys
import urllib.request
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

uri, folder = sys.argv[1:]
with urllib.request.urlopen(uri, timeout=10) as answer:
    key_set = jwt.PyJWKSet.from_dict(json.load(answer))
shutil.rmtree(f"{folder}/default", ignore_errors=True)  # with the keys that were withdrawn
for key in key_set.keys:
    file = Path(folder, "default", key.algorithm_name, key.key_id)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(key.key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
