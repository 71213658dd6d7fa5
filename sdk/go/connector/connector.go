// Package connector registers a connector that measures. To import it exports the contract's interface `connector`.
package connector

import "spanmill.dev/sdk"

// Plugin is a pointer to T that is a connector that measures.
type Plugin[T any] interface {
	*T
	spanmill.Connector
}

var plugin func() spanmill.Connector

// Register makes *T the component's Connector. Call it once, from an init function: Register[MyPlugin]().
func Register[T any, P Plugin[T]]() {
	plugin = func() spanmill.Connector { return P(new(T)) }
}
