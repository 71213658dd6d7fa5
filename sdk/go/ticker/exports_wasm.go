package ticker

import "spanmill.dev/sdk"

//go:wasmexport spanmill:plugin/ticker@0.1.0#tick
func tick(now uint64, ending uint32) uint32 { return spanmill.Guest.Tick(now, ending) }

//go:wasmexport spanmill:plugin/ticker@0.1.0#review
func review(signal uint32, received uint64, ends, endCount, bytes, byteCount, tables, tableCount uint32) uint32 {
	return spanmill.Guest.Review(&spanmill.Lowered{Signal: signal, Received: received, Ends: ends, EndCount: endCount, Bytes: bytes, ByteCount: byteCount, Tables: tables, TableCount: tableCount})
}
