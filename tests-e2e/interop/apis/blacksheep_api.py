import uvicorn
from blacksheep import Application, Response, get, json
from blacksheep.server.authentication.jwt import JWTBearerAuthentication
from blacksheep.server.authorization import Policy, auth, handle_unauthorized
from guardpost.authorization import AuthorizationContext, Requirement, UnauthorizedError
from jwt import get_unverified_header
from serving import ALGORITHM, AUDIENCE, DEFAULTS, ISSUER, JWKS_URI, PORT, SCOPE

app = Application()


class HasScope(Requirement):
    def handle(self, context: AuthorizationContext) -> None:
        if SCOPE in context.identity.claims.get("scope", "").split():
            context.succeed(self)


# recipe begins
class AccessTokenAuthentication(JWTBearerAuthentication):
    async def authenticate(self, context):
        identity = await super().authenticate(context)
        header = context.get_first_header(b"Authorization")
        if identity and (get_unverified_header(header[7:]).get("typ") != "at+jwt" or not identity.get("exp")):
            context.user = identity = None
        return identity


async def refused(app, request, error):
    return Response(401, [(b"WWW-Authenticate", b'Bearer error="invalid_token"')])


options = {"valid_audiences": [AUDIENCE], "valid_issuers": [ISSUER], "algorithms": [ALGORITHM]}
checks = AccessTokenAuthentication(**options, keys_url=JWKS_URI, cache_time=300)
app.exceptions_handlers[UnauthorizedError] = refused
# recipe ends

if DEFAULTS:
    app.exceptions_handlers[UnauthorizedError] = handle_unauthorized
    checks = JWTBearerAuthentication(authority=ISSUER, **options)
app.use_authentication().add(checks)
app.use_authorization().add(Policy("timesheets", HasScope()))


@auth("timesheets")
@get("/timesheets")
async def timesheets():
    return json({"timesheets": []})


uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="critical")
