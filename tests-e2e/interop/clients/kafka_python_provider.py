import os
from pathlib import Path

import requests
from kafka import KafkaAdminClient
from kafka.net.sasl.oauth import AbstractTokenProvider


class ClientCredentials(AbstractTokenProvider):
    def token(self):  # asked for at every connection
        form = {"grant_type": "client_credentials", "audience": os.environ["AUDIENCE"]}
        secret = Path(os.environ["CLIENT_SECRET_FILE"]).read_text()
        answer = requests.post(os.environ["TOKEN_URL"], form, auth=(os.environ["CLIENT_ID"], secret))
        answer.raise_for_status()
        return answer.json()["access_token"]


def new_client():
    return ClientCredentials()


def call(provider):
    client = KafkaAdminClient(
        bootstrap_servers=os.environ["KAFKA_BROKER"],
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="OAUTHBEARER",
        sasl_oauth_token_provider=provider,
    )
    client.close()
    return 200
