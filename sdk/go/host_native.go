//go:build !wasm

package spanmill

// Host is what a plugin calls, outside WebAssembly. Package spanmilltest sets it.
var Host struct {
	Log   func(level Level, message string)
	Count func(name string, delta uint64)
}

func hostLog(level Level, message string) {
	if Host.Log != nil {
		Host.Log(level, message)
	}
}

func hostCount(name string, delta uint64) {
	if Host.Count != nil {
		Host.Count(name, delta)
	}
}
