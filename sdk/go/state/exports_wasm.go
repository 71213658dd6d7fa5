package state

import "spanmill.dev/sdk"

//go:wasmexport spanmill:plugin/state@0.1.0#snapshot
func snapshot() uint32 { return spanmill.Guest.Snapshot(plugin()) }

//go:wasmexport spanmill:plugin/state@0.1.0#restore
func restore(format, data, length uint32) uint32 { return spanmill.Guest.Restore(format, data, length) }
