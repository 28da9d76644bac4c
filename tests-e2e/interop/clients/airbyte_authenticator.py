import os
from pathlib import Path

import requests
from airbyte_cdk.sources.declarative.auth.oauth import DeclarativeOauth2Authenticator


def new_client():
    return DeclarativeOauth2Authenticator(  # `authenticator: {type: OAuthAuthenticator, ...}` in a manifest
        config={},
        parameters={},
        grant_type="client_credentials",
        token_refresh_endpoint=os.environ["TOKEN_URL"],
        client_id=os.environ["CLIENT_ID"],
        client_secret=Path(os.environ["CLIENT_SECRET_FILE"]).read_text(),
        refresh_request_body={"scope": os.environ["SCOPE"], "audience": os.environ["AUDIENCE"]},
    )


def call(authenticator):
    return requests.get(os.environ["API_URL"], auth=authenticator).status_code
