import os
from pathlib import Path

import httpx
from aiokafka.abc import AbstractTokenProvider
from aiokafka.admin import AIOKafkaAdminClient


class ClientCredentials(AbstractTokenProvider):
    async def token(self):  # asked for at every connection
        form = {"grant_type": "client_credentials", "audience": os.environ["AUDIENCE"]}
        auth = os.environ["CLIENT_ID"], Path(os.environ["CLIENT_SECRET_FILE"]).read_text()
        async with httpx.AsyncClient(auth=auth) as client:
            answer = await client.post(os.environ["TOKEN_URL"], data=form)
        return answer.raise_for_status().json()["access_token"]


def new_client():
    return ClientCredentials()


async def call(provider):
    client = AIOKafkaAdminClient(
        bootstrap_servers=os.environ["KAFKA_BROKER"],
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="OAUTHBEARER",
        sasl_oauth_token_provider=provider,
    )
    try:
        await client.start()
        return 200
    finally:
        await client.close()
