// Package ticker exports the decisions of a processor that holds rows.
package ticker

import "spanmill.dev/sdk"

// Plugin is a pointer to T that is a processor and decides on what it holds.
type Plugin[T any] interface {
	*T
	spanmill.Processor
	spanmill.Ticker
}

// Register has *T decide, which is registered as the processor as well.
func Register[T any, P Plugin[T]]() {}
