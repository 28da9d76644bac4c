from os import environ

import jwt

keys = jwt.PyJWKClient(environ["ISSUER"] + "/.well-known/jwks.json")


def verified(token: str) -> dict[str, object]:
    typ = str(jwt.get_unverified_header(token).get("typ")).lower()
    if typ.removeprefix("application/") != "at+jwt":
        raise jwt.InvalidTokenError("This is no access token.")
    return jwt.decode(
        token,
        keys.get_signing_key_from_jwt(token),
        algorithms=["RS256"],
        issuer=environ["ISSUER"],
        audience=environ["AUDIENCE"],
        leeway=60,
        options={"require": ["exp", "iat", "sub", "client_id"]},
    )


print(verified(environ["TOKEN"])["client_id"])
