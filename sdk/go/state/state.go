// Package state exports a plugin's state: what it knows of earlier batches.
package state

import "spanmill.dev/sdk"

// Plugin is a pointer to T that hands its state on.
type Plugin[T any] interface {
	*T
	spanmill.State
}

var plugin func() spanmill.State

// Register hands on the state of *T, which is registered in a role as well.
func Register[T any, P Plugin[T]]() {
	plugin = func() spanmill.State { return P(new(T)) }
}
