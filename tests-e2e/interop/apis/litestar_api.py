import jwt
import requests
import uvicorn
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from litestar import Litestar, Request, Response, get
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.security.jwt import JWTAuth, Token
from serving import ALGORITHM, AUDIENCE, DEFAULTS, ISSUER, JWKS_URI, PORT, SCOPE

keys = jwt.PyJWKClient(JWKS_URI)


# recipe begins
keys = jwt.PyJWKClient(JWKS_URI)


class AccessToken(Token):
    def __post_init__(self):
        """Do not check the times a second time, without leeway."""

    @classmethod
    def decode_payload(cls, encoded_token, secret, algorithms, **checks):
        try:
            key = keys.get_signing_key_from_jwt(encoded_token)
            good = jwt.decode_complete(encoded_token, key, algorithms, leeway=60, **checks)
        except jwt.PyJWTError as error:
            raise jwt.InvalidTokenError from error
        if good["header"].get("typ") != "at+jwt":
            raise jwt.InvalidTokenError
        return good["payload"]


# recipe ends


def challenge(request, error):
    return Response({}, status_code=401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})


async def client(token, connection):
    return token.sub


def fixed_key():
    """Return the key of today as litestar wants it: a text, which nothing renews."""
    fetched = requests.get(JWKS_URI, timeout=3).json()["keys"]
    public = next(jwt.PyJWK(key).key for key in fetched if key["alg"] == ALGORITHM)
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@get("/timesheets")
async def timesheets(request: Request) -> dict[str, list[str]]:
    if SCOPE not in request.auth.extras.get("scope", "").split():
        raise PermissionDeniedException
    return {"timesheets": []}


handlers = {NotAuthorizedException: challenge}
settings = {"retrieve_user_handler": client, "algorithm": ALGORITHM}
if DEFAULTS:
    handlers = {}
    guard = JWTAuth[str](token_secret=fixed_key(), **settings)
else:
    guard = JWTAuth[str, AccessToken](
        token_secret="unused",
        token_cls=AccessToken,
        accepted_audiences=[AUDIENCE],
        accepted_issuers=[ISSUER],
        **settings,
    )
app = Litestar([timesheets], on_app_init=[guard.on_app_init], exception_handlers=handlers)
uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="critical")
