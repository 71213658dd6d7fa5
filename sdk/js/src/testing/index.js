/** A native test kit: build telemetry, run a plugin without WebAssembly, look at the outcome. */

export { ConnectorKit, RecordKit, RouterKit } from './connectors.js';
export {
  DataPoint,
  Event,
  Link,
  LogRecord,
  Metric,
  Resource,
  Scope,
  Span,
  Telemetry,
  logs,
  metrics,
  traces,
} from './items.js';
export { Kit } from './kit.js';
