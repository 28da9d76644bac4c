// openid-client on Node's fetch, which keeps connections open: a new token for each call.
import { readFileSync } from 'node:fs'
import * as oauth from 'openid-client'

const api = 'https://timesheets.exampleco.example'
const secret = readFileSync('/run/secrets/payroll-report', 'utf8')
const config = await oauth.discovery(
  new URL('https://login.exampleco.example'), 'payroll-report', undefined, oauth.ClientSecretBasic(secret), { algorithm: 'oauth2' })
let stopped = false
process.on('SIGTERM', () => { stopped = true })

let calls = 0
const failures = []
while (!stopped && calls < Number(process.env.MOST_CALLS ?? 20000)) {
  calls += 1
  try {
    const { access_token: token } = await oauth.clientCredentialsGrant(config, { audience: api, scope: 'read:timesheets' })
    const answer = await oauth.fetchProtectedResource(config, token, new URL(`${api}/timesheets?limit=1`), 'GET')
    if (!answer.ok) throw new Error(`${answer.status}`)
    await answer.text()
  } catch (error) {
    failures.push(`${new Date().toISOString().slice(11, 19)} ${error.name}: ${error.message} ${error.cause?.code ?? ''}`)
  }
  await new Promise((resolve) => setTimeout(resolve, 100))
}
console.log(JSON.stringify({ calls, failures }))
