"""LemonLDAP::NG, in a container, as the server of one client and one API; CONFIGURATION is as elsewhere."""

import json
import os
import subprocess
from pathlib import Path

CONFIGURATION = json.loads(os.environ["CONFIGURATION"])
CLIENT = CONFIGURATION["client"]
ISSUER = f"http://{CONFIGURATION['host']}:{CONFIGURATION['port']}"
KEY = Path("/root/key.pem")
CERTIFICATE = Path("/root/certificate.pem")
NEW_KEY = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=job"]
subprocess.run([*NEW_KEY, "-keyout", KEY, "-out", CERTIFICATE], check=True, stderr=subprocess.DEVNULL)
# recipe begins
RELYING_PARTY = {
    "oidcRPMetaDataOptionsClientID": CLIENT["client_id"],
    "oidcRPMetaDataOptionsClientSecret": CLIENT["client_secret"],
    "oidcRPMetaDataOptionsAllowClientCredentialsGrant": 1,
    "oidcRPMetaDataOptionsAccessTokenJWT": 1,
    "oidcRPMetaDataOptionsAccessTokenSignAlg": "RS256",
    "oidcRPMetaDataOptionsAdditionalAudiences": CONFIGURATION["audience"],
}
# recipe ends
CHANGES = {
    "domain": CONFIGURATION["host"],
    "key": os.urandom(16).hex(),
    "portal": f"{ISSUER}/",
    "captcha_mail_enabled": 0,
    "captcha_register_enabled": 0,
    "portalDisplayRegister": 0,
    "portalDisplayResetPassword": 0,
    "authentication": "Demo",
    "userDB": "Same",
    "passwordDB": "Demo",
    "issuerDBOpenIDConnectActivation": 1,
    "oidcServiceMetaDataIssuer": ISSUER,
    "oidcServicePrivateKeySig": KEY.read_text(),
    "oidcServicePublicKeySig": CERTIFICATE.read_text(),
    "oidcServiceKeyIdSig": "one",
    "oidcRPMetaDataExportedVars": {"job": {}},
    "oidcRPMetaDataOptions": {"job": RELYING_PARTY},
    "oidcRPMetaDataScopeRules": {"job": dict.fromkeys(CONFIGURATION["scope"].split(), "1")},
}
FILE = Path("/var/lib/lemonldap-ng/conf/lmConf-1.json")
FILE.write_text(json.dumps(json.loads(FILE.read_text()) | CHANGES))
PSGI = "/usr/share/lemonldap-ng/portal/htdocs/index.psgi"
subprocess.run(["plackup", "--port", str(CONFIGURATION["port"]), PSGI], check=True)
