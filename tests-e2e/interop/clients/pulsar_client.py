import json
import os
from pathlib import Path
from urllib.parse import urlsplit

import pulsar


def new_client():
    key = Path(os.environ["CLIENT_SECRET_FILE"]).with_name("pulsar.json")
    secret = Path(os.environ["CLIENT_SECRET_FILE"]).read_text()
    key.write_text(json.dumps({"client_id": os.environ["CLIENT_ID"], "client_secret": secret}))
    oauth = {
        "issuer_url": os.environ["ISSUER"],
        "private_key": f"file://{key}",
        "audience": os.environ["AUDIENCE"],
        "scope": os.environ["SCOPE"],
    }
    service = "http://" + urlsplit(os.environ["API_URL"]).netloc
    return pulsar.Client(service, authentication=pulsar.AuthenticationOauth2(json.dumps(oauth)))


def call(client):
    return client.get_topic_partitions("public/default/timesheets") and 200
