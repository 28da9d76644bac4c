import json

from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import KeySet


def test_exchanges_a_credential_for_a_token_of_rfc_9068(client: FlaskClient) -> None:
    form = {"grant_type": "client_credentials", "audience": "https://rs.example", "scope": "write"}
    response = client.post("/oauth/token", data=form, auth=("job", "job-secret"))
    assert response.status_code == 200
    body = response.get_json()
    token = jwt.decode(
        body.pop("access_token"), KeySet.import_key_set(client.get("/.well-known/jwks.json").get_json())
    )
    assert body == {"token_type": "Bearer", "expires_in": 3600, "scope": "write"}
    assert token.claims["exp"] - token.claims["iat"] == 3600
    assert json.loads(json.dumps(token.header))["typ"] == "at+jwt"
