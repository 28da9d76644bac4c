import { readFileSync } from 'node:fs'
import * as openid from 'openid-client'

const { API_URL, AUDIENCE, CLIENT_ID, ISSUER, SECRET_FILE } = process.env
const secret = readFileSync(SECRET_FILE, 'utf8').trim()
const config = await openid.discovery(
  new URL(ISSUER), CLIENT_ID, secret, openid.ClientSecretBasic(secret),
  { execute: [openid.allowInsecureRequests] }, // for http on this machine
)

let kept = null
async function token() {
  kept ??= await openid.clientCredentialsGrant(config, {
    audience: AUDIENCE, scope: 'read:timesheets',
  })
  return kept
}

function send({ access_token }) {
  return openid.fetchProtectedResource(
    config, access_token, new URL(`${API_URL}/timesheets`), 'GET',
  )
}

async function call() {
  const used = await token()
  try {
    return await send(used)
  } catch (error) {
    if (!(error instanceof openid.WWWAuthenticateChallengeError)) throw error
    const says = ({ parameters }) => parameters.error === 'invalid_token'
    if (error.status !== 401 || !error.cause.some(says)) throw error
    if (kept === used) kept = null // this one, and not one that has taken its place
    return send(await token())
  }
}

console.log((await call()).status)
