import { readFileSync } from 'node:fs'

const { AUDIENCE, CLIENT_ID, ISSUER, SECRET_FILE } = process.env
const secret = readFileSync(SECRET_FILE, 'utf8').trim()
const answer = await fetch(`${ISSUER}/oauth/token`, {
  method: 'POST',
  headers: { Authorization: `Basic ${btoa(`${CLIENT_ID}:${secret}`)}` },
  body: new URLSearchParams({
    grant_type: 'client_credentials',
    audience: AUDIENCE,
    scope: 'read:timesheets',
  }),
  signal: AbortSignal.timeout(10_000),
})
if (!answer.ok) throw new Error(`no token: ${answer.status}`)
const token = await answer.json()
console.log(token.token_type, token.scope)
