import os
from pathlib import Path
from urllib.parse import quote

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient


def new_client():
    audience = quote(os.environ["AUDIENCE"], safe="")
    return AdminClient(
        {
            "bootstrap.servers": os.environ["KAFKA_BROKER"],
            "security.protocol": "SASL_PLAINTEXT",  # SASL_SSL, but on this machine alone
            "sasl.mechanisms": "OAUTHBEARER",
            "sasl.oauthbearer.method": "oidc",
            "sasl.oauthbearer.token.endpoint.url": os.environ["TOKEN_URL"],
            "sasl.oauthbearer.client.id": os.environ["CLIENT_ID"],
            "sasl.oauthbearer.client.secret": Path(os.environ["CLIENT_SECRET_FILE"]).read_text(),
            "sasl.oauthbearer.scope": os.environ["SCOPE"] + f"&audience={audience}",  # sent as it is
        }
    )


def call(client):
    try:
        client.list_topics(timeout=4)
    except KafkaException:
        return 401
    return 200
