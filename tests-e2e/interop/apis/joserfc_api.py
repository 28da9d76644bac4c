from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from key_set import FetchedKeySet
from serving import ALGORITHM, AUDIENCE, DEFAULTS, ISSUER, serve

keys = FetchedKeySet(KeySet.import_key_set)

# recipe begins
wanted = {"iss": {"essential": True, "value": ISSUER}, "aud": {"essential": True, "value": AUDIENCE}}
rules = jwt.JWTClaimsRegistry(leeway=60, exp={"essential": True}, sub={"essential": True}, **wanted)


def authorize(authorization, scope):
    try:
        token = jwt.decode(authorization.removeprefix("Bearer "), keys.current(), algorithms=[ALGORITHM])
        rules.validate(token.claims)
    except (JoseError, ValueError):  # ValueError: no key has this kid
        return 401, 'Bearer error="invalid_token"'
    if token.header.get("typ") != "at+jwt":
        return 401, 'Bearer error="invalid_token"'
    if scope not in token.claims.get("scope", "").split():
        return 403, f'Bearer error="insufficient_scope", scope="{scope}"'
    return 200, ""


# recipe ends


def defaults(authorization, scope):
    try:
        token = jwt.decode(authorization.removeprefix("Bearer "), keys.current())
        jwt.JWTClaimsRegistry(iss={"value": ISSUER}, aud={"value": AUDIENCE}).validate(token.claims)
    except JoseError:
        return 401, "Bearer"
    return (200, "") if scope in token.claims.get("scope", "").split() else (403, "Bearer")


serve(defaults if DEFAULTS else authorize)
