import jwt
from serving import ALGORITHM, AUDIENCE, DEFAULTS, ISSUER, JWKS_URI, serve

# recipe begins
keys = jwt.PyJWKClient(JWKS_URI)
expected = {"audience": AUDIENCE, "issuer": ISSUER, "options": {"require": ["exp", "iat", "sub"]}}


def authorize(authorization, scope):
    try:
        token = authorization.removeprefix("Bearer ")
        key = keys.get_signing_key_from_jwt(token)
        good = jwt.decode_complete(token, key, [ALGORITHM], **expected, leeway=60)
        if good["header"].get("typ") != "at+jwt":
            raise jwt.InvalidTokenError
    except jwt.PyJWTError:  # not InvalidTokenError alone: PyJWKClient raises others
        return 401, 'Bearer error="invalid_token"'
    if scope not in good["payload"].get("scope", "").split():
        return 403, f'Bearer error="insufficient_scope", scope="{scope}"'
    return 200, ""


# recipe ends


def defaults(authorization, scope):
    try:
        token = authorization.removeprefix("Bearer ")
        key = keys.get_signing_key_from_jwt(token)
        claims = jwt.decode(token, key, algorithms=[ALGORITHM], audience=AUDIENCE)
    except jwt.InvalidTokenError:
        return 401, "Bearer"
    return (200, "") if scope in claims.get("scope", "").split() else (403, "Bearer")


serve(defaults if DEFAULTS else authorize)
