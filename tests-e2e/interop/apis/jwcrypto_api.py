import time

from jwcrypto.common import JWException, json_decode, json_encode
from jwcrypto.jwk import JWKSet
from jwcrypto.jwt import JWT
from key_set import FetchedKeySet
from serving import ALGORITHM, AUDIENCE, DEFAULTS, ISSUER, serve

keys = FetchedKeySet(lambda fetched: JWKSet.from_json(json_encode(fetched)))

# recipe begins
checked = {"iss": ISSUER, "aud": AUDIENCE, "exp": None, "sub": None}  # None: any value, but it must be there


def authorize(authorization, scope):
    try:
        token = JWT(check_claims=checked, algs=[ALGORITHM], expected_type="JWS")
        token.deserialize(authorization.removeprefix("Bearer "), keys.current())
        claims = json_decode(token.claims)
    except (JWException, ValueError):
        return 401, 'Bearer error="invalid_token"'
    if json_decode(token.header).get("typ") != "at+jwt" or claims.get("nbf", 0) > time.time() + 60:
        return 401, 'Bearer error="invalid_token"'
    if scope not in claims.get("scope", "").split():
        return 403, f'Bearer error="insufficient_scope", scope="{scope}"'
    return 200, ""


# recipe ends


def defaults(authorization, scope):
    try:
        token = JWT(jwt=authorization.removeprefix("Bearer "), key=keys.current())
    except JWException:
        return 401, "Bearer"
    return (200, "") if scope in json_decode(token.claims).get("scope", "").split() else (403, "Bearer")


serve(defaults if DEFAULTS else authorize)
