import os
from pathlib import Path

import requests
from singer_sdk.authenticators import OAuthAuthenticator


class TimesheetsAuthenticator(OAuthAuthenticator):
    @property
    def oauth_request_body(self):
        return {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "audience": os.environ["AUDIENCE"],
            "scope": self.oauth_scopes,
        }


def new_client():
    return TimesheetsAuthenticator(
        auth_endpoint=os.environ["TOKEN_URL"],
        oauth_scopes=os.environ["SCOPE"],
        client_id=os.environ["CLIENT_ID"],
        client_secret=Path(os.environ["CLIENT_SECRET_FILE"]).read_text(),
    )


def call(authenticator):
    return requests.get(os.environ["API_URL"], auth=authenticator).status_code
