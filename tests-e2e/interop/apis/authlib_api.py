from authlib.integrations.flask_oauth2 import ResourceProtector
from authlib.oauth2.rfc6750 import InsufficientScopeError, InvalidTokenError
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from flask import Flask
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from key_set import FetchedKeySet
from serving import ALGORITHM, AUDIENCE, DEFAULTS, ISSUER, PORT, SCOPE

keys = FetchedKeySet(KeySet.import_key_set)

# recipe begins
wanted = {"iss": {"essential": True, "value": ISSUER}, "aud": {"essential": True, "value": AUDIENCE}}
rules = jwt.JWTClaimsRegistry(leeway=60, exp={"essential": True}, sub={"essential": True}, **wanted)


class Validator(JWTBearerTokenValidator):
    def authenticate_token(self, token_string):
        try:
            token = jwt.decode(token_string, keys.current(), algorithms=[ALGORITHM])
            rules.validate(token.claims)
        except (JoseError, ValueError) as error:
            raise InvalidTokenError from error
        return token if token.header.get("typ") == "at+jwt" else None

    def validate_token(self, token, scopes, request):
        if token is None or self.scope_insufficient(token.claims.get("scope"), scopes):
            raise InvalidTokenError if token is None else InsufficientScopeError


# recipe ends


class AsDocumented(JWTBearerTokenValidator):
    def get_jwks(self):
        return keys.current()


app = Flask(__name__)
require_oauth = ResourceProtector()
require_oauth.register_token_validator((AsDocumented if DEFAULTS else Validator)(ISSUER, AUDIENCE))


@app.get("/timesheets")
@require_oauth(SCOPE)
def timesheets():
    return {"timesheets": []}


app.run(port=PORT)
