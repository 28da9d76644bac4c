import os
from pathlib import Path

import httpx
from kiota_abstractions import authentication
from kiota_abstractions.api_error import APIError
from kiota_abstractions.method import Method
from kiota_abstractions.request_information import RequestInformation
from kiota_http.httpx_request_adapter import HttpxRequestAdapter


class ClientCredentials(authentication.AccessTokenProvider):
    def get_allowed_hosts_validator(self):
        return authentication.AllowedHostsValidator(["localhost"])

    async def get_authorization_token(self, uri, additional_authentication_context={}):  # noqa: B006
        form = {"grant_type": "client_credentials", "audience": os.environ["AUDIENCE"]}
        auth = os.environ["CLIENT_ID"], Path(os.environ["CLIENT_SECRET_FILE"]).read_text()
        async with httpx.AsyncClient(auth=auth) as client:  # asked for each call: keep the token yourself
            answer = await client.post(os.environ["TOKEN_URL"], data=form)
        return answer.raise_for_status().json()["access_token"]


def new_client():
    bearer = authentication.BaseBearerTokenAuthenticationProvider(ClientCredentials())
    return HttpxRequestAdapter(bearer)


async def call(adapter):
    try:
        request = RequestInformation(Method.GET, os.environ["API_URL"])
        await adapter.send_no_response_content_async(request, {})
    except APIError as error:
        return error.response_status_code
    return 200
