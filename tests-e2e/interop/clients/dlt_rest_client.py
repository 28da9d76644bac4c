import os
from pathlib import Path

from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.auth import OAuth2ClientCredentials


def new_client():
    auth = OAuth2ClientCredentials(
        access_token_url=os.environ["TOKEN_URL"],
        client_id=os.environ["CLIENT_ID"],
        client_secret=Path(os.environ["CLIENT_SECRET_FILE"]).read_text(),
        access_token_request_data={"audience": os.environ["AUDIENCE"], "scope": os.environ["SCOPE"]},
    )
    return RESTClient(os.environ["AUDIENCE"], auth=auth)


def call(client):
    return client.get(os.environ["API_URL"]).status_code
