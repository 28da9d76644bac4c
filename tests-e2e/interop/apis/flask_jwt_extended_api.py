from flask import Flask
from flask_jwt_extended import JWTManager, get_jwt, jwt_required, verify_jwt_in_request
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt import InvalidTokenError, PyJWKClient, PyJWTError
from serving import ALGORITHM, AUDIENCE, DEFAULTS, ISSUER, JWKS_URI, PORT, SCOPE

keys = PyJWKClient(JWKS_URI)
app = Flask("recipe")
manager = JWTManager(app)
app.config.update(JWT_DECODE_ALGORITHMS=[ALGORITHM])

# recipe begins
app.config.update(JWT_DECODE_AUDIENCE=AUDIENCE, JWT_DECODE_ISSUER=ISSUER, JWT_DECODE_LEEWAY=60)


@manager.decode_key_loader
def key_of(header, claims):
    if header.get("typ") != "at+jwt" or "exp" not in claims:
        raise InvalidTokenError
    return keys.get_signing_key(header.get("kid"))


@app.before_request
def authorize():
    try:
        verify_jwt_in_request()
    except (JWTExtendedException, PyJWTError):
        return {}, 401, {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    if SCOPE not in get_jwt().get("scope", "").split():
        return {}, 403
    return None


# recipe ends

if DEFAULTS:
    app = Flask("as documented")
    manager = JWTManager(app)
    app.config.update(
        JWT_DECODE_ALGORITHMS=[ALGORITHM], JWT_DECODE_AUDIENCE=AUDIENCE, JWT_DECODE_ISSUER=ISSUER
    )
    manager.decode_key_loader(lambda header, claims: keys.get_signing_key(header["kid"]).key)

    @app.before_request
    @jwt_required()
    def authorize_as_documented():
        return None if SCOPE in get_jwt().get("scope", "").split() else ({}, 403)


@app.get("/timesheets")
def timesheets():
    return {"timesheets": []}


app.run(port=PORT)
