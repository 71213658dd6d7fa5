// Package router registers a connector that chooses pipelines. To import it exports the contract's interface `router`.
package router

import "spanmill.dev/sdk"

// Plugin is a pointer to T that is a connector that chooses pipelines.
type Plugin[T any] interface {
	*T
	spanmill.Router
}

var plugin func() spanmill.Router

// Register makes *T the component's Router. Call it once, from an init function: Register[MyPlugin]().
func Register[T any, P Plugin[T]]() {
	plugin = func() spanmill.Router { return P(new(T)) }
}
