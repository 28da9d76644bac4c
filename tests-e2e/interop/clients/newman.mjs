import { readFileSync } from 'node:fs';
import newman from 'newman';

const { TOKEN_URL, API_URL, AUDIENCE, SCOPE, CLIENT_ID, CLIENT_SECRET_FILE } = process.env;

// recipe begins
const prerequest = `
  const variable = key => pm.environment.get(key);
  const form = { grant_type: 'client_credentials', audience: variable('audience'), scope: variable('scope') };
  pm.sendRequest({
    url: variable('token_url'),
    method: 'POST',
    header: { Authorization: 'Basic ' + btoa(variable('client_id') + ':' + variable('client_secret')) },
    body: { mode: 'urlencoded', urlencoded: Object.entries(form).map(([key, value]) => ({ key, value })) },
  }, (error, answer) => {
    if (error || answer.code !== 200) return pm.execution.skipRequest(); // else it goes out without a token
    pm.variables.set('token', answer.json().access_token);
  });
`;
const bearer = [{ key: 'token', value: '{{token}}' }];
const collection = {
  info: { name: 'Timesheets API' },
  item: [{
    name: 'timesheets',
    event: [{ listen: 'prerequest', script: { exec: prerequest } }],
    request: { method: 'GET', url: '{{api_url}}', auth: { type: 'bearer', bearer } },
  }],
};
// recipe ends

export function newClient() {
  const secret = readFileSync(CLIENT_SECRET_FILE, 'utf8');
  const variables = { token_url: TOKEN_URL, api_url: API_URL, audience: AUDIENCE, scope: SCOPE, client_id: CLIENT_ID };
  return Object.entries({ ...variables, client_secret: secret }).map(([key, value]) => ({ key, value }));
}

export function call(values) {
  return new Promise((resolve, reject) => {
    newman.run({ collection, environment: { values } }, (error, summary) => {
      const [execution] = summary?.run.executions ?? [];
      const failure = error ?? summary.run.failures[0]?.error;
      if (failure) reject(failure);
      else resolve(execution.response.code);
    });
  });
}
