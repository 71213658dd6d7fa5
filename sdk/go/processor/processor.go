// Package processor registers a processor. To import it exports the contract's interface `processor`.
package processor

import "spanmill.dev/sdk"

// Plugin is a pointer to T that is a processor.
type Plugin[T any] interface {
	*T
	spanmill.Processor
}

var plugin func() spanmill.Processor

// Register makes *T the component's Processor. Call it once, from an init function: Register[MyPlugin]().
func Register[T any, P Plugin[T]]() {
	plugin = func() spanmill.Processor { return P(new(T)) }
}
