import os
from pathlib import Path

from authlib.integrations.httpx_client import AsyncOAuth2Client


class Client(AsyncOAuth2Client):
    async def fetch_token(self, url=None, **options):  # a renewal has to name the API as well
        return await super().fetch_token(url, audience=os.environ["AUDIENCE"], **options)


def new_client():
    return Client(
        os.environ["CLIENT_ID"],
        Path(os.environ["CLIENT_SECRET_FILE"]).read_text(),
        scope=os.environ["SCOPE"],
        token_endpoint=os.environ["TOKEN_URL"],
        grant_type="client_credentials",
    )


async def call(client):
    if not client.token:
        await client.fetch_token()
    return (await client.get(os.environ["API_URL"])).status_code
