import { readFileSync } from 'node:fs'
import * as openid from 'openid-client'

const { API_CLIENT_ID, API_SECRET_FILE, ISSUER, TOKEN } = process.env
const secret = readFileSync(API_SECRET_FILE, 'utf8').trim()
const config = await openid.discovery(
  new URL(ISSUER), API_CLIENT_ID, secret, openid.ClientSecretBasic(secret),
  { execute: [openid.allowInsecureRequests] }, // for http on this machine
)
const { active } = await openid.tokenIntrospection(config, TOKEN)
console.log(active === true ? 'active' : 'not active')
