from functools import cache

import jwt
from aiohttp import web
from pyjwt_key_fetcher import AsyncKeyFetcher
from pyjwt_key_fetcher.errors import JWTKeyFetcherError
from serving import ALGORITHM, AUDIENCE, DEFAULTS, ISSUER, PORT, SCOPE

# recipe begins
expected = {"audience": AUDIENCE, "issuer": ISSUER, "options": {"require": ["exp", "iat", "sub"]}}


@cache
def fetcher():
    return AsyncKeyFetcher(valid_issuers=[ISSUER], cache_ttl=300)  # demands a running event loop


async def authorize(authorization, scope):
    try:
        token = authorization.removeprefix("Bearer ")
        key = (await fetcher().get_key(token)).key
        good = jwt.decode_complete(token, key, [ALGORITHM], **expected, leeway=60)
    except (JWTKeyFetcherError, jwt.PyJWTError):
        return 401, 'Bearer error="invalid_token"'
    if good["header"].get("typ") != "at+jwt":
        return 401, 'Bearer error="invalid_token"'
    granted = scope in good["payload"].get("scope", "").split()
    return (200, "") if granted else (403, f'Bearer error="insufficient_scope", scope="{scope}"')


# recipe ends


@cache
def as_documented():
    return AsyncKeyFetcher()


async def defaults(authorization, scope):
    try:
        token = authorization.removeprefix("Bearer ")
        key_entry = await as_documented().get_key(token)
        claims = jwt.decode(token, audience=AUDIENCE, **key_entry)
    except jwt.InvalidTokenError:
        return 401, "Bearer"
    return (200, "") if scope in claims.get("scope", "").split() else (403, "Bearer")


async def timesheets(request):
    header = request.headers.get("Authorization")
    check = defaults if DEFAULTS else authorize
    status, challenge = await check(header, SCOPE) if header else (401, "Bearer")
    return web.Response(status=status, headers={"WWW-Authenticate": challenge} if challenge else {})


app = web.Application()
app.router.add_get("/timesheets", timesheets)
web.run_app(app, host="127.0.0.1", port=PORT, print=None)
