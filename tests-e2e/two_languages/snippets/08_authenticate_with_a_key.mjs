import { readFileSync } from 'node:fs'
import { importPKCS8 } from 'jose'
import * as openid from 'openid-client'

const { AUDIENCE, ISSUER, KEY_CLIENT_ID, KEY_FILE } = process.env
const key = await importPKCS8(readFileSync(KEY_FILE, 'utf8'), 'Ed25519')
const config = await openid.discovery(
  new URL(ISSUER), KEY_CLIENT_ID, undefined, openid.PrivateKeyJwt(key),
  { execute: [openid.allowInsecureRequests] }, // for http on this machine
)
const { scope } = await openid.clientCredentialsGrant(config, {
  audience: AUDIENCE, scope: 'approve:timesheets',
})
console.log(scope)
