import { readFileSync } from 'node:fs'
import * as openid from 'openid-client'

const { API_URL, AUDIENCE, CLIENT_ID, ISSUER, SECRET_FILE } = process.env
const secret = readFileSync(SECRET_FILE, 'utf8').trim()
const config = await openid.discovery(
  new URL(ISSUER), CLIENT_ID, secret, openid.ClientSecretBasic(secret),
  { execute: [openid.allowInsecureRequests] }, // for http on this machine
)
const { access_token } = await openid.clientCredentialsGrant(config, {
  audience: AUDIENCE, scope: 'read:timesheets',
})
const answer = await openid.fetchProtectedResource(
  config, access_token, new URL(`${API_URL}/timesheets`), 'GET',
)
console.log(answer.status)
