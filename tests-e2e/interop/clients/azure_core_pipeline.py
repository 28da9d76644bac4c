import os
import time
from pathlib import Path

import requests
from azure.core import PipelineClient
from azure.core.credentials import AccessTokenInfo
from azure.core.pipeline.policies import BearerTokenCredentialPolicy, RetryPolicy
from azure.core.rest import HttpRequest


class ClientCredential:  # azure-identity's credentials go to Entra ID alone
    def get_token_info(self, *scopes, options=None):
        form = {
            "grant_type": "client_credentials",
            "audience": os.environ["AUDIENCE"],
            "scope": " ".join(scopes),
        }
        secret = Path(os.environ["CLIENT_SECRET_FILE"]).read_text()
        answer = requests.post(os.environ["TOKEN_URL"], form, auth=(os.environ["CLIENT_ID"], secret))
        answer.raise_for_status()
        token = answer.json()
        return AccessTokenInfo(token["access_token"], int(time.time()) + token["expires_in"])


def new_client():
    bearer = BearerTokenCredentialPolicy(ClientCredential(), os.environ["SCOPE"])
    return PipelineClient(os.environ["AUDIENCE"], policies=[RetryPolicy(), bearer])


def call(client):
    request = HttpRequest("GET", os.environ["API_URL"])
    return client.send_request(request, enforce_https=False).status_code  # for http on this machine alone
