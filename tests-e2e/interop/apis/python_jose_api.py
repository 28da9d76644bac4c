from jose import JOSEError, jwt
from key_set import FetchedKeySet
from serving import ALGORITHM, AUDIENCE, DEFAULTS, ISSUER, serve

keys = FetchedKeySet(dict)

# recipe begins
options = {"leeway": 60, "require_aud": True, "require_exp": True, "require_iss": True, "require_sub": True}


def authorize(authorization, scope):
    try:
        token = authorization.removeprefix("Bearer ")
        header = jwt.get_unverified_header(token)
        key = next(key for key in keys.current()["keys"] if key["kid"] == header.get("kid"))
        claims = jwt.decode(token, key, [ALGORITHM], options, AUDIENCE, ISSUER)
    except (JOSEError, StopIteration):
        return 401, 'Bearer error="invalid_token"'
    if header.get("typ") != "at+jwt":
        return 401, 'Bearer error="invalid_token"'
    if scope not in claims.get("scope", "").split():
        return 403, f'Bearer error="insufficient_scope", scope="{scope}"'
    return 200, ""


# recipe ends


def defaults(authorization, scope):
    try:
        token = authorization.removeprefix("Bearer ")
        claims = jwt.decode(token, keys.current(), ALGORITHM, audience=AUDIENCE)  # the whole set
    except jwt.JWTError:
        return 401, "Bearer"
    return (200, "") if scope in claims.get("scope", "").split() else (403, "Bearer")


serve(defaults if DEFAULTS else authorize)
