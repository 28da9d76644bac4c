import { readFileSync } from 'node:fs';
import axios from 'axios';
import { clientCredentials } from 'axios-oauth-client';

const { TOKEN_URL, API_URL, SCOPE, CLIENT_ID, CLIENT_SECRET_FILE } = process.env;

export function newClient() {
  const secret = readFileSync(CLIENT_SECRET_FILE, 'utf8');
  return clientCredentials(axios.create(), TOKEN_URL, CLIENT_ID, secret); // a function
}

export async function call(getToken) {
  const { access_token } = await getToken(SCOPE);
  const headers = { Authorization: `Bearer ${access_token}` };
  const answer = await axios.get(API_URL, { headers, validateStatus: null });
  return answer.status;
}
