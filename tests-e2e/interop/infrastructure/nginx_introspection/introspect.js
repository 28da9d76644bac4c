async function guard(request) {
  const header = /^bearer ([^ ]+)$/i.exec(request.headersIn.Authorization || '')
  request.headersOut['WWW-Authenticate'] = 'Bearer realm="api"'
  if (!header) return request.return(401)
  const body = 'token=' + encodeURIComponent(header[1])
  const answer = await request.subrequest('/_introspect', { method: 'POST', body: body })
  if (answer.status !== 200) return request.return(502)
  const token = JSON.parse(answer.responseText)
  if (token.active !== true || token.iss !== 'http://localhost:9000') return request.return(401)
  if (!(token.scope || '').split(' ').includes('read:timesheets')) return request.return(403)
  delete request.headersOut['WWW-Authenticate']
  request.internalRedirect('@api')
}

export default { guard }
