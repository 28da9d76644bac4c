from os import environ

from flask import Flask
from resource_server import AccessToken, protect, require_scope

app = Flask(__name__)
protect(
    app,
    issuer=environ["ISSUER"],
    audience=environ["AUDIENCE"],
    realm="Reports",
    jwks_uri=environ["ISSUER"] + "/.well-known/jwks.json",
)


@app.get("/reports")
@require_scope("read:timesheets")
def reports(token: AccessToken) -> dict[str, object]:
    return {"for": token.client_id}


app.run("127.0.0.1", int(environ["PORT"]))
