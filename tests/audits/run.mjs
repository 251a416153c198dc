// Runs the GraphQL over HTTP audits of npm's graphql-http against a running server.
//
//   AUDIT_URL=http://127.0.0.1:8365/graphql AUDIT_TOKEN=... node run.mjs
//
// Prints what is not ok, then "61 of 61"; exits with 1 unless all are ok.
import { serverAudits } from 'graphql-http';

const AUDITS = 61;
const url = process.env.AUDIT_URL;
const token = process.env.AUDIT_TOKEN;
if (!url || !token) {
  console.error('AUDIT_URL and AUDIT_TOKEN must be set');
  process.exit(2);
}

const fetchFn = (input, init = {}) => {
  const headers = new Headers(init.headers);
  headers.set('authorization', `Bearer ${token}`);
  return fetch(input, { ...init, headers });
};

let ok = 0;
const audits = serverAudits({ url, fetchFn });
for (const audit of audits) {
  const result = await audit.fn();
  if (result.status === 'ok') {
    ok += 1;
  } else {
    console.error(`${result.status} ${audit.id} ${audit.name}: ${result.reason}`);
  }
}
console.log(`${ok} of ${audits.length}`);
process.exit(ok === AUDITS && audits.length === AUDITS ? 0 : 1);
