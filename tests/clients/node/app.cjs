// A shop that knows nothing of telemetry but one counter:
// node --require @opentelemetry/auto-instrumentations-node/register app.cjs.
//
// Prints the port it listens on; SIGTERM ends it, once the SDK has sent everything.

const http = require('node:http');
const { metrics } = require('@opentelemetry/api');
const log = require('pino')({ name: 'shop' }, process.stderr);

const orders = metrics.getMeter('shop').createCounter('shop.orders', { unit: '{order}' });

const server = http.createServer((request, response) => {
  const [, place, number] = request.url.split('/');
  if (place === 'broken') {
    response.writeHead(500).end();
    return;
  }
  if (place === 'orders') {
    orders.add(1, { 'customer.tier': 'gold' });
    log.warn(`order ${number} is late`);
  }
  response.end(JSON.stringify({ place, number }));
});
server.listen(0, '127.0.0.1', () => {
  console.log(server.address().port);
});
// The SDK flushes at this signal too, but leaves ending to the app.
process.once('SIGTERM', () => server.close());
