import { readFileSync } from 'node:fs'
import * as openid from 'openid-client'

const { AUDIENCE, CLIENT_ID, ISSUER, SECRET_FILE } = process.env
const secret = readFileSync(SECRET_FILE, 'utf8').trim()
const config = await openid.discovery(
  new URL(ISSUER), CLIENT_ID, secret, openid.ClientSecretBasic(secret),
  { execute: [openid.allowInsecureRequests] }, // for http on this machine
)

let kept = null // a promise, so that calls at one time share it
let renewAfter = 0

function keepFor({ expires_in = 300 }) {
  const early = Math.min(60, expires_in / 2)
  renewAfter = performance.now() + (expires_in - early) * 1000
}

function token() {
  if (performance.now() < renewAfter) return kept
  renewAfter = Infinity // until the answer says when
  kept = openid.clientCredentialsGrant(config, {
    audience: AUDIENCE, scope: 'read:timesheets',
  })
  kept.then(keepFor, () => { renewAfter = 0 })
  return kept
}

const tokens = await Promise.all(Array.from({ length: 100 }, token))
console.log(new Set(tokens).size, 'token for 100 calls')
