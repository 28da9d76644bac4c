// An API with express-oauth2-jwt-bearer, in two processes: `node api.mjs`.
// CONFIGURATION is JSON: port, page (what a read answers), scope, and options of auth().
import cluster from 'node:cluster';
import express from 'express';
import { auth, requiredScopes } from 'express-oauth2-jwt-bearer';

const { port, page, scope, options } = JSON.parse(process.env.CONFIGURATION);

if (cluster.isPrimary) {
  cluster.fork();
  cluster.fork();
} else {
  const app = express();
  app.get('/healthz', (request, response) => response.json({ status: 'ok' }));
  app.get('/timesheets', auth(options), requiredScopes(scope), (request, response) => response.json(page));
  app.listen(port, '127.0.0.1');
}
