// Package recordconnector registers a connector that makes spans or log records. To import it exports the contract's interface `record-connector`.
package recordconnector

import "spanmill.dev/sdk"

// Plugin is a pointer to T that is a connector that makes spans or log records.
type Plugin[T any] interface {
	*T
	spanmill.RecordConnector
}

var plugin func() spanmill.RecordConnector

// Register makes *T the component's RecordConnector. Call it once, from an init function: Register[MyPlugin]().
func Register[T any, P Plugin[T]]() {
	plugin = func() spanmill.RecordConnector { return P(new(T)) }
}
